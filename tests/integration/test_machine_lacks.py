"""The real daemon on a machine that lacks something for a while: it says so in a line, goes on by itself, and loses nothing."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World, definitions, scenario


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world whose state directory is a small disk of its own."""
    state = tmp_path / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(state)], check=True, timeout=30)
    try:
        source = {"repository": str(tmp_path / "definitions.git"), "poll": "2s"}
        yield World(tmp_path, definitions("alpha", playbooks=False), source=source)
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True, timeout=30)


def fill(folder: Path) -> Path:
    """Leave no byte on the disk of ``folder``; returns the file to remove."""
    file = folder / "somebody-elses-file"
    with file.open("wb", buffering=0) as ballast:
        size = 1 << 20
        while size:
            try:
                while ballast.write(bytes(size)) == size:
                    pass
            except OSError:
                pass
            size //= 4
    return file


@pytest.mark.real("namespace")
def test_a_full_disk_is_waited_out_and_nothing_runs_twice(world: World) -> None:
    with world.daemon() as daemon:
        daemon.settle()
        ballast = fill(world.state)
        world.commit(scenario("beta", playbooks=False), "Beta")
        assert "make room there" in daemon.wait_for("pass put off")["problem"]
        ballast.unlink()
        daemon.settle()
        log = daemon.text
    assert world.measured() == ["alpha", "beta"]
    assert log.count('"trial recorded"') == 2
    assert "Traceback" not in log
    assert [path.name for path in world.state.rglob("*.new-*")] == []


@pytest.mark.real("namespace")
def test_a_command_on_a_full_disk_says_so_in_a_line(world: World) -> None:
    fill(world.state)
    said = world.run("once")
    assert (said.code, said.out) == (3, "")
    assert said.err == f"reconciler: {world.state}: No space left on device: make room there\n", said.err
