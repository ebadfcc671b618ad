"""The real daemon as a process, killed by SIGKILL at ten moments of a batch. Each time nothing is lost, doubled, or left."""

import json
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.settings import load
from tests.bench.regrade import other_rules, trials_recorded
from tests.bench.repositories import definition_files
from tests.git_world import git
from tests.world import Files, World, benchmark, definitions, scenario, specialty

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


ITERATIONS = 2
"""So that one trial is being worked on while the other is recorded."""


def fresh_work(number: int, phase: str | None) -> Files:
    """A scenario for one moment alone; playbooks take most of a trial's time, and not every moment needs them."""
    return scenario(f"moment-{number}", playbooks=phase in ("prepare", "validate"))


def killed_at(world: World, event: str, **fields: Any) -> None:
    """A daemon, killed when its log says that the moment has come."""
    with world.daemon("-vv") as daemon:
        if fields.get("phase") == "push":  # the first push of a daemon comes before its first trial: take the second
            daemon.wait_for("phase", phase="push")
        daemon.wait_for(event, **fields)
        daemon.signal(signal.SIGKILL)
        assert daemon.ended() == -signal.SIGKILL


def survives_every_moment(world: World) -> None:
    """Fresh work, a kill, a restart that may finish; then everything must be as if nothing had happened. Ten times."""
    for number, (event, fields) in enumerate(MOMENTS, 1):
        moment = f"killed at {event} {fields}"
        world.commit(fresh_work(number, fields.get("phase")), moment)
        killed_at(world, event, **fields)
        assert world.run("once").code == 0, moment
        assert_each_trial_is_recorded_exactly_once(world, ITERATIONS * number, moment)
        assert (world.leftovers(), sandboxes(world)) == ([], []), moment


def assert_each_trial_is_recorded_exactly_once(world: World, count: int, moment: str) -> None:
    records = world.results()
    assert len(records) == len({r["trial"] for r in records.values()}) == count, moment
    assert all(r["passed"] for r in records.values()), moment
    assert_nothing_was_written_twice(world, list(records), moment)


def assert_nothing_was_written_twice(world: World, records: list[str], moment: str) -> None:
    added = git(world.remote, "log", "--format=", "--name-status", "results", "--", "trials").splitlines()
    assert sorted(added) == sorted(f"A\t{path}" for path in records), (
        f"{moment}: a record was written twice, or changed"
    )
    git(world.remote, "fsck", "--strict")
    git(world.state / "results.git", "fsck", "--strict")


def sandboxes(world: World) -> list[str]:
    """Instances of this world that Incus still has, asked without our own code."""
    if '"incus"' not in world.read("config/benchmarks/all.yaml"):
        return []
    listed = subprocess.run(["incus", "list", "--format", "json"], capture_output=True, check=True, timeout=30)
    instance = load(world.config).instance
    mark, mine = f"rec-{instance[:8]}-", {"user.reconciler.instance": instance}
    return [
        i["name"]
        for i in json.loads(listed.stdout)  # one that is just being made or deleted has no configuration
        if i["name"].startswith(mark) or mine.items() <= (i["config"] or {}).items()
    ]


@pytest.mark.real("namespace", "ansible")
@pytest.mark.timeout(280)
def test_namespace_trials_survive_a_kill_at_each_of_ten_moments(tmp_path: Path) -> None:
    survives_every_moment(World(tmp_path, definitions(iterations=ITERATIONS)))


@pytest.mark.real("incus", "ansible")
@pytest.mark.timeout(400)
def test_incus_trials_survive_a_kill_at_each_of_ten_moments(tmp_path: Path) -> None:
    files = definitions() | {"config/benchmarks/all.yaml": benchmark(mode="incus", iterations=ITERATIONS)}
    survives_every_moment(World(tmp_path, files))


REGRADE_MOMENTS: list[tuple[str, dict[str, Any]]] = [
    ("regrade started", {}),
    ("phase", {"phase": "append"}),
    ("regrade recorded", {}),
]


@pytest.mark.real("namespace")
@pytest.mark.timeout(280)
def test_a_mass_regrade_survives_kills_and_grades_each_trial_again_exactly_once(tmp_path: Path) -> None:
    world = World(tmp_path, texts(definition_files(240, mode="namespace", variants=1, iterations=5)))
    trials_recorded(world.config)
    ran = set(listed(world))
    assert len(ran) == 1_200
    world.commit(texts(other_rules(240)), "Other rules")
    for event, fields in REGRADE_MOMENTS:
        killed_at(world, event, **fields)
    assert 500 <= len(listed(world, world.state / "results.git")) - len(ran) < len(ran), "killed in the middle of it"
    assert world.run("once").code == 0
    again = set(listed(world)) - ran
    assert len(again) == len(ran)
    assert_nothing_was_written_twice(world, [*ran, *again], "a mass regrade")
    records = git(world.remote, "cat-file", "--batch", stdin="".join(f"results:{path}\n" for path in again).encode())
    named = [line.split('"')[3] for line in records.splitlines() if line.startswith(' "regrades"')]
    assert sorted(named) == sorted(ran)
    assert world.leftovers() == []


def texts(files: Mapping[str, bytes]) -> Files:
    return {path: data.decode() for path, data in files.items()}


def listed(world: World, repository: Path | None = None) -> list[str]:
    """The paths of the records."""
    return git(repository or world.remote, "ls-tree", "-r", "--name-only", "results", "trials").splitlines()


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
