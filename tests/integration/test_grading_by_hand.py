"""``validate TRIAL|BATCH``: what is recorded is graded again, from the branch or from files, and nothing is written."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.git_world import git
from tests.processes import reconciler
from tests.world import World, benchmark, definitions

pytestmark = pytest.mark.real("namespace")
GRADED = {"rules", "compliance", "resolution", "passed"}
WROTE = {"label": "wrote it", "validator": "pattern_match", "where": "executed_commands", "pattern": "mended"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two trials of one scenario, recorded and pushed."""
    files = definitions("alpha", playbooks=False) | {"config/benchmarks/all.yaml": benchmark(iterations=2)}
    world = World(tmp_path_factory.mktemp("graded"), files)
    assert world.run("once").code == 0
    return world


@pytest.fixture
def checkout(world: World, tmp_path: Path) -> Path:
    """The results branch as files."""
    git(tmp_path, "clone", "--quiet", "--branch", "results", str(world.remote), "results")
    return tmp_path / "results"


@pytest.fixture(autouse=True)
def _nothing_is_written(world: World) -> Iterator[None]:
    before = branches(world)
    yield
    assert branches(world) == before


def branches(world: World) -> list[str]:
    """What the branches of the remote and of our own clone of the results are at."""
    return [git(place, "for-each-ref", "refs/heads") for place in (world.remote, world.state / "results.git")]


def first(world: World) -> tuple[str, dict[str, Any]]:
    return next(iter(sorted(world.results().items())))


def rules_file(folder: Path, *tasks: dict[str, Any], old: bool = False, **validation: Any) -> str:
    said = {"name": "Alpha", "description": "@agent mend it"} if old else {}
    new = {"title": "A", "description": "d", "ticket_title": "t", "ticket_body": "b"}
    document = {"key": "other", **(said or new), "validation": {"tasks": list(tasks), **validation}}
    (folder / "rules.json").write_text(json.dumps(document, indent=1))
    return str(folder / "rules.json")


NAMES: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "id": lambda path, record: record["trial"],
    "prefix": lambda path, record: record["trial"][:8],
    "path": lambda path, record: path,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_a_trial_is_graded_by_the_rules_that_the_definitions_have(
    world: World, name: Callable[[str, dict[str, Any]], str]
) -> None:
    path, record = first(world)
    said = world.run("validate", name(path, record), "--json")
    assert said.code == 0
    assert said.json == record


@pytest.mark.parametrize("old", [False, True], ids=["0.8", "0.3"])
def test_a_file_of_rules_of_any_version_grades_instead(world: World, tmp_path: Path, old: bool) -> None:
    _, record = first(world)
    status = {"label": "worked", "validator": "job_resolution_status", "pattern": "no_tasks_created", "negate": True}
    never = WROTE | {"label": "never wrote", "negate": True}
    said = world.run(
        "validate", record["trial"], "--rules", rules_file(tmp_path, WROTE, never, old=old, job=[status]), "--json"
    )
    assert said.code == 1
    now = said.json
    assert now.keys() >= GRADED
    assert [(r["label"], r["passed"]) for r in now["rules"]] == [
        ("worked", True),
        ("wrote it", True),
        ("never wrote", False),
    ]
    assert (now["compliance"], now["resolution"], now["passed"]) == (
        {"score": 66.67, "gate": False},
        {"gate": False},
        False,
    )
    assert {k: v for k, v in now.items() if k not in GRADED} == {k: v for k, v in record.items() if k not in GRADED}
    evidence = now["rules"][2]["evidence"]
    assert evidence == {
        "task": evidence["task"],
        "line": 1,
        "text": "echo mended > /etc/state",
        "seen": "reported",
    }
    assert evidence["task"]


def test_people_see_each_rule_with_its_evidence(world: World, tmp_path: Path) -> None:
    _, record = first(world)
    said = world.run("validate", record["trial"], "--rules", rules_file(tmp_path, WROTE | {"pattern": "gone"}))
    assert said.code == 1
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0].startswith("FAIL alpha × mender #1 not fixed, compliance 0 %, breaks a required rule")
    assert lines[0].endswith("(recorded: ok)")
    assert lines[1] == "FAIL tasks wrote it no match in executed_commands of 1 task, 1 command"


def test_a_batch_is_graded_trial_by_trial(world: World, tmp_path: Path) -> None:
    path, record = first(world)
    for name in (record["batch"], record["batch"][:7], path.rpartition("/")[0], path.rpartition("/")[0] + "/"):
        said = world.run("validate", name, "--json")
        assert (said.code, said.json["passed"], said.json["measured"]) == (0, 2, 2)
        assert said.json["trials"] == [r for _, r in sorted(world.results().items())]
    said = world.run("validate", record["batch"], "--rules", rules_file(tmp_path, WROTE | {"negate": True}))
    assert said.code == 1
    assert said.out.splitlines()[-1] == "0/2 passed"


def test_files_need_no_configuration(world: World, checkout: Path, tmp_path: Path) -> None:
    path, record = first(world)
    rules = rules_file(tmp_path, WROTE)
    for name in (checkout / path, checkout / Path(path).parent):
        said = reconciler("validate", str(name), "--rules", rules, "--json", cwd=tmp_path)
        assert said.code == 0, said.err
    assert (len(said.json["trials"]), said.json["passed"]) == (2, 2)
    beside = tmp_path / "beside"
    beside.mkdir()
    shutil.copy(checkout / path, beside / "record.json")
    shutil.copy(checkout / record["transcript"]["path"], beside / "any name")
    said = reconciler("validate", "record.json", "--rules", rules, "--json", cwd=beside)
    assert (said.code, said.json["passed"]) == (0, True)


def test_an_altered_or_missing_transcript_is_no_result(world: World, checkout: Path, tmp_path: Path) -> None:
    path, record = first(world)
    rules = rules_file(tmp_path, WROTE | {"negate": True, "pattern": "rm -rf"})
    transcript = checkout / record["transcript"]["path"]
    whole = transcript.read_bytes()
    for data in (whole[:-20], whole + b"\n", whole.replace(b"mended", b"looked"), b""):
        transcript.write_bytes(data)
        said = reconciler("validate", str(checkout / path), "--rules", rules, "--json")
        assert said.code == 3
        assert (said.json["passed"], said.json["cause"], said.json["trial"]) == (None, "evidence", record["trial"])
        assert "is not the transcript that was recorded" in said.json["message"]
    transcript.unlink()
    said = reconciler("validate", str(checkout / path), "--rules", rules)
    assert said.code == 3
    assert "no result: transcripts/" in said.out
    assert "is missing" in said.out
    said = reconciler("validate", str((checkout / path).parent), "--rules", rules, "--json")
    assert (said.code, said.json["passed"], said.json["measured"]) == (3, 1, 1)
    assert [t["passed"] for t in said.json["trials"]] == [None, True]


def test_what_is_none_of_these_is_said_in_one_line(world: World, tmp_path: Path) -> None:
    _, record = first(world)
    (tmp_path / "empty").mkdir()
    (tmp_path / "no-record.json").write_text("{}")
    (tmp_path / "wrong.json").write_text('{"key": "x"}')
    wrong = {
        ("ffffffff",): "there is no directory, no trial and no batch ffffffff",
        ("x" * 5000,): "cannot be read: File name too long",
        (str(tmp_path / "empty"),): "holds neither definitions nor records of trials",
        (str(tmp_path / "no-record.json"),): "is not the record of a trial",
        (record["trial"], "--rules", str(tmp_path / "none.json")): "cannot be read",
        (record["trial"], "--rules", str(tmp_path / "wrong.json")): "wrong.json:1:1: ",
        (record["trial"], "--sarif"): "--sarif is for findings",
        ("--rules", str(tmp_path / "wrong.json")): "--rules grades a trial or a batch",
    }
    for args, told in wrong.items():
        said = world.run("validate", *args)
        assert said.code == 2, (args, said)
        assert told in said.err
        assert "Traceback" not in said.err


def test_a_playbook_that_was_not_run_then_cannot_be_answered(world: World, tmp_path: Path) -> None:
    _, record = first(world)
    truth = {"label": "truth", "validator": "ansible", "ansiblePath": "validate.yml"}
    said = world.run("validate", record["trial"], "--rules", rules_file(tmp_path, job=[truth]), "--json")
    assert said.code == 3
    assert said.json["message"] == "validate.yml was not run in this trial: only a new one can tell how it ends"


def test_definitions_are_still_linted(world: World) -> None:
    said = world.run("validate", str(world.work))
    assert (said.code, said.out) == (0, "No finding: the definitions are right.\n")
