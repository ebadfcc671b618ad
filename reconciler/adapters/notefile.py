"""Small files of derived facts: written whole or not at all, and read as if anybody might have scribbled in them."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.core.errors import what_the_machine_lacks

_DEAD = 3600.0
"""Seconds after which a file that is being written belongs to no running process."""


def read_note(file: Path) -> dict[str, Any] | None:
    """The JSON object in ``file``; None where there is none: not there yet, cut short by a power failure, something else."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_note(file: Path, value: Mapping[str, Any]) -> None:
    """Raises ``Unavailable``."""
    replace(file, json.dumps(value).encode())


def replace(file: Path, data: bytes, *, durable: bool = False) -> None:
    """Written beside, ``durable`` also to the disk, then renamed over. Raises ``Unavailable``."""
    beside = file.with_suffix(f".new-{os.getpid()}-{threading.get_ident()}")
    try:
        with what_the_machine_lacks(str(file)):
            with beside.open("wb") as draft:
                draft.write(data)
                if durable:
                    draft.flush()
                    os.fsync(draft.fileno())
            beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed had begun to write."""
    remove_old(folder, "*.new-*", before=time.time() - _DEAD)


def remove_old(folder: Path, *patterns: str, before: float) -> None:
    """Remove the files in ``folder`` of these patterns that were last written ``before`` (Unix time).

    Others work in the folder: a file that goes while we look at it is none of ours, and a folder that does is left to the next time.
    """
    for pattern in patterns:
        with contextlib.suppress(FileNotFoundError):
            for file in folder.glob(pattern):
                with contextlib.suppress(FileNotFoundError):
                    if file.stat().st_mtime < before:
                        file.unlink()
