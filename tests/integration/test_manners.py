"""The command line among other programs: pipes that close, full disks, signals, other users. No traceback, a clear line, the documented code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.processes import PATIENCE, PROJECT, reconciler
from tests.world import World, definitions, specialty

LOOKING = ("--help", "plan", "plan --json", "status", "status --json", "trend", "validate", "validate --json", "once")
NOBODY = 65534


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that lives on while this module is tested."""
    return World(tmp_path_factory.mktemp("manners"), definitions(*"abcdefgh", playbooks=False))


def begun(world: World, *args: str, stdout: int) -> subprocess.Popen[bytes]:
    """A command on its way."""
    default = ["env", "--default-signal=INT"]  # a job in the background ignores it, and so does all that it starts
    command = [*default, sys.executable, "-m", "reconciler", *args]
    env = {**os.environ, "PYTHONPATH": str(PROJECT), "RECONCILER_CONFIG": str(world.config)}
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, cwd=world.folder, env=env)


def said(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Exit code, and standard error without the log."""
    err = process.communicate(timeout=PATIENCE)[1].decode()
    return process.returncode, "".join(line for line in err.splitlines(keepends=True) if not line.startswith("{"))


@pytest.mark.real("namespace")
@pytest.mark.parametrize("command", LOOKING)
def test_a_reader_that_goes_away_is_no_failure(world: World, command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    process = begun(world, *command.split(), stdout=write)
    os.close(write)
    assert said(process) == (0, "")


@pytest.mark.parametrize("command", ["--help", "plan", "plan --json"])
def test_output_that_has_no_room_is_one_line(world: World, command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        process = begun(world, *command.split(), stdout=full.fileno())
    assert said(process) == (3, "reconciler: No space left on device: make room there\n")


@pytest.mark.real("namespace")
@pytest.mark.parametrize("args", [("once",), ("start", "-s", "*")], ids=["once", "start"])
def test_what_is_interrupted_says_so_and_is_not_done(tmp_path: Path, args: Sequence[str]) -> None:
    files = {**definitions("a", "b", playbooks=False), "config/specialties/mender.mdx": specialty("sleep 3600")}
    world = World(tmp_path, files, limits={"parallel": 1, "drain": "1s", "attempts": 1})
    process = begun(world, *args, stdout=subprocess.PIPE)
    assert process.stderr
    assert any(b"trial started" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3, err
    assert b"stopping: what runs may end within 1 s; once more stops it at once\n" in out
    assert b"left: interrupted: what had not begun was not run, and no sandbox is left\n" in out
    assert b"Traceback" not in err
    assert world.leftovers() == []


def test_in_the_journal_each_line_has_its_priority_and_elsewhere_none(world: World) -> None:
    command = [sys.executable, "-m", "reconciler", "once", "--config", str(world.config)]
    for journal in (True, False):
        read, write = os.pipe()
        found = os.fstat(write)
        stream = f"{found.st_dev}:{found.st_ino if journal else 1}"
        env = {**os.environ, "PYTHONPATH": str(PROJECT), "JOURNAL_STREAM": stream}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=write, env=env)
        os.close(write)
        with os.fdopen(read) as log:
            assert all(line.startswith("<6>{" if journal else "{") for line in log)
        assert process.wait(PATIENCE) == 0


@pytest.fixture
def borrowed(tmp_path: Path) -> World:
    """A world whose state directory is somebody else's."""
    world = World(tmp_path, definitions("a", playbooks=False))
    world.state.mkdir()
    os.chown(world.state, NOBODY, NOBODY)
    return world


@pytest.mark.parametrize("command", ["status", "plan", "once", "daemon", "sandbox list", "check a", "start -s a"])
def test_a_state_directory_of_somebody_else_is_left_alone(borrowed: World, command: str) -> None:
    answer = borrowed.run(*command.split())
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"reconciler: the state directory {borrowed.state} belongs to nobody, and this is root "
        "(run it as its owner, `sudo -u nobody …`, or set another `state:`)\n"
    )
    assert list(borrowed.state.iterdir()) == []


def test_a_trend_of_a_scenario_that_is_not_there_names_the_nearest(world: World) -> None:
    answer = world.run("trend", "aa")
    assert (answer.code, "no scenario has the key or tag 'aa' (did you mean" in answer.err) == (2, True)


def test_what_programs_read_stands_alone_on_standard_output(world: World) -> None:
    answer = world.run("once")
    assert answer.out.splitlines()[-1].startswith("Nothing is due: ") or "trials passed" in answer.out
    assert all(line.startswith("{") for line in answer.err.splitlines())
    assert reconciler("once", "--json", "--config", str(world.config)).json == {"recorded": [], "left": []}


@pytest.mark.parametrize("loaded", ["_json", "pydantic_core", "_yaml"])
@pytest.mark.parametrize("command", ["plan", "trend"])
def test_ctrl_c_while_the_program_is_being_loaded_is_no_traceback(world: World, command: str, loaded: str) -> None:
    process = begun(world, command, stdout=subprocess.DEVNULL)
    maps, until = Path(f"/proc/{process.pid}/maps"), time.monotonic() + PATIENCE
    while loaded not in maps.read_text() and process.poll() is None and time.monotonic() < until:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    code, err = said(process)
    assert code in (-signal.SIGINT, 130, 0), err
    # where Python itself is told in the middle of its import lock, it says so, and goes on
    assert "Traceback" not in err or err.startswith("Exception ignored in")


def test_a_demo_in_the_place_of_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    there = tmp_path / "file"
    there.write_text("mine")
    refused = reconciler("demo", "--dir", str(there), cwd=tmp_path)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert f"{there} is not an empty directory" in refused.err
    assert there.read_text() == "mine"


def test_a_demo_below_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    there = tmp_path / "file"
    there.write_text("mine")
    refused = reconciler("demo", "--dir", str(there / "below"), cwd=tmp_path)
    told = f"reconciler: {there}/below cannot be made: Not a directory (name another with --dir)\n"
    assert (refused.code, refused.err) == (2, told)


def test_purging_a_mode_that_does_not_exist_is_refused(world: World) -> None:
    refused = world.run("sandbox", "purge-vms", "--mode", "bogus")
    assert (refused.code, "there is no mode bogus here" in refused.err) == (2, True)
