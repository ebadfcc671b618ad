"""The definitions repository, mirrored into a bare repository of our own and read from commits."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

from reconciler.adapters.git.checkouts import Checkouts, check
from reconciler.adapters.git.command import GitFailed, GitTimedOut, address, in_thread, redact_url
from reconciler.adapters.git.repository import Repository, branches, check_branch, look_up, object_format
from reconciler.core.errors import Invalid, Unavailable
from reconciler.definitions.files.tree import parents
from reconciler.ports import Commit, Entry

_FETCH, _CLONE = 60.0, 1800.0
"""Seconds that a fetch may take, which brings only what is new, and that the first one may, or one over a slow link."""
_ARGUMENTS = 1000
"""Paths that one command line takes; with more, everything is listed."""
_NAMED = 5
"""So many of the branches that are there are named where ours is not."""


class CommitSource(ABC):
    """Port ``Source``, but for where the commits come from: that is ``fetch``, which each kind adds."""

    def __init__(self, repository: Repository, folders: Sequence[str], state: Path) -> None:
        """``folders`` limit what is seen (``.`` is everything); checkouts lie below ``state``."""
        self._repository = repository
        self._folders = scope(folders)
        self._checkouts = Checkouts(state / "checkouts")
        self._tip = ""
        self._damaged = False

    @abstractmethod
    def _fetch(self) -> str:
        """Bring the newest revision into the repository, under its lock; returns the commit's id."""

    async def fetch(self) -> str:
        """See ``Source.fetch``. Checkouts that nobody used for a day go on the way."""
        return await in_thread(self._fetch_locked)

    def _fetch_locked(self) -> str:
        with self._repository.locked():
            self._checkouts.sweep()
            self._tip = self._fetch()
            self._damaged = False
            return self._tip

    def tree(self, revision: str) -> Mapping[str, Entry]:
        """See ``Source.tree``. Submodules are left out."""
        try:
            return self._repository.entries(revision, self._folders)
        except GitFailed:
            self._doubt(revision)
            raise

    def changed(self, old: str, new: str) -> Mapping[str, Entry | None]:
        """See ``Source.changed``. Raises ``Unavailable`` when ``old`` is not known here: then all of ``new`` is new."""
        return self._repository.differences(old, new, self._folders)

    def read(self, oids: Collection[str]) -> Mapping[str, bytes]:
        """See ``Source.read``. Raises ``Unavailable``."""
        try:
            return self._repository.blobs(oids)
        except Unavailable:
            self._doubt(self._tip)
            raise

    def last_change(self, revision: str, paths: Collection[str]) -> Commit | None:
        """See ``Source.last_change``."""
        return self._repository.last_change(revision, paths)

    def checkout(self, revision: str, paths: Collection[str], name: str) -> Path:
        """See ``Source.checkout``. Raises ``Invalid`` for what must not be checked out, ``Unavailable``."""
        if (folder := self._checkouts.find(name)) is not None:
            return folder
        entries = self._at_and_below(revision, {str(PurePosixPath(path)) for path in paths})
        for path, entry in entries.items():
            check(path, entry.mode)
        blobs = self.read({entry.oid for entry in entries.values()})
        return self._checkouts.make(name, {path: (e.mode, blobs[e.oid]) for path, e in entries.items()})

    def _at_and_below(self, revision: str, paths: Collection[str]) -> Mapping[str, Entry]:
        """The entries at and below each of ``paths``; that there is none is ``Invalid``."""
        if not paths:
            return {}
        listed = paths if len(paths) <= _ARGUMENTS else ()
        found = self._repository.entries(revision, listed, submodules=True)
        entries = {p: e for p, e in found.items() if not {p, *parents(p)}.isdisjoint(paths)}
        held = {around for path in entries for around in (path, *parents(path))}
        for path in paths:
            if path not in held:
                raise Invalid(f"is not in the repository at {revision[:12]}", path=path)
        return entries

    def _doubt(self, revision: str) -> None:
        """What we just fetched cannot be read: the next fetch starts afresh."""
        self._damaged = self._damaged or revision == self._tip


class GitSource(CommitSource):
    """Port ``Source`` over a git repository: a path (bare, with a work tree, shallow) or a URL."""

    def __init__(
        self, *, repository: str, branch: str, folders: Sequence[str], state: Path, patience: float = _FETCH
    ) -> None:
        """``state`` gets the mirror ``source.git`` and ``checkouts``; both can be deleted at any time.

        A fetch that takes longer than ``patience`` seconds begins again, with time for a slow link if the remote answers.
        """
        super().__init__(Repository(state / "source.git"), folders, state)
        self._url = address(repository)
        self._named = redact_url(repository)
        self._branch = check_branch(branch)
        self._patience = patience

    def _fetch(self) -> str:
        if self._damaged or not self._repository.exists:
            return self._clone()
        try:
            return self._update(self._repository, self._patience)
        except GitTimedOut:  # what is here stays: much may be new, and the link slow
            self._look_up()
            return self._update_slowly(self._repository)
        except GitFailed:
            self._look_up()  # where the other side is to blame, this says so; else our mirror is
            return self._clone()

    def _update(self, mirror: Repository, timeout: float) -> str:
        ref = f"refs/heads/{self._branch}"
        mirror.git.remote(
            *("fetch", "--quiet", "--no-tags", "--prune", "--force", "--update-shallow", "--no-write-fetch-head"),
            *("--", self._url, f"+{ref}:{ref}"),
            timeout=timeout,
        )
        return mirror.git.text("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")

    def _clone(self) -> str:
        """Make the mirror afresh. One that is here stays until then: it can be read, and the disk may be what is wrong."""
        with self._repository.beside(object_format(self._look_up())) as fresh:
            tip = self._update_slowly(fresh)
            fresh.move(self._repository.folder)
        return tip

    def _update_slowly(self, mirror: Repository) -> str:
        try:
            return self._update(mirror, _CLONE)
        except GitFailed as error:
            raise Unavailable(f"{self._named} cannot be fetched: {error}") from error

    def _look_up(self) -> str:
        try:
            tip = look_up(self._repository.git, self._url, self._branch)
        except GitFailed as error:
            raise Unavailable(f"{self._named} cannot be read: {error}") from error
        if tip is None:
            raise Unavailable(f"branch {self._branch} is not in {self._named}: {self._instead()}")
        return tip

    def _instead(self) -> str:
        """What to do where our branch is not there: a new repository may call its first one otherwise, or be empty."""
        there = branches(self._repository.git, self._url)
        if not there:
            return f"it has no branch yet, so commit to {self._branch} first"
        more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
        return f"it has {', '.join(there[:_NAMED])}{more}, and `source.branch` says which one is read"


def scope(paths: Collection[str]) -> list[str]:
    """``paths`` as git takes them; none at all where one of them is everything."""
    plain = [str(PurePosixPath(path)) for path in paths]
    return [] if "." in plain else plain
