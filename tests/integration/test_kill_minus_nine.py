"""The real daemon as a process, killed by SIGKILL at ten moments of a batch. Nothing is lost, doubled, or left."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.settings import load
from tests.git_world import git
from tests.world import World, benchmark, definitions, specialty

MOMENTS: list[tuple[str, dict[str, Any]]] = [
    ("revision seen", {}),
    ("trial started", {}),
    ("phase", {"phase": "provision"}),
    ("phase", {"phase": "prepare"}),
    ("phase", {"phase": "execute"}),
    ("phase", {"phase": "validate"}),
    ("phase", {"phase": "teardown"}),
    ("phase", {"phase": "append"}),
    ("trial recorded", {}),
    ("phase", {"phase": "push"}),
]
ITERATIONS = 8


def killed_at_every_moment(world: World) -> None:
    """Ten daemons, each killed when its log says that the moment has come; then one that may finish."""
    killed = 0
    for event, fields in MOMENTS:
        with world.daemon("-vv") as daemon:
            if (
                fields.get("phase") == "push"
            ):  # the first push of a daemon comes before its first trial: take the second
                daemon.wait_for("phase", phase="push")
            daemon.wait_for(event, **fields)
            daemon.signal(signal.SIGKILL)
            assert daemon.ended() == -signal.SIGKILL
            killed += 1
    assert killed == len(MOMENTS)
    assert world.run("once").code == 0


def assert_each_trial_is_recorded_exactly_once(world: World) -> None:
    records = world.results()
    assert sorted(r["iteration"] for r in records.values()) == list(range(1, ITERATIONS + 1))
    assert len({r["trial"] for r in records.values()}) == ITERATIONS
    assert all(r["passed"] for r in records.values())
    added = git(world.remote, "log", "--format=", "--name-status", "results", "--", "trials").splitlines()
    assert sorted(added) == sorted(f"A\t{path}" for path in records), "a record was written twice, or changed"
    git(world.remote, "fsck", "--strict")
    git(world.state / "results.git", "fsck", "--strict")


@pytest.mark.real("namespace", "ansible")
@pytest.mark.timeout(280)
def test_namespace_trials_survive_ten_kills(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", iterations=ITERATIONS))
    killed_at_every_moment(world)
    assert_each_trial_is_recorded_exactly_once(world)
    assert world.leftovers() == []


@pytest.mark.real("incus", "ansible")
@pytest.mark.timeout(280)
def test_incus_trials_survive_ten_kills(tmp_path: Path) -> None:
    files = definitions("alpha", iterations=ITERATIONS)
    files["config/benchmarks/all.yaml"] = benchmark(mode="incus", iterations=ITERATIONS)
    world = World(tmp_path, files)
    killed_at_every_moment(world)
    assert_each_trial_is_recorded_exactly_once(world)
    assert own(world) == []
    assert world.leftovers() == []


def own(world: World) -> list[str]:
    """Instances of this world that Incus still has, asked without our own code."""
    listed = subprocess.run(["incus", "list", "--format", "json"], capture_output=True, check=True, timeout=30)
    instance = load(world.config).instance
    return [i["name"] for i in json.loads(listed.stdout) if i["config"].get("user.reconciler.instance") == instance]


@pytest.mark.real("namespace", "ansible")
def test_a_kill_in_the_middle_of_an_agents_command_leaves_no_process_of_the_agent(tmp_path: Path) -> None:
    files = definitions("alpha")
    files["config/specialties/mender.mdx"] = specialty("setsid sleep 4321 & sleep 4321")
    world = World(tmp_path, files)
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase="execute")
        daemon.signal(signal.SIGKILL)
        assert daemon.ended() == -signal.SIGKILL
    assert [left for left in world.leftovers() if not left.startswith("cgroup ")] == []
    assert world.run("sandbox", "list").code == 0  # whatever starts next sweeps the empty cgroup
    assert world.leftovers() == []
