"""The daemon as a service: its signals, its one instance, and what it tells the service manager."""

import os
import signal
from pathlib import Path

import pytest

from tests.world import World, definitions, play, scenario, specialty

pytestmark = pytest.mark.real("namespace")

MENDER = "config/specialties/mender.mdx"
LIMITS = {"parallel": 2, "memory": "4GiB", "trial": "10m", "attempts": 1, "drain": "10m"}
LONG = 1_000_000 + os.getpid()
"""Seconds that nobody waits for, and that no other test's agent sleeps."""


def working(folder: Path, seconds: int = LONG, **limits: object) -> World:
    """A world whose one trial keeps its agent at work for so long, or until it is let go."""
    files = definitions("alpha", playbooks=False) | {MENDER: specialty(f"sleep {seconds} || echo mended")}
    return World(folder, files, limits=LIMITS | limits)


def let_go() -> None:
    """Wake the agent, once it sleeps: its trial goes on."""
    while not (asleep := [p for p in Path("/proc").glob("[0-9]*/cmdline") if sleeps(p)]):
        pass
    os.kill(int(asleep[0].parent.name), signal.SIGTERM)


def sleeps(command_line: Path) -> bool:
    try:
        return command_line.read_bytes() == b"sleep\0%d\0" % LONG
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_sigterm_lets_the_running_trial_end_and_records_it(tmp_path: Path) -> None:
    world = working(tmp_path)
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase="execute")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("draining", trials=1)
        let_go()
        assert daemon.ended() == 0
        daemon.wait_for("trial recorded", passed=True)
    assert world.measured() == ["alpha"]
    assert world.leftovers() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_service_manager_is_kept_patient_for_as_long_as_trials_end(number: signal.Signals, tmp_path: Path) -> None:
    world = working(tmp_path)
    with world.daemon("-vv", env={"WATCHDOG_USEC": "1000000"}) as daemon:
        daemon.wait_for("phase", phase="execute")
        world.configure(limits=LIMITS, results={"branch": "elsewhere"})
        daemon.signal(number)
        while not daemon.hear().startswith(("STOPPING=1", "RELOADING=1")):
            pass
        for _ in range(3):
            assert daemon.hear().splitlines() == ["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=1000000"]
        let_go()
        daemon.wait_for("trial recorded", passed=True)


def test_after_sigterm_nothing_new_begins(tmp_path: Path) -> None:
    world = working(tmp_path, parallel=1)
    world.commit(scenario("beta", playbooks=False), "Another")
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase="execute")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("draining", trials=1)
        let_go()
        assert daemon.ended() == 0
    assert world.measured() == ["alpha"]


def test_a_trial_that_outlives_the_drain_time_is_ended_and_leaves_nothing(tmp_path: Path) -> None:
    world = working(tmp_path, drain="1s")
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase="execute")
        daemon.signal(signal.SIGTERM)
        assert daemon.ended() == 0
    assert world.results() == {}
    assert world.leftovers() == []


@pytest.mark.parametrize("phase", ["provision", "prepare", "execute", "validate"])
def test_sigterm_twice_ends_everything_at_once_and_leaves_nothing(phase: str, tmp_path: Path) -> None:
    forever = play("ansible.builtin.command: sleep 3600")
    world = working(tmp_path, LONG if phase == "execute" else 0)
    if phase in ("prepare", "validate"):
        files = scenario("alpha") | {"scenarios/alpha/prepare.yml": None}
        world.commit({k: v for k, v in files.items() if v} | {f"scenarios/alpha/{phase}.yml": forever}, "Hang")
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase=phase)
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("draining", trials=1)
        daemon.signal(signal.SIGTERM)
        assert daemon.ended() == 0
    assert world.leftovers() == []


def test_sigterm_while_a_remote_hangs_at_the_start_ends_the_daemon_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    world.configure(source={"repository": "ssh://nobody.example/definitions.git"})
    dialled, ssh = tmp_path / "dialled", tmp_path / "ssh"
    os.mkfifo(dialled)
    ssh.write_text(f"#!/bin/sh\necho > {dialled}\nexec sleep {LONG}\n")
    ssh.chmod(0o755)
    with world.daemon(env={"GIT_SSH_COMMAND": str(ssh)}) as daemon:
        dialled.read_text()
        daemon.signal(signal.SIGTERM)
        assert daemon.ended() == 0
    assert world.leftovers() == []


def test_sighup_goes_on_with_the_new_configuration_once_what_runs_has_ended(tmp_path: Path) -> None:
    world = working(tmp_path)
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase="execute")
        world.configure(limits=LIMITS, results={"branch": "elsewhere"})
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("draining", trials=1)
        let_go()
        daemon.wait_for("daemon stopped")
        assert world.measured() == ["alpha"]
        let_go()
        daemon.wait_for("trial recorded", passed=True)
        daemon.settle()
    assert world.measured("elsewhere") == ["alpha"]
    assert world.leftovers() == []


def test_sighup_with_a_broken_configuration_keeps_the_old_one_and_says_so_in_one_line(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    with world.daemon() as daemon:
        daemon.settle()
        good = world.config.read_text()
        world.config.write_text(good.replace('"limits"', '"limit"'))
        daemon.signal(signal.SIGHUP)
        line = daemon.wait_for("configuration refused; the old one goes on")
        assert line["problem"].startswith(f"{world.config}:7:")
        assert "did you mean limits?" in line["problem"]
        assert "\n" not in line["problem"]
        world.commit(scenario("beta", playbooks=False), "Another")
        daemon.settle()
        assert world.measured() == ["alpha", "beta"]
        assert daemon.text.count("refused") == 1


def test_sighup_with_a_configuration_that_cannot_be_served_goes_back_to_the_old_one(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    with world.daemon() as daemon:
        daemon.settle()
        world.configure(state="/proc/no-such-place")
        daemon.signal(signal.SIGHUP)
        line = daemon.wait_for("configuration refused; the old one goes on")
        assert "/proc/no-such-place" in line["problem"]
        world.configure()
        world.commit(scenario("beta", playbooks=False), "Another")
        daemon.settle()
        assert world.measured() == ["alpha", "beta"]


def test_the_service_manager_takes_no_reload_for_the_end(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    with world.daemon() as daemon:
        daemon.settle()
        world.configure(limits=LIMITS | {"parallel": 1})
        daemon.signal(signal.SIGHUP)
        while not daemon.hear().startswith("RELOADING=1"):
            pass
        assert daemon.hear().startswith("READY=1")
        assert not any(told.startswith("STOPPING=1") for told in daemon.told)


def test_sigterm_while_sighup_drains_ends_the_daemon_for_good(tmp_path: Path) -> None:
    world = working(tmp_path)
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase="execute")
        world.configure(limits=LIMITS, results={"branch": "elsewhere"})
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("draining", trials=1)
        daemon.signal(signal.SIGTERM)
        let_go()
        assert daemon.ended() == 0
    assert world.measured() == ["alpha"]
    assert world.measured("elsewhere") == []


def test_sighup_twice_cancels_nothing(tmp_path: Path) -> None:
    world = working(tmp_path)
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase="execute")
        for branch in ("there", "elsewhere"):
            world.configure(limits=LIMITS, results={"branch": branch})
            daemon.signal(signal.SIGHUP)
            if branch == "there":
                daemon.wait_for("draining", trials=1)
        let_go()
        daemon.wait_for("daemon stopped")
        assert world.measured() == ["alpha"]
        let_go()
        daemon.settle()
    assert (world.measured("there"), world.measured("elsewhere")) == ([], ["alpha"])


def test_a_second_daemon_in_the_same_state_directory_is_refused_in_one_clear_line(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    with world.daemon() as daemon:
        daemon.settle()
        for command in ("daemon", "once"):
            second = world.run(command)
            assert second.code == 2
            [line] = second.err.splitlines()
            assert f"another reconciler (pid {daemon.process.pid}) works in {world.state}" in line
            assert "stop it first, or use another `state:`" in line
        world.commit(scenario("beta", playbooks=False), "Another")
        daemon.settle()
    assert world.run("once").code == 0


def test_the_service_manager_hears_ready_status_watchdog_and_stopping(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    with world.daemon(env={"WATCHDOG_USEC": "1000000"}) as daemon:
        daemon.settle()
        for _ in range(3):  # nothing happens, and still the loop says that it lives
            assert {"READY=1", "WATCHDOG=1"} <= {*daemon.hear().splitlines()}
        assert "STATUS=0 running, 0 due, 0 held, 0 stalled, 1 reused" in daemon.told[-1].splitlines()
        assert daemon.stop() == 0
        while "STOPPING=1" not in daemon.hear().splitlines():
            pass
