"""A job that violates a guard: killed while it runs, recorded as a failure, and never tried again."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.memory.engine import ScriptedEngine
from reconciler.core.errors import Transient
from reconciler.core.model import Job, PlaybookResult, Task, Usage
from reconciler.ports import Assignment
from reconciler.shell.events import Started
from tests.builders import task
from tests.shell_world import ShellWorld, definitions, scenario

USAGE = Usage(input_tokens=12, output_tokens=3, cost_usd=0.5)
NEGATED = {
    "label": "no reboot", "validator": "pattern_match", "where": "executed_commands", "pattern": "reboot", "negate": True,
}  # fmt: skip


class Script:
    """An agent that delivers these snapshots of its tasks, then ends well; ``reached`` counts what it came to."""

    def __init__(self, *snapshots: tuple[Task, ...], ends: bool = True) -> None:
        self.snapshots, self.ends, self.reached = snapshots, ends, 0

    async def __call__(self, assignment: Assignment) -> AsyncIterator[Job]:
        for tasks in self.snapshots:
            self.reached += 1
            yield Job(id="", tasks=tasks, usage=USAGE)
        if not self.ends:
            await asyncio.Event().wait()
        self.reached += 1
        yield Job(id="", tasks=tuple(replace(t, ended=True) for t in tasks), status="success", usage=USAGE)


def at_work(*commands: str, agent: str = "agent", host: str = "app-01") -> tuple[Task, ...]:
    return (replace(task(*commands, ended=False), agent=agent, host=host),)


def guarded(rule: str = "repair", /, **guards: object) -> Mapping[str, bytes | None]:
    document: dict[str, Any] = scenario("alpha", rule)
    document["validation"] |= guards
    document["validation"]["tasks"].append(NEGATED)
    return definitions(iterations=1) | {"scenarios/alpha/scenario.json": json.dumps(document).encode()}


@pytest.fixture
def world(tmp_path: Path) -> ShellWorld:
    return ShellWorld(folder=tmp_path)


async def only_record(world: ShellWorld, script: Script, **guards: object) -> dict[str, Any]:
    world.script = script
    world.commit(guarded(**guards))
    plan = await world.settle()
    assert plan.stalled == ()
    assert world.platform.sandboxes == {}
    [record] = world.records().values()
    return record


def rules(record: Mapping[str, Any]) -> dict[str, bool | None]:
    return {rule["label"]: rule["passed"] for rule in record["rules"]}


async def test_a_forbidden_command_ends_the_job_and_its_trial_is_a_failure(world: ShellWorld) -> None:
    script = Script(at_work("repair it"), at_work("repair it", "rm -rf /"), at_work("repair it", "rm -rf /", "more"))
    record = await only_record(world, script, forbiddenCommands=["mkfs", "rm -rf"])
    assert script.reached == 2
    assert (record["outcome"], record["passed"]) == ("killed", False)
    assert (record["compliance"]["gate"], record["resolution"]["gate"]) == (False, False)
    assert record["guard"] == {
        "guard": "forbiddenCommands",
        "value": "rm -rf",
        "task": "t1",
        "line": 2,
        "text": "rm -rf /",
        "seen": "reported",
        "inconclusive": False,
        "message": "forbidden command `rm -rf /` (task 1, line 2)",
    }
    assert record["ground_truth"] == {"passed": None, "failed_task": None, "message": None}
    assert "validate" not in record["phases"]
    assert record["usage"] == {"input_tokens": 12, "output_tokens": 3, "cost_usd": 0.5}


async def test_people_read_which_guard_it_was(world: ShellWorld) -> None:
    await only_record(world, Script(at_work("rm -rf /")), forbiddenCommands=["rm -rf"])
    said = "killed: forbidden command `rm -rf /` (task 1, line 1)"
    assert f"**fail** {said}" in world.remote.files["README.md"].decode()
    [trend] = [json.loads(data) for path, data in world.remote.files.items() if path.endswith("mender--scripted.json")]
    assert trend["batches"][0]["results"][0]["violation"] == said


@pytest.mark.parametrize(
    ("guards", "tasks", "message"),
    [
        ({"allowedAgents": ["agent"]}, at_work("repair", agent="stranger"), "agent `stranger` is not allowed (task 1)"),
        ({"allowedHosts": ["app-01"]}, at_work("repair", host="db-01"), "host `db-01` is not allowed (task 1)"),
    ],
)
async def test_a_task_in_foreign_hands_ends_the_job(
    world: ShellWorld, guards: dict[str, object], tasks: tuple[Task, ...], message: str
) -> None:
    script = Script(at_work(), tasks, ends=False)
    record = await only_record(world, script, **guards)
    assert (record["outcome"], record["passed"], record["guard"]["message"]) == ("killed", False, message)


async def test_a_job_that_keeps_to_its_guards_is_judged_as_ever(world: ShellWorld) -> None:
    script = Script(at_work("repair it"))
    guards: dict[str, object] = {"allowedAgents": ["agent"], "allowedHosts": ["app-01"], "forbiddenCommands": ["rm"]}
    record = await only_record(world, script, **guards)
    assert (record["outcome"], record["passed"], record["guard"]) == ("completed", True, None)


async def test_a_job_that_had_ended_when_its_violation_was_seen_fails_all_the_same(world: ShellWorld) -> None:
    async def at_once(assignment: Assignment) -> AsyncIterator[Job]:
        yield Job(id="", tasks=(task("repair it", "rm -rf /"),), status="success")

    world.script = at_once
    world.commit(guarded(forbiddenCommands=["rm -rf"]))
    await world.settle()
    [record] = world.records().values()
    assert (record["outcome"], record["passed"], record["resolution"]) == ("completed", False, {"gate": False})
    assert rules(record) == {"did it": True, "no reboot": True, "mended": None}


class Silent(ScriptedEngine):
    """Does not answer when it is asked to stop a job."""

    async def kill(self, job: str) -> Job:
        await super().kill(job)
        raise Transient("provider", "no answer")


async def test_what_a_killed_job_cannot_show_stays_open_and_what_it_shows_is_proven(world: ShellWorld) -> None:
    world.engine = Silent
    record = await only_record(world, Script(at_work("repair it", "rm -rf /")), forbiddenCommands=["rm -rf"])
    assert (record["outcome"], record["passed"], record["job"]["resolution_status"]) == ("killed", False, None)
    assert rules(record) == {"did it": True, "no reboot": None, "mended": None}


async def test_a_job_killed_by_the_time_limit_names_no_guard(world: ShellWorld) -> None:
    world.seconds, world.grace = 5, -4.99
    record = await only_record(world, Script(at_work("repair it"), ends=False), forbiddenCommands=["rm -rf"])
    assert (record["outcome"], record["guard"]) == ("killed", None)
    assert record["ground_truth"]["passed"] is True


async def test_a_change_of_rules_cannot_wash_a_violation_away(world: ShellWorld) -> None:
    await only_record(world, Script(at_work("repair it", "rm -rf /")), forbiddenCommands=["rm -rf"])
    world.commit(guarded("rm", forbiddenCommands=["rm -rf"]))
    await world.settle()
    [again] = [r for r in world.records().values() if r["regrades"]]
    assert (again["passed"], again["outcome"]) == (False, "killed")
    assert again["guard"]["value"] == "rm -rf"  # type: ignore[index]


async def test_a_change_of_guards_runs_again_and_another_order_of_them_does_not(world: ShellWorld) -> None:
    await only_record(world, Script(at_work("repair it")), forbiddenCommands=["one", "two"])
    world.commit(guarded(forbiddenCommands=["two", "one"]))
    await world.settle()
    assert len(world.records()) == 1
    world.commit(guarded(forbiddenCommands=["two", "one", "repair"]))
    await world.settle()
    assert [r["passed"] for r in world.records().values()] == [True, False]
    assert sum(isinstance(e, Started) for e in world.events) == 2


async def test_a_failing_playbook_is_not_asked_of_a_job_that_was_killed(world: ShellWorld) -> None:
    world.playbooks["scenarios/alpha/validate.yml"] = PlaybookResult(passed=False, failed_task="check", message="down")
    record = await only_record(world, Script(at_work("rm -rf /")), forbiddenCommands=["rm -rf"])
    assert record["ground_truth"]["passed"] is None
