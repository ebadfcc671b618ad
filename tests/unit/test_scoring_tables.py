"""The documented tables of rules, row by row: every validator, target and scope, required or not, negated or not."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model import Command, Job, PlaybookResult, Resolution, Scenario, Task, TicketState
from reconciler.core.scoring import Score, score
from reconciler.definitions.files.rules import Judge
from reconciler.definitions.files.scenario_file import parse_scenario
from reconciler.definitions.files.values import Parsed

PATH = "scenarios/x/scenario.json"
NEW = {"title": "t", "description": "internal", "ticket_title": "t", "ticket_body": "Please mend it."}
OLD = {"name": "t", "description": "@agent please mend it."}
VERSIONS = {"0.3.0": OLD, "0.4": OLD, "0.7": NEW, "0.8": NEW}
OLD_STATUSES = ("success", "agentic_failure", "hard_failure", "no_tasks_created")
NEW_STATUSES: tuple[Resolution, ...] = ("success", "agentic_failure", "hard_failure", "partial", "no_action")
STATUSES = {"0.3.0": OLD_STATUSES, "0.4": OLD_STATUSES, "0.7": NEW_STATUSES, "0.8": NEW_STATUSES}

SCOPE_OF_TARGET = {
    "executed_commands": "tasks",
    "task_summary": "tasks",
    "task_description": "tasks",
    "task_plan": "tasks",
    "agent_messages": "tasks",
    "operational_rules": "tasks",
    "job_resolution": "job",
    "job_plan": "job",
    "gateway_messages": "gateway",
    "gateway_summary": "gateway",
}
RULES: dict[str, dict[str, Any]] = {
    **{w: {"validator": "pattern_match", "where": w, "pattern": "NEEDLE"} for w in SCOPE_OF_TARGET},
    "job_resolution_status": {"validator": "job_resolution_status", "pattern": "success"},
    "ticket_status": {"validator": "ticket_status", "pattern": "resolved"},
    "task_count": {"validator": "task_count", "min": 1, "max": 3},
    "ansible": {"validator": "ansible", "ansiblePath": "validate.yml"},
}
SCOPES = ("gateway", "job", "tasks")
PLACES = [(scope, name, SCOPE_OF_TARGET.get(name, scope) == scope) for scope in SCOPES for name in RULES]
FLAGS = [{"required": r, "negate": n} for r in (True, False) for n in (True, False)]


def file_text(version: str, validation: dict[str, Any]) -> str:
    return json.dumps({"key": "x", **VERSIONS[version], "validation": validation}, indent=1)


def parsed(version: str, **validation: Any) -> Parsed[Scenario]:
    return parse_scenario(PATH, file_text(version, validation).encode(), Judge(lambda _: None))


def search(pattern: str, text: str) -> tuple[int, int] | None:
    found = re.search(pattern, text, re.IGNORECASE)
    return found.span() if found else None


def found(of: Scenario | None, job: Job, *, fixed: bool = True) -> Score:
    assert of is not None
    return score(of.rules, job, {"validate.yml": PlaybookResult(passed=fixed)}, search)


def job(word: str, *, status: Resolution, tasks: int, ticket: str | None = None) -> Job:
    """Every text of the job holds ``word``, though only in the last of its tasks."""

    def one(number: int) -> Task:
        said = word if number == tasks else "nothing"
        return Task(
            id=f"t{number}",
            agent="agent",
            host="app-01",
            description=said,
            plan=said,
            summary=said,
            commands=(Command(text="true"), Command(text=said)),
            messages=("so", said),
            operational_rules=("be kind", said),
            ended=True,
        )

    return Job(
        id="j",
        status=status,
        plan=word,
        resolution=word,
        tasks=tuple(map(one, range(1, tasks + 1))),
        ticket=None if ticket is None else TicketState(status=ticket, messages=("hello", word), summary=word),
    )


HOLDS, FAILS = job("a needle", status="success", tasks=2), job("hay", status="partial", tasks=4)


@pytest.mark.parametrize(("scope", "name"), [(scope, name) for scope, name, legal in PLACES if not legal])
def test_a_target_that_its_scope_does_not_have_is_an_error_with_its_place(scope: str, name: str) -> None:
    for version, flags in itertools.product(VERSIONS, FLAGS):
        validation = {scope: [{"label": "r", **RULES[name], **flags}]}
        [finding] = parsed(version, **validation).findings
        assert (finding.severity, finding.rule, finding.path) == ("error", "misplaced-field", PATH)
        assert finding.message == f"{name} is not known in scope {scope}"
        assert finding.hint == f"move the rule to validation.{SCOPE_OF_TARGET[name]}"
        line = file_text(version, validation).splitlines()[finding.line - 1]
        assert line[finding.column - 1 :].startswith(f'"{name}"')


@pytest.mark.parametrize(("scope", "name"), [(scope, name) for scope, name, legal in PLACES if legal])
@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: "-".join(f"{k}={v}" for k, v in flags.items()))
@pytest.mark.parametrize(("evidence", "holds"), [(HOLDS, True), (FAILS, False)], ids=["holds", "fails"])
def test_every_combination_gives_the_documented_answer(
    scope: str, name: str, flags: dict[str, bool], evidence: Job, holds: bool
) -> None:
    for version in VERSIONS:
        scored = found(
            parsed(version, **{scope: [{"label": "r", **RULES[name], **flags}]}).value, evidence, fixed=holds
        )
        [result] = scored.rules
        assert result.evidence.text
        told = (result.applies, result.passed, scored.compliance, scored.compliance_gate, scored.resolution_gate)
        passed = holds != flags["negate"]
        gate = passed or not flags["required"]
        if scope == "gateway" or name == "ticket_status":
            assert told == (False, None, None, True, True)
        elif name == "ansible":
            assert told == (True, passed, None, True, gate)
        else:
            assert told == (True, passed, 100.0 if passed else 0.0, gate, gate)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_defaults_are_required_and_not_negated(version: str) -> None:
    value = parsed(version, job=[{"label": "r", **RULES["job_plan"]}]).value
    assert value is not None
    assert [(r.required, r.negate) for r in value.rules] == [(True, False)]


def statuses() -> Iterator[Any]:
    for version, names in STATUSES.items():
        for name in names:
            for written in (name, name.upper(), f" {name} "):
                yield pytest.param(version, name, written, id=f"{version}-{written}")


@pytest.mark.parametrize(("version", "name", "written"), list(statuses()))
def test_each_versions_statuses_are_the_newest_ones_whole_and_without_case(
    version: str, name: str, written: str
) -> None:
    file = parsed(version, job=[{"label": "r", "validator": "job_resolution_status", "pattern": written}])
    newest = "no_action" if name == "no_tasks_created" else name
    matching = [s for s in NEW_STATUSES if found(file.value, replace(HOLDS, status=s)).passed]
    assert matching == [newest]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("pattern", ["succ", "success|partial", ".*", "", "no_actions"])
def test_a_status_is_no_pattern(version: str, pattern: str) -> None:
    file = parsed(version, job=[{"label": "r", "validator": "job_resolution_status", "pattern": pattern}])
    assert [(f.rule, f.message.split(" '")[0]) for f in file.findings] == [
        ("unknown-value", "there is no resolution status")
    ]


@pytest.mark.parametrize(
    ("bounds", "holding"),
    [
        ({"min": 2}, {2, 3, 4}),
        ({"max": 2}, {0, 1, 2}),
        ({"min": 1, "max": 3}, {1, 2, 3}),
        ({"min": 2, "max": 2}, {2}),
        ({"max": 0}, {0}),
        ({"min": 0}, {0, 1, 2, 3, 4}),
    ],
)
def test_the_bounds_of_a_task_count_are_inclusive_and_a_bound_left_out_is_none(
    bounds: dict[str, int], holding: set[int]
) -> None:
    value = parsed("0.8", job=[{"label": "r", "validator": "task_count", **bounds}]).value
    assert {n for n in range(5) if found(value, job("x", status="success", tasks=n)).passed} == holding


@pytest.mark.parametrize("name", [w for w, scope in SCOPE_OF_TARGET.items() if scope == "tasks"])
@pytest.mark.parametrize(("tasks", "holds"), [(0, False), (1, True), (5, True)])
def test_a_rule_on_tasks_holds_on_any_task_and_negated_on_none(name: str, tasks: int, holds: bool) -> None:
    evidence = job("needle", status="no_action" if tasks == 0 else "success", tasks=tasks)
    for negate in (False, True):
        value = parsed("0.8", tasks=[{"label": "r", **RULES[name], "negate": negate}]).value
        assert found(value, evidence).passed is (holds != negate)


@pytest.mark.parametrize("name", ["gateway_messages", "gateway_summary", "ticket_status"])
@pytest.mark.parametrize("negate", [True, False])
@pytest.mark.parametrize(("word", "status", "holds"), [("Needle", "Resolved", True), ("hay", "resolved later", False)])
def test_gateway_rules_are_judged_where_the_gateway_has_tickets(
    name: str, negate: bool, word: str, status: str, holds: bool
) -> None:
    value = parsed("0.4", gateway=[{"label": "r", **RULES[name], "negate": negate}]).value
    scored = found(value, job(word, status="success", tasks=1, ticket=status))
    assert (scored.rules[0].applies, scored.rules[0].passed) == (True, holds != negate)


GOOD, BAD = "good.yml", "bad.yml"


@pytest.mark.parametrize(
    ("playbooks", "gate"),
    [
        ([(GOOD, {}), (BAD, {})], False),
        ([(GOOD, {}), (BAD, {"required": False})], True),
        ([(GOOD, {}), (BAD, {"negate": True})], True),
        ([(GOOD, {"negate": True})], False),
        ([(GOOD, {"negate": True, "required": False})], True),
        ([(BAD, {"required": False})], True),
        ([(GOOD, {}), (GOOD, {"negate": True})], False),
    ],
)
def test_the_resolution_gate_needs_every_required_ansible_rule(
    playbooks: list[tuple[str, dict[str, bool]]], gate: bool
) -> None:
    rules = [{"label": p, "validator": "ansible", "ansiblePath": p, **more} for p, more in playbooks]
    value = parsed("0.8", job=rules, tasks=[{"label": "fails", **RULES["task_plan"]}]).value
    assert value is not None
    truth = {GOOD: PlaybookResult(passed=True), BAD: PlaybookResult(passed=False)}
    scored = score(value.rules, FAILS, truth, search)
    assert (scored.resolution_gate, scored.compliance_gate, scored.compliance) == (gate, False, 0.0)


COMPLETE: dict[str, dict[str, Any]] = {
    "pattern_match": {"pattern": "x", "where": "task_plan"},
    "job_resolution_status": {"pattern": "success"},
    "ticket_status": {"pattern": "resolved"},
    "task_count": {"min": 1, "max": 3},
    "ansible": {"ansiblePath": "validate.yml"},
}
FIELDS = {"pattern": "success", "where": "task_plan", "min": 1, "max": 3, "ansiblePath": "validate.yml"}


def told(rule: dict[str, Any]) -> list[tuple[str, str]]:
    """The lint rule and the message of everything that is wrong with a rule in scope tasks, in every version alike."""
    said = [[(str(f.rule), f.message) for f in parsed(version, tasks=[rule]).findings] for version in VERSIONS]
    assert all(one == said[0] for one in said)
    return said[0]


@pytest.mark.parametrize("name", COMPLETE)
def test_a_rule_has_a_label_and_a_validator_with_just_its_own_fields(name: str) -> None:
    rule = {"label": "r", "validator": name, **COMPLETE[name]}
    assert told(rule) == []
    for common in ("label", "validator"):
        assert [kind for kind, _ in told({k: v for k, v in rule.items() if k != common})] == ["missing-field"]
    for field in FIELDS.keys() - COMPLETE[name].keys():
        assert told(rule | {field: FIELDS[field]}) == [("misplaced-field", f"{field} says nothing to {name}")]
    for field in COMPLETE[name]:
        left = {k: v for k, v in rule.items() if k != field}
        assert told(left) == ([] if name == "task_count" else [("missing-field", f"rule 'r': {field} is missing")])
    if name == "task_count":
        assert told({"label": "r", "validator": name}) == [("missing-field", "rule 'r': min or max is missing")]


@pytest.mark.parametrize("field", ["required", "negate"])
@pytest.mark.parametrize("value", ["true", 1, None])
def test_required_and_negate_are_true_or_false(field: str, value: object) -> None:
    rule = {"label": "r", "validator": "task_count", "max": 3, field: value}
    assert [kind for kind, _ in told(rule)] == ["wrong-type"]
