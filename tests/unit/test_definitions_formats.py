"""Units, schemas, positions: the small print of the formats."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from reconciler.definitions.files.json_text import read_json, without_comments
from reconciler.definitions.files.positions import Broken
from reconciler.definitions.files.units import parse_duration, parse_size
from reconciler.definitions.files.yaml_text import read_yaml
from reconciler.definitions.shipped import schema_documents
from tests.definitions import benchmark, scenario

SHIPPED = Path(__file__).parents[2] / "reconciler" / "schemas"


@pytest.mark.parametrize(("text", "mib"), [("512MiB", 512), ("1GiB", 1024), ("2TiB", 2 * 1024 * 1024)])
def test_sizes_are_read_as_mebibytes(text: str, mib: int) -> None:
    assert parse_size(text) == mib


@pytest.mark.parametrize("text", ["1GB", "1", "0MiB", "1.5GiB", " 1GiB", "-1GiB", "", 1024, None, True])
def test_other_sizes_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="512MiB"):
        parse_size(text)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172_800), ("0s", 0)])
def test_durations_are_read_as_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["30", "30 m", "m", "1m1h", "", "1.5h", 30, None])
def test_other_durations_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="1h30m"):
        parse_duration(text)


def test_the_shipped_schemas_are_those_of_the_code() -> None:
    shipped = {p.name: json.loads(p.read_text()) for p in SHIPPED.glob("*.json")}
    assert shipped == schema_documents()


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("scenario", scenario(), True),
        ("scenario", '{"key": "a", "name": "n", "description": "d"}', True),
        ("scenario", scenario(titel="x"), False),
        ("benchmark", benchmark(), True),
        ("benchmark", benchmark(scenarios=["a"]), True),
        ("benchmark", benchmark(scenarios="a, b"), True),
        ("benchmark", benchmark(scenarios=" , "), False),
        ("benchmark", benchmark(mode="docker"), False),
        ("template", "image: {incus: debian/12}\nmemory: 1GiB\n", True),
        ("template", "memory: 1GB\n", False),
        ("engine", "adapter: runbook\nmodel: x\n", True),
        ("engine", "model: x\n", False),
    ],
)
def test_the_schemas_judge_files_as_the_program_does(name: str, text: str, right: bool) -> None:
    schema = schema_documents()[f"{name}.schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(text)) is right


def test_positions_in_json_are_those_of_keys_and_values() -> None:
    positions = read_json('{\n  "a": [1, {"b\\"": null}],\n\t"c" : "x"}').positions()
    assert positions.of(("a",)) == (2, 8)
    assert positions.of(("a", 1, 'b"')) == (2, 20)
    assert positions.of(("a", 1, 'b"'), key=True) == (2, 13)
    assert positions.of(("c",), key=True) == (3, 2)
    assert positions.of(("a", 7, "x")) == (2, 8)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1} // end', {"a": 1}),
        ('// begin\r\n{"a": /* in */ 1}', {"a": 1}),
        ('{/* many\nlines * / ** */"a": "// /* no */"}', {"a": "// /* no */"}),
        ('{"a\\"//": "\\\\"} //', {'a"//': "\\"}),
        ("/**/[1,//\n2]", [1, 2]),
    ],
)
def test_comments_in_json_are_read_over(text: str, value: object) -> None:
    assert read_json(text).value == value


@pytest.mark.parametrize(
    ("text", "line"),
    [('{"a": 1 // x\n/* y */ "b": 2}', 2), ('{"a": 1 /*', 1), ("{} /", 1), ('{"a": 1,} // x', 1), ("# x\n{}", 1)],
)
def test_what_is_neither_json_nor_a_comment_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(Broken) as broken:
        read_json(text)
    assert (broken.value.rule, broken.value.line) == ("not-json", line)


@pytest.mark.parametrize("piece", ['"', '\\"', "/*", "/", "//", "\\", "*/", '"/*'])
def test_a_mebibyte_of_what_might_be_a_comment_is_looked_at_once(piece: str) -> None:
    text = '"' + piece * (1024 * 1024 // len(piece))
    assert len(without_comments(text)) == len(text)


def test_positions_beside_comments_are_those_in_the_file() -> None:
    positions = read_json('{ // one\n  /* "b" */ "a": 1}').positions()
    assert positions.of(("a",), key=True) == (2, 13)


def test_positions_in_yaml_count_from_the_first_line_given() -> None:
    read = read_yaml("a:\n  - b: 1\n", first_line=5)
    assert read.value == {"a": [{"b": 1}]}
    assert read.positions().of(("a", 0, "b")) == (6, 8)


@pytest.mark.parametrize(
    "value", ["!!int ''", "!!int x", "!!float ''", "!!bool x", "!!timestamp x", "2026-99-99", "!!x y"]
)
def test_a_value_that_is_not_of_its_type_is_no_yaml(value: str) -> None:
    with pytest.raises(Broken) as failure:
        read_yaml(f"a: {value}\n")
    assert failure.value.rule == "not-yaml"
