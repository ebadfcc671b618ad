"""What every engine promises, over the runbook engine and the scripted fake."""

import asyncio
import contextlib
import os
import select
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.memory.engine import ScriptedEngine
from reconciler.adapters.patterns.search import EcmaPatterns
from reconciler.adapters.runbook.engine import RunbookEngine
from reconciler.core.errors import Transient
from reconciler.core.model import Command, Job, Task
from reconciler.ports import Assignment, Engine
from tests.local_sandbox import LocalSandbox, make_assignment, make_seat
from tests.processes import PATIENCE

QUICK, ENDLESS = "## Always\n```bash\necho done\n```\n", "## Always\n```bash\nsleep 600\n```\n"


@dataclass
class Rig:
    """An engine, and what to give it for each course that a job can take."""

    engine: Engine
    quick: Assignment
    endless: Assignment
    lost: Assignment
    running: Callable[[str], Assignment]
    """An assignment that is done with one command."""


PATTERNS = EcmaPatterns()


@pytest.fixture(autouse=True, scope="module")
def _patterns_are_closed() -> Iterator[None]:
    yield
    PATTERNS.close()


def runbook() -> Rig:
    return Rig(
        RunbookEngine(clock=WallClock(), patterns=PATTERNS),
        make_assignment(make_seat(QUICK)),
        make_assignment(make_seat(ENDLESS)),
        make_assignment(make_seat(QUICK, sandbox=LocalSandbox(gone=True))),
        lambda command: make_assignment(make_seat(f"## Always\n```bash\n{command}\n```\n")),
    )


async def _script(assignment: Assignment) -> AsyncIterator[Job]:
    command = assignment.seats[0].specialty.prompt
    task = Task(id="1", agent="a", host="app-01", commands=(Command(text=command),))
    yield Job(id="", tasks=(task,))
    done = await assignment.seats[0].sandbox.run(["bash", "-c", command], timeout=600)
    commands = (Command(text=command, exit_code=done.exit_code, output=done.stdout.decode().strip()),)
    yield Job(id="", status="success", tasks=(Task(id="1", agent="a", host="app-01", commands=commands, ended=True),))


def scripted() -> Rig:
    return Rig(
        ScriptedEngine(_script),
        make_assignment(make_seat("echo done")),
        make_assignment(make_seat("sleep 600")),
        make_assignment(make_seat("echo done", sandbox=LocalSandbox(gone=True))),
        lambda command: make_assignment(make_seat(command)),
    )


@pytest.fixture(params=[runbook, scripted], ids=["runbook", "scripted"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    make: Callable[[], Rig] = request.param
    yield make()
    assert asyncio.all_tasks() == {asyncio.current_task()}, "an engine left a task behind"


async def _seen(engine: Engine, job: str) -> list[Job]:
    return [seen async for seen in engine.watch(job)]


async def _until_at_work(engine: Engine, job: str) -> Job:
    """The job as soon as a command of it is under way."""
    async for seen in engine.watch(job):
        if any(t.commands for t in seen.tasks):
            return seen
    raise AssertionError("the job ended without a command")


async def test_a_job_is_seen_until_it_has_ended_with_all_its_commands(rig: Rig) -> None:
    job = await rig.engine.submit(rig.quick)
    *before, last = await _seen(rig.engine, job)
    assert all(seen.status is None for seen in before)
    assert (last.id, last.status, last.outcome, last.complete) == (job, "success", "completed", True)
    assert [(c.exit_code, c.output) for t in last.tasks for c in t.commands] == [(0, "done")]


async def test_nothing_that_was_told_is_taken_back(rig: Rig) -> None:
    seen = await _seen(rig.engine, await rig.engine.submit(rig.quick))
    assert all(later.continues(earlier) for n, earlier in enumerate(seen) for later in seen[n:])
    job = await rig.engine.submit(rig.endless)
    working = await _until_at_work(rig.engine, job)
    assert (await rig.engine.kill(job)).continues(working)


async def test_a_job_that_has_ended_can_be_watched_again(rig: Rig) -> None:
    job = await rig.engine.submit(rig.quick)
    assert (await _seen(rig.engine, job))[-1] == (await _seen(rig.engine, job))[-1]


async def test_two_watchers_both_see_the_end(rig: Rig) -> None:
    job = await rig.engine.submit(rig.quick)
    one, two = await asyncio.gather(_seen(rig.engine, job), _seen(rig.engine, job))
    assert one[-1] == two[-1]
    assert one[-1].status == "success"


async def test_the_same_assignment_twice_is_two_jobs(rig: Rig) -> None:
    one, two = await rig.engine.submit(rig.quick), await rig.engine.submit(rig.quick)
    assert one != two
    assert [(await _seen(rig.engine, job))[-1].id for job in (one, two)] == [one, two]


async def test_kill_stops_a_job_at_once_and_says_what_it_had_begun(rig: Rig) -> None:
    job = await rig.engine.submit(rig.endless)
    await _until_at_work(rig.engine, job)
    killed = await rig.engine.kill(job)
    assert (killed.status, killed.outcome, killed.complete) == ("agentic_failure", "killed", True)
    assert [c.exit_code for t in killed.tasks for c in t.commands] == [None]
    assert (await _seen(rig.engine, job))[-1] == killed
    assert await rig.engine.kill(job) == killed


async def test_kill_right_after_submit_leaves_nothing(rig: Rig) -> None:
    job = await rig.engine.submit(rig.endless)
    assert (await rig.engine.kill(job)).outcome == "killed"


async def test_a_command_that_a_watcher_answers_with_kill_never_runs(rig: Rig, tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    job = await rig.engine.submit(rig.running(f"touch '{marker}'"))
    async with contextlib.aclosing(rig.engine.watch(job)) as snapshots:
        async for seen in snapshots:
            if not any(t.commands for t in seen.tasks):
                continue
            await _seen(rig.engine, await rig.engine.submit(rig.quick))  # all the time that another job needs
            assert not marker.exists()
            assert (await rig.engine.kill(job)).outcome == "killed"
            break
    await _seen(rig.engine, await rig.engine.submit(rig.quick))
    assert not marker.exists()


async def test_kill_ends_what_runs_and_nothing_follows_it(rig: Rig, tmp_path: Path) -> None:
    began, marker = tmp_path / "began", tmp_path / "it went on"
    os.mkfifo(began)
    job = await rig.engine.submit(rig.running(f"sleep 600 & echo $! > '{began}'; wait; touch '{marker}'"))
    watcher = asyncio.create_task(_seen(rig.engine, job))
    inner = os.pidfd_open(int(await asyncio.to_thread(began.read_text)))
    await rig.engine.kill(job)
    ended, _, _ = await asyncio.to_thread(select.select, [inner], [], [], PATIENCE)
    os.close(inner)
    assert ended
    assert (await watcher)[-1].outcome == "killed"
    assert not marker.exists()


async def test_a_watcher_who_leaves_holds_nothing_up(rig: Rig) -> None:
    job = await rig.engine.submit(rig.quick)
    async with contextlib.aclosing(rig.engine.watch(job)) as snapshots:
        assert (await anext(snapshots)).status is None
    assert (await _seen(rig.engine, job))[-1].status == "success"


async def test_a_watcher_sees_that_the_job_was_killed(rig: Rig) -> None:
    job = await rig.engine.submit(rig.endless)
    watcher = asyncio.create_task(_seen(rig.engine, job))
    await _until_at_work(rig.engine, job)
    await rig.engine.kill(job)
    assert (await watcher)[-1].outcome == "killed"


async def test_kill_of_a_job_that_has_ended_changes_nothing(rig: Rig) -> None:
    job = await rig.engine.submit(rig.quick)
    last = (await _seen(rig.engine, job))[-1]
    assert await rig.engine.kill(job) == last


async def test_a_lost_sandbox_is_raised_from_watch_and_kill_still_answers(rig: Rig) -> None:
    job = await rig.engine.submit(rig.lost)
    with pytest.raises(Transient) as raised:
        await _seen(rig.engine, job)
    assert raised.value.cause == "sandbox"
    assert (await rig.engine.kill(job)).outcome == "killed"


async def test_a_job_that_nobody_knows_is_the_providers_fault(rig: Rig) -> None:
    with pytest.raises(Transient, match="not known"):
        await _seen(rig.engine, "nobody's")
    with pytest.raises(Transient, match="not known"):
        await rig.engine.kill("nobody's")


async def test_many_jobs_are_served_at_once(rig: Rig) -> None:
    async def served() -> Job:
        return (await _seen(rig.engine, await rig.engine.submit(rig.quick)))[-1]

    ends = await asyncio.gather(*(served() for _ in range(40)))
    assert [end.status for end in ends] == ["success"] * 40


async def test_an_engine_has_a_version(rig: Rig) -> None:
    assert rig.engine.version
