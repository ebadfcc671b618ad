"""Which fire time of each schedule is owed: the newest one since the schedule was declared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reconciler.core.errors import Unavailable
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.files.parse import schedule_in
from reconciler.ports import Clock, Cron, Source, Timetable

_EPOCH = "%Y%m%dT%H%M%SZ"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = 100
"""Edits of a benchmark since a fire time that are looked through for one that touched the schedule."""


@dataclass(kw_only=True)
class Epochs:
    """Remembers what it looked up: as long as no file changes and no schedule fires, nothing is asked of the source."""

    source: Source
    timetable: Timetable
    clock: Clock
    _owed: dict[str, tuple[str, datetime, bool]] = field(default_factory=dict)
    """By path: the file and the fire time that were looked up last, and whether it is owed."""

    def newest(
        self, schedules: Mapping[str, Cron], catalogue: Catalogue | None, revision: str | None
    ) -> dict[str, str]:
        """The newest fire time of each benchmark's schedule that is owed; "" where none is."""
        now, found = self.clock.now(), {}
        for benchmark, cron in schedules.items():
            assert catalogue is not None
            assert revision is not None
            fire = self.timetable.last_fire(cron, after=_LONG_AGO, until=now)
            path = catalogue.benchmark_paths()[benchmark]
            owed = fire is not None and self._is_owed(revision, catalogue, path, fire)
            found[benchmark] = fire.strftime(_EPOCH) if fire is not None and owed else ""
        return found

    def _is_owed(self, revision: str, catalogue: Catalogue, path: str, fire: datetime) -> bool:
        entry = catalogue.entry(path)
        oid = entry.oid if entry else ""
        known = self._owed.get(path)
        if known is None or known[:2] != (oid, fire):
            known = self._owed[path] = oid, fire, self._declared_before(revision, path, fire)
        return known[2]

    def _declared_before(self, revision: str, path: str, fire: datetime) -> bool:
        """Whether the schedule was there at ``fire``: other edits of its file since do not matter. Unknown is no."""
        for _ in range(_STEPS):
            commit = self.source.last_change(revision, [path])
            if commit is None or commit.at < fire:
                return commit is not None
            if commit.parent is None or self._schedule(commit.parent, path) != self._schedule(commit.id, path):
                return False
            revision = commit.parent
        return False

    def _schedule(self, revision: str, path: str) -> tuple[object, ...] | None:
        """The schedule as a revision has it; None where the file is not there, or where history ends."""
        try:
            entry = self.source.tree(revision).get(path)
            return schedule_in(self.source.read([entry.oid])[entry.oid]) if entry else None
        except Unavailable:
            return None
