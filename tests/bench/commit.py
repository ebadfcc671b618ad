"""From a commit to the first sandbox being made, beside the same commit seen by a bare watchdog and ``git rev-parse``."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from reconciler.app.settings import load
from tests.bench.figures import Figure, tell
from tests.bench.recorded import past
from tests.bench.repositories import fast_import, wanted
from tests.git_world import git
from tests.processes import Daemon
from tests.world import World, definitions, scenario, specialty

SCENARIOS, ROUNDS = 1_000, 9
_SPECIALTY = "config/specialties/mender.mdx"

_BARE = """
import subprocess, sys, threading, time
from watchdog.events import FileCreatedEvent, FileModifiedEvent, FileMovedEvent, FileSystemEventHandler
from watchdog.observers import Observer

repository, changed = sys.argv[1], threading.Event()

class Wake(FileSystemEventHandler):
    def on_any_event(self, event):
        changed.set()

observer = Observer()
changes = [FileCreatedEvent, FileModifiedEvent, FileMovedEvent]
observer.schedule(Wake(), repository + "/refs/heads", recursive=True, event_filter=changes)
observer.start()
while True:
    command = ["git", "-C", repository, "rev-parse", "refs/heads/main"]
    print(time.time(), subprocess.run(command, capture_output=True, text=True).stdout.strip(), flush=True)
    changed.wait()
    changed.clear()
"""


def measure(folder: Path) -> Sequence[Figure]:
    """The real daemon with nothing to do, told of a commit by its watcher; both watch the same repository."""
    world = _world(folder)
    watcher = subprocess.Popen([sys.executable, "-c", _BARE, str(world.remote)], stdout=subprocess.PIPE, text=True)
    try:
        with world.daemon("-vv") as daemon:
            daemon.settle(within=300)
            rounds = [_round(world, daemon, watcher, number) for number in range(ROUNDS)]
    finally:
        watcher.kill()
        watcher.communicate()
    floor, ours = (statistics.median(times) for times in zip(*rounds, strict=True))
    what = f"commit to first sandbox, {SCENARIOS} scenarios, beside watchdog + rev-parse"
    return [Figure(what=what, floor=floor, ours=ours, limit=0.3, bounds="excess")]


def _world(folder: Path) -> World:
    """Many scenarios, every one with a result already."""
    keys = [f"scenario-{number:05}" for number in range(SCENARIOS)]
    files = definitions() | {path: text for key in keys for path, text in scenario(key).items()}
    world = World(folder, files, limits={"parallel": 1, "memory": "1GiB", "trial": "2m", "attempts": 1})
    trials = wanted(load(world.config))
    assert len(trials) == SCENARIOS
    fast_import(world.remote, "results", dict(pair for trial in trials for pair in past([trial])))
    return world


def _round(world: World, daemon: Daemon, watcher: "subprocess.Popen[str]", number: int) -> tuple[float, float]:
    """Edit the specialty; seconds until the bare watcher saw it, and until the daemon made a sandbox. Then take it back."""
    edited = {_SPECIALTY: specialty(f"echo mended {number} > /etc/state")}
    git(world.work, "fetch", "--quiet", "origin")
    began = time.time()
    revision = world.commit(edited, f"Edit {number}")
    started = daemon.wait_for("phase", phase="provision")
    floor, ours = _seen(watcher, revision) - began, datetime.fromisoformat(started["timestamp"]).timestamp() - began
    tell(f"round {number + 1}: {floor:.3f}, {ours:.3f}, {ours - floor:.3f} later")
    git(world.work, "revert", "--no-edit", "HEAD")
    world.push()
    daemon.settle()
    return floor, ours


def _seen(watcher: "subprocess.Popen[str]", revision: str) -> float:
    """When the bare watcher saw a revision."""
    assert watcher.stdout is not None
    for line in watcher.stdout:
        moment, tip = line.split()
        if tip == revision:
            return float(moment)
    raise AssertionError("the bare watcher ended")
