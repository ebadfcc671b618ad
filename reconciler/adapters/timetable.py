"""Alarms on APScheduler: polls with jitter, cron sweeps with time zone, retries and the ends of quiet hours."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from reconciler.adapters.cron import Schedule
from reconciler.ports import Alarm, At, Clock, Cron, Every

_LOOK_BACK = tuple(timedelta(days=d) for d in (1 / 24, 1, 8, 32, 370, 1500))


class ApschedulerTimetable:
    """Port ``Timetable`` over one ``AsyncIOScheduler`` with a memory store: git is the truth, not a job table."""

    def __init__(self, *, clock: Clock) -> None:
        """Alarms are silent until ``ring`` is set; it is called in the event loop with the alarm's name."""
        self._clock = clock
        self.ring: Callable[[str], None] | None = None
        self._alarms: dict[str, Alarm] = {}
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        )

    def set(self, alarms: Mapping[str, Alarm]) -> None:
        """Replace what differs."""
        if not self._scheduler.running:
            self._scheduler.start()
        for name in self._alarms.keys() - alarms.keys():
            self._remove(name)
        for name, alarm in alarms.items():
            if self._alarms.get(name) != alarm:
                self._remove(name)
                self._scheduler.add_job(self._rang, self._trigger(alarm), args=[name], id=name)
                self._alarms[name] = alarm

    async def _rang(self, name: str) -> None:
        """A coroutine, for APScheduler runs everything else in a thread of its own."""
        if self.ring is not None:
            self.ring(name)

    def _remove(self, name: str) -> None:
        self._alarms.pop(name, None)
        if self._scheduler.get_job(name) is not None:  # an At that has rung is gone already
            self._scheduler.remove_job(name)

    def _trigger(self, alarm: Alarm) -> BaseTrigger:
        match alarm:
            case Every(seconds=seconds, jitter=jitter):
                return IntervalTrigger(seconds=seconds, jitter=jitter or None, timezone=UTC)
            case At(moment=moment):
                return DateTrigger(run_date=max(moment, self._clock.now()), timezone=UTC)
            case Cron():
                return Schedule(alarm)

    def last_fire(self, cron: Cron, *, after: datetime, until: datetime) -> datetime | None:
        """The newest fire time in (after, until]; looks back in growing steps, so a rare schedule costs no more."""
        schedule = Schedule(cron)
        for step in _LOOK_BACK:
            start = max(after, until - step)
            if (fire := schedule.newest(start, until)) is not None or start == after:
                return fire
        return None

    def close(self) -> None:
        """Ring no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
