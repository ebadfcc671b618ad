"""From a commit to the trials that it can have changed: all of these, and no others."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.git_world import git
from tests.world import World, benchmark, definitions, play, scenario, specialty

pytestmark = pytest.mark.real("namespace")

RARELY = "3600s"
"""A poll that does not happen in a test: what is noticed is noticed by watching."""


def edited(world: World, path: str, **changes: object) -> dict[str, str | None]:
    """A JSON file of the definitions with other values."""
    return {path: json.dumps(json.loads(world.read(path)) | changes, indent=1)}


def due(world: World) -> dict[str, dict[str, Any]]:
    """What is due, by scenario."""
    return {d["scenario"]: d for d in world.plan()["due"]}


def test_a_commit_in_a_local_work_tree_is_noticed_measured_and_pushed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.configure(source={"repository": str(world.work), "poll": RARELY}, results={"repository": str(world.remote)})
    with world.daemon() as daemon:
        daemon.settle()
        assert world.measured() == ["alpha"]
        revision = world.commit(scenario("beta", playbooks=False), "Add beta")
        daemon.settle()
    assert world.measured() == ["alpha", "beta"]
    beta = next(r for r in world.results().values() if r["scenario"]["key"] == "beta")
    assert beta["source"] == {"repository": str(world.work), "ref": "main", "commit": revision}
    assert beta["passed"]
    assert world.leftovers() == []


def test_a_push_to_a_remote_is_noticed_and_its_results_are_pushed_there(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    world.configure(source={"repository": f"file://{world.remote}", "poll": "1s"})
    with world.daemon() as daemon:
        daemon.settle()
        world.commit(scenario("beta", playbooks=False), "Add beta")
        daemon.settle()
        assert world.measured() == ["alpha", "beta"]
    subject, trailers = git(world.remote, "log", "-1", "--format=%s%n%n%b", "results", "--", "trials").split("\n\n", 1)
    assert subject == "beta × mender: 1/1 passed, compliance 100 %"
    told = dict(line.split(": ", 1) for line in trailers.splitlines())
    assert told["Source-Commit"] == world.revision()
    assert told["Verdict"] == "pass"


def test_titles_descriptions_tags_moves_and_reverts_run_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    path, mender = "scenarios/alpha/scenario.json", "config/specialties/mender.mdx"
    with world.daemon() as daemon:
        daemon.settle()
        for changes in ({"title": "Another"}, {"description": "Said better."}, {"tags": ["new"]}):
            world.commit(edited(world, path, **changes), f"Edit {[*changes]}")
            daemon.settle()
        (world.work / "scenarios/moved").mkdir()
        (world.work / "scenarios/alpha").rename(world.work / "scenarios/moved/alpha")
        world.commit({}, "Move alpha")
        daemon.settle()
        assert len(world.results()) == 1
        world.commit({mender: specialty("echo mended > /etc/state; true")}, "Edit the specialty")
        daemon.settle()
        assert len(world.results()) == 2
        world.commit({mender: specialty()}, "Take that back")
        daemon.settle()
    assert len(world.results()) == 2
    [series] = world.status()["series"]
    assert series["reused"]
    assert series["verdict"] == "pass"


def sharing() -> dict[str, str | None]:
    """Scenarios that use a role, a task file, a template or a rule; and one that uses none of them."""

    def prepared(key: str, playbook: str, **files: str) -> dict[str, str | None]:
        beside = {f"scenarios/{key}/{name}": text for name, text in files.items()}
        return {**scenario(key, playbooks=False), f"scenarios/{key}/prepare.yml": playbook, **beside}

    task = "- ansible.builtin.copy: {content: broken, dest: /etc/state}\n"
    return {
        **definitions("plain", playbooks=False),
        **prepared("role", "- hosts: all\n  gather_facts: false\n  roles:\n    - role: ../../../roles/breaker\n"),
        "roles/breaker/tasks/main.yml": task,
        **prepared("include", play("ansible.builtin.include_tasks: steps/more.yml"), **{"steps/more.yml": task}),
        **prepared(
            "template",
            play("ansible.builtin.template: {src: state.j2, dest: /etc/state}"),
            **{"templates/state.j2": "broken {{ 1 + 1 }}\n"},
        ),
        **scenario("rule", playbooks=False, tags=["app:web"]),
        "config/operational_rules/web.mdx": "---\nname: web\ntags: [app:web]\n---\nReload it.\n",
    }


def test_what_scenarios_share_changes_exactly_those_that_use_it_and_the_reason_names_the_commit(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, sharing())
    once = world.run("once")
    assert once.code == 0, once.err
    assert due(world) == {}
    before: set[str] = set()
    for path, user in {
        "roles/breaker/tasks/main.yml": "role",
        "scenarios/include/steps/more.yml": "include",
        "scenarios/template/templates/state.j2": "template",
        "config/operational_rules/web.mdx": "rule",
    }.items():
        revision = world.commit({path: world.read(path).replace("broken", "in pieces") + "\n# More\n"}, f"Edit {path}")
        now = due(world)
        assert now.keys() - before == {user}
        assert f" changed in {revision[:7]}" in now[user]["reason"]
        assert now[user]["reason"].endswith(f": Edit {path}")
        assert now[user]["action"] == "run"
        before = {*now}


def test_a_folder_that_the_configuration_names_is_shared_like_the_roles(tmp_path: Path) -> None:
    files = definitions("alpha", playbooks=False)
    files["scenarios/alpha/prepare.yml"] = play("ansible.builtin.include_tasks: ../../library/break.yml")
    files["library/break.yml"] = "- ansible.builtin.copy: {content: broken, dest: /etc/state}\n"
    world = World(tmp_path, files)
    world.configure(source=world.sections["source"] | {"shared": ["library"]})
    assert world.run("once").code == 0
    assert due(world) == {}
    world.commit({"library/break.yml": (files["library/break.yml"] or "") + "# More\n"}, "Break it more")
    told = due(world)["alpha"]["reason"]
    assert told.startswith("library/break.yml changed in ")
    assert told.endswith(": Break it more")


def test_raising_the_iterations_from_two_to_three_adds_one(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False, iterations=2))
    assert world.run("once").code == 0
    first = world.results()
    world.commit({"config/benchmarks/all.yaml": benchmark(iterations=3)}, "Measure thrice")
    plan = world.plan()
    assert [(d["iteration"], d["reason"]) for d in plan["due"]] == [(3, "3 iterations are wanted now, and 2 were")]
    assert plan["reused"] == 2
    assert world.run("once").code == 0
    assert world.results().items() > first.items()
    assert sorted(r["iteration"] for r in world.results().values()) == [1, 2, 3]


def test_an_edit_of_the_rules_alone_grades_the_stored_transcript_again_without_a_sandbox(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    assert world.run("once").code == 0
    [old] = world.results()
    rule = {"label": "asked first", "validator": "pattern_match", "where": "executed_commands", "pattern": "ask"}
    world.commit(edited(world, "scenarios/alpha/scenario.json", validation={"tasks": [rule]}), "Ask first")
    assert [d["action"] for d in world.plan()["due"]] == ["regrade"]
    once = world.run("once", "-vv")
    assert once.code == 0
    assert '"sandboxes": 0, "event": "regrade started"' in once.err
    assert '"event": "regrade recorded"' in once.err
    assert '"phase": "provision"' not in once.err
    [new] = world.results().keys() - {old}
    record = world.results()[new]
    assert record["regrades"] == old
    assert not record["passed"]
    assert record["transcript"] == world.results()[old]["transcript"]


def test_a_plain_directory_is_watched_and_measured_the_same_way(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    world.configure(
        source={"kind": "fs", "repository": str(world.work), "poll": RARELY},
        results={"repository": str(world.remote)},
    )
    draft = tmp_path / "scenario.json"
    with world.daemon() as daemon:
        daemon.settle(daemon.wait_for("revision seen")["revision"])
        [text] = edited(world, "scenarios/alpha/scenario.json", ticket_body="Please hurry.").values()
        draft.write_text(text or "")
        draft.replace(world.work / "scenarios/alpha/scenario.json")
        daemon.settle(daemon.wait_for("revision seen")["revision"])
    assert world.measured() == ["alpha", "alpha"]
    assert due(world) == {}
