"""Keys and tags: mixed, comma-separated, their union, each once, in a stable order; and what means nothing."""

import pytest

from reconciler.definitions.files.units import split_names
from tests.definitions import Files, benchmark, errors, load, many, scenario

BENCHMARK = "config/benchmarks/all.yaml"


def selected(names: str | list[str], files: Files | None = None) -> list[str]:
    catalogue = load((files or many()) | {BENCHMARK: benchmark(scenarios=names)})
    return [d.batch.scenario for d in catalogue.demands({}).demands]


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["s1"], ["s1"]),
        (["disk"], ["s0", "s1", "s2"]),
        (["s2", "disk", "s0"], ["s2", "s0", "s1"]),
        (["web", "t1"], ["nginx", "s1"]),
        (["*"], ["nginx", "s0", "s1", "s2"]),
        (["s1", "*"], ["s1", "nginx", "s0", "s2"]),
        ("s1", ["s1"]),
        ("web,s1", ["nginx", "s1"]),
        ("t2, disk ,, t2,", ["s2", "s0", "s1"]),
        ("*", ["nginx", "s0", "s1", "s2"]),
    ],
)
def test_keys_and_tags_select_each_scenario_once_in_a_stable_order(names: str | list[str], keys: list[str]) -> None:
    assert selected(names) == keys


def test_a_name_that_is_key_and_tag_means_both() -> None:
    assert selected(["disk"], many(2) | {"scenarios/d/scenario.json": scenario("disk", validation=None)}) == [
        "disk",
        "s0",
        "s1",
    ]


def test_a_key_may_have_slashes_and_one_with_a_comma_is_named_in_a_list() -> None:
    files = many(0) | {
        "scenarios/a/scenario.json": scenario("nginx/001-broken", validation=None),
        "scenarios/b/scenario.json": scenario("a,b", validation=None),
    }
    assert selected("nginx/001-broken", files) == ["nginx/001-broken"]
    assert selected(["a,b"], files) == ["a,b"]


@pytest.mark.parametrize(
    ("names", "hint"), [(["s1", "dist"], "did you mean disk?"), ("s1,NGINX", "did you mean nginx?")]
)
def test_an_unknown_name_is_told_with_the_nearest_and_keeps_nothing_else_from_running(
    names: str | list[str], hint: str
) -> None:
    (found,) = errors(load(many() | {BENCHMARK: benchmark(scenarios=names)}))
    assert (found.path, found.rule, found.hint) == (BENCHMARK, "unknown-scenario", hint)
    assert selected(names) == ["s1"]


def test_a_tag_of_a_scenario_that_cannot_run_is_known_all_the_same() -> None:
    two = {f"scenarios/nginx/inventory.{end}": "" for end in ("ini", "yml")}
    catalogue = load(many() | two | {BENCHMARK: benchmark(scenarios="web")})
    assert {f.rule for f in errors(catalogue)} == {"two-inventories"}
    (blocked,) = catalogue.demands({}).blocked
    assert blocked.scenario == "nginx"
    assert "one inventory" in blocked.reason


@pytest.mark.parametrize("names", [[], "", ",", " , "])
def test_nothing_is_no_selection(names: str | list[str]) -> None:
    (found,) = errors(load(many() | {BENCHMARK: benchmark(scenarios=names)}))
    assert (found.path, found.message) == (BENCHMARK, "scenarios is empty")


@pytest.mark.parametrize(
    ("text", "names"), [("", []), (" a ", ["a"]), ("a,b", ["a", "b"]), (",a,, b c ,", ["a", "b c"])]
)
def test_names_are_separated_by_commas_and_blanks_around_them_do_not_count(text: str, names: list[str]) -> None:
    assert split_names(text) == names
