"""The sandboxes of this machine, read from /proc: whoever made them, and from whichever process one asks."""

import functools
import json
import os
import select
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.ports import SandboxInfo

_LABELS = "RECONCILER_SANDBOX"
"""Variable in PID 1's environment, a JSON object. Root inside can neither read nor forge it: see ``_sandbox``."""


@dataclass(frozen=True, kw_only=True)
class Resident:
    """PID 1 of a sandbox, by its number out here."""

    pid: int
    info: SandboxInfo


def labelled(info: Mapping[str, str]) -> dict[str, str]:
    """The environment that makes a process PID 1 of a known sandbox."""
    return {_LABELS: json.dumps(info)}


def census() -> Iterator[Resident]:
    """Every sandbox that lives now."""
    for number in map(int, filter(str.isdecimal, os.listdir("/proc"))):  # noqa: PTH208 - names, not paths, are wanted
        # What has ended meanwhile, and what not even root may look into, is none of ours.
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if found := _sandbox(number):
                yield found


def kill(name: str, *, seconds: float) -> bool:
    """End the sandboxes called ``name`` with all their processes. False when one still lives after ``seconds``."""
    alive = [r for r in census() if r.info.name == name and not _kill(r, seconds)]
    return not alive


def _sandbox(pid: int) -> Resident | None:
    """What process ``pid`` is, if it is PID 1 of a sandbox.

    It is one when it lives in our user namespace (nothing inside a sandbox does, so nothing inside can pretend), in
    another PID namespace, and is number 1 there.
    """
    if _namespace(pid, "pid") == _ours("pid") or _namespace(pid, "user") != _ours("user"):
        return None
    process = Path(f"/proc/{pid}")
    environment = (process / "environ").read_bytes().decode(errors="replace").split("\0")
    text = next((v.removeprefix(f"{_LABELS}=") for v in environment if v.startswith(f"{_LABELS}=")), None)
    if text is None or not _line(process / "status", "NSpid:").endswith("\t1"):
        return None
    labels = json.loads(text)
    info = SandboxInfo(
        name=labels["name"],
        mode="namespace",
        trial=labels["trial"],
        instance=labels["instance"],
        template=labels["template"],
        created_at=_started(process),
    )
    return Resident(pid=pid, info=info)


def _namespace(pid: int | str, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")  # noqa: PTH115 - asked of every process of the machine


@functools.cache
def _ours(kind: str) -> str:
    return _namespace("self", kind)


def _started(process: Path) -> datetime:
    """When it began: clock ticks after the boot (field 22 of proc_pid_stat(5)), which is told in seconds since 1970."""
    ticks = int((process / "stat").read_text().rpartition(")")[2].split()[19])
    boot = int(_line(Path("/proc/stat"), "btime ").split()[1])
    return datetime.fromtimestamp(boot + ticks / os.sysconf("SC_CLK_TCK"), UTC)


def _line(file: Path, start: str) -> str:
    return next((line for line in file.read_text().splitlines() if line.startswith(start)), "")


def _kill(resident: Resident, seconds: float) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        handle = os.pidfd_open(resident.pid)
        try:
            # The number may have gone to another process since: looked at again once the handle holds it fast.
            if (now := _sandbox(resident.pid)) is None or now.info != resident.info:
                return True
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            return bool(ended.poll(seconds * 1000))
        finally:
            os.close(handle)
    return True
