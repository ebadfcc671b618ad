"""The table of everything that linting can say is one: in the types, in the code, in the documentation and in SARIF."""

import json
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from reconciler.cli.findings import sarif_document
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.lint_rules import LINT_RULES, RuleId

PROJECT = Path(__file__).parents[2]
SARIF = json.loads((PROJECT / "tests/data/sarif-2.1.0-rtm.5.json").read_text())
"""The official schema, as Microsoft ships it in the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT)."""

FINDINGS = [
    Finding(path="scenarios/ä b/#1/scenario.json", line=3, column=7, rule="unknown-field", message="m", hint="h"),
    Finding(path="scenarios/a:b/\udcff.yml", rule="symbolic-link", message="\udcff"),
    Finding(path="x.yaml", line=1, rule="idle-benchmark", severity="warning", message="m"),
]


def test_every_rule_has_a_row_and_every_row_a_rule() -> None:
    assert get_args(RuleId) == tuple(LINT_RULES)


def test_the_documentation_shows_the_same_table() -> None:
    section = (PROJECT / "docs/format.md").read_text().partition("## 7.")[2].partition("\n## ")[0]
    shown = [line for line in section.splitlines() if line.startswith("| `")]
    assert shown == [f"| `{name}` | {r.severity} | {r.wrong} | {r.write} |" for name, r in LINT_RULES.items()]


def test_sarif_is_valid_and_says_where_from_the_root_of_the_repository() -> None:
    document = json.loads(json.dumps(sarif_document(FINDINGS)))
    jsonschema.Draft4Validator(SARIF).validate(document)
    (run,) = document["runs"]
    located = [r["locations"][0]["physicalLocation"] for r in run["results"]]
    assert [at["artifactLocation"]["uri"] for at in located] == [
        "scenarios/%C3%A4%20b/%231/scenario.json",
        "scenarios/a%3Ab/%FF.yml",
        "x.yaml",
    ]
    assert {at["artifactLocation"]["uriBaseId"] for at in located} == set(run["originalUriBaseIds"]) == {"%SRCROOT%"}
    assert [at.get("region") for at in located] == [
        {"startLine": 3, "startColumn": 7},
        None,
        {"startLine": 1, "startColumn": 1},
    ]
    assert [r["level"] for r in run["results"]] == ["error", "error", "warning"]


@pytest.mark.parametrize("name", LINT_RULES)
def test_every_rule_has_help_in_sarif_and_a_result_points_to_it(name: RuleId) -> None:
    (run,) = sarif_document([Finding(path="a", rule=name, message="m")])["runs"]
    (result,) = run["results"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"] == name
    assert LINT_RULES[name].write in rule["help"]["markdown"]
    assert rule["defaultConfiguration"]["level"] == LINT_RULES[name].severity
