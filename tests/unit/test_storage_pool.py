"""The storage pool that sandboxes share: when nothing begins, and which sandboxes cannot vouch for what was seen."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from reconciler.adapters.incus.pool import Pool, Space
from reconciler.core.errors import Transient, Unavailable

MIB = 1 << 20


def space(free: int, total: int = 20 * 1024) -> Space:
    """In MiB."""
    return Space(where="storage pool main", free=free * MIB, total=total * MIB)


ROOMY, TIGHT, FULL = space(10_000), space(1000), space(10)


def told(spaces: Iterator[Space]) -> Callable[[], Awaitable[Space]]:
    async def ask() -> Space:
        return next(spaces)

    return ask


@pytest.mark.parametrize(
    ("free", "total", "tight", "full"),
    [
        pytest.param(2048, 20_480, False, False, id="a tenth of 20 GiB"),
        pytest.param(2047, 20_480, True, False, id="under a tenth of 20 GiB"),
        pytest.param(2048, 1_000_000, False, False, id="2 GiB of a terabyte"),
        pytest.param(2047, 1_000_000, True, False, id="under 2 GiB of a terabyte"),
        pytest.param(256, 20_480, True, False, id="256 MiB"),
        pytest.param(255, 20_480, True, True, id="under 256 MiB"),
        pytest.param(40, 2000, True, False, id="a fiftieth of 2 GB"),
        pytest.param(39, 2000, True, True, id="under a fiftieth of 2 GB"),
        pytest.param(0, 0, False, False, id="a server that cannot tell"),
    ],
)
def test_how_much_must_be_free(free: int, total: int, tight: bool, full: bool) -> None:
    assert (space(free, total).tight, space(free, total).full) == (tight, full)


async def test_nothing_begins_in_a_tight_pool_and_the_reason_says_what_to_do() -> None:
    pool = Pool(told(iter([ROOMY, TIGHT])))
    await pool.room()
    with pytest.raises(Unavailable, match=r"storage pool main has 4 % \(1000 of 20480 MiB\) free.*incus storage set"):
        await pool.room()
    assert pool.tight


async def test_a_pool_that_cannot_be_asked_is_unavailable_to_who_begins() -> None:
    async def ask() -> Space:
        raise Transient("sandbox", "the pool is broken")

    with pytest.raises(Unavailable, match="the pool is broken"):
        await Pool(ask).room()


async def test_a_sandbox_vouches_in_a_pool_that_was_tight_and_never_full() -> None:
    await Pool(told(iter([TIGHT]))).vouch(time.monotonic())


async def test_a_sandbox_does_not_vouch_where_the_pool_is_full() -> None:
    with pytest.raises(Transient, match="storage pool main was full while it ran") as failure:
        await Pool(told(iter([FULL]))).vouch(time.monotonic())
    assert failure.value.cause == "sandbox"


async def test_a_pool_that_was_full_for_a_moment_is_remembered_for_those_that_lived_then_and_not_for_later_ones() -> (
    None
):
    moments, seen = iter([ROOMY, FULL]), asyncio.Event()

    async def ask() -> Space:
        now = next(moments, None)
        if now is None:
            seen.set()
        return now or ROOMY

    pool, before = Pool(ask, every=0), time.monotonic()
    pool.watch("a sandbox")
    await seen.wait()
    with pytest.raises(Transient, match="was full"):
        await pool.vouch(before)
    await pool.vouch(time.monotonic())
    await pool.close()


async def test_nobody_looks_when_no_sandbox_lives() -> None:
    looks = itertools.count()

    async def ask() -> Space:
        if next(looks) == 3:
            pool.forget("a sandbox")
        return ROOMY

    pool = Pool(ask, every=0)
    pool.watch("a sandbox")
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait(others)
    assert next(looks) == 4
