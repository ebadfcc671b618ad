"""Folders of files at a revision, complete or not there at all."""

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from reconciler.core.errors import Invalid, what_the_machine_lacks

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z")
_UNUSED = 86_400.0
"""Seconds after which a folder that nobody asked for again is swept away."""


class Checkouts:
    """The folders below ``root``, each named by its content and never changed."""

    def __init__(self, root: Path) -> None:
        """``root`` is made when the first folder is."""
        self._root = root.absolute()

    def find(self, name: str) -> Path | None:
        """The folder of that name, if it is there; it counts as used now."""
        if not _NAME.match(name):
            raise ValueError(f"{name!r} cannot be the name of a checkout")
        folder = self._root / name
        with contextlib.suppress(FileNotFoundError):
            os.utime(folder)
            return folder
        return None

    def make(self, name: str, files: Mapping[str, tuple[str, bytes]]) -> Path:
        """Write ``files`` (path to git mode and contents) to a folder of that name; who comes second gets the first's.

        Raises ``Unavailable`` when there is no room.
        """
        with what_the_machine_lacks(str(self._root)):
            return self._make(name, files)

    def _make(self, name: str, files: Mapping[str, tuple[str, bytes]]) -> Path:
        self._root.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".tmp-", dir=self._root))
        try:
            draft.chmod(0o755)
            for path, (mode, contents) in files.items():
                _write(draft, path, mode, contents)
            try:
                draft.rename(self._root / name)
            except OSError:
                if not (self._root / name).is_dir():
                    raise
                # somebody was faster, with the same files
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return self._root / name

    def sweep(self) -> None:
        """Remove what was not used for a day, drafts of a crash among them."""
        if not self._root.exists():
            return
        dead = time.time() - _UNUSED
        for folder in self._root.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if folder.stat().st_mtime < dead:
                    _remove(folder)


def check(path: str, mode: str) -> None:
    """Raise ``Invalid`` for what is never checked out: links, and names that lead elsewhere."""
    if mode == "120000":
        raise Invalid("is a symbolic link", path=path, hint="put the file itself there")
    if mode == "160000":
        raise Invalid("is a submodule", path=path, hint="put its files there")
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise Invalid("is not a path inside the repository", path=path, hint="rename it")


def _write(root: Path, path: str, mode: str, contents: bytes) -> None:
    target = root / PurePosixPath(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(contents)
            os.fchmod(file.fileno(), 0o755 if mode == "100755" else 0o644)
    except (FileExistsError, NotADirectoryError) as error:
        raise Invalid("is there twice, as a file and as a folder", path=path, hint="rename one") from error


def _remove(folder: Path) -> None:
    """Renamed first, so that a folder with a proper name is never half there."""
    if not folder.name.startswith(".tmp-"):
        folder = folder.rename(folder.with_name(f".tmp-{folder.name}"))
    shutil.rmtree(folder, ignore_errors=True)
