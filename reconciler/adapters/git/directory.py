"""A plain directory as a source: each state that was seen becomes a commit in a repository of our own."""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.adapters.git.command import GitFailed
from reconciler.adapters.git.repository import Repository
from reconciler.adapters.git.source import CommitSource
from reconciler.core.errors import Unavailable

_REF = "refs/heads/snapshots"
_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"
"""Outranks every .gitattributes of the directory: files are taken byte by byte, and no filter runs."""
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "reconciler"), ("EMAIL", "reconciler@localhost"))
}


class DirectorySource(CommitSource):
    """Port ``Source`` over a directory. Ignored files are taken too; a ``.git`` in it is not looked at."""

    def __init__(self, *, directory: Path, folders: Sequence[str], state: Path) -> None:
        """``state`` gets the snapshots, ``directory.git``, and ``checkouts``; both can be deleted at any time."""
        super().__init__(Repository(state / "directory.git"), folders, state)
        self._directory = directory.absolute()

    def _fetch(self) -> str:
        if not self._directory.is_dir():
            raise Unavailable(f"directory {self._directory} is not there")
        repository = self._repository
        if self._damaged:
            repository.remove()
        repository.make()
        try:
            return self._snapshot()
        except GitFailed:
            repository.remove()  # nothing but a cache: made again from the directory, or the directory is to blame
            repository.make()
            return self._snapshot()

    def _snapshot(self) -> str:
        tree = self._write_tree()
        [last] = self._repository.resolve(_REF)
        git = self._repository.git
        if last is not None and git.text("rev-parse", "--verify", f"{last}^{{tree}}") == tree:
            return last
        parent = [] if last is None else ["-p", last]
        commit = git.text("commit-tree", tree, *parent, "-m", f"Snapshot of {self._directory}", env=_AUTHOR)
        git.run("update-ref", _REF, commit, last or "")
        return commit

    def _write_tree(self) -> str:
        """The directory as a tree. The index remembers what each file looked like, so only changed ones are read."""
        git, folder = self._repository.git, self._repository.folder
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info" / "attributes").write_text(_ATTRIBUTES)
        env = {"GIT_INDEX_FILE": str(folder / "index"), "GIT_WORK_TREE": str(self._directory)}
        known = git.run("ls-files", "-z", env=env).split(b"\0")[:-1]
        # what is known and not found any more is removed, what is found is added or compared
        paths = b"".join(path + b"\0" for path in sorted({*known, *map(os.fsencode, self._walk())}))
        # the first time everything goes into one pack: four times faster than a file for each
        into_a_pack = [] if known else ["-c", "core.bigFileThreshold=1"]
        git.run(*into_a_pack, "update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=paths, env=env)
        return git.text("write-tree", env=env)

    def _walk(self) -> Iterator[str]:
        """The files and symbolic links in our folders, relative to the directory."""
        pending = list(self._folders) or ["."]
        while pending:
            path = pending.pop()
            with contextlib.suppress(FileNotFoundError):  # gone since it was listed
                mode = os.lstat(self._directory / path).st_mode
                if stat.S_ISDIR(mode):
                    names = os.listdir(self._directory / path)  # noqa: PTH208 - names, not paths
                    pending += [name if path == "." else f"{path}/{name}" for name in names if name != ".git"]
                elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                    yield path
