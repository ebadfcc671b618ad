"""A definitions repository without git, for tests: commits are made by the test, and everything else is the port."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from reconciler.core.errors import Invalid, Unavailable
from reconciler.ports import Commit, Entry

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _Revision:
    commit: Commit
    files: Mapping[str, Entry]
    parent: str | None


class MemorySource:
    """Port ``Source`` over what was given to ``commit``."""

    def __init__(self, *, folders: Sequence[str], state: Path) -> None:
        """``folders`` limit what is seen (``.`` is everything); checkouts are real folders below ``state``."""
        self._folders = [str(PurePosixPath(folder)) for folder in folders]
        self._checkouts = state / "checkouts"
        self._revisions: dict[str, _Revision] = {}
        self._blobs: dict[str, bytes] = {}
        self._tip: str | None = None
        self.unavailable = ""
        """When not empty, ``fetch`` raises ``Unavailable`` with it."""

    def commit(
        self, files: Mapping[str, bytes | None], subject: str = "change", modes: Mapping[str, str] | None = None
    ) -> str:
        """Add a revision: ``files`` are written (``None``: removed) over those of the last; returns its id."""
        entries = dict(self._revisions[self._tip].files) if self._tip else {}
        for path, contents in files.items():
            if contents is None:
                del entries[path]
                continue
            oid = hashlib.sha1(b"blob %d\0%b" % (len(contents), contents), usedforsecurity=False).hexdigest()
            self._blobs[oid] = contents
            entries[path] = Entry(mode=(modes or {}).get(path, "100644"), oid=oid)
        oid = hashlib.sha1(f"{self._tip} {subject} {entries}".encode(), usedforsecurity=False).hexdigest()
        at = _EPOCH + timedelta(minutes=len(self._revisions))
        commit = Commit(id=oid, short=oid[:7], subject=subject, at=at, parent=self._tip)
        self._revisions[oid] = _Revision(commit=commit, files=entries, parent=self._tip)
        self._tip = oid
        return oid

    async def fetch(self) -> str:
        """See ``Source.fetch``."""
        if self.unavailable or self._tip is None:
            raise Unavailable(self.unavailable or "nothing was committed yet")
        return self._tip

    def tree(self, revision: str) -> Mapping[str, Entry]:
        """See ``Source.tree``."""
        return {path: e for path, e in self._files(revision).items() if _below(path, self._folders)}

    def changed(self, old: str, new: str) -> Mapping[str, Entry | None]:
        """See ``Source.changed``."""
        before, after = self.tree(old), self.tree(new)
        return {p: after.get(p) for p in sorted(before.keys() | after.keys()) if before.get(p) != after.get(p)}

    def read(self, oids: Collection[str]) -> Mapping[str, bytes]:
        """See ``Source.read``."""
        if missing := set(oids) - self._blobs.keys():
            raise Unavailable(f"object {missing.pop()} is not here")
        return {oid: self._blobs[oid] for oid in oids}

    def last_change(self, revision: str, paths: Collection[str]) -> Commit | None:
        """See ``Source.last_change``."""
        at: str | None = revision
        while at is not None:
            now = self._revisions[at]
            before = self._revisions[now.parent].files if now.parent else {}
            changed = (p for p in before.keys() | now.files.keys() if before.get(p) != now.files.get(p))
            if any(_below(path, list(paths)) for path in changed):
                return now.commit
            at = now.parent
        return None

    def checkout(self, revision: str, paths: Collection[str], name: str) -> Path:
        """See ``Source.checkout``."""
        files = {path: e for path, e in self._files(revision).items() if _below(path, list(paths))}
        for path, entry in files.items():
            if entry.mode not in ("100644", "100755"):
                raise Invalid("is a symbolic link", path=path)
        for path in paths:
            if not any(_below(found, [path]) for found in files):
                raise Invalid(f"is not in the repository at {revision[:12]}", path=path)
        root = self._checkouts / name
        root.mkdir(parents=True, exist_ok=True)
        for path, entry in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._blobs[entry.oid])
            target.chmod(0o755 if entry.mode == "100755" else 0o644)
        return root

    def _files(self, revision: str) -> Mapping[str, Entry]:
        if revision not in self._revisions:
            raise Unavailable(f"revision {revision} is not here")
        return self._revisions[revision].files


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(folder == "." or path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in folders)
