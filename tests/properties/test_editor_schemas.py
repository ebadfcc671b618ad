"""The schemas that editors get validate what the linter accepts, and refuse what it refuses, as far as one file alone can tell."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.adapters.patterns.search import pattern_error
from reconciler.definitions.files import parse
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.rules import Judge
from reconciler.definitions.files.scenario_file import parse_scenario
from reconciler.definitions.files.values import Parsed
from reconciler.definitions.shipped import schema_documents
from tests.definitions import CONTEXT
from tests.fuzz.breaking import broken_values
from tests.fuzz.valid import SCENARIOS, YAML

TEMPLATE = "config/templates/fuzzed/template.yaml"
ENGINE = "config/engines/fuzzed.yaml"
BENCHMARK = "config/benchmarks/fuzzed.yaml"
READERS: Mapping[str, Callable[[str, bytes], Parsed[Any]]] = {
    "scenario": lambda path, data: parse_scenario(path, data, Judge(pattern_error)),
    "template": lambda path, data: parse.template(path, data, CONTEXT),
    "engine": lambda path, data: parse.engine(path, data, CONTEXT),
    "benchmark": lambda path, data: parse.benchmark(path, data, CONTEXT),
}
STARTS: tuple[tuple[str, object], ...] = (
    *(("scenario", value) for value in SCENARIOS.values()),
    *(("template", YAML[TEMPLATE]), ("engine", YAML[ENGINE]), ("benchmark", YAML[BENCHMARK])),
)
SCHEMAS = {name: jsonschema.Draft202012Validator(schema_documents()[f"{name}.schema.json"]) for name in READERS}
BEYOND = re.compile(
    r"unknown-host|duplicate-host|bad-pattern|bad-schedule|bad-timezone|unknown-adapter|playbook-path"
    r"|wrong-value .* is more than max |missing-field .*host_name is missing, and there are \d+ hosts"
)
"""What no schema can say: what compares two places of a file, needs a list of the program's, or reads a text's own grammar."""


def shapes(value: object) -> Iterator[object]:
    """Every scalar in a value, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from shapes(item)
    elif isinstance(value, list):
        for item in value:
            yield from shapes(item)
    else:
        yield value


def same_in_both(value: object) -> bool:
    """Whether JSON Schema and this program mean the same by every scalar: not by 1.0, an end of line after text, half a character."""
    return all(
        not (isinstance(v, float) and (v != v or v.is_integer() or abs(v) == float("inf")))
        and not (isinstance(v, str) and (v.endswith("\n") or any("\ud800" <= c <= "\udfff" for c in v)))
        for v in shapes(value)
    )


def errors(kind: str, data: bytes) -> list[str]:
    path = {"template": TEMPLATE, "engine": ENGINE, "benchmark": BENCHMARK}.get(kind, "scenarios/fuzzed/scenario.json")
    found: tuple[Finding, ...] = READERS[kind](path, data).findings
    return [f"{f.rule} {f.message} " for f in found if f.severity == "error"]


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(start=st.sampled_from(STARTS), draw=st.data())
def test_schema_and_linter_agree_on_every_file(start: tuple[str, object], draw: st.DataObject) -> None:
    kind, right = start
    value = draw.draw(broken_values(right))
    if not same_in_both(value) or "@huge@" in shapes(value):
        return
    said = errors(kind, json.dumps(value).encode())
    if any(e.startswith(("too-big", "not-json", "not-yaml")) for e in said):
        return
    told = [e for e in said if not BEYOND.match(e)]
    assert SCHEMAS[kind].is_valid(value) == (not told), said


def test_what_is_right_is_right_for_both() -> None:
    for kind, value in STARTS:
        assert SCHEMAS[kind].is_valid(value)
        assert errors(kind, json.dumps(value).encode()) == []
