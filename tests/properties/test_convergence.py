"""The loop as a whole, over fakes: whatever happens, every wanted trial ends up recorded exactly once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.adapters.clock import WallClock
from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.adapters.memory.results import MemoryBranch, MemoryResults
from reconciler.adapters.memory.source import MemorySource
from reconciler.core.errors import Transient, Unavailable
from reconciler.core.model import Job, PlaybookResult, Template
from reconciler.core.planning import Limits, Plan
from reconciler.ports import Assignment, Lease, Results, SandboxSpec
from reconciler.shell.daemon import Reconciler
from reconciler.shell.events import Ended, Event, Planned, Regraded, Started
from reconciler.shell.reading import ByHand
from tests.builders import task
from tests.processes import PATIENCE
from tests.shell_world import LiteralPatterns, MemoryNotes, SharedJournal, ShellWorld, definitions, scenario, works


@pytest.fixture
def world(tmp_path: Path) -> ShellWorld:
    return ShellWorld(folder=tmp_path)


def iterations(world: ShellWorld) -> list[tuple[object, object]]:
    return sorted((r["scenario"]["key"], r["iteration"]) for r in world.records().values())  # type: ignore[index]


async def test_everything_wanted_is_recorded_and_nothing_runs_twice(world: ShellWorld) -> None:
    world.commit(definitions("alpha", "beta", iterations=3))
    plan = await world.settle()
    assert iterations(world) == [(key, n) for key in ("alpha", "beta") for n in (1, 2, 3)]
    assert (plan.due, plan.held, plan.stalled, plan.reused) == ((), (), (), 6)
    await world.settle()
    assert sum(isinstance(e, Started) for e in world.events) == 6
    assert world.platform.sandboxes == {}


async def test_an_edited_specialty_runs_again_and_its_revert_does_not(world: ShellWorld) -> None:
    world.commit(definitions())
    await world.settle()
    world.clock.advance(timedelta(hours=1))
    world.commit(definitions(specialty="Mend it slowly."))
    await world.settle()
    assert len(world.records()) == 4
    world.commit(definitions())
    await world.settle()
    assert len(world.records()) == 4
    assert "inputs are back" in world.remote.files["README.md"].decode()


async def test_where_no_data_changed_nothing_is_committed_whatever_passes_and_edits_come(world: ShellWorld) -> None:
    world.commit(definitions("alpha"))
    await world.settle()
    before = list(world.remote.messages)
    retitled = json.dumps(scenario("alpha") | {"title": "Another", "tags": ["new"]}).encode()
    for files in ({}, {"scenarios/alpha/scenario.json": retitled}, {"scenarios/alpha/README.md": b"about"}):
        world.clock.advance(timedelta(hours=1))
        world.commit(files)
        await world.settle()
    assert world.remote.messages == before


async def test_a_rules_edit_grades_the_stored_transcripts_again_without_a_sandbox(world: ShellWorld) -> None:
    world.commit(definitions("alpha", "beta", rule="repair"))
    await world.settle()
    before = world.records()
    world.platform.unavailable = "nobody needs it"
    world.commit(definitions("alpha", "beta", rule="never done"))
    plan = await world.settle()
    again = {p: r for p, r in world.records().items() if p not in before}
    assert sorted(str(r["regrades"]) for r in again.values()) == sorted(before)
    assert [r["passed"] for r in again.values()] == [False] * 4
    assert {p: world.records()[p] for p in before} == before
    assert (plan.due, plan.held, plan.stalled, plan.reused) == ((), (), (), 4)
    assert "4 trials of 2 batches: 0/4 passed (4 graded again)" in world.remote.messages[-2]


async def test_a_regrade_of_a_regrade_names_the_trial_that_ran_and_its_transcript(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1, rule="repair"))
    await world.settle()
    [ran] = world.records()
    for rule in ("repair it", "never done"):
        world.commit(definitions(iterations=1, rule=rule))
        await world.settle()
    assert len(world.records()) == 3
    assert [r["regrades"] for p, r in world.records().items() if p != ran] == [ran, ran]
    assert {str(r["transcript"]) for r in world.records().values()} == {str(world.records()[ran]["transcript"])}


async def test_trials_by_hand_say_so_and_leave_the_dashboard_to_who_sees_everything(world: ShellWorld) -> None:
    world.commit(definitions("alpha", "beta", iterations=1))
    await world.settle()
    shown, first = world.remote.files["README.md"], len(world.remote.messages)
    everything = json.loads(definitions()["config/benchmarks/all.yaml"] or b"")
    asked = json.dumps(everything | {"name": "by-hand", "scenarios": "alpha", "iterations": 1}).encode()
    await world.settle(
        world.daemon(results=MemoryResults(world.remote), by_hand=ByHand(text=asked, epoch="20261127T220341Z"))
    )
    assert iterations(world) == [("alpha", 1), ("alpha", 1), ("beta", 1)]
    assert (world.remote.files["README.md"], len(world.remote.messages)) == (shown, first + 1)
    assert [e.work.reason for e in world.events if isinstance(e, Started)][2:] == ["started by hand"]
    await world.settle()
    assert "beta" in world.remote.files["README.md"].decode()


def damaged(world: ShellWorld, path: str, contents: bytes | None) -> None:
    """Somebody changes, or removes, a file of the results branch by hand."""
    if contents is None:
        del world.remote.files[path]
    else:
        world.remote.files[path] = contents
    world.remote.messages.append("somebody's hand")


@pytest.mark.parametrize(
    ("contents", "why"),
    [
        (None, "is missing"),
        (b"{", "is not the transcript that was recorded: its SHA-256 is another one"),
    ],
)
async def test_what_cannot_be_graded_again_runs_again_and_says_why(
    world: ShellWorld, contents: bytes | None, why: str
) -> None:
    world.commit(definitions("alpha", "beta", iterations=1, rule="repair"))
    await world.settle()
    transcript = next(p for p in world.remote.files if p.startswith("transcripts/alpha/"))
    damaged(world, transcript, contents)
    world.commit(definitions("alpha", "beta", iterations=1, rule="repair it"))
    plan = await world.settle()
    [ran] = [e.work for e in world.events if isinstance(e, Started)][2:]
    assert (ran.scenario.key, ran.reason) == (
        "alpha",
        f"rule did it changed in {ran.origin.commit[:7]}: change; not graded again: {transcript} {why}",
    )
    [beta] = [r for p, r in world.records().items() if r["regrades"]]
    assert beta["scenario"]["key"] == "beta"  # type: ignore[index]
    assert (len(world.records()), plan.due, plan.stalled) == (4, (), ())


async def test_what_is_wanted_again_after_many_others_counts_as_measured(
    world: ShellWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("core.trends", "shell.reporting", "shell.recording"):
        monkeypatch.setattr(f"reconciler.{module}.KEPT_BATCHES", 2)
    for specialty in ("one", "two", "three", "four", "five", "two"):
        world.commit(definitions("alpha", iterations=2, specialty=specialty))
        await world.settle()
    assert len(world.records()) == 10
    trend = json.loads(
        next(data for path, data in world.remote.files.items() if path.endswith(".json") and path.startswith("trends/"))
    )
    assert len(trend["batches"]) == 3
    assert "inputs are back; results reused) (not proven) | 2/2 |" in world.remote.files["README.md"].decode()


async def test_a_dashboard_without_rows_says_which_definitions_are_wrong(world: ShellWorld) -> None:
    world.commit(definitions("alpha", iterations=1))
    await world.settle()
    world.commit({"config/benchmarks/all.yaml": b"name: all\nscenarios: [alpha]\nmode: incus\niterations: three\n"})
    await world.settle()
    assert "- config/benchmarks/all.yaml:4:13: " in world.remote.files["README.md"].decode()
    assert world.remote.messages[-1].startswith("Dashboard: 1 stalled\n")


async def test_a_run_that_replaces_a_broken_transcript_can_be_graded_again(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1, rule="repair"))
    await world.settle()
    damaged(world, next(p for p in world.remote.files if p.startswith("transcripts/")), None)
    for rule in ("repair it", "repair"):
        world.commit(definitions(iterations=1, rule=rule))
        await world.settle()
    before = set(world.records())
    world.commit(definitions(iterations=1, rule="it"))
    await world.settle()
    [new] = [r for p, r in world.records().items() if p not in before]
    assert new["regrades"] in before
    assert sum(isinstance(e, Started) for e in world.events) == 2


async def test_a_change_of_rules_and_of_anything_else_runs_again(world: ShellWorld) -> None:
    changes: list[dict[str, bytes | None]] = [
        {"scenarios/alpha/validate.yml": b"- hosts: all\n  tasks: []\n"},
        {"scenarios/alpha/scenario.json": guarded()},
        {"config/specialties/mender.mdx": b"---\nname: mender\n---\nMend it twice.\n"},
    ]
    for number, change in enumerate(changes):
        world.commit(definitions(iterations=1, rule=f"repair{' ' * number}"))
        await world.settle()
        before = set(world.records())
        world.commit(definitions(iterations=1, rule="repair it") | change)
        await world.settle()
        assert [r["regrades"] for p, r in world.records().items() if p not in before] == [None], change


def guarded() -> bytes:
    """A scenario with a guard, and with other rules."""
    document = scenario("alpha", "repair it")
    document["validation"]["allowedHosts"] = ["app-01"]  # type: ignore[index]
    return json.dumps(document).encode()


async def test_a_regrade_takes_no_sandbox_slot_and_waits_for_nothing_that_runs(world: ShellWorld) -> None:
    world.limits = Limits(parallel=1, memory_mib=300, attempts=3)
    world.commit(definitions("alpha", iterations=3, rule="repair"))
    await world.settle()
    graded, running = asyncio.Event(), list[int]()

    async def waits(assignment: Assignment) -> AsyncIterator[Job]:
        await graded.wait()
        async for job in works(assignment):
            yield job

    def note(event: Event) -> None:
        if isinstance(event, Regraded):
            running.append(len(daemon.dispatcher.running))
            graded.set()

    world.script, world.heard = waits, note
    world.commit(definitions("alpha", "beta", iterations=3, rule="repair it"))
    daemon = world.daemon()
    await world.settle(daemon)
    assert running == [1]
    assert len(world.records()) == 9


async def test_a_bug_in_grading_one_transcript_is_an_attempt_and_keeps_no_other_from_being_graded(
    world: ShellWorld,
) -> None:
    world.commit(definitions("alpha", "beta", iterations=1))
    await world.settle()
    files = definitions("alpha", "beta", iterations=1, rule="repair it")
    files["scenarios/alpha/scenario.json"] = json.dumps(scenario("alpha", LiteralPatterns.BUG)).encode()
    world.commit(files)
    plan = await world.settle()
    assert [(s.scenario, s.action, "RuntimeError in phase grade" in s.reason) for s in plan.stalled] == [
        ("alpha", "regrade", True)
    ]
    assert [r["scenario"]["key"] for r in world.records().values() if r["regrades"]] == ["beta"]  # type: ignore[index]


async def test_two_daemons_grade_each_transcript_again_once(world: ShellWorld) -> None:
    world.commit(definitions("alpha", "beta", iterations=3))
    await world.settle()
    world.commit(definitions("alpha", "beta", iterations=3, rule="repair it"))
    journal = SharedJournal(clock=WallClock())
    daemons = [world.daemon(journal=journal, results=MemoryResults(world.remote), owner=o) for o in ("one", "two")]
    await world.settle(*daemons)
    assert sum(len(e.records) for e in world.events if isinstance(e, Regraded)) == 6
    assert sum(r["regrades"] is not None for r in world.records().values()) == 6


async def breaks(assignment: Assignment) -> AsyncIterator[Job]:
    raise Transient("provider", f"no engine for {assignment.trial}")
    yield


async def test_a_failing_agent_is_a_result_and_is_never_tried_again(world: ShellWorld) -> None:
    world.playbooks["scenarios/alpha/validate.yml"] = PlaybookResult(
        passed=False, failed_task="check alpha", message="down"
    )
    world.commit(definitions(iterations=1))
    await world.settle()
    [record] = world.records().values()
    assert (record["passed"], record["ground_truth"]) == (
        False,
        {"passed": False, "failed_task": "check alpha", "message": "down"},
    )


async def test_a_failed_world_is_tried_again_and_stalls_after_the_last_attempt(world: ShellWorld) -> None:
    world.playbooks["scenarios/alpha/prepare.yml"] = PlaybookResult(
        passed=False, failed_task="break alpha", message="no"
    )
    world.commit(definitions("alpha", "beta", iterations=1))
    plan = await world.settle()
    assert [s.reason for s in plan.stalled] == ["3 attempts failed, the last: prepare.yml failed: break alpha: no"]
    assert iterations(world) == [("beta", 1)]
    assert sum(isinstance(e, Ended) and e.record is None for e in world.events) == 3


async def test_a_silent_restore_may_fail_and_changes_nothing(world: ShellWorld) -> None:
    files = definitions(iterations=1)
    files["scenarios/alpha/restore.yml"] = b"- hosts: all\n  tasks: []\n"
    world.playbooks["scenarios/alpha/restore.yml"] = Transient("playbook", "broken")
    world.commit(files)
    await world.settle()
    assert len(world.records()) == 1


async def unended(assignment: Assignment) -> AsyncIterator[Job]:
    """The job ended, and the end of a task's commands was never delivered."""
    yield Job(id=assignment.trial, status="success", tasks=(task("repair it", ended=False),))


async def test_a_transcript_without_its_end_is_no_result(world: ShellWorld) -> None:
    world.script = unended
    world.commit(definitions(iterations=1))
    plan = await world.settle()
    assert world.records() == {}
    assert "without its end" in plan.stalled[0].reason


async def crashes(assignment: Assignment) -> AsyncIterator[Job]:
    raise RuntimeError("a bug in an engine")
    yield


async def test_a_bug_ends_the_trial_as_an_attempt_and_not_the_daemon(world: ShellWorld) -> None:
    world.script = crashes
    world.commit(definitions(iterations=1))
    plan = await world.settle()
    assert "RuntimeError in phase execute" in plan.stalled[0].reason
    assert world.platform.sandboxes == {}


async def test_a_mode_that_does_not_answer_holds_and_burns_no_attempt_and_runs_when_it_answers(
    world: ShellWorld,
) -> None:
    world.commit(definitions(iterations=1))
    world.platform.unavailable = "Incus does not answer"
    plan = await world.settle()
    assert [h.reason for h in plan.held] == ["Incus does not answer"]
    world.platform.unavailable = ""
    await world.settle()
    assert len(world.records()) == 1


async def test_one_wrong_file_stalls_what_depends_on_it_and_nothing_else(world: ShellWorld) -> None:
    files = definitions("alpha", "beta", iterations=1)
    files["scenarios/alpha/scenario.json"] = b'{"key": "alpha",'
    world.commit(files)
    plan = await world.settle()
    assert iterations(world) == [("beta", 1)]
    assert len(plan.stalled) == 1
    assert "scenarios/alpha/scenario.json" in plan.stalled[0].reason
    world.commit(definitions("alpha", "beta", iterations=1))
    assert (await world.settle()).stalled == ()
    assert iterations(world) == [("alpha", 1), ("beta", 1)]


class WatchedSource(MemorySource):
    """Remembers when it was fetched from, in seconds of the clock."""

    def __init__(self, world: ShellWorld) -> None:
        super().__init__(folders=("scenarios", "config"), state=world.folder)
        self._clock = world.clock
        self.fetched: asyncio.Queue[float] = asyncio.Queue()

    async def fetch(self) -> str:
        """One more."""
        self.fetched.put_nowait(self._clock.monotonic())
        return await super().fetch()


async def test_the_first_event_acts_at_once_and_what_follows_waits_for_the_debounce(world: ShellWorld) -> None:
    world.source = source = WatchedSource(world)
    world.commit(definitions("alpha", iterations=1))
    await world.settle()
    daemon = world.daemon()
    while not source.fetched.empty():
        source.fetched.get_nowait()
    running = asyncio.create_task(daemon.run())
    began = await source.fetched.get()
    world.clock.advance(timedelta(hours=1))
    daemon.changed()
    assert await source.fetched.get() == began + 3600, "at once"
    for later in (1, 2, 3):
        for _ in range(5):
            daemon.changed()
        assert await source.fetched.get() == began + 3600 + later * daemon.policy.debounce, "five events are one more"
    assert source.fetched.empty()
    daemon.stop()
    await running


class HangingSource(MemorySource):
    """While it ``hangs``, its remote takes a question and never answers."""

    def __init__(self, world: ShellWorld, *, hangs: bool) -> None:
        super().__init__(folders=("scenarios", "config"), state=world.folder)
        self.hangs = hangs
        self.asked = asyncio.Event()

    async def fetch(self) -> str:
        """Not in this life."""
        if self.hangs:
            self.asked.set()
            await asyncio.Event().wait()
        return await super().fetch()


class TellingNotes(MemoryNotes):
    """Tell that a pass has ended with nothing left to do but to wait for a trial."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()

    def put(self, name: str, value: Mapping[str, object]) -> None:
        super().put(name, value)
        if name == "status" and value["running"] and value["pushed"]:
            self.asleep.set()


class HangingResults(MemoryResults):
    """The same of results."""

    def __init__(self, remote: MemoryBranch, *, hangs: bool) -> None:
        super().__init__(remote)
        self.hangs = hangs
        self.asked = asyncio.Event()

    async def refresh(self) -> Results:
        """Not in this life."""
        if self.hangs:
            self.asked.set()
            await asyncio.Event().wait()
        return await super().refresh()


@pytest.mark.parametrize("until_settled", [False, True])
@pytest.mark.parametrize("part", ["definitions", "results"])
async def test_who_stops_while_a_remote_hangs_at_the_start_does_not_wait_for_it(
    world: ShellWorld, part: str, until_settled: bool
) -> None:
    results = HangingResults(world.remote, hangs=part == "results")
    world.source = source = HangingSource(world, hangs=part == "definitions")
    daemon = world.daemon(results=results)
    running = asyncio.create_task(daemon.run(until_settled=until_settled))
    await asyncio.wait_for((results if results.hangs else source).asked.wait(), PATIENCE)
    daemon.stop()
    assert await asyncio.wait_for(running, PATIENCE) == Plan()


async def test_while_a_remote_hangs_the_next_trial_begins_as_soon_as_the_one_before_has_ended(
    world: ShellWorld,
) -> None:
    world.limits = Limits(parallel=1, memory_mib=8192, attempts=3)
    world.notes = notes = TellingNotes()
    world.source = source = HangingSource(world, hangs=False)
    world.commit(definitions("alpha", "beta", iterations=1))
    daemon = world.daemon()

    async def polled_meanwhile(assignment: Assignment) -> AsyncIterator[Job]:
        await notes.asleep.wait()
        source.hangs = True
        daemon.changed()
        await source.asked.wait()
        async for job in works(assignment):
            yield job

    world.script = polled_meanwhile
    await asyncio.wait_for(recorded(world, daemon, 2), PATIENCE)
    assert iterations(world) == [("alpha", 1), ("beta", 1)]


async def test_while_a_remote_hangs_a_sweep_begins_in_its_time(world: ShellWorld) -> None:
    world.source = source = HangingSource(world, hangs=False)
    world.commit(definitions("alpha", iterations=1, schedule="0 2 * * *", on_change=False))
    await world.settle()
    before = len(world.records())
    daemon = world.daemon()

    async def poll_and_ring() -> None:
        source.hangs = True
        daemon.changed()
        await source.asked.wait()
        world.clock.advance(timedelta(days=1))
        daemon.ring("sweep:all")

    world.heard = lambda event: ringing.append(asyncio.create_task(poll_and_ring())) if not ringing else None
    ringing: list[asyncio.Task[None]] = []
    await asyncio.wait_for(recorded(world, daemon, 1), PATIENCE)
    assert len(world.records()) == before + 1


async def test_while_the_remote_of_results_hangs_new_definitions_are_acted_on_one_after_the_other(
    world: ShellWorld,
) -> None:
    results, waiting = HangingResults(world.remote, hangs=False), ["beta", "gamma"]
    world.commit(definitions("alpha", iterations=1))
    daemon = world.daemon(results=results)

    def commit_another(event: Event) -> None:
        if isinstance(event, Ended) and waiting:
            results.hangs = True
            world.commit(definitions(waiting.pop(0), iterations=1))
            daemon.changed()

    world.heard = commit_another
    await asyncio.wait_for(recorded(world, daemon, 3), PATIENCE)
    assert iterations(world) == [("alpha", 1), ("beta", 1), ("gamma", 1)]


async def test_what_others_recorded_is_seen_as_soon_as_it_is_here(world: ShellWorld) -> None:
    world.commit(definitions("alpha", iterations=1))
    await world.settle()
    daemon, seen = world.daemon(), asyncio.Event()

    def retire(event: Event) -> None:
        for path in world.records():
            del world.remote.files[path]
            world.remote.messages.append("retired by a person")
            daemon.changed()
        if isinstance(event, Planned) and event.plan.due:
            seen.set()

    world.heard = retire
    running = asyncio.create_task(daemon.run())
    await asyncio.wait_for(seen.wait(), PATIENCE)
    daemon.stop()
    await running


async def recorded(world: ShellWorld, daemon: Reconciler, trials: int) -> None:
    """Run a daemon until so many trials are recorded."""
    heard, before = world.heard, world.events.copy()

    def count(event: Event) -> None:
        heard(event)
        if sum(isinstance(e, Ended) for e in world.events[len(before) :]) == trials:
            daemon.stop()

    world.heard = count
    await daemon.run()


async def test_a_clock_that_is_set_back_delays_no_poll(world: ShellWorld) -> None:
    """The alarms of the loop go by real time here, and none rings while a test runs."""
    world.source = source = WatchedSource(world)
    world.commit(definitions("alpha", iterations=1))
    daemon = world.daemon()
    running = asyncio.create_task(daemon.run())
    began = await source.fetched.get()
    world.clock.jump(timedelta(days=-1))
    world.clock.advance(timedelta(seconds=2 * daemon.policy.poll))
    daemon.wake()
    assert await asyncio.wait_for(source.fetched.get(), PATIENCE) == began + 2 * daemon.policy.poll
    daemon.stop()
    await running


async def test_orphans_are_destroyed_in_the_pass_that_finds_them_and_other_peoples_sandboxes_stay(
    world: ShellWorld,
) -> None:
    world.commit(definitions("alpha", iterations=2))
    daemon = world.daemon()

    def leave_one_behind(event: Event) -> None:
        if isinstance(event, Started):
            left.append(
                asyncio.create_task(world.platform.create(sandbox(f"left-{len(left)}", daemon.reaper.instance)))
            )

    left = [asyncio.create_task(world.platform.create(sandbox("before", daemon.reaper.instance)))]
    await world.platform.create(sandbox("theirs", "somebody-else"))
    world.heard = leave_one_behind
    await world.settle(daemon)
    assert len(await asyncio.gather(*left)) == 3
    await daemon.pass_once()
    assert list(world.platform.sandboxes) == ["theirs"]
    assert iterations(world) == [("alpha", 1), ("alpha", 2)]


def sandbox(name: str, instance: str) -> SandboxSpec:
    """One whose trial nobody works on."""
    labels = {"trial": f"nobody's {name}", "instance": instance, "template": "base"}
    return SandboxSpec(name=name, host="app-01", template=Template(name="base", image="base"), labels=labels)


async def test_a_sweep_runs_once_per_fire_time_and_missed_ones_coalesce(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1, schedule="0 2 * * *", on_change=False))
    await world.settle()
    before = len(world.records())
    world.clock.advance(timedelta(days=3))
    await world.settle()
    await world.settle()
    assert len(world.records()) == before + 1
    world.clock.jump(timedelta(hours=-1))
    await world.settle()
    assert len(world.records()) == before + 1


async def test_a_missed_sweep_outlives_an_edit_of_its_benchmark_and_ends_with_its_schedule(world: ShellWorld) -> None:
    """The first commit is of midnight, each further one of a minute later."""
    world.clock.jump(datetime(2026, 1, 1, 0, 10, tzinfo=UTC) - world.clock.now())
    world.commit(definitions(iterations=1, schedule="20 0 * * *", on_change=False))
    assert (await decided(world)).due == (), "yesterday's was before it was declared"
    for number in range(30):
        world.commit({"README.md": b"%d" % number})
    world.clock.jump(timedelta(hours=1))
    world.commit(definitions(iterations=2, schedule="20 0 * * *", on_change=False), "more iterations, at 00:31")
    assert [d.trial.epoch for d in (await decided(world)).due] == ["20260101T002000Z"] * 2
    world.commit(definitions(iterations=2, schedule="19 0 * * *", on_change=False), "earlier from now on, at 00:32")
    assert (await decided(world)).due == ()


async def decided(world: ShellWorld) -> Plan:
    """The plan of a daemon that begins."""
    daemon = world.daemon()
    await daemon.observer.fetch()
    return daemon.decide(await daemon.observer.look())


async def test_newer_inputs_supersede_queued_trials_of_older_ones(world: ShellWorld) -> None:
    world.limits = Limits(parallel=1, memory_mib=8192, attempts=3)
    world.commit(definitions("alpha", "beta", "gamma", iterations=3))
    daemon = world.daemon()
    edited = asyncio.Event()

    def edit_after_the_first(event: Event) -> None:
        if isinstance(event, Ended) and not edited.is_set():
            edited.set()
            world.commit(definitions("alpha", "beta", "gamma", iterations=1, specialty="Mend it well."))
            daemon.changed()

    world.heard = edit_after_the_first
    await world.settle(daemon)
    batches = {r["batch"] for r in world.records().values()}
    assert len(world.records()) <= 5, "one or two of the old inputs, three of the new"
    assert len(batches) >= 4


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_a_daemon_that_is_killed_at_any_moments_leaves_every_trial_recorded_once(
    tmp_path_factory: pytest.TempPathFactory, kills: list[int]
) -> None:
    """Killed: its tasks vanish where they stand, and with them the journal; what is durable stays."""

    async def story() -> None:
        world = ShellWorld(folder=tmp_path_factory.mktemp("state"))
        world.commit(definitions("alpha", "beta", iterations=3))
        for steps in kills:
            await killed_after(world, steps)
        await world.settle()
        assert iterations(world) == [(key, n) for key in ("alpha", "beta") for n in (1, 2, 3)]
        assert world.platform.sandboxes == {}
        assert world.local.read(world.records()) == {p: world.remote.files[p] for p in world.records()}

    asyncio.run(story())


async def killed_after(world: ShellWorld, steps: int) -> None:
    """Run a daemon for so many turns of the event loop, then let nothing of it go on, not even its clean-up."""
    before = asyncio.all_tasks()
    daemon = asyncio.create_task(world.daemon().run())
    for _ in range(steps):
        await asyncio.sleep(0)
    survivors = dict(world.platform.sandboxes)
    for one in asyncio.all_tasks() - before:
        one.cancel()
    await asyncio.gather(*(asyncio.all_tasks() - before), daemon, return_exceptions=True)
    world.platform.sandboxes.update(survivors)  # a killed process destroys nothing


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3), st.integers(1, 4))
def test_two_daemons_with_a_shared_journal_record_each_trial_once(
    tmp_path_factory: pytest.TempPathFactory, scenarios: int, count: int
) -> None:
    async def story() -> None:
        world = ShellWorld(folder=tmp_path_factory.mktemp("state"))
        names = [f"s{n}" for n in range(scenarios)]
        world.commit(definitions(*names, iterations=count))
        journal = SharedJournal(
            clock=WallClock()
        )  # the fake one moves on while one waits for the other: leases would run out
        daemons = [world.daemon(journal=journal, results=MemoryResults(world.remote), owner=o) for o in ("one", "two")]
        await world.settle(*daemons)
        assert iterations(world) == sorted((name, n) for name in names for n in range(1, count + 1))
        recorded = [e.work.trial.id for e in world.events if isinstance(e, Ended) and e.record]
        assert len(recorded) == len(set(recorded))

    asyncio.run(story())


class AbsentJournal(MemoryJournal):
    """Does not answer for its first calls; ``asked`` is called at each of them."""

    absent = 3
    asked: Callable[[], None]

    async def leases(self) -> Sequence[Lease]:
        self.absent -= 1
        if self.absent >= 0:
            self.asked()
            raise Unavailable("the journal does not answer")
        return await super().leases()


async def test_a_part_that_every_pass_needs_may_be_away_for_a_while(world: ShellWorld) -> None:
    world.commit(definitions(iterations=1))
    journal = AbsentJournal(clock=world.clock)
    daemon = world.daemon(journal=journal)
    journal.asked = daemon.wake
    world.heard = lambda event: daemon.stop() if isinstance(event, Ended) else None
    await daemon.run()
    assert journal.absent < 0
    assert len(world.records()) == 1


async def test_trends_hold_what_others_recorded_and_are_derived_anew_where_they_do_not(world: ShellWorld) -> None:
    world.commit(definitions(iterations=2))
    await world.settle()
    [path] = [p for p in world.remote.files if p.startswith("trends/") and p.endswith(".json")]
    whole = world.remote.files[path]
    for damage in (b"not JSON", whole.replace(b"change-2", b"change-9")):
        elsewhere = MemoryResults(world.remote)
        await elsewhere.refresh()
        await elsewhere.append({path: damage}, "somebody's hand")
        await elsewhere.push()
        await world.settle()
        assert world.remote.files[path] == whole


async def test_trends_hold_what_others_recorded_while_a_trial_ran_here(world: ShellWorld) -> None:
    world.commit(definitions("alpha", "beta", iterations=1))
    await world.settle()
    [trend] = [p for p in world.remote.files if p.startswith("trends/beta/") and p.endswith(".json")]
    whole = world.remote.files[trend]

    async def meanwhile(assignment: Assignment) -> AsyncIterator[Job]:
        elsewhere = MemoryResults(world.remote)
        await elsewhere.refresh()
        await elsewhere.append({trend: b"not JSON"}, "somebody's hand")
        await elsewhere.push()
        await world.local.refresh()
        async for job in works(assignment):
            yield job

    world.script = meanwhile
    world.commit(definitions("alpha", "beta", iterations=1) | {"scenarios/alpha/prepare.yml": None})
    await world.settle()
    assert world.remote.files[trend] == whole
