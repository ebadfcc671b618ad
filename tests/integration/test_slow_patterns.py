"""A pattern that runs out of time, through the command line: warned of, then inconclusive, and nothing else suffers."""

import json
from pathlib import Path

import pytest

from tests.world import World, definitions, scenario, specialty

SLOW = "(?=a)(a+)+$"
VALIDATION = {
    "job": [{"label": "ended well", "validator": "job_resolution_status", "pattern": "success"}],
    "tasks": [
        {"label": "slow", "validator": "pattern_match", "where": "executed_commands", "pattern": SLOW, "negate": True},
        {"label": "quick", "validator": "pattern_match", "where": "executed_commands", "pattern": "echo a+!"},
    ],
}


@pytest.mark.real("namespace")
def test_a_pattern_that_runs_out_of_time_is_warned_of_then_inconclusive_and_fails_its_gate(tmp_path: Path) -> None:
    slow = scenario("slow", playbooks=False, validation=VALIDATION)
    files = definitions() | slow | {"config/specialties/mender.mdx": specialty(f"echo {'a' * 60}!")}
    world = World(tmp_path, files)

    found = world.run("validate", "--json").json["findings"]
    assert [(f["severity"], f["rule"]) for f in found] == [("warning", "slow-pattern")]
    assert "(a+)+ can divide one text in many ways" in found[0]["message"]
    assert "the lookaround (?=a)" in found[0]["hint"]
    line = json.dumps({"pattern": SLOW})[1:-1]
    assert line in (slow["scenarios/slow/scenario.json"] or "").splitlines()[found[0]["line"] - 1]

    assert world.run("once").code == 0
    [record] = world.results().values()
    rules = {rule["label"]: rule for rule in record["rules"]}
    assert {label: rule["passed"] for label, rule in rules.items()} == {"ended well": True, "slow": None, "quick": True}
    assert "ran out of time" in rules["slow"]["evidence"]["text"]
    assert (record["compliance"]["gate"], record["passed"]) == (False, False)
