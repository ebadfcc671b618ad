"""Ends every process of a play: ansible's workers leave its process group, so they are found by a variable they inherit."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

VARIABLE = "RECONCILER_PLAY"
"""Names the play in the environment of all its processes."""

_PATIENCE = {signal.SIGTERM: 2.0, signal.SIGKILL: 2.0}
"""Seconds each signal is given. SIGTERM first: a worker and an `incus` client pass it on to what they started."""


async def end(play: str) -> None:
    """Kill every process of ``play``; returns when they are gone."""
    for number, seconds in _PATIENCE.items():
        until = asyncio.get_running_loop().time() + seconds
        for pid in processes(play):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        while processes(play):
            if asyncio.get_running_loop().time() > until:
                break
            await asyncio.sleep(0.02)


def processes(play: str) -> list[int]:
    """The processes that carry the play's name, zombies left out."""
    mark, found = f"{VARIABLE}={play}".encode(), []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
    return found
