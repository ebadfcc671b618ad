"""``reconciler check`` on real sandboxes: what proves a scenario, what does not, and what a proof is good for."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.app.settings import load
from reconciler.core.digests import digest
from tests.git_world import git
from tests.processes import PATIENCE, PROJECT, Said
from tests.world import Files, World, benchmark, definitions, play, scenario

pytestmark = [pytest.mark.real("namespace", "ansible"), pytest.mark.timeout(600)]

LONG = 500.0
BROKEN = "ansible.builtin.copy: {content: broken, dest: /etc/state}"
MENDED = "ansible.builtin.copy: {content: mended, dest: /etc/state}"
ALMOST = "ansible.builtin.copy: {content: nearly there, dest: /etc/state}"
LOOK = "ansible.builtin.command: grep -q mended /etc/state"


def provable(key: str, **files: str | None) -> dict[str, str | None]:
    """A scenario that proves itself, but for ``files`` (``mutants__x`` is ``mutants/x.yml``; None leaves one out)."""
    good = {"prepare": play(BROKEN), "validate": play(LOOK), "solution": play(MENDED), "mutants__almost": play(ALMOST)}
    named = {name: text for name, text in {**good, **files}.items() if text is not None}
    placed = {f"scenarios/{key}/{name.replace('__', '/')}.yml": text for name, text in named.items()}
    return {f"scenarios/{key}/scenario.json": scenario(key)[f"scenarios/{key}/scenario.json"], **placed}


def world(folder: Path, *scenarios: Files) -> World:
    files: dict[str, str | None] = definitions()
    for one in scenarios:
        files |= one
    return World(folder, files)


def check(world: World, *args: str) -> tuple[Said, dict[str, Any]]:
    """The command, and its answer by scenario."""
    said = world.run("check", *args, "--json", within=LONG)
    assert said.out, said.err
    return said, {found["scenario"]: found for found in said.json["scenarios"]}


def failures(world: World, key: str) -> tuple[Said, dict[str, Any]]:
    """The command on one scenario, and the steps that did not come out."""
    said, found = check(world, key)
    assert not found[key]["proven"]
    return said, {step["step"]: step for step in found[key]["steps"] if not step["ok"]}


def got(found: Mapping[str, Any]) -> dict[str, str]:
    return {step["step"]: step["got"] for step in found["steps"]}


def messages(found: Mapping[str, Any]) -> dict[str, str]:
    """What is told of each step that did not come out."""
    return {step["step"]: step["message"] for step in found["steps"] if not step["ok"]}


def test_a_scenario_that_proves_itself_is_recorded_reused_and_may_gate(tmp_path: Path) -> None:
    restore = play("ansible.builtin.file: {path: /etc/state, state: absent}")
    here = world(tmp_path, provable("alpha", restore=restore))
    said, found = check(here, "alpha")
    alpha = found["alpha"]
    assert (said.code, alpha["proven"], alpha["reused"]) == (0, True, False), messages(alpha)
    assert [(s["step"], s["expected"], s["got"]) for s in alpha["steps"]] == [
        ("untouched", "fail", "fail"),
        ("solution", "pass", "pass"),
        ("mutant:almost", "fail", "fail"),
        ("repeatable", "pass", "pass"),
        ("restored", "pass", "pass"),
        ("read-only", "pass", "pass"),
        ("offline", "pass", "pass"),
    ]
    assert all({"step", "expected", "got", "ok", "message"} <= step.keys() for step in alpha["steps"])

    record = json.loads(git(here.remote, "show", f"results:{alpha['proof']}"))
    schema = json.loads((PROJECT / "reconciler/schemas/proof.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(record)
    assert record["source"]["commit"] == here.revision()
    subject = git(here.remote, "log", "-1", "--format=%s", "results")
    assert subject == "alpha is proven in mode namespace: untouched it fails, its solution passes, 1 mutant caught"

    [row] = here.status()["series"]
    assert (row["proven"], row["blocks"]) == (True, False)
    again, found = check(here, "alpha")
    assert (again.code, found["alpha"]["reused"], again.err) == (0, True, ""), "no sandbox is made for it"
    assert got(found["alpha"]) == got(alpha)

    ticket = json.loads(here.read("scenarios/alpha/scenario.json")) | {"ticket_title": "Another title"}
    here.commit({"scenarios/alpha/scenario.json": json.dumps(ticket)})
    assert here.status()["series"][0]["proven"], "a proof holds for world, truth, solution and mutants"
    here.commit({"scenarios/alpha/mutants/gone.yml": play("ansible.builtin.file: {path: /etc/state, state: absent}")})
    assert not here.status()["series"][0]["proven"], "nobody has seen the new mutant fail"
    assert "no: gates nothing" in here.run("status").out


def test_mutants_that_pass_or_cannot_be_played_and_a_prepare_that_plays_only_once_are_told(tmp_path: Path) -> None:
    mutants = {
        "mutants__fake": play("ansible.builtin.copy: {content: not mended, dest: /etc/state}"),
        "mutants__wrong": play("ansible.builtin.command: /no/such/program"),
    }
    once = play(BROKEN, "ansible.builtin.command: mkdir /etc/once")
    said, told = failures(world(tmp_path, provable("weak", prepare=once, mutants__almost=None, **mutants)), "weak")
    assert (said.code, set(told)) == (1, {"mutant:fake", "mutant:wrong", "repeatable", "offline"})
    assert "fooled" in told["mutant:fake"]["message"]
    assert [told[step]["got"] for step in ("mutant:wrong", "repeatable")] == ["broken", "broken"]


def test_a_validation_that_touches_a_file_and_a_restore_that_leaves_one_are_told(tmp_path: Path) -> None:
    restore = play(
        "ansible.builtin.file: {path: /etc/state, state: absent}", "ansible.builtin.copy: {content: x, dest: /etc/left}"
    )
    meddling = play("{ansible.builtin.command: touch /etc/seen, changed_when: false}", LOOK)
    here = world(tmp_path, provable("careless", validate=meddling, restore=restore, mutants__almost=None))
    _, told = failures(here, "careless")
    assert set(told) == {"read-only", "restored", "mutant:*"}
    assert "/etc/seen" in told["read-only"]["message"]
    assert "/etc/left" in told["restored"]["message"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("ansible.builtin.assert: {that: lost == 2}", "'lost' is undefined"),
        ("no.such.module: {}", "no.such.module"),
    ],
)
def test_a_validation_that_is_wrong_itself_proves_no_fault(tmp_path: Path, wrong: str, says: str) -> None:
    files = provable("typo", prepare=None, validate=play(wrong), mutants__almost=None)
    _, told = failures(world(tmp_path, files), "typo")
    assert {step: told[step]["got"] for step in ("untouched", "solution")} == {
        "untouched": "broken",
        "solution": "broken",
    }
    assert says in told["untouched"]["message"]


def test_without_a_fault_a_solution_or_mutants_nothing_is_proven_or_recorded(tmp_path: Path) -> None:
    here = world(tmp_path, provable("empty", prepare=play(MENDED), solution=None, mutants__almost=None))
    _, told = failures(here, "empty")
    assert told["untouched"]["got"] == "pass"
    assert told["solution"]["got"] == told["mutant:*"]["got"] == "missing"
    assert git(here.remote, "for-each-ref", "refs/heads/results") == "", "only what is proven is recorded"


def test_what_needs_a_network_does_not_get_one(tmp_path: Path) -> None:
    reach = "ansible.builtin.command: python3 -c 'import socket; socket.create_connection((\"192.0.2.1\", 80), 2)'"
    here = world(tmp_path, provable("online", prepare=play(BROKEN, reach), mutants__almost=None))
    _, told = failures(here, "online")
    assert told["untouched"]["got"] == "broken"
    assert "there is no network here" in told["offline"]["message"]


def test_a_false_alarm_proves_itself_by_passing_untouched(tmp_path: Path) -> None:
    here = world(tmp_path, provable("alarm", prepare=play(MENDED), solution="# Nothing is to be done.\n[]\n"))
    said, found = check(here, "alarm")
    assert (said.code, got(found["alarm"])["untouched"]) == (0, "pass"), messages(found["alarm"])
    assert "solution" not in got(found["alarm"])
    subject = git(here.remote, "log", "-1", "--format=%s", "results")
    assert subject == "alarm is proven in mode namespace: a false alarm that passes untouched, 1 mutant caught"


def test_a_name_that_means_nothing_and_a_mode_that_is_not_there_are_refused(tmp_path: Path) -> None:
    here = world(tmp_path, provable("alpha"))
    assert here.run("check", "alhpa").code == 2
    assert "did you mean alpha" in here.run("check", "alhpa").err
    assert here.run("check", "alpha", "--mode", "nowhere").code == 2
    assert here.run("check", "alpha", "--mode", "lima").code == 3


def test_a_scenario_that_does_not_fit_the_mode_is_not_proven_and_hides_no_other(tmp_path: Path) -> None:
    unit = play("ansible.builtin.systemd: {name: x, state: stopped}")
    here = world(tmp_path, provable("alpha"), provable("units", prepare=unit))
    here.commit({"config/benchmarks/all.yaml": benchmark("alpha")})
    said, found = check(here, "*")
    assert (said.code, found["alpha"]["proven"]) == (1, True), messages(found["alpha"])
    assert "run this scenario in mode incus" in messages(found["units"])["definition"]


def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    here = world(tmp_path, provable("slow", prepare=play("ansible.builtin.command: sleep 3600")))
    command = [sys.executable, "-m", "reconciler", "check", "slow", "--config", str(here.config)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
    mine = f"rec-{digest([load(here.config).instance, 'check'])[:8]}-"

    def made() -> list[str]:
        listed = here.run("sandbox", "list", "--json").json["sandboxes"]
        return [box["name"] for box in listed if box["name"].startswith(mine) and not box["orphan"]]

    while not made():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, made()) == (3, [])
    assert "no sandbox is left" in err
    assert "Traceback" not in err


@pytest.mark.real("incus")
def test_what_a_killed_check_leaves_in_incus_is_an_orphan_that_purging_destroys(tmp_path: Path) -> None:
    here = world(tmp_path, provable("slow", prepare=play("ansible.builtin.command: sleep 3600")))
    command = [sys.executable, "-m", "reconciler", "check", "slow", "--mode", "incus", "--config", str(here.config)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    mine = f"rec-{digest([load(here.config).instance, 'check'])[:8]}-"

    def orphans() -> list[bool]:
        listed = here.run("sandbox", "list", "--json").json["sandboxes"]
        return [box["orphan"] for box in listed if box["name"].startswith(mine)]

    while not (seen := orphans()):
        assert process.poll() is None
    assert not any(seen), "somebody works for them"
    process.kill()
    process.wait()
    assert all(orphans())
    assert here.run("sandbox", "purge-vms").code == 0
    assert orphans() == []
