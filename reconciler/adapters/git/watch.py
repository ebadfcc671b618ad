"""Hints from the file system that something changed, through watchdog."""

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, EventEmitter

from reconciler.adapters.git.command import local_path

_log = structlog.get_logger(__name__)
_CHANGES: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
]
"""Events that change something: git's own reading, which is most of what happens, is not among them."""
_RACES = 5
"""How often folders that vanish while we begin to watch them are looked at again."""


class _FolderWatch(ABC, FileSystemEventHandler):
    """Port ``Watch`` over folders that may come and go: while they are not there, the nearest folder above them is."""

    def __init__(self) -> None:
        self._wake: Callable[[], None] = lambda: None
        self._observer: BaseObserver = BaseObserver(EventEmitter)  # watches nothing: a real one may not be had
        self._watched: dict[Path, tuple[bool, int]] = {}

    @abstractmethod
    def _folders(self) -> dict[Path, bool]:
        """What to watch now, and whether with all that is below."""

    @abstractmethod
    def _matters(self, path: Path) -> bool:
        """Whether a change of ``path`` is a reason to look."""

    def start(self, wake: Callable[[], None]) -> None:
        """See ``Watch.start``. Where the system has no watches left, a warning is logged."""
        self._wake = wake
        try:
            self._begin()
        except OSError as error:
            self.close()
            _log.warning("cannot watch, polling instead", reason=str(error))

    def close(self) -> None:
        """See ``Watch.close``."""
        if not self._observer.is_alive():
            self._observer.unschedule_all()
            return
        self._observer.stop()
        self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog, in its thread."""
        paths = [Path(str(path)) for path in (event.src_path, event.dest_path) if path]
        if self._follow() or any(path.suffix != ".lock" and self._matters(path) for path in paths):
            self._wake()

    def _begin(self) -> None:
        for _ in range(_RACES):
            self._observer, self._watched = Observer(), {}
            self._arm()
            with contextlib.suppress(FileNotFoundError):  # gone since we looked
                self._observer.start()
                if _present(self._folders()) == self._watched:
                    return
            self.close()

    def _follow(self) -> bool:
        """Watch other folders where what is there is not what was there; says whether that was so."""
        moved = False
        for _ in range(_RACES):  # what was made in a folder before it was watched is not told: look again
            try:
                if not self._arm():
                    break
            except FileNotFoundError:
                self._watched = {}
            except OSError as error:
                _log.warning("cannot watch any more, polling instead", reason=str(error))
                self._observer.stop()
                return True
            moved = True
        return moved

    def _arm(self) -> bool:
        wanted = _present(self._folders())
        if wanted == self._watched:
            return False
        self._observer.unschedule_all()
        for folder, (recursive, _inode) in wanted.items():
            self._observer.schedule(self, str(folder), recursive=recursive, event_filter=_CHANGES)
        self._watched = wanted
        return True


class RefWatch(_FolderWatch):
    """Watches the refs of a local repository. One that only a server has is left to polling."""

    def __init__(self, repository: str, *, branch: str | None = None) -> None:
        """``branch`` leaves out the changes of other branches, such as our own pushes of results."""
        super().__init__()
        self._path = local_path(repository)
        self._branch = branch

    def start(self, wake: Callable[[], None]) -> None:
        """See ``Watch.start``."""
        if self._path is not None:
            super().start(wake)

    def _folders(self) -> dict[Path, bool]:
        assert self._path is not None
        folder = git_folder(self._path)
        return {folder: False, folder / "refs": True, folder / "reftable": True}

    def _matters(self, path: Path) -> bool:
        assert self._path is not None
        folder = git_folder(self._path)
        if not path.is_relative_to(folder):
            return False
        inside = path.relative_to(folder)
        if inside.parts[:1] != ("refs",):
            return inside.parts[:1] in (("packed-refs",), ("reftable",))
        return self._branch is None or inside == Path("refs/heads", self._branch)


class DirectoryWatch(_FolderWatch):
    """Watches folders of a plain directory, with all that is below them."""

    def __init__(self, path: Path, folders: Sequence[str]) -> None:
        """``folders`` are relative to ``path``; ``.`` is all of it."""
        super().__init__()
        self._path = path.absolute()
        self._names = list(folders)

    def _folders(self) -> dict[Path, bool]:
        return {self._path: False} | {self._path / name: True for name in self._names}

    def _matters(self, path: Path) -> bool:
        ours = any(path.is_relative_to(self._path / name) for name in self._names)
        return ours and ".git" not in path.relative_to(self._path).parts


def git_folder(path: Path) -> Path:
    """Where the refs of the repository at ``path`` lie: bare, with a work tree, or a linked work tree."""
    inside = path / ".git"
    if inside.is_file():
        target = path / inside.read_text().removeprefix("gitdir:").strip()
        common = target / "commondir"
        return (target / common.read_text().strip()).resolve() if common.exists() else target
    return inside if inside.is_dir() else path


def lenders(folder: Path) -> list[Path]:
    """The object stores that the repository in ``folder`` borrows from: gitrepository-layout(5), ``objects/info/alternates``."""
    named = folder / "objects/info/alternates"
    if not named.is_file():
        return []
    lines = [line for line in os.fsdecode(named.read_bytes()).split("\n") if line and not line.startswith("#")]
    return [(folder / "objects" / line).resolve() for line in lines]


def _present(folders: dict[Path, bool]) -> dict[Path, tuple[bool, int]]:
    """The folders that are there, with their inodes; for one that is not, the nearest above it."""
    there: dict[Path, bool] = {}
    for folder, recursive in folders.items():
        nearest = next(place for place in (folder, *folder.parents) if place.is_dir())
        there[nearest] = there.get(nearest, False) or (recursive and nearest == folder)
    return {folder: (recursive, folder.stat().st_ino) for folder, recursive in there.items()}
