"""The files of a revision as a tree: what lies where, what lies below, and what may not be followed."""

import posixpath
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property

from reconciler.ports import Entry

Read = Callable[[Collection[str]], Mapping[str, bytes]]


class Tree:
    """An immutable view of path to entry. Folders exist where files lie below them."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        """``entries`` must not change afterwards."""
        self.entries = entries

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self.entries)

    @cached_property
    def links(self) -> frozenset[str]:
        """Symbolic links and whatever else is no regular file."""
        return frozenset(p for p, e in self.entries.items() if not is_regular(e))

    def under(self, folder: str) -> list[str]:
        """The paths below a folder; empty when there is no such folder."""
        return self._paths[bisect_left(self._paths, folder + "/") : bisect_left(self._paths, folder + "0")]

    def below(self, folder: str) -> list[str]:
        """The same as seen from the folder."""
        start = len(folder) + 1
        return [path[start:] for path in self.under(folder)]

    def link_at(self, path: str) -> str | None:
        """The symbolic link that ``path`` is, or would be reached through."""
        if not self.links:
            return None
        return next((p for p in (path, *parents(path)) if p in self.links), None)


class Blobs:
    """Reads blobs, each once, for as long as one catalogue is being made."""

    def __init__(self, read: Read) -> None:
        """``read`` is the source's."""
        self._read = read
        self._known: dict[str, bytes] = {}

    def fetch(self, oids: Iterable[str]) -> None:
        """Read many at once, before they are asked for."""
        if missing := dict.fromkeys(o for o in oids if o not in self._known):
            self._known.update(self._read(missing))

    def __getitem__(self, oid: str) -> bytes:
        """The contents of one blob."""
        if oid not in self._known:
            self.fetch([oid])
        return self._known[oid]


def is_regular(entry: Entry) -> bool:
    """Whether this is a file, and neither a symbolic link nor a submodule."""
    return entry.mode.startswith("100")


def content(entry: Entry) -> str:
    """What a file is, for a digest: its blob, and whether it is executable."""
    return entry.oid + "+x" if entry.mode == "100755" else entry.oid


def parents(path: str) -> Iterable[str]:
    """The folders around a path, from the nearest."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def joined(folder: str, path: str) -> str | None:
    """``path`` seen from ``folder``, in the repository's terms; None when it leads out of the repository."""
    found = posixpath.normpath(f"{folder}/{path}" if folder else path)
    return None if found.startswith(("..", "/")) else found


def seen_from(folder: str, path: str) -> str:
    """A repository path as written from ``folder``: ``prepare.yml``, ``../../roles/x/tasks/main.yml``."""
    return path[len(folder) + 1 :] if path.startswith(folder + "/") else posixpath.relpath(path, folder or ".")
