"""The list of records at a tip, kept by what differs between tips: its cost does not grow with what is there."""

import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from reconciler.adapters.git.command import GitFailed
from reconciler.adapters.git.repository import Repository
from reconciler.adapters.notefile import read_note, write_note
from reconciler.adapters.records import TRIALS, is_record, what_is_wrong
from reconciler.ports import Entry

_CHECKED = "reconciler.ledger/2"
"""Names what is checked of a record. A memory of other checks vouches for nothing."""
_AT_ONCE = 2_000
"""Records read in one go, so that memory is bounded."""


class Ledger:
    """Which files below ``trials/`` are readable records. What was found readable is not read again, nor after a restart."""

    def __init__(self, repository: Repository, memory: Path) -> None:
        """``memory`` is a small file that holds the last verified tip. Without it everything is verified again."""
        self._repository = repository
        self._memory = memory
        self._guard = threading.Lock()
        self._tip: str | None = None
        self._trials: Mapping[str, str] = {}
        self._broken: Mapping[str, str] = {}

    def at(self, tip: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Path to blob id of the readable records at ``tip``, and path to what is wrong of the others."""
        with self._guard:
            if tip != self._tip:
                changes = self._between(self._tip, tip)
                if changes is None:
                    self._start(tip)
                else:
                    self._follow(changes)
                self._tip = tip
                self._remember()
            return self._trials, self._broken

    def _start(self, tip: str) -> None:
        """List everything; verify what the remembered tip does not vouch for."""
        entries = self._repository.entries(tip, [TRIALS])
        known, broken = self._recall()
        changes = self._between(known, tip)
        if changes is None:
            changes, broken = dict(entries), {}
        self._trials = {p: e.oid for p, e in entries.items() if is_record(p) and p not in broken}
        self._broken = {p: why for p, why in broken.items() if p in entries}
        self._follow(changes)

    def _between(self, old: str | None, new: str) -> Mapping[str, Entry | None] | None:
        """What changed, ``None`` where that cannot be told: no old tip, or one that is not here any more."""
        try:
            return None if old is None else self._repository.differences(old, new, [TRIALS])
        except GitFailed:
            return None

    def _follow(self, changes: Mapping[str, Entry | None]) -> None:
        """Take over ``changes``, into new mappings: the old ones are in somebody's hands."""
        changes = {path: entry for path, entry in changes.items() if is_record(path)}
        if not changes:
            return
        wrong = self._verify({path: entry for path, entry in changes.items() if entry is not None})
        good = {path: entry.oid for path, entry in changes.items() if entry is not None and path not in wrong}
        trials, broken = dict(self._trials), dict(self._broken)
        for path in changes:
            trials.pop(path, None)
            broken.pop(path, None)
        trials.update(good)
        broken.update(wrong)
        self._trials, self._broken = trials, broken

    def _verify(self, entries: Mapping[str, Entry]) -> dict[str, str]:
        wrong = {p: "a symbolic link, not a file" for p, e in entries.items() if e.mode == "120000"}
        pending = iter([(p, e.oid) for p, e in entries.items() if p not in wrong])
        while chunk := list(islice(pending, _AT_ONCE)):
            blobs = self._repository.blobs({oid for _, oid in chunk})
            wrong |= {path: why for path, oid in chunk if (why := what_is_wrong(blobs[oid])) is not None}
        return wrong

    def _recall(self) -> tuple[str | None, dict[str, str]]:
        memory = read_note(self._memory) or {}
        tip, broken = memory.get("tip"), memory.get("broken")
        if memory.get("schema") != _CHECKED or not isinstance(tip, str) or not isinstance(broken, dict):
            return None, {}
        return tip, {str(path): str(why) for path, why in broken.items()}

    def _remember(self) -> None:
        write_note(self._memory, {"schema": _CHECKED, "tip": self._tip, "broken": self._broken})
