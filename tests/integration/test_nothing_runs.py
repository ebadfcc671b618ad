"""Three in the morning: nothing runs. Log, status, plan and the service manager's line say why, once, and what to do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import PROJECT, Daemon
from tests.world import World, benchmark, definitions, specialty


def lines_with(daemon: Daemon, event: str) -> list[str]:
    """The reasons or problems that the log gives with an event, to its present end."""
    assert daemon.text
    return [line.get("reason") or line["problem"] for line in daemon.log if line.get("event") == event]


def test_a_mode_that_does_not_answer_is_told_once_and_when_it_is_over(tmp_path: Path) -> None:
    files = {**definitions("alpha", playbooks=False), "config/benchmarks/all.yaml": benchmark(mode="incus")}
    world = World(tmp_path, files, modes={"incus": {"socket": str(tmp_path / "nowhere")}})
    with world.daemon() as daemon:
        told = daemon.wait_for("held")
        assert (told["level"], told["trials"]) == ("warning", 1)
        assert told["reason"].startswith(f"Incus does not answer at {tmp_path}/nowhere")
        daemon.settle()
        daemon.settle(world.commit({"README.md": "a change that matters to no trial"}))
        assert lines_with(daemon, "held") == [told["reason"]]
        assert f"0 due, 1 held, 0 stalled, 0 reused; held: {told['reason']}" in daemon.told[-1]
        said = world.run("status").out
        assert f"daemon: pid {daemon.process.pid}, last pass" in said.splitlines()[0]
        assert said.splitlines()[-1] == "0 due, 0 running, 1 held, 0 stalled; 0 wanted trials have results"
        daemon.settle(world.commit({"config/benchmarks/all.yaml": None}, "No demand"))
        assert daemon.wait_for("no longer in the way")["reason"] == told["reason"]


def test_what_waits_for_one_reason_is_one_line(tmp_path: Path) -> None:
    told = "held    a × mender #1, b × mender #1, c × mender #1 and 2 more   quiet hours"
    world = World(tmp_path, definitions(*"abcde", playbooks=False), quiet_hours=["00:00-00:00 UTC"])
    for command in ("status", "plan"):
        assert world.run(command).out.count("held  ") == 1
        assert told in world.run(command).out


def test_quiet_hours_are_no_warning(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False), quiet_hours=["00:00-12:00 UTC", "12:00-00:00 UTC"])
    with world.daemon() as daemon:
        told = daemon.wait_for("held")
        assert (told["level"], told["reason"]) == ("info", "quiet hours")
        assert told["until"]


@pytest.mark.real("namespace")
def test_what_the_daemon_gave_up_is_stalled_in_plan_and_status_alike(tmp_path: Path) -> None:
    files = {**definitions("alpha"), "config/specialties/mender.mdx": specialty()}
    files["scenarios/alpha/prepare.yml"] = "- hosts: all\n  tasks:\n    - ansible.builtin.fail: {msg: no room}\n"
    world = World(tmp_path, files)
    with world.daemon() as daemon:
        reason = daemon.wait_for("stalled")["reason"]
        assert reason.startswith("1 attempt failed, the last: prepare.yml failed")
        plan, status = world.plan(), world.status()
        assert (
            [item["reason"] for item in plan["stalled"]] == [item["reason"] for item in status["stalled"]] == [reason]
        )
        assert plan["due"] == []
        assert world.run("plan", "--detailed-exitcode").code == 0
    assert len(world.plan()["due"]) == 1, "a new daemon would try again"


def test_nothing_runs_while_nobody_can_say_what_is_recorded(tmp_path: Path) -> None:
    branch = tmp_path / "results.git"
    why = f"what is recorded is not known yet: {branch} does not answer: '{branch}' does not appear to be a git repository"
    source = {"repository": str(tmp_path / "definitions.git"), "poll": "1s"}
    world = World(tmp_path, definitions("alpha", playbooks=False), source=source, results={"repository": str(branch)})
    once = world.run("once")
    assert (once.code, "alpha" in world.run("status").out) == (3, True)
    for command in ("plan", "status"):
        assert [held["reason"] for held in world.run(command, "--json").json["held"]] == [why]
    assert f"! {why}" in world.run("trend").out
    with world.daemon() as daemon:
        assert daemon.wait_for("held")["reason"] == why
        subprocess.run(["git", "init", "-q", "--bare", branch], check=True)
        daemon.wait_for("trial recorded", passed=True)


def test_a_remote_that_is_away_is_a_warning_once_and_status_keeps_the_revision(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        definitions("alpha", playbooks=False),
        source={"repository": str(tmp_path / "definitions.git"), "poll": "1s"},
    )
    with world.daemon() as daemon:
        daemon.settle()
        away = world.remote.rename(tmp_path / "away.git")
        told = daemon.wait_for("definitions not read")
        assert (told["level"], "cannot be read" in told["problem"]) == ("warning", True)
        daemon.hear()
        daemon.hear()
        assert lines_with(daemon, "definitions not read") == [told["problem"]]
        said = world.run("status").out
        assert said.startswith(f"revision {world.revision()[:10]}, daemon: pid")
        assert f"! {told['problem']}" in said
        away.rename(world.remote)
        daemon.wait_for("definitions read again")


@pytest.mark.real("namespace")
def test_status_and_trend_show_what_was_measured_while_the_definitions_are_away_and_plan_decides_nothing(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    assert world.run("once").code == 0
    before = world.status()["series"]
    world.remote.rename(tmp_path / "away.git")
    status, trend = world.status(), json.loads(world.run("trend", "--json").out)
    assert status["series"] == before
    assert [series["scenario"] for series in trend["series"]] == ["alpha"]
    for told in (status, trend):
        assert "cannot be read" in told["warnings"][0]
    for command in ("status", "trend"):
        assert f"! {trend['warnings'][0]}" in world.run(command).out
    plan = world.run("plan", "--json")
    assert (plan.code, json.loads(plan.out)["revision"]) == (3, None)


@pytest.mark.real("namespace")
def test_a_daemon_that_begins_while_the_remote_is_away_goes_on_with_what_it_read_last(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False), quiet_hours=["00:00-12:00 UTC", "12:00-00:00 UTC"])
    with world.daemon() as daemon:
        daemon.settle()
    away = world.remote.rename(tmp_path / "away.git")
    world.configure()
    with world.daemon() as daemon:
        daemon.wait_for("definitions not read")
        daemon.wait_for("trial recorded", passed=True)
        away.rename(world.remote)
    assert world.measured() == ["alpha"], "pushed on leaving"
    world.remote.rename(away)
    world.configure(source=world.sections["source"] | {"branch": "other"})
    with world.daemon() as daemon:
        daemon.wait_for("definitions not read")
        daemon.hear()
        assert json.loads((world.state / "status.json").read_text())["revision"] is None, "it was never read"


def refusing(world: World) -> Path:
    """The remote takes no push until this hook is gone."""
    hook = world.remote / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'the disk is full' >&2\nexit 1\n")
    hook.chmod(0o755)
    return hook


def test_results_that_could_not_be_pushed_are_left_and_the_next_run_pushes_them(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    hook = refusing(world)
    for command, recorded in (("once",), "recorded"), (("start", "-s", "alpha"), "records"):
        said = world.run(*command, "--json")
        [left] = said.json["left"]
        assert (said.code, len(said.json[recorded])) == (3, 1)
        assert left.startswith("what is recorded here is not on the remote: ")
        assert "the disk is full" in left
        assert left.endswith("; once that is mended, the same command pushes it")
    again = world.run("once")
    assert (again.code, f"left: {left}\n" in again.out) == (3, True)
    assert "Nothing is due: 1 wanted trials have results already." in again.out
    hook.unlink()
    assert world.run("once").code == 0
    assert world.run("start", "-s", "alpha").code == 0
    assert world.measured() == ["alpha"] * 3


def test_a_push_that_is_refused_is_told_once_and_when_it_got_through(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    hook = refusing(world)
    with world.daemon() as daemon:
        told = daemon.wait_for("results not pushed yet")
        assert "the disk is full" in told["problem"]
        hook.unlink()
        assert f"! results wait to be pushed: {told['problem']}" in world.run("status").out
    assert "results pushed again" in daemon.text


def test_status_without_a_daemon_says_when_the_last_pass_was(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    assert "no daemon works in" in (first := world.run("status").out.splitlines()[0])
    assert first.endswith("no pass yet")
    assert world.status()["last_pass"] is None
    with world.daemon() as daemon:
        daemon.settle()
    assert f"no daemon works in {world.state}, last pass" in world.run("status").out
    assert world.status()["last_pass"]


@pytest.mark.real("namespace")
def test_in_a_container_that_lacks_user_ids_trials_are_held_with_the_reason(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    plan = [sys.executable, "-m", "reconciler", "plan", "--config", str(world.config)]
    said = subprocess.run(
        ["unshare", "--user", "--map-root-user", *plan],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        timeout=60,
        check=False,
    )
    assert "may not use every user id here (Invalid argument), as in a container: run it on the machine" in said.stdout
    assert (said.returncode, said.stderr) == (0, "")


def test_trend_says_which_wrong_definition_keeps_what_was_measured_from_being_shown(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    assert world.run("trend").out == "Nothing is measured yet.\n"
    world.commit({"config/benchmarks/all.yaml": "name: all\nscenarios: [alpha]\nmode: namespace\niterations: three\n"})
    nothing, why = world.run("trend").out.splitlines()
    assert (nothing, why.startswith("! config/benchmarks/all.yaml:4:13: ")) == ("Nothing is shown.", True)
    assert world.run("trend", "--json").json["warnings"] == [why.removeprefix("! ")]
