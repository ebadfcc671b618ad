"""What is wrong is one clear line with file and line, everything else goes on, and nothing is lost."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.git_world import git
from tests.processes import Said
from tests.world import World, benchmark, definitions, play, scenario

pytestmark = pytest.mark.real("namespace")


def with_rule(key: str, **rule: object) -> dict[str, str | None]:
    return scenario(key, playbooks=False, validation={"job": [{"label": "odd", **rule}]})


def without(key: str, field: str) -> dict[str, str | None]:
    [(path, text)] = scenario(key, playbooks=False).items()
    document = json.loads(text or "")
    del document[field]
    return {path: json.dumps(document, indent=1)}


def calling_itself(key: str, folder: str) -> dict[str, str | None]:
    [text] = scenario(key, playbooks=False).values()
    return {f"scenarios/{folder}/scenario.json": text}


@dataclass(frozen=True, kw_only=True)
class Case:
    """Files, and where the one finding points: a path, and the line of it that holds ``at``."""

    files: Mapping[str, str | None]
    says: str
    path: str
    at: str = ""
    """Empty: the file as a whole, or its beginning."""
    stalls: str
    """The scenario that waits because of it."""
    link: bool = False
    """Whether there is a symbolic link at the path."""


CASES = {
    "a scenario that is not JSON": Case(
        files={"scenarios/not-json/scenario.json": '{\n "key": "not-json",\n "title": oops\n}\n'},
        path="scenarios/not-json/scenario.json",
        says="JSON",
        at="oops",
        stalls="not-json",
    ),
    "a missing field": Case(
        files=without("no-ticket", "ticket_title"),
        path="scenarios/no-ticket/scenario.json",
        says="ticket_title is missing",
        stalls="no-ticket",
    ),
    "an unknown validator": Case(
        files=with_rule("no-validator", validator="patern_match", pattern="x", where="job_plan"),
        path="scenarios/no-validator/scenario.json",
        says="did you mean pattern_match?",
        at="patern_match",
        stalls="no-validator",
    ),
    "a pattern that does not compile": Case(
        files=with_rule("no-pattern", validator="pattern_match", pattern="(unclosed", where="job_plan"),
        path="scenarios/no-pattern/scenario.json",
        says="does not compile",
        at="(unclosed",
        stalls="no-pattern",
    ),
    "an ansiblePath that leaves the folder": Case(
        files=with_rule("outside", validator="ansible", ansiblePath="../good/validate.yml"),
        path="scenarios/outside/scenario.json",
        says="leaves the scenario's folder",
        at="../good/validate.yml",
        stalls="outside",
    ),
    "a template that does not exist": Case(
        files=scenario("no-template", playbooks=False, hosts=[{"host_name": "app-01", "template": "bass"}]),
        path="scenarios/no-template/scenario.json",
        says="did you mean base?",
        at="bass",
        stalls="no-template",
    ),
    "a benchmark that names nothing that exists": Case(
        files={"config/benchmarks/wrong.yaml": benchmark("godo", name="wrong")},
        path="config/benchmarks/wrong.yaml",
        says="did you mean good?",
        at="godo",
        stalls="godo",
    ),
    "the first of two scenarios with one key": Case(
        files=calling_itself("twins", "twin-1"),
        path="scenarios/twin-1/scenario.json",
        says="scenarios/twin-2/scenario.json",
        at='"key"',
        stalls="twins",
    ),
    "the second of two scenarios with one key": Case(
        files=calling_itself("twins", "twin-2"),
        path="scenarios/twin-2/scenario.json",
        says="scenarios/twin-1/scenario.json",
        at='"key"',
        stalls="twins",
    ),
    "a playbook that is a symbolic link": Case(
        files=with_rule("linked", validator="ansible", ansiblePath="validate.yml"),
        path="scenarios/linked/validate.yml",
        link=True,
        says="symbolic link",
        stalls="linked",
    ),
    "a file of a scenario that is a symbolic link": Case(
        files=scenario("secret", playbooks=False),
        path="scenarios/secret/files/secret",
        link=True,
        says="symbolic link",
        stalls="secret",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the commands say of a repository that holds every case and one good scenario."""

    world: World
    validate: Said
    plan: Any
    once: Said
    status: Any


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    files = {path: text for case in CASES.values() for path, text in case.files.items()}
    world = World(tmp_path_factory.mktemp("bad"), {**definitions("good", playbooks=False), **files})
    for case in CASES.values():
        if case.link:
            (world.work / case.path).parent.mkdir(exist_ok=True)
            (world.work / case.path).symlink_to("/etc/shadow")
    world.commit({}, "Links")
    return Answers(
        world=world,
        validate=world.run("validate", "--json"),
        plan=world.plan(),
        once=world.run("once"),
        status=world.status(),
    )


def line_of(text: str, fragment: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if fragment in line)


@pytest.mark.parametrize("name", CASES)
def test_one_clear_line_says_where_it_is_wrong_and_status_shows_it(name: str, answers: Answers) -> None:
    case = CASES[name]
    [finding] = [f for f in answers.validate.json["findings"] if f["path"] == case.path]
    assert finding["severity"] == "error"
    assert case.says in f"{finding['message']} ({finding['hint']})"
    assert "\n" not in finding["message"]
    if case.at:
        assert finding["line"] == line_of(case.files[case.path] or "", case.at)
    reasons = {s["reason"] for s in answers.plan["stalled"] if s["scenario"] == case.stalls}
    assert any(case.path in reason for reason in reasons)
    assert finding in answers.status["findings"]
    assert all(f"left: {reason}\n" in answers.once.out for reason in reasons)


def test_nothing_else_is_found_stalled_or_lost_and_the_good_scenario_is_measured(answers: Answers) -> None:
    assert answers.validate.code == 1
    assert {f["path"] for f in answers.validate.json["findings"]} == {case.path for case in CASES.values()}
    assert [d["scenario"] for d in answers.plan["due"]] == ["good"]
    assert {s["scenario"] for s in answers.plan["stalled"]} == {case.stalls for case in CASES.values()}
    assert answers.once.code == 3
    assert answers.world.measured() == ["good"]
    assert answers.status["stalled"] == answers.plan["stalled"]
    assert [(s["scenario"], s["verdict"]) for s in answers.status["series"]] == [("good", "pass")]


def test_a_new_revision_heals_what_was_stalled(answers: Answers) -> None:
    world = answers.world
    world.commit({path: None for case in CASES.values() for path in (case.path, *case.files)}, "Take them out")
    assert world.run("validate", "--json").json == {"findings": []}
    assert world.run("once").code == 0
    assert world.measured() == ["good"]


def test_a_playbook_that_hangs_is_ended_with_what_it_started_and_the_rest_goes_on(tmp_path: Path) -> None:
    hangs = {
        **scenario("hangs", playbooks=False),
        "scenarios/hangs/prepare.yml": play("ansible.builtin.command: sleep 3600"),
    }
    limits = {"parallel": 2, "memory": "4GiB", "trial": "6s", "attempts": 1}
    world = World(tmp_path, {**definitions("good", playbooks=False), **hangs}, limits=limits)
    once = world.run("once")
    assert once.code == 3
    assert "scenarios/hangs/prepare.yml did not end within 6 s" in once.err
    assert world.measured() == ["good"]
    assert world.leftovers() == []
    assert "1 attempt failed" in world.status()["stalled"][0]["reason"], "told also when no daemon is there"
    with world.daemon() as daemon:
        daemon.wait_for("trial without a result", cause="playbook", phase="prepare")
        daemon.settle()
        stalled = world.status()["stalled"]
    assert [s["scenario"] for s in stalled] == ["hangs"]
    assert "scenarios/hangs/prepare.yml did not end within 6 s" in stalled[0]["reason"]


def test_records_that_a_rewrite_of_the_results_branch_drops_are_put_back(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("one", "two", playbooks=False))
    assert world.run("once").code == 0
    before = world.results()
    first = git(world.remote, "rev-list", "--reverse", "results").splitlines()[0]
    git(world.remote, "update-ref", "refs/heads/results", first)
    assert len(world.results()) == 1
    world.commit(scenario("three", playbooks=False), "A third")
    once = world.run("once")
    assert once.code == 0
    assert world.results().items() > before.items()
    assert world.measured() == ["one", "three", "two"]
    [warning] = world.status()["warnings"]
    assert "the branch was rewritten there" in warning
    assert "\n" not in warning


def test_a_record_that_is_not_json_is_named_and_its_trial_alone_is_measured_again(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("one", "two", playbooks=False))
    assert world.run("once").code == 0
    before = world.results()
    path = next(p for p in before if "/one/" in p)
    theirs = tmp_path / "theirs"
    git(tmp_path, "clone", "--quiet", "--branch", "results", str(world.remote), str(theirs))
    (theirs / path).write_text('{"schema": "reconciler.trial/1", oops')
    git(theirs, "commit", "--quiet", "--all", "--message", "Oops")
    git(theirs, "push", "--quiet", "origin", "HEAD:results")
    status = world.status()
    [warning] = status["warnings"]
    assert warning.startswith(f"{path}: ")
    assert [d["scenario"] for d in world.plan()["due"]] == ["one"]
    assert world.run("once").code == 0
    after = world.results()
    assert after.keys() == before.keys()
    assert [p for p in after if after[p] != before[p]] == [path]
    assert world.status()["warnings"] == []


@pytest.mark.parametrize("command", ["once", "validate", "trend", "plan", "start -s *"])
def test_a_repository_that_cannot_be_read_is_not_mistaken_for_one_in_which_all_is_well(
    command: str, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.configure(source={"repository": str(tmp_path / "nowhere")})
    said = world.run(*command.split())
    assert said.code == 3
    assert f"{tmp_path}/nowhere cannot be read: " in said.out + said.err


def test_names_of_files_that_are_no_text_stop_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    folder = os.fsencode(world.work / "scenarios/beta/files")
    os.makedirs(folder)  # noqa: PTH103 - names that are no text
    for name in (b"\xff\xfe.txt", b"two\nlines"):
        with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123
            file.write(b"data")
    world.commit(scenario("beta"))
    assert world.run("once").code == 0
    assert world.measured() == ["alpha", "beta"]
