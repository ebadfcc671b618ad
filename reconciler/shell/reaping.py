"""Orphans: sandboxes of this installation on whose trial nobody works any more. Of other installations' nothing is known."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from reconciler.core.errors import Transient, Unavailable
from reconciler.core.model import Mode
from reconciler.ports import Platform, SandboxInfo

log = structlog.get_logger()

REAP_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Reaper:
    """Finds orphans, and destroys them."""

    platforms: Mapping[Mode, Platform]
    instance: str
    """The label of the daemon's own sandboxes."""
    beside: Callable[[], Mapping[str, bool]] = dict
    """Other labels of this installation, for trials by hand and checks, and whether somebody works there."""

    def orphans(self, sandboxes: Sequence[SandboxInfo], working: Collection[str]) -> list[SandboxInfo]:
        """Those without a live lease, by the trials that the daemon works on, and those for whom nobody works by hand."""
        beside = self.beside() if any(s.instance != self.instance for s in sandboxes) else {}
        return [
            s
            for s in sandboxes
            if (s.instance == self.instance and s.trial not in working) or beside.get(s.instance) is False
        ]

    def ours(self, sandboxes: Sequence[SandboxInfo]) -> list[SandboxInfo]:
        """Those that this installation made: its daemon, or trials by hand and checks beside it."""
        mine = {self.instance, *self.beside()}
        return [sandbox for sandbox in sandboxes if sandbox.instance in mine]

    async def reap(self, sandboxes: Sequence[SandboxInfo], working: Collection[str]) -> None:
        """Destroy the orphans, side by side; one that cannot be destroyed is tried again in the next pass."""
        orphans = await asyncio.to_thread(self.orphans, sandboxes, working)
        await asyncio.gather(*map(self._destroy, orphans))

    async def _destroy(self, sandbox: SandboxInfo) -> None:
        try:
            async with asyncio.timeout(REAP_SECONDS):
                await self.platforms[sandbox.mode].destroy(sandbox.name)
        except (Transient, Unavailable, TimeoutError) as error:
            problem = str(error) or f"not destroyed within {REAP_SECONDS:g} s"
            log.warning("orphan stays", sandbox=sandbox.name, problem=problem)
        else:
            log.warning("orphan destroyed", sandbox=sandbox.name, mode=sandbox.mode)
