"""Schedules over the real APScheduler triggers, in fake time."""

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.cron import Schedule, cron_error
from reconciler.adapters.timetable import ApschedulerTimetable
from reconciler.ports import At, Cron, Every
from tests.processes import PATIENCE

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def timetable() -> Iterator[ApschedulerTimetable]:
    made = ApschedulerTimetable(clock=WallClock())
    yield made
    made.close()


def fires(timetable: ApschedulerTimetable, cron: Cron, start: str, days: int) -> list[str]:
    """The distinct newest fire times that a daemon sees that looks every ten minutes."""
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    moments = (begin + timedelta(minutes=10 * n) for n in range(days * 144))
    seen = (timetable.last_fire(cron, after=begin, until=moment) for moment in moments)
    return [at.strftime("%m-%d %H:%M") for at in dict.fromkeys(seen) if at is not None]


def test_each_day_has_one_fire_time_also_when_the_clocks_change(timetable: ApschedulerTimetable) -> None:
    cron = Cron(expression="30 2 * * *", timezone="Europe/Paris")
    assert fires(timetable, cron, "2026-03-28T00:00:00", 3) == ["03-28 01:30", "03-29 01:30", "03-30 00:30"]
    assert fires(timetable, cron, "2026-10-24T00:00:00", 3) == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


@pytest.mark.parametrize("zone", ["America/Santiago", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("expression", ["0 0 * * *", "30 2 * * *", "30 0 * * *"])
def test_no_day_of_a_year_lacks_its_sweep_or_has_two(expression: str, zone: str) -> None:
    schedule, begin = Schedule(Cron(expression=expression, timezone=zone)), datetime(2026, 1, 1, 12, tzinfo=UTC)
    fired = [begin]
    while fired[-1] < begin + timedelta(days=365):
        fired.append(schedule.get_next_fire_time(fired[-1], fired[-1]) or begin)
    assert len(fired) == 1 + 366
    gaps = {later - earlier for earlier, later in itertools.pairwise(fired[1:])}
    assert min(gaps) >= timedelta(hours=22)
    assert max(gaps) <= timedelta(hours=26)
    assert [schedule.newest(before, fire) for before, fire in itertools.pairwise(fired)] == fired[1:]


def test_missed_fire_times_coalesce_into_the_newest(timetable: ApschedulerTimetable) -> None:
    until = datetime(2026, 11, 22, 12, tzinfo=UTC)
    newest = timetable.last_fire(Cron(expression="0 2 * * *"), after=LONG_AGO, until=until)
    assert newest == datetime(2026, 11, 22, 2, tzinfo=UTC)


def test_a_rare_schedule_is_found_years_back(timetable: ApschedulerTimetable) -> None:
    leap = timetable.last_fire(Cron(expression="0 0 29 2 *"), after=LONG_AGO, until=datetime(2026, 11, 1, tzinfo=UTC))
    assert leap == datetime(2024, 2, 29, tzinfo=UTC)


def test_a_schedule_does_not_fire_before_it_was_declared(timetable: ApschedulerTimetable) -> None:
    declared = datetime(2026, 11, 22, 3, tzinfo=UTC)
    cron = Cron(expression="0 2 * * *")
    assert timetable.last_fire(cron, after=declared, until=declared + timedelta(hours=22)) is None
    assert timetable.last_fire(cron, after=declared, until=declared + timedelta(hours=23)) == datetime(
        2026, 11, 23, 2, tzinfo=UTC
    )


def test_a_clock_that_jumps_back_and_forth_sees_the_same_fire_time_again(timetable: ApschedulerTimetable) -> None:
    noon, cron = datetime(2026, 11, 22, 12, tzinfo=UTC), Cron(expression="0 * * * *")
    first = timetable.last_fire(cron, after=LONG_AGO, until=noon)
    timetable.last_fire(cron, after=LONG_AGO, until=noon - timedelta(hours=3))
    assert timetable.last_fire(cron, after=LONG_AGO, until=noon) == first


@pytest.mark.parametrize(("day", "weekday"), [("0", 6), ("7", 6), ("1", 0), ("sun", 6), ("6", 5)])
def test_weekdays_are_counted_as_cron_counts_them(timetable: ApschedulerTimetable, day: str, weekday: int) -> None:
    fire = timetable.last_fire(
        Cron(expression=f"0 0 * * {day}"), after=LONG_AGO, until=datetime(2026, 11, 22, 12, tzinfo=UTC)
    )
    assert fire is not None
    assert fire.weekday() == weekday


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("0 0 * * 0-4", "Mon Tue Wed Thu Sun"),
        ("0 0 * * 0-7", "Mon Tue Wed Thu Fri Sat Sun"),
        ("0 0 * * 5-7", "Fri Sat Sun"),
        ("0 0 * * fri-sun", "Fri Sat Sun"),
        ("0 0 * * SUN-Tue", "Mon Tue Sun"),
        ("0 0 * * */2", "Tue Thu Sat Sun"),
        ("0 0 * * 1-5/2", "Mon Wed Fri"),
        ("0 0 * * 1,3-4", "Mon Wed Thu"),
        ("0 0 26 * 1", "Mon Thu"),
        ("0 0 25-26 * sat", "Wed Thu Sat"),
        ("0 0 */5 * 4", "Thu"),
        ("0 0 26 * *", "Thu"),
    ],
)
def test_days_are_those_that_cron_means(days: str, expected: str) -> None:
    """In the week from Monday the 23rd of November 2026."""
    schedule, moment = Schedule(Cron(expression=days)), datetime(2026, 11, 22, 12, tzinfo=UTC)
    found = []
    while (fire := schedule.get_next_fire_time(None, moment)) and fire < datetime(2026, 11, 30, tzinfo=UTC):
        found.append(fire.strftime("%a"))
        moment = fire + timedelta(seconds=1)
    assert found == expected.split()


@pytest.mark.parametrize(
    ("expression", "zone", "part"),
    [
        ("0 2 * *", "UTC", "five fields"),
        ("61 2 * * *", "UTC", "61"),
        ("0 2 * * 5-1", "UTC", "backwards"),
        ("0 2 * * 8", "UTC", "'8' is no weekday"),
        ("0 2 * * mo", "UTC", "'mo' is no weekday"),
        ("0 2 * * 1/0", "UTC", "'1/0' is no weekday"),
        ("0 0 30 2 *", "UTC", "no date is ever day 30 of month 2"),
        ("0 0 31 4,6 *", "UTC", "no date is ever day 31 of month 4,6"),
        ("0 0 31 feb */2", "UTC", "no date is ever day 31 of month feb"),
        ("0 2 * * *", "Mars/Base", "time zone"),
        ("0 2 * * *", "../etc", "time zone"),
    ],
)
def test_a_wrong_schedule_is_told_in_words(expression: str, zone: str, part: str) -> None:
    assert part in (cron_error(expression, zone) or "")


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 29 feb */7", "0 0 31 4,5 *", "59 23 31 12 *"])
def test_a_date_that_comes_seldom_is_a_schedule(expression: str) -> None:
    assert cron_error(expression, "UTC") is None


def test_a_date_that_never_comes_leaves_the_weekdays_beside_it(timetable: ApschedulerTimetable) -> None:
    newest = timetable.last_fire(
        Cron(expression="0 2 30 2 mon"), after=LONG_AGO, until=datetime(2026, 11, 22, tzinfo=UTC)
    )
    assert newest == datetime(2026, 2, 23, 2, tzinfo=UTC)


async def test_alarms_ring_in_the_event_loop_and_are_replaced_as_a_whole() -> None:
    rung: list[str] = []
    heard, loop = asyncio.Event(), asyncio.get_running_loop()

    def ring(name: str) -> None:
        assert asyncio.get_running_loop() is loop
        rung.append(name)
        heard.set()

    timetable = ApschedulerTimetable(clock=WallClock())
    timetable.ring = ring
    far = datetime.now(UTC) + timedelta(hours=1)
    timetable.set(
        {"now": At(moment=datetime.now(UTC) - timedelta(hours=1)), "later": At(moment=far), "poll": Every(seconds=3600)}
    )
    await asyncio.wait_for(heard.wait(), PATIENCE)
    timetable.set({"poll": Every(seconds=3600)})
    timetable.set({"poll": Every(seconds=3600), "sweep": Cron(expression="0 2 * * *", timezone="Europe/Paris")})
    timetable.close()
    assert rung == ["now"]
