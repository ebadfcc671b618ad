"""The real command line over a repository in which everything is broken but one scenario."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.breaking import TEXTS_TO_PUT, VALUES_TO_PUT
from tests.fuzz.valid import SCENARIO, SCENARIOS, VALUES, written
from tests.git_world import git
from tests.processes import Said, reconciler
from tests.world import World, definitions

STRICT = {"PYTHONIOENCODING": "utf-8:strict"}
"""As on a terminal that takes nothing but UTF-8."""


def broken_files() -> dict[bytes, bytes]:
    """A scenario for each strange value, playbooks and configuration of strange texts, and names that are no text."""
    found: dict[bytes, bytes] = {}
    for number, value in enumerate(VALUES_TO_PUT):
        scenario: dict[str, Any] = {**SCENARIOS[("0.3", "0.4", "0.8")[number % 3]], "key": f"key-{number}"}
        for field in (list(scenario)[number % len(scenario)], "tags"):
            scenario[field] = value
        found[b"scenarios/value-%d/scenario.json" % number] = written(SCENARIO, scenario)
        rules = {"tasks": [{"label": "r", "validator": "pattern_match", "where": "task_plan", "pattern": value}]}
        found[b"scenarios/rule-%d/scenario.json" % number] = written(
            SCENARIO, {**SCENARIOS["0.8"], "key": f"rule-{number}", "validation": rules}
        )
    whole = written(SCENARIO, {**SCENARIOS["0.8"], "key": "whole"})
    for number, text in enumerate(TEXTS_TO_PUT):
        found[b"scenarios/text-%d/scenario.json" % number] = whole[:200] + text + whole[200:]
        found[b"scenarios/text-%d/prepare.yml" % number] = b"- hosts: all\n" + text
        found[b"config/benchmarks/text-%d.yaml" % number] = text + written(
            "x.yaml", VALUES["config/benchmarks/fuzzed.yaml"]
        )
        found[b"config/specialties/text-%d.mdx" % number] = b"---\nname: text-%d\n%b\n---\n%b" % (number, text, text)
    rules = {"tasks": [{**SCENARIOS["0.8"]["validation"]["tasks"][0], "label": str(n)} for n in range(10_000)]}
    many = {**SCENARIOS["0.8"], "key": "many", "validation": rules, "tittle": ""}
    found[b"scenarios/many/scenario.json"] = json.dumps(many, separators=(",", ":")).encode()
    for name in (b"\xff", b"a\nb", b"-rf", b"a b", "é".encode(), b"\x1b[2J", b"a'\"b", b"a:b", b"*"):
        found[b"scenarios/%b/scenario.json" % name] = b"{}"
    return found  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("broken"), definitions("good", playbooks=False))
    for path, data in broken_files().items():
        file = os.fsencode(world.work) + b"/" + path
        os.makedirs(os.path.dirname(file), exist_ok=True)  # noqa: PTH103, PTH120 - names that are no text
        Path(os.fsdecode(file)).write_bytes(data)
    (world.work / "scenarios" / "link").symlink_to("/")
    git(world.work, "add", "--all")
    git(world.work, "commit", "--quiet", "--message", "Break")
    world.push()
    return world


def findings(said: Said) -> list[dict[str, Any]]:
    assert said.err == ""
    assert said.code == 1
    found: list[dict[str, Any]] = said.json["findings"]
    return found


def test_a_directory_is_linted_to_its_end_in_every_form(world: World) -> None:
    found = findings(reconciler("validate", str(world.work), "--json", env=STRICT))
    assert {f["path"].split("/")[1] for f in found if "/text-" not in f["path"]} >= {
        "\udcff",
        "a\nb",
        "-rf",
        "many",
        "link",
    }
    assert not any("good" in f["path"] for f in found)
    text = reconciler("validate", str(world.work), env=STRICT)
    assert (text.code, text.err) == (1, "")
    assert len(text.out.splitlines()) == len(found) + 1
    sarif = reconciler("validate", str(world.work), "--sarif", env=STRICT)
    assert [r["ruleId"] for r in sarif.json["runs"][0]["results"]] == [f["rule"] for f in found]


def test_a_repository_is_linted_and_planned_and_the_good_scenario_is_due(world: World) -> None:
    there = findings(reconciler("validate", str(world.work), "--json"))
    assert findings(world.run("validate", "--json", env=STRICT)) == there
    plan = world.run("plan", "--json", env=STRICT)
    assert (plan.code, plan.err) == (0, "")
    assert [d["scenario"] for d in json.loads(plan.out)["due"]] == ["good"]
    for command in ("plan", "status"):
        said = world.run(command, env=STRICT)
        assert (said.code, said.err) == (0, "")
