import asyncio
import os
import select
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.patterns.search import EcmaPatterns
from reconciler.adapters.runbook.engine import RunbookEngine
from reconciler.app.adapters import Engines
from reconciler.core.errors import Invalid
from reconciler.core.model import EngineSettings, Job, OperationalRule
from reconciler.ports import Assignment, Engine
from tests.local_sandbox import LocalSandbox, make_assignment, make_seat

PATTERNS = EcmaPatterns()


@pytest.fixture(autouse=True, scope="module")
def _patterns_are_closed() -> Iterator[None]:
    yield
    PATTERNS.close()


async def _result(assignment: Assignment, **options: float) -> Job:
    return await _followed(RunbookEngine(clock=WallClock(), patterns=PATTERNS, **options), assignment)


async def _followed(engine: Engine, assignment: Assignment) -> Job:
    async for job in engine.watch(await engine.submit(assignment)):
        last = job
    return last


def _bash(*commands: str, flags: str = "") -> str:
    return "\n".join(f"```bash {flags}\n{c}\n```" for c in commands)


async def test_every_section_that_applies_is_a_task_in_document_order() -> None:
    prompt = f"""
## When `DISK|space`
Look first.
{_bash("echo one", "echo two")}
## When `printer`
{_bash("echo never")}
## Always
{_bash("echo three")}
## When `app-\\d+`
{_bash("echo four")}
"""
    job = await _result(make_assignment(make_seat(prompt), title="Disk full", body="on app-01"))
    assert job.status == "success"
    assert [[c.text for c in t.commands] for t in job.tasks] == [
        ["echo one", "echo two"],
        ["echo three"],
        ["echo four"],
    ]
    assert [t.plan for t in job.tasks] == ["Look first.", "", ""]
    assert '- Section "When `printer`" on app-01 does not apply' in job.plan
    assert 'finds "Disk" in the ticket\'s title' in job.tasks[0].messages[0]
    assert 'finds "app-01" in the ticket\'s body' in job.tasks[2].messages[0]


async def test_without_a_section_that_applies_nothing_is_done() -> None:
    sandbox = LocalSandbox()
    job = await _result(make_assignment(make_seat(f"## When `printer`\n{_bash('echo no')}", sandbox=sandbox)))
    assert (job.status, job.outcome, job.tasks, sandbox.ran) == ("no_action", "completed", (), [])


async def test_a_command_that_fails_ends_task_and_job() -> None:
    prompt = f"## Always\n{_bash('echo a', 'echo why >&2; exit 3', 'echo never')}\n## Always\n{_bash('echo never')}"
    job = await _result(make_assignment(make_seat(prompt)))
    assert (job.status, job.outcome, job.complete) == ("agentic_failure", "completed", True)
    assert [(c.exit_code, c.output) for t in job.tasks for c in t.commands] == [(0, "a"), (3, "why")]
    assert "exit 3, last line: why" in job.resolution


async def test_a_command_that_may_fail_does_not() -> None:
    prompt = f"## Always\n{_bash('exit 3', flags='may-fail')}\n{_bash('echo on')}"
    job = await _result(make_assignment(make_seat(prompt)))
    assert job.status == "success"
    assert [c.exit_code for c in job.tasks[0].commands] == [3, 0]


async def test_the_summary_says_what_every_command_came_to() -> None:
    prompt = f"## Always\n{_bash('# Look around' + chr(10) + 'echo found it', 'true')}"
    one = await _result(make_assignment(make_seat(prompt)))
    assert one.tasks[0].summary == (
        'Section "Always" on app-01: 2 of 2 commands run.\n- Look around: exit 0, last line: found it\n- true: exit 0'
    )
    two = await _result(make_assignment(make_seat(prompt)))
    assert (one.resolution, one.plan) == (two.resolution, two.plan)


async def test_the_rules_of_the_seat_are_in_every_task() -> None:
    rules = [OperationalRule(name="backup-first", text="Copy before you edit.")]
    job = await _result(make_assignment(make_seat("## Always\na\n## Always\nb\n", rules=rules)))
    assert [t.operational_rules for t in job.tasks] == [("backup-first: Copy before you edit.",)] * 2


async def test_the_job_ends_exhausted_when_its_time_runs_out() -> None:
    prompt = f"## Always\n{_bash('sleep 60', 'echo never')}"
    job = await _result(make_assignment(make_seat(prompt), seconds=0.2))
    assert (job.status, job.outcome, job.complete) == ("agentic_failure", "exhausted", True)
    assert [c.exit_code for c in job.tasks[0].commands] == [124]
    assert "The time of 0.2 s ran out" in job.resolution


async def test_no_command_begins_when_no_time_is_left() -> None:
    sandbox = LocalSandbox()
    job = await _result(make_assignment(make_seat(QUICK, sandbox=sandbox), seconds=0))
    assert (job.outcome, sandbox.ran) == ("exhausted", [])


async def test_a_command_that_hangs_is_a_command_that_failed() -> None:
    job = await _result(make_assignment(make_seat(f"## Always\n{_bash('sleep 60')}")), command_timeout=0.2)
    assert (job.status, job.outcome, job.tasks[0].commands[0].exit_code) == ("agentic_failure", "completed", 124)


async def test_how_long_a_command_may_take_is_a_setting_of_the_engine() -> None:
    settings = EngineSettings(key="quick", adapter="runbook", settings={"command_timeout": "1s"})
    engine = Engines(WallClock(), PATTERNS).get(settings)
    job = await _followed(engine, make_assignment(make_seat(f"## Always\n{_bash('sleep 60')}")))
    assert (job.outcome, job.tasks[0].commands[0].exit_code) == ("completed", 124)


@pytest.mark.parametrize("wrong", [{"comand_timeout": "1s"}, {"command_timeout": 1}, {"command_timeout": "0s"}])
def test_a_setting_that_the_engine_does_not_take_is_refused(wrong: Mapping[str, object]) -> None:
    with pytest.raises(Invalid, match="engine quick"):
        Engines(WallClock(), PATTERNS).get(EngineSettings(key="quick", adapter="runbook", settings=wrong))


async def test_kill_leaves_no_process_of_the_command(tmp_path: Path) -> None:
    fifo = tmp_path / "pids"
    os.mkfifo(fifo)
    engine = RunbookEngine(clock=WallClock(), patterns=PATTERNS)
    prompt = f"## Always\n{_bash(f'sleep 600 & echo $$ $! > {fifo}; wait')}"
    job = await engine.submit(make_assignment(make_seat(prompt)))
    pids = [int(pid) for pid in (await asyncio.to_thread(fifo.read_text)).split()]
    ends = [os.pidfd_open(pid) for pid in pids]
    await engine.kill(job)
    for end in ends:
        # Readable once the process has ended; a SIGKILL that is under way needs a moment.
        readable, _, _ = await asyncio.to_thread(select.select, [end], [], [], 10)
        os.close(end)
        assert readable == [end]


async def test_who_may_only_investigate_runs_what_only_reads_and_ends_partial() -> None:
    prompt = f"## Always\n{_bash('echo look', flags='read-only')}\n{_bash('echo change')}"
    job = await _result(make_assignment(make_seat(prompt, execution_mode="investigate_only")))
    assert (job.status, [c.text for c in job.tasks[0].commands]) == ("partial", ["echo look"])
    assert "1 command left out" in job.tasks[0].summary


async def test_all_seats_work_in_order_each_with_its_own_specialty() -> None:
    web = make_seat(f"## Always\n{_bash('echo web')}", sandbox=LocalSandbox("web-01"), specialty="web")
    idle = make_seat("## When `printer`\n", sandbox=LocalSandbox("idle-01"), specialty="idle")
    db = make_seat(f"## Always\n{_bash('echo db')}", sandbox=LocalSandbox("db-01"), specialty="db")
    job = await _result(make_assignment(web, idle, db))
    assert [(t.agent, t.host, t.commands[0].output) for t in job.tasks] == [
        ("agent-of-web-01", "web-01", "web"),
        ("agent-of-db-01", "db-01", "db"),
    ]


async def test_output_is_bounded_and_need_not_be_text() -> None:
    job = await _result(make_assignment(make_seat(f"## Always\n{_bash('head -c 5000000 /dev/urandom')}")))
    output = job.tasks[0].commands[0].output
    assert "bytes left out" in output
    assert len(output) < 100_000


async def test_a_malformed_pattern_is_invalid_and_names_specialty_and_line() -> None:
    with pytest.raises(Invalid, match=r"specialty linux-administration, line 2 of its body: the pattern `\(`"):
        await RunbookEngine(clock=WallClock(), patterns=PATTERNS).submit(make_assignment(make_seat("\n## When `(`\n")))


async def test_a_pattern_that_takes_for_ever_is_invalid() -> None:
    assignment = make_assignment(make_seat("## When `(?=a)(a+)+$`\n"), title="a" * 40 + "!")
    with pytest.raises(Invalid, match="write a simpler pattern"):
        await RunbookEngine(clock=WallClock(), patterns=PATTERNS).submit(assignment)


async def test_jobs_that_ended_long_ago_are_forgotten() -> None:
    engine = RunbookEngine(clock=WallClock(), patterns=PATTERNS)
    assignment = replace(make_assignment(make_seat("## When `printer`\n")), seconds=5)
    for _ in range(60):
        async for _ in engine.watch(await engine.submit(assignment)):
            pass
    assert len(engine._jobs._jobs) < 40


QUICK = f"## Always\n{_bash('echo done')}"
