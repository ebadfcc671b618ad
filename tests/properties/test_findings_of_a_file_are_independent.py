"""Whatever is wrong with a definition is told at once: no problem hides another of the same file, and none makes one up."""

import copy
import json
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import pytest
import yaml

from reconciler.definitions.files.findings import Finding
from tests.definitions import lint, repository

Path = tuple[str | int, ...]
GONE = object()
SCENARIO = "scenarios/nginx/scenario.json"
BENCHMARK = "config/benchmarks/all.yaml"
SPECIALTY = "config/specialties/linux-administration.mdx"
HOST = "config/hosts/web.mdx"
TEMPLATE = "config/templates/debian-base/template.yaml"


class Break(NamedTuple):
    """One change to a right definition, which makes it wrong."""

    path: str
    at: Path
    to: object


RIGHT: Mapping[str, dict[str, Any]] = {
    SCENARIO: {
        "key": "nginx",
        "title": "Nginx",
        "description": "internal",
        "ticket_title": "Website down",
        "ticket_body": "Please restart nginx.",
        "tags": ["web", "nginx"],
        "hosts": [{"host_name": f"web-0{n}", "template": "debian-base"} for n in range(3)],
        "agents": [
            {"agent_name": f"a{n}", "host_name": f"web-0{n}", "specialty_key": "LINUX_ADMINISTRATION"} for n in range(3)
        ],
        "validation": {
            "gateway": [{"label": "ticket", "validator": "ticket_status", "pattern": "resolved"}],
            "job": [
                {"label": "truth", "validator": "ansible", "ansiblePath": "validate.yml"},
                {"label": "status", "validator": "job_resolution_status", "pattern": "success"},
                {"label": "count", "validator": "task_count", "min": 1, "max": 3},
                {"label": "plan", "validator": "pattern_match", "where": "job_plan", "pattern": "restart"},
            ],
            "tasks": [
                {"label": f"t{n}", "validator": "pattern_match", "where": "executed_commands", "pattern": f"t{n}"}
                for n in range(3)
            ],
            "allowedAgents": ["a0", "a1"],
            "forbiddenCommands": ["rm -rf /", "reboot"],
        },
    },
    BENCHMARK: {
        "name": "all",
        "scenarios": ["nginx", "web"],
        "mode": "incus",
        "on_change": True,
        "variants": [{"specialty": "linux-administration", "main_engine": "runbook"} for _ in range(2)],
        "schedule": "0 2 * * *",
        "timezone": "UTC",
        "gate": {"pass_rate": 0.5},
    },
    SPECIALTY: {"name": "linux-administration", "description": "d"},
    HOST: {"name": "web", "public_ip": "10.0.0.1", "tags": ["os:linux", "tech:nginx"], "target_port": 22},
    TEMPLATE: {
        "image": {"incus": "debian/12"},
        "memory": "1GiB",
        "cpus": 2,
        "packages": ["git", "vim"],
        "provision": ["p.yml", "p.yml"],
    },
}
BREAKS = [
    *(
        Break(SCENARIO, at, to)
        for at, to in (
            (("tittle",), "x"),
            (("title",), GONE),
            (("ticket_body",), 5),
            (("tags", 0), 7),
            (("hosts", 0, "template"), "debian-bas"),
            (("hosts", 1, "template"), "debian-bsae"),
            (("hosts", 2, "tmplate"), "x"),
            (("agents", 0, "specialty_key"), "LINUX"),
            (("agents", 1, "host_name"), "web-1"),
            (("agents", 2, "agent_nam"), "x"),
            (("validation", "jobs"), []),
            (("validation", "gateway", 0, "pattern"), GONE),
            (("validation", "job", 0, "ansiblePath"), "../../validate.yml"),
            (("validation", "job", 1, "pattern"), "sucess"),
            (("validation", "job", 1, "required"), "yes"),
            (("validation", "job", 2, "min"), 5),
            (("validation", "job", 3, "where"), "executed_commands"),
            (("validation", "job", 3, "pattern"), "$a"),
            (("validation", "tasks", 0, "validator"), "patern_match"),
            (("validation", "tasks", 0, "pattern"), "(a"),
            (("validation", "tasks", 1), 7),
            (("validation", "tasks", 2, "pattern"), "^a.*^b"),
            (("validation", "allowedAgents", 0), "b0"),
            (("validation", "forbiddenCommands", 0), "["),
            (("validation", "forbiddenCommands", 1), "$a"),
        )
    ),
    *(
        Break(BENCHMARK, at, to)
        for at, to in (
            (("iteration",), 3),
            (("iterations",), "many"),
            (("scenarios", 1), "wob"),
            (("scenarios", 0), 5),
            (("variants", 0, "main_engine"), "runbok"),
            (("variants", 0, "specialty"), "linux"),
            (("variants", 1, "engine"), "runbook"),
            (("schedule",), "0 2 * *"),
            (("timezone",), "Europe/Pariss"),
            (("gate", "pass_rate"), 7),
        )
    ),
    *(Break(SPECIALTY, at, to) for at, to in ((("description",), 5), (("execution_mode",), "x"), (("nme",), "x"))),
    *(
        Break(HOST, at, to)
        for at, to in ((("public_ip",), GONE), (("tags", 0), "oss:linux"), (("target_port",), 0), (("jump_host",), "x"), (("targt_port",), 1))
    ),
    *(
        Break(TEMPLATE, at, to)
        for at, to in ((("memory",), "1"), (("provision", 0), "../p.yml"), (("provision", 1), "q.yml"), (("parent",), "debian-bas"), (("packages", 0), 5), (("cpu",), 1))
    ),
]  # fmt: skip


def written(path: str, value: object) -> str:
    if path.endswith(".json"):
        return json.dumps(value)
    text = yaml.safe_dump(value, sort_keys=False)
    return f"---\n{text}---\nBe careful.\n" if path.endswith(".mdx") else text


PROVISION = {"config/templates/debian-base/p.yml": "- hosts: all\n"}


def told(*breaks: Break) -> set[tuple[str, str, str, str]]:
    """(path, severity, rule, message) of all that is told of the definitions with these changes."""
    values = copy.deepcopy(dict(RIGHT))
    for path, at, to in breaks:
        holder: Any = values[path]
        for step in at[:-1]:
            holder = holder[step]
        if to is GONE:
            del holder[at[-1]]
        else:
            holder[at[-1]] = to
    found: list[Finding] = lint(
        repository() | PROVISION | {path: written(path, value) for path, value in values.items()}
    )
    return {(f.path, f.severity, f.rule, f.message) for f in found if f.path in {b.path for b in breaks}}


def test_what_is_not_broken_is_right() -> None:
    assert lint(repository() | PROVISION | {path: written(path, value) for path, value in RIGHT.items()}) == []


@pytest.mark.parametrize("path", RIGHT)
def test_two_problems_of_a_file_are_both_told_and_nothing_else(path: str) -> None:
    breaks = [b for b in BREAKS if b.path == path]
    alone = [told(b) for b in breaks]
    assert all(alone)
    for (one, of_one), (other, of_other) in combinations(zip(breaks, alone, strict=True), 2):
        assert told(one, other) == of_one | of_other, (one.at, other.at)


@pytest.mark.parametrize("path", RIGHT)
def test_all_problems_of_a_file_are_told_at_once(path: str) -> None:
    breaks = [b for b in BREAKS if b.path == path]
    assert told(*breaks) >= set().union(*(told(b) for b in breaks))


@pytest.mark.parametrize(
    ("path", "at", "to", "rules"),
    [
        (SCENARIO, ("hosts", 0), {"host_nme": "web-00", "template": "debian-base"}, ["unknown-field"]),
        (SCENARIO, ("hosts", 0), {"name": "web-00", "template": "debian-base"}, ["unknown-field"]),
        (SCENARIO, ("hosts", 0), "web-00", ["wrong-type"]),
        (SCENARIO, ("hosts",), "web-00", ["wrong-type"]),
        (SCENARIO, ("agents", 0), 5, ["wrong-type"]),
        (SCENARIO, ("agents", 0, "host_name"), 5, ["wrong-type"]),
        (SCENARIO, ("validation", "tasks", 0), {"label": "t", "validator": "pattern_match", "wher": "task_plan", "pattern": "a"}, ["unknown-field"]),
        (SCENARIO, ("validation", "job", 2), {"label": "t", "validator": "task_count", "max": "3"}, ["wrong-type"]),
        (SCENARIO, ("validation", "tasks", 0, "validator"), 5, ["unknown-value"]),
        (BENCHMARK, ("variants",), [{"specialty": "linux-administration", "main_engin": "runbook"}], ["unknown-field"]),
        (BENCHMARK, ("name",), None, ["wrong-type"]),
        (BENCHMARK, ("scenarios",), [], ["wrong-value"]),
        (HOST, ("public_ip",), 5, ["wrong-type"]),
        (SPECIALTY, ("name",), 5, ["wrong-type"]),
    ],
)  # fmt: skip
def test_what_only_follows_from_a_problem_is_not_told(path: str, at: Path, to: object, rules: list[str]) -> None:
    assert [rule for _, _, rule, _ in told(Break(path, at, to))] == rules
