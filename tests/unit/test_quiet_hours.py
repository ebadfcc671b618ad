from datetime import UTC, datetime, time

from reconciler.core.quiet import Window, quiet_until


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHT = Window(start=time(22), end=time(6))


def test_a_window_over_midnight_holds_before_and_after_midnight() -> None:
    assert quiet_until([NIGHT], at("2026-11-22T23:00:00")) == at("2026-11-23T06:00:00")
    assert quiet_until([NIGHT], at("2026-11-23T05:59:59")) == at("2026-11-23T06:00:00")
    assert quiet_until([NIGHT], at("2026-11-23T06:00:00")) is None


def test_a_window_is_wall_time_in_its_zone_also_when_clocks_change() -> None:
    paris = Window(start=time(22), end=time(6), timezone="Europe/Paris")
    assert quiet_until([paris], at("2026-03-28T22:00:00")) == at("2026-03-29T04:00:00")
    assert quiet_until([paris], at("2026-10-24T22:00:00")) == at("2026-10-25T05:00:00")


def test_windows_that_touch_are_one_quiet() -> None:
    morning = Window(start=time(6), end=time(8))
    assert quiet_until([NIGHT, morning], at("2026-11-22T23:00:00")) == at("2026-11-23T08:00:00")


def test_a_window_around_the_clock_ends_all_the_same() -> None:
    assert quiet_until([Window(start=time(0), end=time(0))], at("2026-11-22T12:00:00")) is not None
