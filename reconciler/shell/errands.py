"""What goes on beside the loop: each errand once at a time, and all of them ended with it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from reconciler.core.errors import Unavailable, what_the_machine_lacks

log = structlog.get_logger()

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(kw_only=True)
class Errands:
    """Errands by name."""

    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def begin(self, name: str, work: Work) -> None:
        """Run ``work`` beside the loop, unless that errand is under way. Raises the bug that ended its last run, if one did."""
        task = self._tasks.get(name)
        if task is None or task.done():
            if task is not None and not task.cancelled() and (error := task.exception()) is not None:
                raise error
            self._tasks[name] = asyncio.create_task(_put_off(name, work), name=name)

    async def carry_out(self, name: str, work: Work) -> None:
        """Run ``work`` and wait for its end, which may be that it is cancelled. Raises what it raises."""
        task = self._tasks[name] = asyncio.create_task(work(), name=name)
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    def under_way(self, name: str) -> bool:
        """Whether that errand has begun and not ended."""
        return name in self._tasks and not self._tasks[name].done()

    def cancel(self, *names: str) -> None:
        """End these errands; absent is success."""
        for name in self._tasks.keys() & set(names):
            self._tasks[name].cancel()

    async def end(self) -> None:
        """End all of them, and wait until they have."""
        self.cancel(*self._tasks)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


async def _put_off(name: str, work: Work) -> None:
    """What cannot be done now is put off: the next poll or pass does it."""
    try:
        with what_the_machine_lacks():
            await work()
    except Unavailable as error:
        log.warning("errand put off", errand=name, problem=str(error))
