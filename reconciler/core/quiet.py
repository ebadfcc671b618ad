"""Quiet hours: daily windows of wall time in which no trial starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Window:
    """From ``start`` to ``end`` each day in ``timezone``; over midnight when ``end`` is not after ``start``."""

    start: time
    end: time
    timezone: str = "UTC"

    def until(self, now: datetime) -> datetime | None:
        """The end, in UTC, of the window that holds ``now``; None outside."""
        local = now.astimezone(ZoneInfo(self.timezone))
        for day in (local.date() - timedelta(days=1), local.date()):
            begins = datetime.combine(day, self.start, local.tzinfo)
            last = day if self.end > self.start else day + timedelta(days=1)
            ends = datetime.combine(last, self.end, local.tzinfo)
            if begins.astimezone(UTC) <= now < ends.astimezone(UTC):
                return ends.astimezone(UTC)
        return None


def quiet_until(windows: Sequence[Window], now: datetime) -> datetime | None:
    """When the quiet that holds ``now`` ends (windows that touch count as one); None when it is not quiet."""
    moment = now
    for _ in range(2 * len(windows) + 1):
        ends = [end for w in windows if (end := w.until(moment)) is not None]
        if not ends:
            break
        moment = max(ends)
    return moment if moment != now else None
