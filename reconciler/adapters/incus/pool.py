"""The storage pool that all sandboxes of a project share: none begins where little is left, none counts that saw it full."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.errors import Transient, Unavailable

_MIB = 1 << 20
_EVERY_S = 1.0
"""Seconds between two looks while sandboxes live. A disk that writes 250 MiB a second needs longer to fill what ``full`` leaves."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """What is left somewhere, in bytes, for who is not the machine's root."""

    where: str
    """``storage pool default``, or what lies under it."""
    free: int
    total: int

    @property
    def tight(self) -> bool:
        """Nothing is begun: under a tenth is free, or under 2 GiB of a large pool."""
        return self.free < min(self.total // 10, 2048 * _MIB)

    @property
    def full(self) -> bool:
        """Writing may fail: under a fiftieth is free, or under 256 MiB of a large pool. btrfs refuses before it shows 0."""
        return self.free < min(self.total // 50, 256 * _MIB)

    def __str__(self) -> str:
        """``3 % (614 of 20480 MiB)``."""
        return f"{100 * self.free // max(self.total, 1)} % ({self.free // _MIB} of {self.total // _MIB} MiB)"


def beneath(where: str, folder: Path) -> list[Space]:
    """What the filesystem under a folder says; nothing where it cannot be asked from here."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return []
    return [Space(where=where, free=found.f_bavail * found.f_frsize, total=found.f_blocks * found.f_frsize)]


class Pool:
    """Looks at the pool; every second as long as a sandbox lives, so that one that was full for a while is known."""

    def __init__(self, space: Callable[[], Awaitable[Space]], *, every: float = _EVERY_S) -> None:
        """``space`` asks the server; nothing is asked yet. ``every`` in seconds."""
        self._space, self._every = space, every
        self._living: set[str] = set()
        self._looking: asyncio.Task[None] | None = None
        self._full: tuple[float, Space] | None = None
        self.tight = False
        """Whether there was no room when somebody asked last."""

    async def room(self) -> None:
        """Raise ``Unavailable`` where too little is free for one more sandbox, or nobody can tell."""
        try:
            space = await self._look()
        except Transient as error:
            raise Unavailable(str(error)) from error
        self.tight = space.tight
        if space.tight:
            raise Unavailable(
                f"{space.where} has {space} free, too little for a sandbox: remove what nobody needs (incus list, "
                "incus image list), or enlarge it (incus storage set … size=…)"
            )

    async def vouch(self, since: float) -> None:
        """Raise ``Transient`` where the pool was full at any time after ``since``, on the scale of ``time.monotonic``."""
        await self._look()
        if self._full and self._full[0] >= since:
            space = self._full[1]
            raise Transient(
                "sandbox",
                f"{space.where} was full while it ran ({space} free), filled by itself or by a sandbox beside "
                "it, so nothing that was seen counts",
            )

    def watch(self, name: str) -> None:
        """A sandbox lives from now on."""
        self._living.add(name)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_often(), name="look at the storage pool")

    def forget(self, name: str) -> None:
        """It lives no more."""
        self._living.discard(name)

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look_often(self) -> None:
        while self._living:
            await asyncio.sleep(self._every)
            with contextlib.suppress(Transient, Unavailable):  # told by whoever needs the server
                await self._look()

    async def _look(self) -> Space:
        space = await self._space()
        if space.full:
            self._full = time.monotonic(), space
        return space
