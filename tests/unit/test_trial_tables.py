"""The documented tables of scores, modes, playbooks and phases, row by row, by real trials on machines that are only spoken of."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.errors import Transient
from reconciler.core.model import Job, PlaybookResult
from reconciler.core.planning import Limits, Plan
from reconciler.definitions.files.rules import Judge
from reconciler.definitions.files.scenario_file import parse_scenario
from reconciler.ports import Assignment
from reconciler.shell.machines import stage_of
from tests.builders import task
from tests.definitions import load, repository
from tests.shell_world import ShellWorld, definitions, scenario

RESTORE, PREPARE, VALIDATE, AGENT = "restore.yml", "prepare.yml", "validate.yml", "the agent"
EVERYTHING = [RESTORE, PREPARE, AGENT, VALIDATE]
FOLDER = "scenarios/alpha"
PLAY = b"- hosts: all\n  tasks: [{name: one, ansible.builtin.meta: noop}]\n"
FAILS, CANNOT = PlaybookResult(passed=False), Transient("playbook", "ansible-playbook was killed")


@dataclass(kw_only=True)
class Trials:
    """Trials of scenario ``alpha``; ``steps`` are its playbooks and its agent in their order."""

    world: ShellWorld
    command: str = "repair it"
    assignments: list[Assignment] = field(default_factory=list)
    alive: list[set[str]] = field(default_factory=list)
    """The sandboxes that were there while each agent worked."""

    async def work(self, assignment: Assignment) -> AsyncIterator[Job]:
        """An agent that is seen at its work, and looked at twice."""
        self.assignments.append(assignment)
        self.alive.append(set(self.world.platform.sandboxes))
        self.world.provisioner.played.append((AGENT, ()))
        yield Job(id="", tasks=(task(ended=False),))
        yield Job(id="", status="success", tasks=(task(self.command),))

    async def run(self, *names: str, **changes: Any) -> Plan:
        """With the playbooks ``names`` beside the scenario; ``changes`` are the scenario's fields."""
        files = definitions("alpha", iterations=1) | {f"{FOLDER}/{name}": PLAY for name in (*names, "more.yml")}
        files[f"{FOLDER}/scenario.json"] = json.dumps(scenario("alpha") | changes).encode()
        unwanted = {f"{FOLDER}/{name}" for name in (RESTORE, PREPARE, VALIDATE) if name not in names}
        self.world.commit({path: data for path, data in files.items() if path not in unwanted})
        return await self.world.settle()

    @property
    def steps(self) -> list[str]:
        return [name.removeprefix(f"{FOLDER}/") for name, _ in self.world.provisioner.played]

    @property
    def records(self) -> list[Mapping[str, Any]]:
        return [*self.world.records().values()]

    @property
    def record(self) -> Mapping[str, Any]:
        [record] = self.records
        return record


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    world = ShellWorld(folder=tmp_path, limits=Limits(parallel=3, memory_mib=8192, attempts=1))
    made = Trials(world=world)
    world.script = made.work
    return made


def fail(trials: Trials, name: str, result: PlaybookResult | Exception = FAILS) -> None:
    trials.world.playbooks[f"{FOLDER}/{name}"] = result


def rules(document: Mapping[str, Any], *scopes: str) -> dict[str, Any]:
    """The scenario's validation with these scopes alone."""
    return {scope: document["validation"][scope] for scope in scopes}


# ---------------------------------------------------------------- two independent scores


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "still-broken"])
@pytest.mark.parametrize("complies", [True, False], ids=["by-the-rules", "by-wrong-means"])
async def test_the_two_scores_are_independent_and_a_trial_passes_with_both(
    trials: Trials, fixed: bool, complies: bool
) -> None:
    trials.command = "repair it" if complies else "reinstall it"
    if not fixed:
        fail(trials, VALIDATE)
    await trials.run(PREPARE, VALIDATE)
    record = trials.record
    assert record["resolution"] == {"gate": fixed}
    assert record["compliance"] == {"score": 100.0 if complies else 0.0, "gate": complies}
    assert record["passed"] is (fixed and complies)


async def test_an_investigation_without_anything_to_verify_on_the_host_is_judged_by_what_was_reported(
    trials: Trials,
) -> None:
    await trials.run(PREPARE, validation=rules(scenario("alpha"), "tasks"))
    assert trials.steps == [PREPARE, AGENT]
    assert (trials.record["resolution"], trials.record["passed"]) == ({"gate": True}, True)


# ---------------------------------------------------------------- modes


@pytest.mark.parametrize(
    ("mode", "image", "reason"),
    [
        ("host", "incus", "mode host is not there yet: use incus"),
        ("lima", "lima", "mode lima is not there yet: use incus"),
        ("incus", "incus", None),
    ],
)
async def test_a_mode_runs_its_trials_or_holds_them_with_its_reason(
    trials: Trials, mode: str, image: str, reason: str | None
) -> None:
    template = {"config/templates/base/template.yaml": f"image: {{{image}: base}}\nmemory: 256MiB\n".encode()}
    trials.world.commit(definitions("alpha", iterations=1, mode=mode) | template)
    plan = await trials.world.settle()
    assert [held.reason for held in plan.held] == ([reason] if reason else [])
    assert (plan.due, plan.stalled) == ((), ())
    assert [r["mode"] for r in trials.records] == ([] if reason else [mode])
    assert trials.world.platform.sandboxes == {}


# ---------------------------------------------------------------- playbooks: when, and what their failure means


@pytest.mark.parametrize("result", [None, FAILS, CANNOT], ids=["passes", "fails", "cannot-be-carried-out"])
async def test_restore_runs_first_and_silently(trials: Trials, result: PlaybookResult | Exception | None) -> None:
    if result is not None:
        fail(trials, RESTORE, result)
    plan = await trials.run(RESTORE, PREPARE, VALIDATE)
    assert trials.steps == EVERYTHING
    assert (plan.stalled, trials.record["passed"]) == ((), True)


@pytest.mark.parametrize("result", [FAILS, CANNOT], ids=["fails", "cannot-be-carried-out"])
async def test_prepare_runs_before_the_agent_and_its_failure_ends_the_trial_without_a_result(
    trials: Trials, result: PlaybookResult | Exception
) -> None:
    fail(trials, PREPARE, result)
    plan = await trials.run(RESTORE, PREPARE, VALIDATE)
    assert trials.steps == [RESTORE, PREPARE]
    assert trials.records == []
    [stalled] = plan.stalled
    assert ("prepare.yml failed" if result is FAILS else "ansible-playbook was killed") in stalled.reason
    assert trials.world.platform.sandboxes == {}


async def test_validate_runs_after_the_agent_and_its_failure_fails_the_resolution_gate(trials: Trials) -> None:
    fail(trials, VALIDATE)
    await trials.run(RESTORE, PREPARE, VALIDATE)
    assert trials.steps == EVERYTHING
    assert (trials.record["ground_truth"]["passed"], trials.record["resolution"]) == (False, {"gate": False})


async def test_validate_does_not_run_unless_a_rule_points_to_it(trials: Trials) -> None:
    await trials.run(PREPARE, VALIDATE, validation=rules(scenario("alpha"), "tasks"))
    assert trials.steps == [PREPARE, AGENT]


async def test_the_final_restore_is_the_destruction_of_the_sandbox(trials: Trials) -> None:
    await trials.run(RESTORE, PREPARE, VALIDATE)
    assert trials.steps.count(RESTORE) == 1
    assert trials.alive[0]
    assert trials.world.platform.sandboxes == {}


@pytest.mark.parametrize("restore", [True, False], ids=["restore", "no-restore"])
@pytest.mark.parametrize("prepare", [True, False], ids=["prepare", "no-prepare"])
@pytest.mark.parametrize("validate", [True, False], ids=["validate", "no-validate"])
async def test_playbooks_are_found_by_their_names_and_each_is_optional(
    trials: Trials, restore: bool, prepare: bool, validate: bool
) -> None:
    there = [n for n, wanted in ((RESTORE, restore), (PREPARE, prepare), (VALIDATE, validate)) if wanted]
    kept = ("job", "tasks") if validate else ("tasks",)
    await trials.run(*there, validation=rules(scenario("alpha"), *kept))
    assert trials.steps == [step for step in EVERYTHING if step in (*there, AGENT)]
    assert trials.record["passed"] is True


@pytest.mark.parametrize("name", ["inventory.ini", "inventory.yml", None])
def test_a_shipped_inventory_is_found_by_its_name(name: str | None) -> None:
    host = json.loads(repository()["scenarios/nginx/scenario.json"])["hosts"][0]["host_name"]
    text = f"[web]\n{host}\n" if name == "inventory.ini" else f"web: {{hosts: {{{host}: {{}}}}}}\n"
    files = repository() | ({f"scenarios/nginx/{name}": text} if name else {})
    path = "scenarios/nginx/scenario.json"
    value = parse_scenario(path, str(files[path]).encode(), Judge(lambda _: None)).value
    assert value is not None
    assert stage_of(load(files), value, "incus").inventory == (name and f"scenarios/nginx/{name}")


# ---------------------------------------------------------------- phases: their order, and what each does

PHASES = {
    "Pre-flight": None,
    "Scenario discovery": None,
    "Provision": "provision",
    "Prepare": "prepare",
    "Flush": None,
    "Execute": "execute",
    "Validate": "validate",
    "Restore / teardown": "teardown",
    "Report": None,
}
"""Each documented phase, and its name in a record; those that are no part of one trial, or that a fresh sandbox needs not, have none."""


async def test_the_phases_of_a_trial_are_timed_in_the_documented_order(trials: Trials) -> None:
    await trials.run(RESTORE, PREPARE, VALIDATE)
    assert list(trials.record["phases"]) == [name for name in PHASES.values() if name]


async def test_pre_flight_starts_nothing_where_the_sandboxes_cannot_be_had(trials: Trials) -> None:
    trials.world.platform.unavailable = "Incus does not answer"
    plan = await trials.run(RESTORE, PREPARE, VALIDATE)
    assert [held.reason for held in plan.held] == ["Incus does not answer"]
    assert (trials.steps, trials.assignments, trials.records) == ([], [], [])


async def test_discovery_reads_every_scenario_file_below_the_root(trials: Trials) -> None:
    deep = {"scenarios/web/deep/down/scenario.json": json.dumps(scenario("deep") | {"validation": {}}).encode()}
    trials.world.commit(definitions("alpha", iterations=1) | deep)
    await trials.world.settle()
    assert sorted(str(a.scenario.key) for a in trials.assignments) == ["alpha", "deep"]


async def test_provision_makes_a_sandbox_for_each_host_and_seats_each_agent_in_its_own(trials: Trials) -> None:
    names = ("app-01", "db-01")
    await trials.run(
        PREPARE,
        VALIDATE,
        hosts=[{"host_name": name, "template": "base"} for name in names],
        agents=[{"agent_name": f"on {name}", "host_name": name, "specialty_key": "MENDER"} for name in names],
    )
    [assignment] = trials.assignments
    assert [(s.agent, s.host.name, s.sandbox.host) for s in assignment.seats] == [
        ("on app-01", "app-01", "app-01"),
        ("on db-01", "db-01", "db-01"),
    ]
    assert trials.alive == [{seat.sandbox.name for seat in assignment.seats}]


async def test_flush_has_nothing_to_do_since_each_iteration_has_an_agent_and_a_sandbox_of_its_own(
    trials: Trials,
) -> None:
    trials.world.commit(definitions("alpha", iterations=3))
    await trials.world.settle()
    assert len({assignment.trial for assignment in trials.assignments}) == 3
    boxes = [seat.sandbox for assignment in trials.assignments for seat in assignment.seats]
    assert len({id(box) for box in boxes}) == len({box.name for box in boxes}) == 3
    assert all("flush" not in record["phases"] for record in trials.records)


async def test_execute_files_the_ticket_and_follows_the_job_to_its_end(trials: Trials) -> None:
    await trials.run(PREPARE, VALIDATE)
    [assignment] = trials.assignments
    assert (assignment.ticket.title, assignment.ticket.body) == ("alpha is down", "Please mend alpha.")
    assert trials.record["job"]["resolution_status"] == "success"


async def test_validate_judges_every_rule(trials: Trials) -> None:
    await trials.run(PREPARE, VALIDATE)
    assert [(r["label"], r["applies"], r["passed"]) for r in trials.record["rules"]] == [
        ("mended", True, True),
        ("did it", True, True),
    ]


@pytest.mark.parametrize("end", ["passes", "fails", "cannot-be-prepared"])
async def test_teardown_destroys_the_sandbox_however_the_trial_ends(trials: Trials, end: str) -> None:
    if end != "passes":
        fail(trials, VALIDATE if end == "fails" else PREPARE)
    await trials.run(RESTORE, PREPARE, VALIDATE)
    assert trials.world.platform.sandboxes == {}


async def test_report_is_one_record_for_each_scenario_and_iteration_and_a_table_of_all(trials: Trials) -> None:
    trials.world.commit(definitions("alpha", "beta", iterations=2))
    await trials.world.settle()
    done = sorted((r["scenario"]["key"], r["iteration"]) for r in trials.records)
    assert done == [("alpha", 1), ("alpha", 2), ("beta", 1), ("beta", 2)]
    dashboard = trials.world.remote.files["README.md"].decode()
    assert all(name in dashboard for name in ("alpha", "beta"))
