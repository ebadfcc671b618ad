"""Limits of a sandbox: a cgroup `reconciler/<sandbox>` per hierarchy, version 1 or 2. Where none can be made, no limits and a warning.

The directories are made and joined by the sandbox's own PID 1, so one without a sandbox is always a left-over.
"""

import asyncio
import contextlib
import errno
import functools
from pathlib import Path

import structlog

from reconciler.ports import MOST_PROCESSES

_log = structlog.get_logger(__name__)

_ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "pids", "cpu")
_PERIOD_US = 100_000
_NO_QUOTA = {"cpu.max": "max", "cpu.cfs_quota_us": "-1"}


def limits(*, cpus: int, memory_mib: int) -> str:
    """Lines ``file value`` for both versions; a hierarchy takes those whose file it has."""
    memory = memory_mib << 20
    values = {
        "memory.max": memory,
        "memory.swap.max": 0,
        "cpu.max": f"{cpus * _PERIOD_US} {_PERIOD_US}",
        "memory.limit_in_bytes": memory,
        "memory.memsw.limit_in_bytes": memory,
        "cpu.cfs_period_us": _PERIOD_US,
        "cpu.cfs_quota_us": cpus * _PERIOD_US,
        "pids.max": MOST_PROCESSES,
    }
    return "\n".join(f"{file} {value}" for file, value in values.items())


def groups(name: str, root: Path = _ROOT) -> list[str]:
    """The directories of sandbox ``name``, to be made by it; none where this process may not make cgroups."""
    parents = _parents(root)
    try:
        for parent in parents:
            _prepare(parent)
    except OSError as error:  # read-only, not ours, or without these controllers: the size of the disk still binds
        _warn(", ".join(_CONTROLLERS), str(error))
        return []
    if missing := _missing(parents, root):
        _warn(missing, f"not mounted in {root}")
    return [str(parent / name) for parent in parents]


def existing(root: Path = _ROOT) -> set[str]:
    """Names of the sandboxes that have a directory."""
    return {entry.name for parent in _parents(root) if parent.is_dir() for entry in parent.iterdir() if entry.is_dir()}


def unthrottle(name: str, root: Path = _ROOT) -> None:
    """Let the processes of a sandbox that is killed die at full speed: 2,000 that share its little time can take an hour to."""
    for parent in _parents(root):
        for file, value in _NO_QUOTA.items():
            if (quota := parent / name / file).exists():
                with contextlib.suppress(OSError):  # it just went
                    quota.write_text(value)


def remove(name: str, root: Path = _ROOT) -> bool:
    """Remove the directories of a sandbox that has ended. False while a last process of it is on its way out."""
    busy = [parent for parent in _parents(root) if not _removed(parent / name)]
    return not busy


async def removed(name: str, root: Path = _ROOT, *, seconds: float = 2.0) -> None:
    """As ``remove``, trying for ``seconds``; what stays even so is a left-over for the next sweep."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not remove(name, root):  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(0.002)


def _parents(root: Path) -> list[Path]:
    if (root / "cgroup.controllers").exists():
        return [root / "reconciler"]
    return [root / controller / "reconciler" for controller in _CONTROLLERS if (root / controller).is_dir()]


def _missing(parents: list[Path], root: Path) -> str:
    """The controllers of version 1 that this machine has not; in version 2 asking for one fails."""
    return ", ".join(c for c in _CONTROLLERS if not {root, root / c} & {parent.parent for parent in parents})


@functools.cache
def _warn(limits: str, problem: str) -> None:
    """Once in a process: without limits one agent can take all of the machine, and a record tells limits that did not bind."""
    _log.warning("sandboxes are not limited", limits=limits, problem=problem)


def _prepare(parent: Path) -> None:
    """Make ``parent``; in version 2 also hand the controllers down to what is below it."""
    parent.mkdir(exist_ok=True)
    for folder in (parent.parent, parent):
        if (control := folder / "cgroup.subtree_control").exists():
            control.write_text(" ".join(f"+{c}" for c in _CONTROLLERS))


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True
