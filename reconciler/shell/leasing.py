"""Leases held while work goes on, and what becomes of work that fails: nothing of it ends the daemon."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from reconciler.core.errors import Invalid, Transient, Unavailable, what_the_machine_lacks
from reconciler.ports import Clock, Journal, Results, ResultsStore

log = structlog.get_logger()

LEASE_SECONDS = 60.0
"""A lease lives this long. It is renewed each third of it, or each twelfth while the journal does not answer."""
SHOWN_SECONDS = 3600.0
"""A lease is kept so long for a push that fails: as long as a result waits to be recorded."""
PUSH_SECONDS = 15.0
"""Between two tries of such a push."""


@dataclass(frozen=True, kw_only=True)
class Leases:
    """The leases of one process. ``owner`` names it; each lives so many ``seconds``, and is renewed long before."""

    journal: Journal
    owner: str
    seconds: float = LEASE_SECONDS

    @contextlib.asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[bool]:
        """Hold a lease and keep it alive; False when somebody else has it."""
        if not await self.journal.acquire(name, self.owner, self.seconds):
            yield False
            return
        renewal = asyncio.create_task(self._renew(name, asyncio.current_task()))
        try:
            yield True
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
            await self._give_back(name)

    async def _give_back(self, name: str) -> None:
        """What was done under the lease is done, also where the journal does not answer any more."""
        try:
            await self.journal.release(name, self.owner)
        except Unavailable as error:
            log.warning("lease not given back, it ends by itself", trial=name, problem=str(error))

    async def _renew(self, name: str, holder: asyncio.Task[Any] | None) -> None:
        wait = self.seconds / 3
        while True:
            await asyncio.sleep(wait)
            try:
                ours, wait = await self.journal.acquire(name, self.owner, self.seconds), self.seconds / 3
            except Unavailable as error:  # the work goes on: the next answer tells whether it is still ours
                log.warning("lease not renewed yet", trial=name, problem=str(error))
                wait = self.seconds / 12
                continue
            if not ours and holder is not None:
                log.warning("lease lost", trial=name)
                holder.cancel()  # once: told again, it would leave its clearing up undone
                return


async def recorded(results: ResultsStore, journal: Journal) -> Results:
    """What is recorded, looked up again under a lease: whoever held it before may have been faster."""
    return await (results.refresh() if journal.shared else results.view())


async def shown(results: ResultsStore, journal: Journal, clock: Clock) -> None:
    """Let others see what was recorded before the lease is theirs to take: who cannot see it does the work again.

    A push that fails is tried again, under the lease, for an hour. Cancelled or given up, it loses nothing: every later push
    includes it, and at worst another process does the same work meanwhile.
    """
    until, told = clock.monotonic() + SHOWN_SECONDS, ""
    while journal.shared and (problem := await _pushed(results)) is not None:
        if told != (told := problem):
            log.warning("result waits to be pushed", problem=problem)
        if clock.monotonic() >= until:
            log.warning("lease given back before the result was pushed", problem=problem)
            return
        await clock.sleep(PUSH_SECONDS)


async def _pushed(results: ResultsStore) -> str | None:
    """Push; why it was not done, also where that is for want of something here."""
    try:
        with what_the_machine_lacks():
            return await results.push()
    except Unavailable as error:
        return str(error)


async def attempted(work: Awaitable[None], phase: Callable[[], str]) -> tuple[str, str] | None:
    """Do a trial's work; (cause, message) when it gave no result. Whatever goes wrong in the work is caught here.

    Raises ``Unavailable`` alone: that burns no attempt. ``phase`` tells how far the work has come.
    """
    try:
        with what_the_machine_lacks():
            await work
    except Transient as error:
        return error.cause, str(error)
    except Invalid as error:
        return "invalid", str(error)
    except Unavailable:
        raise
    except Exception as error:  # a bug ends the trial, with its traceback, and not the daemon
        log.exception("trial crashed", phase=phase())
        return "harness", f"{type(error).__name__} in phase {phase() or 'checkout'}; see the log"
    return None
