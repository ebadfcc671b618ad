"""The wall clock."""

import asyncio
import time
from datetime import UTC, datetime


class WallClock:
    """Port ``Clock`` over the machine's clocks."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
