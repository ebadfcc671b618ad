"""Cron expressions as cron means them, on APScheduler's triggers."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from reconciler.ports import Cron

_SHIFT = timedelta(hours=3)
"""More than any clock change: so far apart may two fire times be the other way round in wall time."""
_YEARS = "2000-2028"
"""Every date that there is, on every weekday: a schedule without a fire time in these years has none."""
_TICK = timedelta(microseconds=1)
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAYS = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[1-9]\d*))?")


class Schedule(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """The fire times of five fields, reckoned in wall time: each day has its own, whatever the clocks do.

    A wall time that the clocks leave out fires when it would have been, one that they repeat fires the first time alone.
    """

    def __init__(self, cron: Cron) -> None:
        """Raises ``ValueError`` with what is wrong with the expression or the time zone."""
        try:
            self._zone = ZoneInfo(cron.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {cron.timezone!r}") from error
        self._walls = _walls(cron.expression)

    def newest(self, after: datetime, until: datetime) -> datetime | None:
        """The last fire time in (after, until], in UTC."""
        found = None
        for fire in self._fires(after):
            if fire > until + _SHIFT:
                break
            if after < fire <= until and (found is None or fire > found):
                found = fire
        return found

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """See ``BaseTrigger``: the first one after the previous, or not before now. In UTC."""
        after, found = previous_fire_time or now - _TICK, None
        for fire in self._fires(after):
            if found is not None and fire > found + _SHIFT:
                break
            if fire > after and (found is None or fire < found):
                found = fire
        return found

    def _fires(self, after: datetime) -> Iterator[datetime]:
        """Those around ``after`` and later, in the order of their wall times."""
        moment = after.astimezone(self._zone).replace(tzinfo=UTC) - _SHIFT
        while (wall := self._walls.get_next_fire_time(None, moment)) is not None:
            yield wall.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
            moment = wall + _TICK


def cron_error(expression: str, timezone: str) -> str | None:
    """What is wrong with a schedule, or None."""
    try:
        Schedule(Cron(expression=expression, timezone=timezone))
    except ValueError as error:
        return str(error)
    return None


@lru_cache(maxsize=256)
def _walls(expression: str) -> BaseTrigger:
    """Its wall times, as if they were UTC. Where day and weekday are both restricted, cron fires on either.

    Raises ``ValueError`` also where none ever comes: looking for the next one would go on to the year 9999, in every pass.
    """
    fields = expression.split()
    if len(fields) != 5:
        raise ValueError(f"a schedule has five fields, and {expression!r} has {len(fields)}")
    minute, hour, day, month, weekday = fields
    rows = [(day, "*"), ("*", weekday)] if "*" not in (day[0], weekday[0]) else [(day, weekday)]
    common = {"minute": minute, "hour": hour, "month": month, "timezone": UTC}
    dates = [{"day": day_, "day_of_week": _weekdays(weekday_)} for day_, weekday_ in rows]
    triggers = [CronTrigger(**common, **date) for date in dates if _comes(CronTrigger(**common, **date, year=_YEARS))]
    if not triggers:
        raise ValueError(f"no date is ever day {day} of month {month}")
    return OrTrigger(triggers)


def _comes(within: CronTrigger) -> bool:
    return within.get_next_fire_time(None, datetime(2000, 1, 1, tzinfo=UTC)) is not None


def _weekdays(field: str) -> str:
    """The days by name: cron counts them from Sunday = 0 (or 7), APScheduler from Monday = 0, and with steps from there."""
    days: set[str] = set()
    for part in field.lower().split(","):
        if (found := _WEEKDAYS.fullmatch(part)) is None:
            raise ValueError(f"{part!r} is no weekday: write 0 to 7, sun to sat, or a range of these")
        first = _weekday(found["first"] or "0")
        last = _weekday(found["last"], first) if found["last"] else first if found["first"] and not found["step"] else 6
        if last < first:
            raise ValueError(f"the weekdays {part!r} run backwards")
        days.update(_DAYS[n % 7] for n in range(first, last + 1, int(found["step"] or 1)))
    return ",".join(sorted(days))


def _weekday(text: str, first: int = 0) -> int:
    """A weekday from Sunday = 0; at the end of a range that begins later, Sunday is 7."""
    if text.isdecimal() and int(text) <= 7:
        return int(text)
    if text not in _DAYS:
        raise ValueError(f"{text!r} is no weekday: write 0 to 7, or sun to sat")
    return 7 if text == "sun" and first else _DAYS.index(text)
