"""A plain directory as it is at this moment: what is in it, and a way to read it. Nothing is copied, nothing is kept."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from reconciler.core.errors import Unavailable
from reconciler.ports import Entry


class Folder:
    """The files and symbolic links below some folders of a directory. A file's id is its path."""

    def __init__(self, directory: Path, folders: Sequence[str], *, largest: int) -> None:
        """Of a file no more than ``largest`` bytes are read, and one more that tells that there are more."""
        self._directory, self._folders, self._largest = directory.absolute(), folders, largest

    def tree(self) -> dict[str, Entry]:
        """Path to entry. What is neither file nor link, and what is called ``.git``, is not there."""
        return dict(self._entries())

    def read(self, oids: Collection[str]) -> Mapping[str, bytes]:
        """Contents by id. Raises ``Unavailable`` for a file that cannot be read."""
        return {path: self._bytes(path) for path in oids}

    def _bytes(self, path: str) -> bytes:
        try:
            number = os.open(f"{self._directory}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(number, "rb", buffering=0) as file:
                return file.read(self._largest + 1)
        except OSError as error:
            raise Unavailable(f"{self._directory}/{path} cannot be read: {error.strerror}") from error

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        pending = [f for f in dict.fromkeys(self._folders) if (self._directory / f).is_dir()]
        while pending:
            folder = pending.pop()
            with os.scandir(self._directory / folder) as found:
                for item in found:
                    path = item.name if folder == "." else f"{folder}/{item.name}"
                    if item.is_symlink():
                        yield path, Entry(mode="120000", oid=path)
                    elif item.is_dir():
                        pending += [path] if item.name != ".git" else []
                    elif stat.S_ISREG(item.stat(follow_symlinks=False).st_mode):
                        yield path, Entry(mode="100644", oid=path)
