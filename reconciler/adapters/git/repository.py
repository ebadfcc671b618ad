"""A bare repository of our own, and the few questions that are asked of it."""

import shutil
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from reconciler.adapters.git.command import GitCommand, GitFailed, GitStopped, GitTimedOut
from reconciler.adapters.locking import locked_within
from reconciler.adapters.notefile import remove_old
from reconciler.core.errors import Invalid, Unavailable
from reconciler.ports import Commit, Entry

ABSENT = "000000"
SUBMODULE = "160000"
_CHECK, _DAY = 600.0, 86_400.0
_ASK = 20.0
"""Seconds that a remote may take to say where a branch is."""
_WAIT = 60.0
"""Seconds to wait for another process that works on the same repository, and the age at which a lock must be dead."""


class Repository:
    """A bare repository at ``folder``. Reading needs no lock; what writes goes through ``locked``."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        """Nothing is made before ``make`` is called."""
        self.folder = folder.absolute()
        self.git = GitCommand(self.folder, durable=durable)
        self._durable = durable
        self._began = time.time()
        self._guard = threading.Lock()

    def make(self, object_format: str = "sha1") -> None:
        """Make the repository, or complete one that was half made. One that is there keeps its object format."""
        with _nothing_else_at(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        chosen = [] if self.exists else [f"--object-format={object_format}"]
        self.git.run("init", "--quiet", "--bare", "--template=", *chosen)

    @property
    def exists(self) -> bool:
        """Whether it was made."""
        return (self.folder / "HEAD").exists()

    def remove(self) -> None:
        """Remove the repository with all it holds. Absent is success."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def damaged(self) -> bool:
        """Whether something in it is broken or missing that its branches need. Reads everything but contents.

        Where that takes too long, nothing is known to be.
        """
        try:
            self.git.run_long("fsck", "--connectivity-only", "--no-dangling", "--no-progress", timeout=_CHECK)
        except GitStopped:
            raise
        except GitTimedOut:
            return False
        except GitFailed:
            return True
        return False

    def place_aside(self) -> Path:
        """Where it can be moved to for a person to look at. Raises ``Unavailable`` if one was, today."""
        aside = self.folder.with_suffix(".damaged")
        if aside.exists() and time.time() - aside.stat().st_ctime < _DAY:
            raise Unavailable(f"{self.folder} is damaged again, after {aside}: look at the disk, and remove both")
        return aside

    @contextmanager
    def beside(self, object_format: str) -> Iterator["Repository"]:
        """A new repository beside this one, gone in the end unless it took a place of its own. Used under the lock."""
        fresh = Repository(self.folder.with_suffix(".new"), durable=self._durable)
        fresh.remove()  # of a process that was killed
        try:
            fresh.make(object_format)
            yield fresh
        finally:
            fresh.remove()

    def move(self, place: Path) -> None:
        """Move what is here to another place, instead of the repository there. Raises ``Unavailable``."""
        shutil.rmtree(place, ignore_errors=True)
        with _nothing_else_at(place):
            self.folder.rename(place)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude other threads and processes of ours from writing. Raises ``Unavailable`` after a minute."""
        busy = Unavailable(f"another process has been working on {self.folder} for {_WAIT:g} s: is it stuck?")
        if not self._guard.acquire(timeout=_WAIT):
            raise busy
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with self.folder.with_suffix(".flock").open("w") as file:
                if not locked_within(file.fileno(), _WAIT):
                    raise busy
                self._remove_stale_locks()
                yield
        finally:
            self._guard.release()

    def resolve(self, *refs: str) -> list[str | None]:
        """The object id that each full ref name holds, ``None`` where it is absent."""
        lines = self.git.text("for-each-ref", "--format=%(refname) %(objectname)", *refs).splitlines()
        found = dict(line.split(" ", 1) for line in lines)
        return [found.get(ref) for ref in refs]

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether ``new`` is ``old`` or a descendant. A commit that is not here is nobody's ancestor."""
        try:
            self.git.run("merge-base", "--is-ancestor", old, new)
        except GitFailed:
            return False
        return True

    def entries(self, revision: str, paths: Collection[str] = (), *, submodules: bool = False) -> dict[str, Entry]:
        """Path to entry for the files at and below ``paths`` (none given: all). Submodules hold no files here."""
        listing = self.git.run("ls-tree", "-r", "-z", "--full-tree", revision, "--", *paths)
        entries = {}
        for line in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            about, path = line.split("\t", 1)
            mode, kind, oid = about.split(" ")
            if kind == "blob" or submodules:
                entries[path] = Entry(mode=sys.intern(mode), oid=oid)  # one text for tens of thousands
        return entries

    def differences(self, old: str, new: str, paths: Collection[str] = ()) -> dict[str, Entry | None]:
        """The entries that differ from ``old`` to ``new`` at and below ``paths``; ``None`` where a file is gone."""
        output = self.git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", old, new, "--", *paths)
        fields = output.decode("utf-8", "surrogateescape").split("\0")
        changes: dict[str, Entry | None] = {}
        for about, path in zip(fields[0:-1:2], fields[1::2], strict=True):
            old_mode, mode, _, oid, _ = about[1:].split(" ")
            if mode not in (ABSENT, SUBMODULE):
                changes[path] = Entry(mode=mode, oid=oid)
            elif old_mode not in (ABSENT, SUBMODULE):
                changes[path] = None
        return changes

    def objects(self, names: Sequence[str]) -> list[tuple[str, bytes] | None]:
        """Id and contents of the blob or commit behind each name (an id, ``REF``, ``REF:path``), else ``None``."""
        output = self.git.run("cat-file", "--batch", "--buffer", stdin="".join(f"{n}\n" for n in names).encode())
        found: list[tuple[str, bytes] | None] = []
        at = 0
        for _ in names:
            end = output.index(b"\n", at)
            head = output[at:end].split(b" ")
            at = end + 1
            if head[-1] == b"missing":
                found.append(None)
                continue
            size = int(head[-1])
            found.append((head[0].decode(), output[at : at + size]) if head[1] in (b"blob", b"commit") else None)
            at += size + 1
        return found

    def blobs(self, oids: Collection[str]) -> Mapping[str, bytes]:
        """Contents by id. Raises ``Unavailable`` when one is not here."""
        if not oids:
            return {}
        contents = {}
        for oid, found in zip(oids, self.objects(list(oids)), strict=True):
            if found is None:
                raise Unavailable(f"object {oid} is not in {self.folder}")
            contents[oid] = found[1]
        return contents

    def last_change(self, revision: str, paths: Collection[str]) -> Commit | None:
        """The newest commit up to ``revision`` that touched ``paths``, ``None`` where a shallow history ends before."""
        if not paths:
            return None
        question = "\n".join([revision, "--", *paths, ""]).encode("utf-8", "surrogateescape")
        answer = self.git.text(
            "log", "-1", "--no-show-signature", "--format=%H%x00%h%x00%P%x00%cI%x00%s", "--stdin", stdin=question
        )
        if not answer:
            return None
        full, short, parents, at, subject = answer.split("\0")
        boundary = self.folder / "shallow"
        if boundary.exists() and full in boundary.read_text().split():
            return None  # where history is cut off, everything seems to have been added
        moment, parent = datetime.fromisoformat(at).astimezone(UTC), parents.partition(" ")[0] or None
        return Commit(id=full, short=short, subject=subject, at=moment, parent=parent)

    def _remove_stale_locks(self) -> None:
        """Remove what a git that was killed left behind: older than this process, or than any command may take."""
        dead = max(self._began, time.time() - _WAIT)
        places = ("", "objects/info/", "objects/pack/", "refs/**/")
        remove_old(self.folder, *(f"{place}*.lock" for place in places), before=dead)


@contextmanager
def _nothing_else_at(place: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise Unavailable(f"{place} cannot be made: something else is in its place") from error


def check_branch(branch: str) -> str:
    """``branch`` itself. Raises ``Invalid`` for what git would not take as a branch's name."""
    bad = any(c <= " " or c in "~^:?*[\\\x7f" for c in branch) or any(s in branch for s in ("..", "@{", "//"))
    parts = branch.split("/")
    if bad or not branch or any(not p or p.startswith((".", "-")) or p.endswith((".", ".lock")) for p in parts):
        raise Invalid(f"{branch!r} is not the name of a branch", hint="a name such as main")
    return branch


def object_format(oid: str) -> str:
    """The object format that an id is of."""
    return "sha256" if len(oid) == 64 else "sha1"


def look_up(git: GitCommand, url: str, branch: str) -> str | None:
    """The commit of ``branch`` in the repository at ``url``; ``None`` where it has no such branch. Raises ``GitFailed``."""
    return next(iter(_heads(git, url, f"refs/heads/{branch}").values()), None)


def branches(git: GitCommand, url: str) -> list[str]:
    """The branches of the repository at ``url``. Raises ``GitFailed``."""
    return [ref.removeprefix("refs/heads/") for ref in _heads(git, url)]


def _heads(git: GitCommand, url: str, *wanted: str) -> dict[str, str]:
    """Ref to commit, of the branches in the repository at ``url``."""
    nowhere = {"GIT_DIR": "/nonexistent"}  # ours may be damaged, and is not needed to ask
    answer = git.remote("ls-remote", "--heads", "--", url, *wanted, timeout=_ASK, env=nowhere)
    lines = (line.split("\t") for line in answer.decode(errors="replace").splitlines())
    return {ref: oid for oid, ref in lines}
