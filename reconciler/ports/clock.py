"""Time, and what wakes the loop at which moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, passed in."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a fake clock moves instead."""
        ...


@dataclass(frozen=True, kw_only=True)
class Every:
    """An alarm each ``seconds``, give or take ``jitter`` seconds."""

    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Cron:
    """An alarm at each fire time of a five-field cron expression in a time zone."""

    expression: str
    timezone: str = "UTC"


@dataclass(frozen=True, kw_only=True)
class At:
    """An alarm once, at a moment; a moment in the past rings at once."""

    moment: datetime


Alarm = Every | Cron | At


class Timetable(Protocol):
    """Wakes the loop. Nothing is durable: the alarms are set anew from what each pass sees."""

    def set(self, alarms: Mapping[str, Alarm]) -> None:
        """Replace all alarms. An alarm equal to the one under the same name goes on undisturbed."""
        ...

    def last_fire(self, cron: Cron, *, after: datetime, until: datetime) -> datetime | None:
        """The newest fire time in (after, until], in UTC; a wall time that occurs twice fires once."""
        ...

    def close(self) -> None:
        """Ring no more."""
        ...
