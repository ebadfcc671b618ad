"""What daemons that share a journal promise each other: what one works on, or has not shown yet, is not another's to do."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.memory.results import MemoryResults
from reconciler.core.errors import Transient
from reconciler.ports import Journal
from reconciler.shell.events import Ended
from reconciler.shell.leasing import PUSH_SECONDS, SHOWN_SECONDS
from tests.shell_world import SharedJournal, ShellWorld, definitions


@pytest.fixture
def world(tmp_path: Path) -> ShellWorld:
    return ShellWorld(folder=tmp_path)


class Refused(MemoryResults):
    """Cannot push ``times`` times; remembers which leases were held whenever somebody tried."""

    def __init__(self, world: ShellWorld, journal: Journal, times: int) -> None:
        super().__init__(world.remote)
        self.journal, self.times = journal, times
        self.held: list[list[str]] = []
        self.often = asyncio.Event()

    async def push(self) -> str | None:
        if not self._unpushed:
            return None
        self.held.append([lease.trial for lease in await self.journal.leases()])
        if len(self.held) <= self.times:
            if len(self.held) == 3:
                self.often.set()
            return "the remote refuses the push"
        return await super().push()


async def test_a_result_is_on_the_remote_before_its_lease_is_given_back(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    journal = SharedJournal(clock=WallClock())
    refused = Refused(world, journal, times=5)
    mine, others = (
        world.daemon(journal=journal, results=results, owner=owner)
        for owner, results in (("one", refused), ("two", MemoryResults(world.remote)))
    )
    await world.settle(mine)
    assert len(world.records()) == 1
    assert all(refused.held[: refused.times + 1]), "nobody else could begin the trial"
    await world.settle(others)
    assert sum(isinstance(e, Ended) for e in world.events) == 1


async def test_a_push_that_never_goes_through_keeps_the_slot_for_an_hour(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    journal = SharedJournal(clock=world.clock)
    refused = Refused(world, journal, times=10_000)
    daemon, began = world.daemon(journal=journal, results=refused), world.clock.monotonic()
    world.heard = lambda event: daemon.stop() if isinstance(event, Ended) else None
    await daemon.run()
    assert SHOWN_SECONDS <= world.clock.monotonic() - began <= SHOWN_SECONDS + 2 * PUSH_SECONDS
    assert [e.problem for e in world.events if isinstance(e, Ended)] == [None]


async def test_a_stop_ends_the_wait_for_a_push_and_loses_nothing(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    journal = SharedJournal(clock=WallClock())
    refused = Refused(world, journal, times=10_000)
    daemon = world.daemon(journal=journal, results=refused)
    running = asyncio.create_task(daemon.run())
    await refused.often.wait()
    daemon.stop()
    daemon.stop()
    refused.times = 0
    await running
    assert [e.record is not None for e in world.events if isinstance(e, Ended)] == [True]
    assert len(world.records()) == 1, "the last push of the process took it along"
    assert await journal.leases() == []


async def test_a_trial_that_a_killed_process_still_has_the_lease_of_is_waited_for_and_run(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    journal = SharedJournal(clock=world.clock)
    first = world.daemon(journal=journal, owner="killed")
    await first.observer.fetch()
    [due] = first.decide(await first.observer.look()).due
    await journal.acquire(due.trial.id, "killed", 60)
    began = world.clock.now()
    plan = await world.settle(world.daemon(journal=journal, owner="next"))
    assert len(world.records()) == 1
    assert world.clock.now() - began >= timedelta(seconds=60)
    assert (plan.held, plan.reused) == ((), 1)


async def test_a_trial_whose_lease_could_not_be_given_back_is_waited_for_and_run(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    journal = SharedJournal(clock=world.clock)
    daemon = world.daemon(journal=journal, owner="me")
    await daemon.observer.fetch()
    [due] = daemon.decide(await daemon.observer.look()).due
    await journal.acquire(due.trial.id, "me", 60)
    plan = daemon.decide(await daemon.observer.look())
    assert (plan.due, [h.reason for h in plan.held]) == ((), ["its lease here runs on after its end"])
    await world.settle(daemon)
    assert len(world.records()) == 1


async def test_a_stalled_trial_is_tried_afresh_a_day_later_by_whoever_comes(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    journal = SharedJournal(clock=world.clock)
    world.playbooks["scenarios/alpha/prepare.yml"] = Transient("playbook", "the mirror is away")
    assert len((await world.settle(world.daemon(journal=journal))).stalled) == 1
    world.playbooks.clear()
    world.clock.advance(timedelta(hours=23))
    assert len((await world.settle(world.daemon(journal=journal))).stalled) == 1
    world.clock.advance(timedelta(hours=1))
    assert (await world.settle(world.daemon(journal=journal))).stalled == ()
    assert len(world.records()) == 1
