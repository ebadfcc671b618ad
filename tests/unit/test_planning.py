from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Mode
from reconciler.core.planning import (
    REGRADES_AT_ONCE,
    Attempt,
    Blocked,
    Limits,
    Outstanding,
    Plan,
    Wanted,
    backoff,
    outstanding,
    plan,
)
from tests.builders import batch, todo, wanted

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMITS = Limits(parallel=4, memory_mib=8192, attempts=3)
EPOCH = "20261122T020000Z"


def planned(
    of: Outstanding,
    *,
    limits: Limits = LIMITS,
    running: dict[str, int] | None = None,
    attempts: dict[str, Attempt] | None = None,
    unavailable: dict[Mode, str] | None = None,
    quiet_until: datetime | None = None,
) -> Plan:
    return plan(
        of,
        now=NOW,
        limits=limits,
        running=running or {},
        attempts=attempts or {},
        unavailable=unavailable or {},
        quiet_until=quiet_until,
    )


def test_what_is_wanted_and_not_recorded_is_due() -> None:
    demand = wanted(iterations=3)
    first, *_ = demand.trials()
    found = outstanding([demand], {first.path})
    assert [m.trial.iteration for m in found.missing] == [2, 3]
    assert found.reused == 1


def test_raising_the_iterations_adds_only_the_new_ones() -> None:
    recorded = {t.path for t in wanted(iterations=3).trials()}
    assert [m.trial.iteration for m in outstanding([wanted(iterations=5)], recorded).missing] == [4, 5]


def test_a_sweep_is_another_trial_than_the_one_on_change() -> None:
    on_change, sweep = wanted(iterations=1), wanted(iterations=1, epoch=EPOCH)
    recorded = {t.path for t in on_change.trials()}
    assert [m.trial.epoch for m in outstanding([on_change, sweep], recorded).missing] == [EPOCH]


def test_the_first_iteration_of_everything_comes_before_the_second_of_anything() -> None:
    order = [
        (d.trial.iteration, d.trial.batch.scenario)
        for d in planned(todo(wanted(batch("a"), iterations=2), wanted(batch("b"), iterations=2))).due
    ]
    assert order == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]


def test_changed_comes_first_then_retries_then_sweeps() -> None:
    changed, retried, swept = (
        wanted(batch("c"), iterations=1),
        wanted(batch("b"), iterations=1),
        wanted(batch("a"), iterations=1, epoch=EPOCH),
    )
    again = next(iter(retried.trials())).id
    old = Attempt(count=1, at=NOW - timedelta(hours=1), message="lost")
    assert [d.trial.batch.scenario for d in planned(todo(swept, retried, changed), attempts={again: old}).due] == [
        "c",
        "b",
        "a",
    ]


def test_a_failed_attempt_waits_longer_each_time_and_stalls_after_the_last() -> None:
    demand = wanted(iterations=1)
    trial = next(iter(demand.trials())).id

    def after(count: int) -> Plan:
        return planned(todo(demand), attempts={trial: Attempt(count=count, at=NOW, message="sandbox lost")})

    assert [h.until for h in after(1).held] == [NOW + timedelta(seconds=30)]
    assert [h.until for h in after(2).held] == [NOW + timedelta(minutes=2)]
    assert after(2).wake_at == NOW + timedelta(minutes=2)
    assert [s.reason for s in after(3).stalled] == ["3 attempts failed, the last: sandbox lost"]


def test_the_wait_has_a_ceiling() -> None:
    assert backoff(50) == timedelta(hours=1)


def test_a_wrong_definition_stalls_at_once() -> None:
    demand = wanted(iterations=1)
    final = Attempt(count=1, at=NOW, message="template x: package y is missing", final=True)
    found = planned(todo(demand), attempts={next(iter(demand.trials())).id: final})
    assert [s.reason for s in found.stalled] == ["template x: package y is missing"]


def test_a_mode_that_does_not_answer_holds_its_trials_and_no_others() -> None:
    found = planned(
        todo(wanted(batch(mode="incus")), wanted(batch(mode="namespace"))), unavailable={"incus": "no answer"}
    )
    assert {h.reason for h in found.held} == {"no answer"}
    assert {d.trial.batch.mode for d in found.due} == {"namespace"}


def test_quiet_hours_hold_everything_until_they_end() -> None:
    end = NOW + timedelta(hours=6)
    found = planned(todo(wanted()), quiet_until=end)
    assert found.due == ()
    assert found.wake_at == end


def test_a_trial_that_needs_more_memory_than_there_is_stalls_and_says_so() -> None:
    [stalled] = planned(todo(wanted(iterations=1, memory_mib=9000))).stalled
    assert stalled.reason == "needs 9000 MiB and limits.memory is 8192 MiB"


def test_blocked_demand_is_shown_as_stalled() -> None:
    blocked = [Blocked(scenario="a", reason="scenarios/a/scenario.json:3:1: not JSON")]
    found = plan(
        Outstanding(),
        now=NOW,
        limits=LIMITS,
        running={},
        attempts={},
        unavailable={},
        blocked=blocked,
    )
    assert [(s.scenario, s.reason) for s in found.stalled] == [("a", "scenarios/a/scenario.json:3:1: not JSON")]


def test_what_another_process_works_on_or_ended_here_is_held_until_its_lease_ends() -> None:
    demand, until = wanted(iterations=3), NOW + timedelta(seconds=40)
    first, second, third = (t.id for t in demand.trials())
    found = plan(
        todo(demand),
        now=NOW,
        limits=LIMITS,
        running={},
        attempts={},
        unavailable={"namespace": "does not answer"},
        leased={first: until},
        ended={second: until},
    )
    assert [(h.trial.id, h.reason, h.until, h.retry) for h in found.held] == [
        (first, "another process works on it", until, True),
        (second, "its lease here runs on after its end", until, True),
        (third, "does not answer", None, False),
    ]
    assert (found.due, found.wake_at) == ((), until)


demands = st.lists(
    st.builds(
        lambda name, iterations, memory, swept, mode: wanted(
            batch(name, mode=mode), iterations=iterations, memory_mib=memory, epoch=EPOCH if swept else ""
        ),
        st.sampled_from("abcdef"),
        st.integers(1, 4),
        st.sampled_from([256, 512, 2048]),
        st.booleans(),
        st.sampled_from(["incus", "namespace"]),
    ),
    unique_by=lambda w: (w.batch.id, w.epoch),
    max_size=8,
)


@given(demands, st.integers(1, 5), st.integers(256, 6000), st.booleans(), st.data())
def test_nothing_is_forgotten_nothing_is_doubled_and_the_limits_hold(
    wants: list[Wanted], parallel: int, memory: int, down: bool, data: st.DataObject
) -> None:
    everything = todo(*wants)
    ids = [m.trial.id for m in everything.missing]
    running = dict.fromkeys(data.draw(st.lists(st.sampled_from(ids), unique=True, max_size=3)), 256) if ids else {}
    found = plan(
        everything,
        now=NOW,
        limits=Limits(parallel=parallel, memory_mib=memory, attempts=3),
        running=running,
        attempts={},
        unavailable={"incus": "down"} if down else {},
    )
    told = (
        [d.trial.id for d in found.due]
        + [h.trial.id for h in found.held]
        + [s.trial.id for s in found.stalled if s.trial]
    )
    assert sorted(told) == sorted(set(ids) - running.keys())
    assert found.start == found.due[: len(found.start)]
    assert len(found.start) <= max(0, parallel - len(running))
    assert sum(d.wanted.memory_mib for d in found.start) <= max(0, memory - sum(running.values()))


@given(demands, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(wants: list[Wanted], random: Random) -> None:
    shuffled = list(wants)
    random.shuffle(shuffled)
    assert [d.trial.id for d in planned(todo(*wants)).due] == [d.trial.id for d in planned(todo(*shuffled)).due]


@given(demands)
def test_recording_what_is_planned_empties_the_plan(wants: list[Wanted]) -> None:
    recorded = {t.path for w in wants for t in w.trials()}
    assert outstanding(wants, recorded).missing == ()


def regradable(demand: Wanted) -> Outstanding:
    """Every trial of it differs from a record in its rules alone."""
    return Outstanding(missing=tuple(replace(m, regrades=f"{m.trial.path}.old") for m in todo(demand).missing))


def test_what_is_graded_again_takes_no_slot_no_memory_and_no_platform() -> None:
    found = planned(regradable(wanted(iterations=30, memory_mib=90_000)), unavailable={"namespace": "no answer"})
    assert (len(found.due), len(found.regrade), found.start, found.held, found.stalled) == (30, 30, (), (), ())
    assert {d.action for d in found.due} == {"regrade"}


def test_what_is_graded_again_goes_series_by_series_and_only_so_many_at_once() -> None:
    demands = [regradable(wanted(batch(name), iterations=200)) for name in ("b", "a", "c", "d")]
    found = planned(Outstanding(missing=tuple(m for d in demands for m in d.missing)))
    assert len(found.regrade) == REGRADES_AT_ONCE < len(found.due)
    assert list(dict.fromkeys(d.trial.batch.scenario for d in found.regrade)) == ["a", "b", "c"]


def test_quiet_hours_and_failed_attempts_hold_what_is_graded_again_like_any_trial() -> None:
    demand = regradable(wanted(iterations=1))
    [held] = planned(demand, quiet_until=NOW + timedelta(hours=1)).held
    assert (held.action, held.reason) == ("regrade", "quiet hours")
    broken = {demand.missing[0].trial.id: Attempt(count=LIMITS.attempts, at=NOW, message="a bug")}
    assert [s.action for s in planned(demand, attempts=broken).stalled] == ["regrade"]
