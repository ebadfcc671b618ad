"""What the machine lacks for a while costs a while: no result, no attempt, and not the daemon."""

import asyncio
import errno
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.adapters.memory.platform import MemoryPlatform, MemorySandbox
from reconciler.adapters.memory.results import MemoryResults
from reconciler.adapters.memory.source import MemorySource
from reconciler.core.errors import Transient, Unavailable, what_the_machine_lacks
from reconciler.core.model import Template
from reconciler.ports import SandboxInfo, SandboxSpec
from reconciler.shell.dispatch import UNAVAILABLE_SECONDS
from reconciler.shell.events import Ended, Event, Planned, Started
from reconciler.shell.leasing import Leases
from reconciler.shell.reporting import last_push
from tests.fake_clock import FakeClock
from tests.shell_world import MemoryNotes, ShellWorld, definitions


def full_disk() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/state/status.new")


class Flaky:
    """Something that fails so many times, and counts how often it was asked."""

    def __init__(self, times: int, error: Callable[[], Exception]) -> None:
        self.left, self.error, self.asked = times, error, 0

    def ask(self) -> None:
        self.asked += 1
        if self.asked <= self.left:
            raise self.error()


class FlakyNotes(MemoryNotes):
    def __init__(self, flaky: Flaky) -> None:
        super().__init__()
        self.flaky = flaky
        self.stumbled: Callable[[], None] = lambda: None

    def put(self, name: str, value: Mapping[str, object]) -> None:
        try:
            self.flaky.ask()
        except OSError:
            self.stumbled()
            raise
        super().put(name, value)


class FlakyResults(MemoryResults):
    appends = pushes = Flaky(0, full_disk)

    async def append(self, files: Mapping[str, bytes], message: str) -> str:
        self.appends.ask()
        return await super().append(files, message)

    async def push(self) -> str | None:
        self.pushes.ask()
        return await super().push()


class Refusing(MemoryPlatform):
    refuses = True

    async def create(self, spec: SandboxSpec) -> MemorySandbox:
        if self.refuses:
            raise Unavailable("no more namespaces: raise the limit")
        return await super().create(spec)


@pytest.fixture
def world(tmp_path: Path) -> ShellWorld:
    return ShellWorld(folder=tmp_path)


def started(world: ShellWorld) -> int:
    return sum(isinstance(event, Started) for event in world.events)


async def test_a_full_disk_puts_passes_off_and_nothing_is_begun_before_one_goes_through(world: ShellWorld) -> None:
    world.commit(definitions(iterations=2))
    notes = world.notes = FlakyNotes(Flaky(4, full_disk))
    daemon = world.daemon()
    begun: list[int] = []

    def stumbled() -> None:
        begun.append(started(world))
        daemon.wake()

    notes.stumbled = stumbled
    world.heard = lambda event: daemon.stop() if isinstance(event, Ended) and len(world.events) > 5 else None
    await daemon.run()
    assert begun[1:] == [begun[1]] * 3, "what the first pass began, and nothing more"
    assert len(world.records()) == started(world) == 2


async def test_a_result_waits_for_room_and_its_trial_does_not_run_again(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    results = FlakyResults(world.remote)
    results.appends = Flaky(5, full_disk)
    plan = await world.settle(world.daemon(results=results))
    assert (started(world), len(world.records()), plan.stalled) == (1, 1, ())


async def test_a_result_that_can_never_be_recorded_is_given_up_after_an_hour(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    results = FlakyResults(world.remote)
    results.appends = Flaky(10_000, full_disk)
    daemon, began = world.daemon(results=results), world.clock.monotonic()
    world.heard = lambda event: daemon.stop() if isinstance(event, Ended) else None
    await daemon.run()
    assert 3600 <= world.clock.monotonic() - began <= 3660
    assert world.records() == {}


async def test_a_push_that_breaks_is_made_again(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    results = FlakyResults(world.remote)
    results.pushes = Flaky(3, full_disk)
    daemon = world.daemon(results=results)
    world.heard = lambda event: daemon.wake() if isinstance(event, Planned) and results.pushes.asked <= 3 else None
    await world.settle(daemon)
    assert len(world.records()) == 1


async def test_a_mode_that_answers_and_can_make_no_sandbox_holds_its_trials_with_the_reason(world: ShellWorld) -> None:
    world.commit(definitions(iterations=3))
    world.platform = Refusing(clock=world.clock, mode="incus", images=("base", ""))
    plan = await world.settle()
    assert {held.reason for held in plan.held} == {"no more namespaces: raise the limit"}
    assert len(plan.held) == 3
    assert started(world) <= world.limits.parallel
    assert world.records() == {}


async def test_a_mode_that_refused_is_asked_again_after_a_while(world: ShellWorld) -> None:
    world.commit(definitions(iterations=2))
    platform = world.platform = Refusing(clock=world.clock, mode="incus", images=("base", ""))
    daemon = world.daemon()

    def heal(event: Event) -> None:
        if isinstance(event, Planned) and event.plan.held:
            platform.refuses = False
            world.clock.advance(timedelta(seconds=30))
            daemon.wake()

    world.heard = heal
    await world.settle(daemon)
    assert len(world.records()) == 2


async def test_a_lease_that_could_not_be_renewed_is_renewed_when_the_journal_answers_again() -> None:
    again = asyncio.Event()

    class Away(MemoryJournal):
        asked = 0

        async def acquire(self, trial: str, owner: str, seconds: float) -> bool:
            self.asked += 1
            if self.asked in (2, 3):
                raise Unavailable("the journal does not answer")
            if self.asked == 4:
                again.set()
            return await super().acquire(trial, owner, seconds)

    journal = Away(clock=FakeClock())
    async with Leases(journal=journal, owner="one", seconds=0.03).held("trial") as ours:
        assert ours
        await again.wait()
    assert await journal.leases() == []


def test_what_a_machine_lacks_is_one_line_with_the_place_and_what_to_do() -> None:
    said = r"^/state/status.new: No space left on device: make room there$"
    with pytest.raises(Unavailable, match=said), what_the_machine_lacks():
        raise full_disk()
    said = "^/var/x: Permission denied: give the user that runs this the right to it, or choose another place$"
    with pytest.raises(Unavailable, match=said), what_the_machine_lacks():
        raise PermissionError(errno.EACCES, "Permission denied", "/var/x")
    for bug in (FileNotFoundError(errno.ENOENT, "no such file"), RuntimeError("a bug")):
        with pytest.raises(type(bug)), what_the_machine_lacks():
            raise bug


async def test_a_result_is_pushed_also_where_the_journal_is_gone_when_it_is_recorded(world: ShellWorld) -> None:
    class Forgetful(MemoryJournal):
        shared = True

        async def forget(self, trials: Collection[str]) -> None:
            raise Unavailable("the journal does not answer")

    world.commit(definitions(iterations=1))
    daemon = world.daemon(journal=Forgetful(clock=world.clock))
    pushed: list[int] = []

    def heard(event: Event) -> None:
        if isinstance(event, Ended):
            pushed.append(len(world.records()))
            daemon.stop()

    world.heard = heard
    await daemon.run()
    assert pushed == [1]


async def test_a_recorded_trial_has_its_result_also_where_its_lease_cannot_be_given_back(world: ShellWorld) -> None:
    class Keeping(MemoryJournal):
        async def release(self, trial: str, owner: str) -> None:
            raise Unavailable("the journal does not answer")

    world.commit(definitions(iterations=1))
    plan = await world.settle(world.daemon(journal=Keeping(clock=world.clock)))
    assert [e.problem for e in world.events if isinstance(e, Ended)] == [None]
    assert (plan.due, plan.held, plan.reused) == ((), (), 1)


async def test_a_bug_in_the_journal_ends_its_trial_and_is_not_met_again_at_once(world: ShellWorld) -> None:
    class Broken(MemoryJournal):
        async def fail(self, trial: str, cause: str, message: str) -> None:
            met.append(world.clock.monotonic())
            if len(met) == 2:
                daemon.stop()
            raise ValueError("a bug")

    world.commit(definitions(iterations=1))
    world.playbooks["scenarios/alpha/prepare.yml"] = Transient("playbook", "the mirror is away")
    met: list[float] = []
    daemon = world.daemon(journal=Broken(clock=world.clock))
    await daemon.run()
    assert met[1] - met[0] >= UNAVAILABLE_SECONDS
    said = "ValueError around the trial; see the log"
    assert [e.problem for e in world.events if isinstance(e, Ended)] == [said, said]


async def test_a_remote_that_hangs_does_not_keep_the_daemon_from_ending() -> None:
    class Hangs(MemoryResults):
        async def push(self) -> str | None:
            return await asyncio.Event().wait() and None

    said = "the remote did not take them within 0.01 s"
    assert await last_push(Hangs(), seconds=0.01) == said


async def test_a_fetch_that_hangs_does_not_keep_the_daemon_from_ending(world: ShellWorld, tmp_path: Path) -> None:
    hung = asyncio.Event()

    class Hangs(MemorySource):
        asked = 0

        async def fetch(self) -> str:
            self.asked += 1
            if self.asked > 1:
                hung.set()
                await asyncio.Event().wait()
            return await super().fetch()

    world.source = Hangs(folders=("scenarios", "config"), state=tmp_path)
    world.commit(definitions(iterations=1))
    daemon = world.daemon()
    world.heard = lambda event: daemon.changed() if isinstance(event, Ended) else None
    running = asyncio.create_task(daemon.run())
    await hung.wait()
    daemon.stop()
    await running
    assert len(world.records()) == 1


async def test_a_stop_in_the_middle_of_a_pass_begins_no_trial(world: ShellWorld) -> None:
    class StopsWhileLookedAt(MemoryPlatform):
        async def list(self) -> Sequence[SandboxInfo]:
            daemon.stop()
            return await super().list()

    world.platform = StopsWhileLookedAt(clock=world.clock, images=("base", ""))
    world.commit(definitions(iterations=1))
    daemon = world.daemon()
    await daemon.run()
    assert (started(world), world.records()) == (0, {})


async def test_an_orphan_that_hangs_does_not_keep_the_daemon_from_ending(world: ShellWorld) -> None:
    hung = asyncio.Event()

    class Hangs(MemoryPlatform):
        async def destroy(self, name: str) -> None:
            if name in self.sandboxes:
                hung.set()
                await asyncio.Event().wait()

    world.platform = Hangs(clock=world.clock)
    labels = {"instance": "instance-one"}
    await world.platform.create(SandboxSpec(name="left", host="app-01", template=Template(name="base"), labels=labels))
    daemon = world.daemon()
    running = asyncio.create_task(daemon.run())
    await hung.wait()
    daemon.stop()
    await running
    assert len(await world.platform.list()) == 1, "the next daemon tries again"


def test_a_thread_that_cannot_be_started_is_no_attempt_of_a_trial() -> None:
    with (
        pytest.raises(Unavailable, match=r"can't start new thread: raise the limit of processes"),
        what_the_machine_lacks(),
    ):
        raise RuntimeError("can't start new thread")
