"""Time for tests: it moves when somebody sleeps, and when a test says so."""

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """Port ``Clock`` whose time stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def advance(self, by: timedelta) -> None:
        """Time passes for everybody."""
        self._now += by
        self._elapsed += by.total_seconds()

    def jump(self, by: timedelta) -> None:
        """Somebody sets the wall clock; no time passes."""
        self._now += by
