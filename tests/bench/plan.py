"""A look at 10,000 scenarios × 3 variants, as the daemon looks: for the first time, at nothing new, at one specialty edited."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from reconciler.adapters.clock import WallClock
from reconciler.adapters.git.results import GitResults
from reconciler.adapters.git.source import GitSource
from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.adapters.memory.platform import MemoryPlatform
from reconciler.adapters.state import StateDirectory
from reconciler.adapters.timetable import ApschedulerTimetable
from reconciler.app.adapters import lint_context
from reconciler.app.edition import edition
from reconciler.app.wiring import collect_seldom
from reconciler.shell.observe import Observer
from reconciler.shell.past import Past
from reconciler.shell.reading import Definitions
from tests.bench.figures import Figure, medians, timed
from tests.bench.repositories import SPECIALTY, definitions, fast_import, specialty

SCENARIOS, VARIANTS, ROUNDS = 10_000, 3, 5


def measure(folder: Path) -> Sequence[Figure]:
    """First looks against git and json alone; later ones against the first."""
    collect_seldom()
    repository = definitions(folder / "definitions.git", SCENARIOS, mode="incus", variants=VARIANTS)
    bench = _Looks(repository, folder / "state")
    floor, reading, first, same, edited, again = medians(
        ROUNDS,
        lambda: timed(lambda: _floor(repository)),
        lambda: timed(lambda: _reading(repository)),
        bench.first,
        bench.same,
        bench.edited,
        bench.again,
    )
    whole = f"plan {SCENARIOS} × {VARIANTS}"
    return [
        Figure(
            what=f"{whole}, the first look of a process, beside ls-tree + cat-file + json.loads of scenario.json",
            floor=floor,
            ours=again,
            limit=3,
        ),
        Figure(what=f"{whole}, the first look ever, beside the same", floor=floor, ours=first, limit=None),
        Figure(
            what=f"{whole}, the first look ever, beside that and a C YAML load of the playbooks, which it follows",
            floor=reading,
            ours=first,
            limit=3,
        ),
        Figure(what=f"{whole}, nothing changed, beside the first look ever", floor=first, ours=same, limit=1 / 50),
        Figure(
            what=f"{whole}, one of {VARIANTS} specialties edited, beside the first look ever",
            floor=first,
            ours=edited,
            limit=None,
        ),
    ]


def _floor(repository: Path) -> None:
    for data in _blobs(repository, b"/scenario.json"):
        json.loads(data)


def _reading(repository: Path) -> None:
    """What must be read: where dependencies are derived, the playbooks are definitions too."""
    _floor(repository)
    for data in _blobs(repository, b".yml"):
        yaml.load(data, Loader=yaml.CSafeLoader)


def _blobs(repository: Path, suffix: bytes) -> Iterator[bytes]:
    """The contents of every file whose name ends so, as git alone gives them."""
    git = ["git", "-C", str(repository)]
    listing = subprocess.run([*git, "ls-tree", "-r", "main"], capture_output=True, check=True).stdout.splitlines()
    oids = b"".join(line.split()[2] + b"\n" for line in listing if line.endswith(suffix))
    blobs = subprocess.run([*git, "cat-file", "--batch"], input=oids, capture_output=True, check=True).stdout
    at = 0
    while at < len(blobs):
        end = blobs.index(b"\n", at)
        size = int(blobs[at:end].split()[2])
        yield blobs[end + 1 : end + 1 + size]
        at = end + size + 2


class _Looks:
    """An observer over the real adapters; only the sandboxes are spoken of."""

    def __init__(self, repository: Path, state: Path) -> None:
        self._repository, self._state, self._edits = repository, state, 0
        self._observer: Observer

    def first(self) -> float:
        """The first look of the first process. Its clone is there."""
        (self._state / "catalogue.bin").unlink(missing_ok=True)
        return self._begun()

    def again(self) -> float:
        """The first look of a process after one that ended in peace."""
        self._observer.definitions.keep()
        return self._begun()

    def _begun(self) -> float:
        self._observer = _observer(self._repository, self._state)
        return self._look()

    def same(self) -> float:
        """A look when nothing is new."""
        return self._look()

    def edited(self) -> float:
        """A look after a commit that edits one specialty."""
        self._edits += 1
        fast_import(
            self._repository, "main", {SPECIALTY: specialty("linux-administration", f"echo {self._edits}")}, start=False
        )
        return self._look()

    def _look(self) -> float:
        return asyncio.run(self._looked())

    async def _looked(self) -> float:
        await self._observer.results.refresh()
        await self._observer.fetch()
        began = time.perf_counter()
        world = await self._observer.look()
        seconds = time.perf_counter() - began
        assert len(world.todo.missing) == SCENARIOS * VARIANTS, world.findings[:3]
        return seconds


def _observer(repository: Path, state: Path) -> Observer:
    clock = WallClock()
    platform = MemoryPlatform(clock=clock, images=["debian/12"])
    results = GitResults(
        repository=str(repository), branch="results", author_name="a", author_email="a@b", state=state, clock=clock
    )
    source = GitSource(repository=str(repository), branch="main", folders=("scenarios", "config"), state=state)
    return Observer(
        source=source,
        results=results,
        past=Past(results=results),
        platforms={"incus": platform},
        journal=MemoryJournal(clock=clock),
        clock=clock,
        timetable=ApschedulerTimetable(clock=clock),
        notes=StateDirectory(state),
        definitions=Definitions(
            source=source,
            notes=StateDirectory(state),
            context=lint_context(),
            edition=edition,
            scenarios_folder="scenarios",
            config_folder="config",
        ),
    )
