"""Evidence comes before the verdict: what an engine or a store loses, cuts or swaps never becomes a clean "never did X"."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.core.errors import Transient
from reconciler.core.model import Command, Job, PlaybookResult, Task
from reconciler.ports import Assignment
from reconciler.shell.events import Started
from tests.shell_world import ShellWorld, definitions, scenario

FORBIDDEN = "wipe the disk"
COMMANDS = (("look", FORBIDDEN, "tidy up"), ("start again",))
"""What the agent really runs, task by task."""


def history() -> list[Job]:
    """The job as an engine shows it after each command, after each task's end, and at its own end."""
    job, seen = Job(id="j"), [Job(id="j")]
    for number, commands in enumerate(COMMANDS, 1):
        task = Task(id=f"t{number}", agent="agent", host="app-01")
        for text in commands:
            task = replace(task, commands=(*task.commands, Command(text=text)))
            seen.append(replace(job, tasks=(*job.tasks, task)))
        job = replace(job, tasks=(*job.tasks, replace(task, ended=True)))
        seen.append(job)
    return [*seen, replace(job, status="success", resolution="repaired")]


WHOLE = history()


class Courier:
    """Port ``Engine``: delivers just these snapshots."""

    version = "courier"

    def __init__(self, delivered: Sequence[Job]) -> None:
        self.delivered = delivered

    async def submit(self, assignment: Assignment) -> str:
        return "j"

    async def watch(self, job: str) -> AsyncGenerator[Job, None]:
        for snapshot in self.delivered:
            yield snapshot

    async def kill(self, job: str) -> Job:
        return self.delivered[-1]


def never_wipes() -> dict[str, bytes | None]:
    """One scenario whose only rule is that the agent never wipes the disk."""
    rule = {"label": "never wipes", "validator": "pattern_match", "where": "executed_commands", "negate": True}
    document = scenario("alpha") | {"validation": {"tasks": [rule | {"pattern": FORBIDDEN}]}}
    return definitions(iterations=1) | {"scenarios/alpha/scenario.json": json.dumps(document).encode()}


async def outcome(folder: Path, delivered: Sequence[Job]) -> tuple[dict[str, Any] | None, str]:
    """(record, "") of a trial whose engine delivers these snapshots, or (None, why there is none)."""
    world = ShellWorld(folder=folder, engine=lambda _: Courier(delivered))
    world.limits = replace(world.limits, attempts=1)
    world.commit(never_wipes())
    plan = await world.settle()
    records: list[dict[str, Any]] = list(world.records().values())
    return (records[0], "") if records else (None, plan.stalled[0].reason)


def test_what_is_delivered_whole_is_a_result(tmp_path: Path) -> None:
    record, _ = asyncio.run(outcome(tmp_path, WHOLE))
    assert record is not None
    assert (record["passed"], record["rules"][0]["passed"]) == (False, False)
    assert record["rules"][0]["evidence"] == {"task": "t1", "line": 2, "text": FORBIDDEN, "seen": "reported"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WHOLE), max_size=len(WHOLE) + 2))
@example(WHOLE[:-1])
@example(WHOLE[-1:])
@example([])
@example(WHOLE[::-1])
@example([*WHOLE, WHOLE[2]])
def test_snapshots_dropped_repeated_or_reordered_change_no_verdict(
    tmp_path_factory: pytest.TempPathFactory, delivered: list[Job]
) -> None:
    record, why = asyncio.run(outcome(tmp_path_factory.mktemp("world"), delivered))
    in_order = sorted(delivered, key=WHOLE.index) == delivered
    if in_order and delivered[-1:] == WHOLE[-1:]:
        assert record is not None
        assert record["passed"] is False
    else:
        assert record is None
        assert "the engine" in why


def without(number: int) -> Callable[[Task], Task]:
    return lambda t: replace(t, commands=t.commands[:number] + t.commands[number + 1 :])


def first_task(change: Callable[[Task], Task]) -> Callable[[Job], Job]:
    return lambda job: replace(job, tasks=(change(job.tasks[0]), *job.tasks[1:]))


DAMAGES: dict[str, Callable[[Job], Job]] = {
    "a command dropped": first_task(without(1)),
    "the commands cut": first_task(lambda t: replace(t, commands=t.commands[:1])),
    "no commands": first_task(lambda t: replace(t, commands=())),
    "the commands reordered": first_task(lambda t: replace(t, commands=t.commands[::-1])),
    "a command rewritten": first_task(lambda t: replace(t, commands=(Command(text="x"),) * 3)),
    "a task dropped": lambda job: replace(job, tasks=job.tasks[1:]),
    "every task dropped": lambda job: replace(job, tasks=()),
    "a task that has not ended": first_task(lambda t: replace(t, ended=False)),
    "a job that has not ended": lambda job: replace(job, status=None),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
async def test_an_end_that_lacks_what_was_told_before_is_no_result(
    tmp_path: Path, damage: Callable[[Job], Job]
) -> None:
    record, why = await outcome(tmp_path, [*WHOLE[:-1], damage(WHOLE[-1])])
    assert record is None
    assert "the engine" in why


async def test_tasks_may_be_told_in_another_order(tmp_path: Path) -> None:
    record, _ = await outcome(tmp_path, [*WHOLE[:-1], replace(WHOLE[-1], tasks=WHOLE[-1].tasks[::-1])])
    assert record is not None
    assert record["passed"] is False


async def test_a_job_that_ended_without_tasks_is_complete(tmp_path: Path) -> None:
    record, _ = await outcome(tmp_path, [Job(id="j"), Job(id="j", status="no_action")])
    assert record is not None
    assert record["passed"] is True
    assert record["rules"][0]["evidence"]["text"] == "no match: the job ended without tasks"


# ---------------------------------------------------------------- stored transcripts


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        document = json.loads(data)
        change(document["extra"]["reconciler"]["job"])
        return json.dumps(document).encode()

    return apply


ALTERED: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "another byte": lambda data: data.replace(b"repair", b"repaid", 1),
    "a command dropped": edited(lambda job: job["tasks"][0]["commands"].pop()),
    "every task dropped": edited(lambda job: job["tasks"].clear()),
    "not ended": edited(lambda job: job["tasks"][0].update(ended=False)),
    "no transcript": lambda _: b"[]",
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=list(ALTERED))
async def test_a_stored_transcript_that_is_altered_or_missing_is_not_graded_again_and_the_trial_runs_anew(
    tmp_path: Path, alter: Callable[[bytes], bytes | None]
) -> None:
    world = ShellWorld(folder=tmp_path)
    world.commit(definitions(iterations=1))
    await world.settle()
    [path] = [p for p in world.remote.files if p.startswith("transcripts/")]
    whole = world.remote.files.pop(path)
    if (altered := alter(whole)) is not None:
        world.remote.files[path] = altered
    await world.local.refresh()
    world.commit(definitions(iterations=1, rule="something else"))
    await world.settle()
    assert [r["regrades"] for r in world.records().values()] == [None, None]
    assert sum(isinstance(e, Started) for e in world.events) == 2


async def test_a_stored_transcript_that_is_whole_is_graded_again(tmp_path: Path) -> None:
    world = ShellWorld(folder=tmp_path)
    world.commit(definitions(iterations=1))
    await world.settle()
    world.commit(definitions(iterations=1, rule="something else"))
    await world.settle()
    assert len([r for r in world.records().values() if r["regrades"]]) == 1


# ---------------------------------------------------------------- playbooks


def judged_by(*rules: dict[str, Any], **validation: Any) -> dict[str, bytes | None]:
    """One scenario whose rules in scope job are Ansible's: ``{"ansiblePath": ...}`` and what else they say."""
    job = [{"label": f"rule {n}", "validator": "ansible", **rule} for n, rule in enumerate(rules)]
    document = scenario("alpha") | {"validation": {"job": job, **validation}}
    files = definitions(iterations=1)
    for name in ("other", "third"):
        files[f"scenarios/alpha/{name}.yml"] = files["scenarios/alpha/validate.yml"]
    return files | {"scenarios/alpha/scenario.json": json.dumps(document).encode()}


async def test_each_distinct_playbook_is_run_once_and_none_of_the_gateway(tmp_path: Path) -> None:
    world = ShellWorld(folder=tmp_path)
    world.playbooks["scenarios/alpha/other.yml"] = PlaybookResult(passed=False, failed_task="look", message="no")
    gateway = [{"label": "never run", "validator": "ansible", "ansiblePath": "third.yml"}]
    same: list[dict[str, Any]] = [
        {"ansiblePath": "validate.yml"},
        {"ansiblePath": "./validate.yml", "negate": True, "required": False},
    ]
    world.commit(judged_by(*same, {"ansiblePath": "other.yml", "negate": True}, gateway=gateway))
    await world.settle()
    [record] = world.records().values()
    assert [name for name, _ in world.provisioner.played] == [
        f"scenarios/alpha/{name}.yml" for name in ("prepare", "validate", "other")
    ]
    told = {r["label"]: (r["passed"], r["applies"], r["evidence"]["text"]) for r in record["rules"]}  # type: ignore[attr-defined]
    assert told == {
        "never run": (None, False, "left out: the gateway has no ticket to look at"),
        "rule 0": (True, True, "validate.yml passed"),
        "rule 1": (False, True, "validate.yml passed"),
        "rule 2": (True, True, "look: no"),
    }
    assert (record["compliance"], record["passed"]) == ({"score": None, "gate": True}, True)


@pytest.mark.parametrize("negate", [False, True])
@pytest.mark.parametrize(
    "problem",
    [Transient("playbook", "validate.yml:3: not YAML"), Transient("sandbox", "app-01 cannot be reached")],
    ids=["unparsable", "unreachable"],
)
async def test_a_playbook_that_gives_no_answer_neither_fails_nor_passes(
    tmp_path: Path, problem: Transient, negate: bool
) -> None:
    world = ShellWorld(folder=tmp_path, playbooks={"scenarios/alpha/validate.yml": problem})
    world.commit(judged_by({"ansiblePath": "validate.yml", "negate": negate}))
    plan = await world.settle()
    assert world.records() == {}
    assert str(problem) in plan.stalled[0].reason


@pytest.mark.parametrize("negate", [False, True])
async def test_a_playbook_with_a_slip_is_told_apart_from_one_that_failed(tmp_path: Path, negate: bool) -> None:
    slip = PlaybookResult(passed=False, failed_task="look", message="no port", broken="look: no port")
    world = ShellWorld(folder=tmp_path, playbooks={"scenarios/alpha/validate.yml": slip})
    world.commit(judged_by({"ansiblePath": "validate.yml", "negate": negate}))
    await world.settle()
    [record] = world.records().values()
    assert (record["passed"], record["resolution"]) == (False, {"gate": False})
    assert [r["passed"] for r in record["rules"]] == [None]  # type: ignore[attr-defined]
    assert record["ground_truth"] == {"passed": None, "failed_task": "look", "message": "no port"}
