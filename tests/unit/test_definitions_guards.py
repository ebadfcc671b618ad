"""Guards as they are written: read in every shape, and what the linter says of them."""

import json
from typing import Any

import jsonschema
import pytest

from reconciler.definitions.shipped import schema_documents
from tests.definitions import Files, changed, load, repository, scenario

SCENARIO = "scenarios/nginx/scenario.json"
OLD = {
    "key": "nginx",
    "name": "n",
    "description": "d",
    "hosts": [{"host_id": "hst_web01"}],
    "agents": [{"agent_id": "agt_web", "host_id": "hst_web01"}],
}


def of(**guards: object) -> str:
    return scenario(validation=guards)


def findings(text: str) -> list[tuple[int, str, str, str, str]]:
    files = {path: content for path, content in repository().items() if "benchmarks" not in path}
    found = load(files | {SCENARIO: text}).findings
    return [(f.line, f.severity, f.rule, f.message, f.hint) for f in found if f.path == SCENARIO]


@pytest.mark.parametrize("shape", [OLD, json.loads(scenario("nginx"))], ids=["0.3", "0.8"])
def test_guards_are_read_in_every_shape(shape: dict[str, Any]) -> None:
    guards = {"allowedAgents": ["x"], "allowedHosts": ["y"], "forbiddenCommands": ["rm -rf"]}
    found = load({SCENARIO: json.dumps(shape | {"validation": guards})}).scenarios["nginx"]
    assert (found.allowed_agents, found.allowed_hosts, found.forbidden_commands) == (("x",), ("y",), ("rm -rf",))


def test_names_that_the_scenario_has_are_right() -> None:
    assert findings(of(allowedAgents=["a"], allowedHosts=["web-01"], forbiddenCommands=["rm -rf"])) == []
    ids = {"allowedAgents": ["agt_web"], "allowedHosts": ["hst_web01"]}
    assert findings(json.dumps(OLD | {"validation": ids})) == []


def test_a_name_that_the_scenario_does_not_have_is_a_warning_with_the_nearest() -> None:
    assert findings(of(allowedHosts=["web-01", "web01"])) == [
        (
            26,
            "warning",
            "guard-names-nobody",
            "allowedHosts names 'web01', which is none of the scenario's hosts",
            "did you mean web-01?",
        )
    ]
    [(_, severity, rule, message, hint)] = findings(json.dumps(OLD | {"validation": {"allowedAgents": ["agt_wed"]}}))
    assert (severity, rule, hint) == ("warning", "guard-names-nobody", "did you mean agt_web?")
    assert message == "allowedAgents names 'agt_wed', which is none of the scenario's agents"


def test_a_pattern_that_forbids_nothing_or_everything_is_hardly_meant() -> None:
    assert [f[:4] for f in findings(of(forbiddenCommands=["a$b", "rm|"]))] == [
        (25, "warning", "never-matches", "the pattern 'a$b' can never match"),
        (26, "warning", "never-passes", "the pattern 'rm|' forbids every command"),
    ]


def test_where_the_engine_chooses_every_name_may_be_right() -> None:
    assert findings(scenario(agents=None, validation={"allowedAgents": ["agt_anybody"]})) == []


@pytest.mark.parametrize(
    ("guards", "line", "rule", "message"),
    [
        ({"forbiddenCommands": ["ok", "a("]}, 26, "bad-pattern", "the pattern 'a(' does not compile"),
        ({"forbiddenCommands": "rm"}, 24, "wrong-type", "validation.forbiddenCommands must be a list"),
        ({"forbiddenCommands": [""]}, 25, "wrong-value", "validation.forbiddenCommands[0] is empty"),
        ({"allowedAgents": []}, 24, "wrong-value", "validation.allowedAgents is empty"),
        ({"allowedHosts": []}, 24, "wrong-value", "validation.allowedHosts is empty"),
        ({"forbiddenCommand": ["rm"]}, 24, "unknown-field", "'forbiddenCommand' is not a field of validation"),
    ],
)
def test_what_is_wrong_with_a_guard_is_an_error(guards: dict[str, object], line: int, rule: str, message: str) -> None:
    [found] = findings(of(**guards))
    assert found[:3] == (line, "error", rule)
    assert message in found[3]


@pytest.mark.parametrize(
    ("guards", "right"),
    [
        ({"allowedAgents": ["a"]}, True),
        ({"allowedAgents": []}, False),
        ({"forbiddenCommands": []}, True),
        ({"forbiddenCommands": [1]}, False),
    ],
)
def test_the_schema_says_the_same(guards: dict[str, object], right: bool) -> None:
    validator = jsonschema.Draft202012Validator(schema_documents()["scenario.schema.json"])
    assert validator.is_valid(json.loads(of(**guards))) is right


def with_guards(**guards: object) -> Files:
    document = json.loads(scenario())
    document["validation"] |= guards
    return repository() | {SCENARIO: json.dumps(document)}


def test_a_guard_is_part_of_the_world_and_its_order_is_not() -> None:
    assert changed(repository(), with_guards(forbiddenCommands=["a"])) == {"world": ["guards"]}
    assert changed(with_guards(forbiddenCommands=["a"]), with_guards(forbiddenCommands=["b"])) == {"world": ["guards"]}
    assert changed(with_guards(forbiddenCommands=["web-01"]), with_guards(allowedHosts=["web-01"])) == {
        "world": ["guards"]
    }
    assert changed(with_guards(forbiddenCommands=["a", "b"]), with_guards(forbiddenCommands=["b", "a"])) == {}
    assert changed(repository(), with_guards(forbiddenCommands=[])) == {}
