"""Rewrite a directory's old scenario files where they lie."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reconciler.adapters.folder import Folder
from reconciler.adapters.git.command import redact_url
from reconciler.app.adapters import lint_context
from reconciler.app.settings import SourceSettings
from reconciler.core.errors import Invalid, Unavailable
from reconciler.definitions.ansible.dependencies import SCENARIO_FILE
from reconciler.definitions.files.migration import migrate
from reconciler.definitions.files.positions import LARGEST
from reconciler.definitions.files.tree import is_regular


def working_directory(source: SourceSettings) -> Path:
    """Where a source's files can be edited. Raises ``Invalid`` where it is read from commits alone."""
    directory = Path(source.repository)
    if source.kind == "fs" or (directory / ".git").exists():
        return directory
    raise Invalid(
        f"{redact_url(source.repository)} is no working directory, so nothing can be rewritten there",
        hint="clone it, name the clone (reconciler validate --migrate DIR), and commit",
    )


def migrate_directory(directory: Path, *, scenarios: str = "scenarios") -> Mapping[str, tuple[str, ...]]:
    """What changed, by path. Wrong files are left alone.

    Raises ``Invalid`` where there are no scenarios, ``Unavailable`` where a file cannot be read or written; the files before it are
    migrated by then, and doing it again goes on.
    """
    if not (directory / scenarios).is_dir():
        raise Invalid(
            f"there is no folder {scenarios} in {directory}", hint=f"name a directory that holds {scenarios}/"
        )
    folder, compiles = Folder(directory, (scenarios,), largest=LARGEST), lint_context().compiles
    changes = {}
    for path in sorted(p for p, e in folder.tree().items() if Path(p).name == SCENARIO_FILE and is_regular(e)):
        if migrated := migrate(path, folder.read([path])[path], compiles):
            _replace(directory / path, migrated.data)
            changes[path] = migrated.changes
    return changes


def _replace(path: Path, data: bytes) -> None:
    """Write a file beside, with the mode and owner of the one there is, and rename it over."""
    try:
        old = path.stat()
        with tempfile.TemporaryDirectory(prefix=".migrating-", dir=path.parent) as folder:
            beside = Path(folder, path.name)
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.chmod(stat.S_IMODE(old.st_mode))
            with contextlib.suppress(PermissionError):  # another's file, in a folder that we may write
                os.chown(beside, old.st_uid, old.st_gid)
            beside.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error
