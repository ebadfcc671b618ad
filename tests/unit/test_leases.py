"""A lease that somebody else has got ends the work on it, and lets it clear up."""

import asyncio

import pytest

from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.core.errors import Unavailable
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


class Keeping(MemoryJournal):
    """Takes no lease back."""

    async def release(self, trial: str, owner: str) -> None:
        raise Unavailable("the journal does not answer")


async def test_what_was_done_under_a_lease_is_done_also_where_it_cannot_be_given_back() -> None:
    journal = Keeping(clock=FakeClock())
    async with Leases(journal=journal, owner="one").held("trial") as ours:
        assert ours
    assert [lease.owner for lease in await journal.leases()] == ["one"]


async def test_what_ended_the_work_is_told_also_where_its_lease_cannot_be_given_back() -> None:
    with pytest.raises(Unavailable, match="the mode does not answer"):
        async with Leases(journal=Keeping(clock=FakeClock()), owner="one").held("trial"):
            raise Unavailable("the mode does not answer")
