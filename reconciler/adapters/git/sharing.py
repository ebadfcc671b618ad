"""One answer for all who asked before the question was put."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Shared(Generic[_T]):
    """Work that is done once at a time. Who asks while it is under way joins the one that begins next, for later news."""

    def __init__(self, work: Callable[[], Awaitable[_T]]) -> None:
        """``work`` is cancelled when nobody waits for it any more."""
        self._work = work
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[_T] | None = None
        self._waiting: Counter[asyncio.Task[_T]] = Counter()

    async def __call__(self) -> _T:
        """What the work gave that began after this was called."""
        task = self._next = self._next or asyncio.create_task(self._in_turn())
        self._waiting[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._leave(task)

    async def _in_turn(self) -> _T:
        async with self._turn:
            self._next = None
            return await self._work()

    def _leave(self, task: asyncio.Task[_T]) -> None:
        self._waiting[task] -= 1
        if self._waiting[task]:
            return
        del self._waiting[task]
        task.cancel()
        if self._next is task:
            self._next = None
