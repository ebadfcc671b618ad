"""Which commit changed what: asked once for many files that one commit touched."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field

from reconciler.core.errors import Unavailable
from reconciler.ports import Commit, Source


@dataclass(kw_only=True)
class Blame:
    """Remembers the commits of one revision's past that were asked for, and what each of them touched."""

    source: Source
    _revision: str = ""
    _known: list[tuple[Commit, Collection[str], Collection[str]]] = field(default_factory=list)

    def commit(self, revision: str, paths: Collection[str]) -> Commit | None:
        """The newest commit up to ``revision`` that touched one of ``paths``; None where history ends before."""
        if revision != self._revision:
            self._revision, self._known = revision, []
        for commit, touched, since in self._known:
            if any(path in touched for path in paths) and not any(path in since for path in paths):
                return commit
        found = self.source.last_change(revision, paths)
        if found is not None and found.parent is not None:
            with contextlib.suppress(Unavailable):  # history that was cut off
                touched = self.source.changed(found.parent, found.id)
                self._known.append((found, touched.keys(), self.source.changed(found.id, revision).keys()))
        return found
