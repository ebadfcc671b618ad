"""Work that is shared by all who ask for it."""

import asyncio

import pytest

from reconciler.adapters.git.sharing import Shared


class Work:
    """Counts how often it was begun, and ends when told."""

    def __init__(self) -> None:
        self.times = 0
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        self.times += 1
        number = self.times
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return number


def asking(shared: Shared[int], times: int) -> list[asyncio.Task[int]]:
    async def ask() -> int:
        return await shared()

    return [asyncio.create_task(ask()) for _ in range(times)]


async def test_who_asks_while_work_is_under_way_joins_the_one_that_begins_next() -> None:
    work = Work()
    shared = Shared(work)
    early = asking(shared, 3)
    await work.begun.wait()
    late = asking(shared, 3)
    await asyncio.sleep(0)
    work.may_end.set()
    assert await asyncio.gather(*early, *late) == [1, 1, 1, 2, 2, 2]


async def test_work_goes_on_while_anybody_waits_for_it_and_is_cancelled_then() -> None:
    work = Work()
    shared = Shared(work)
    leaves, stays = asking(shared, 2)
    await work.begun.wait()
    leaves.cancel()
    await asyncio.wait([leaves])
    assert not work.cancelled.is_set()
    stays.cancel()
    await work.cancelled.wait()
    work.may_end.set()
    assert await shared() == 2, "who comes later is served"


async def test_a_failure_is_told_to_all_who_wait() -> None:
    async def fail() -> int:
        raise ValueError

    for asked in asking(Shared(fail), 2):
        with pytest.raises(ValueError):
            await asked
