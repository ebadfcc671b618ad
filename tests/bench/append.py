"""One trial appended to results branches of 1,000 and of 100,000 trials, beside a bare ``git fast-import`` of the same files."""

import asyncio
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reconciler.adapters.clock import WallClock
from reconciler.adapters.git.results import GitResults
from reconciler.core.model import Trial
from reconciler.core.trends import fold
from reconciler.formats.trend import batch_of, dump_json, empty_trend, parse_trend
from reconciler.shell.recording import Recorder, derived, series_of
from tests.bench.figures import Figure, medians, tell, timed
from tests.bench.recorded import past, record, series, transcript
from tests.bench.repositories import commit_stream, fast_import
from tests.git_world import bare

SMALL, BIG, LENGTH, ROUNDS = 1_000, 100_000, 50, 15
"""Trials on the branches, and in each of their series: a series is as long here as there."""
_RECORD = 4
"""A trial is recorded with its series' trend, which git must give first: one more process than an append."""
SPECIALTIES = ("LINUX_ADMINISTRATION", "CAREFUL_OPERATOR")
_GIT = ("git", "-c", "core.fsync=all", "-c", "fastimport.unpackLimit=1", "-c", "core.logAllRefUpdates=false")


def measure(folder: Path) -> Sequence[Figure]:
    """``append`` alone, and the whole of ``Recorder.record``, which also reads and folds the trend."""
    small, big = _Branch(folder / "small", SMALL), _Branch(folder / "big", BIG)
    times = medians(ROUNDS, small.floor, big.floor, small.append, big.append, small.record, big.record)
    small_floor, big_floor, small_append, big_append, small_record, big_record = times
    return [
        Figure(what=f"append to {SMALL} trials, beside fast-import", floor=small_floor, ours=small_append, limit=3),
        Figure(what=f"append to {BIG} trials, beside fast-import", floor=big_floor, ours=big_append, limit=3),
        Figure(what=f"append to {BIG} trials, beside {SMALL}", floor=small_append, ours=big_append, limit=1.5),
        Figure(
            what=f"record to {SMALL} trials, beside fast-import", floor=small_floor, ours=small_record, limit=_RECORD
        ),
        Figure(what=f"record to {BIG} trials, beside fast-import", floor=big_floor, ours=big_record, limit=_RECORD),
        Figure(what=f"record to {BIG} trials, beside {SMALL}", floor=small_record, ours=big_record, limit=1.5),
    ]


class _Branch:
    """Two equal repositories with so many trials: one for the floor, one for us."""

    def __init__(self, folder: Path, trials: int) -> None:
        tell(f"making branches of {trials} trials")
        scenarios = [f"scenario-{number:05}" for number in range(trials // LENGTH // len(SPECIALTIES))]
        pairs = [(scenario, specialty) for scenario in scenarios for specialty in SPECIALTIES]
        files = dict(file for pair in pairs for file in past(series(pair, LENGTH)))
        self._bare = bare(folder / "floor.git")
        for repository in (self._bare, bare(folder / "state/results.git")):
            fast_import(repository, "results", files)
        self._store = GitResults(
            repository=None,
            branch="results",
            author_name="a",
            author_email="a@b",
            state=folder / "state",
            clock=WallClock(),
        )
        self._recorder = Recorder(results=self._store)
        self._run = asyncio.Runner().run
        self._next = self._trials(pairs)

    def _trials(self, pairs: Sequence[tuple[str, str]]) -> Iterator[Trial]:
        """Trials that are not there yet, in series that are."""
        for number in range(LENGTH, LENGTH * 2):
            for pair in pairs:
                yield series(pair, number + 1)[-1]

    def floor(self) -> float:
        """What any program must do: one fast-import, as durable as ours."""
        stream = commit_stream("results", self._files(next(self._next)), start=False)
        command = [*_GIT, "-C", str(self._bare), "fast-import", "--quiet", "--done"]
        return timed(lambda: subprocess.run(command, input=stream, check=True))

    def append(self) -> float:
        """Our ``append`` of files that are ready."""
        files = self._files(next(self._next))
        return timed(lambda: self._run(self._store.append(files, "a trial")))

    def record(self) -> float:
        """All that it takes to have a trial recorded; packs are rolled up outside of it, as the daemon does."""
        trial = next(self._next)
        document, text = record(trial), transcript(trial)
        seconds = timed(lambda: self._run(self._recorder.record(document, text)))
        self._run(self._store.push())
        return seconds

    def _files(self, trial: Trial) -> Mapping[str, bytes]:
        document = record(trial)
        path = f"trends/{series_of(trial.path)}.json"
        before = parse_trend(self._store.read([path])[path])
        trend = fold(before or empty_trend(document), batch_of(document, trial.path))
        return {
            trial.path: dump_json(document.document()),
            document.transcript.path: transcript(trial),
            **derived(trend, series_of(trial.path)),
        }
