"""A lease that somebody else has got ends the work on it, and lets it clear up."""

import asyncio

import pytest

from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.shell.leasing import Leases
from tests.fake_clock import FakeClock


async def work(leases: Leases, begun: asyncio.Event, done: list[str]) -> None:
    """Work for ever; clear up in several steps."""
    async with leases.held("trial"):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            done.append("cleared up")


async def test_who_loses_a_lease_is_told_once_and_clears_up_in_peace() -> None:
    journal = MemoryJournal(clock=FakeClock())
    done: list[str] = []
    begun = asyncio.Event()
    holder = asyncio.create_task(work(Leases(journal=journal, owner="one", seconds=0), begun, done))
    await begun.wait()
    assert await journal.acquire("trial", "another", 60)
    with pytest.raises(asyncio.CancelledError):
        await holder
    assert done == ["cleared up"]
    assert [lease.owner for lease in await journal.leases()] == ["another"]
