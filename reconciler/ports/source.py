"""The definitions repository: what a revision holds, and the files that its trials need."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """A file at a revision: git's mode (``100644``, ``100755``, ``120000`` a symbolic link) and object id."""

    mode: str
    oid: str


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit in a person's words. ``short`` is the abbreviated id, ``parent`` the id of the first one, None at the root."""

    id: str
    short: str
    subject: str
    at: datetime
    parent: str | None = None


class Source(Protocol):
    """The definitions repository. Always read from commits; calls may be repeated at will."""

    async def fetch(self) -> str:
        """Bring the newest revision here and return its commit id. Raises ``Unavailable`` with the reason."""
        ...

    def tree(self, revision: str) -> Mapping[str, Entry]:
        """Path to entry for every file below the scenarios and config folders. Raises ``Unavailable``."""
        ...

    def changed(self, old: str, new: str) -> Mapping[str, Entry | None]:
        """What differs from ``old`` to ``new`` in those folders; ``None`` where the file is gone."""
        ...

    def read(self, oids: Collection[str]) -> Mapping[str, bytes]:
        """The contents of blobs by id."""
        ...

    def last_change(self, revision: str, paths: Collection[str]) -> Commit | None:
        """The newest commit up to ``revision`` that touched one of ``paths``; ``None`` where history ends before."""
        ...

    def checkout(self, revision: str, paths: Collection[str], name: str) -> Path:
        """A folder holding just ``paths`` (files or folders) at ``revision``, complete or not there at all.

        ``name`` is its content's name: asked again, the folder that exists is returned. Symbolic links are refused.
        """
        ...


class Watch(Protocol):
    """Hints that something changed."""

    def start(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` (from any thread) on each change; what cannot be watched is left to polling."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...
