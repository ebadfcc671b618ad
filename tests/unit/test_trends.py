import re
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.dashboard import Asked, Row, readme, row, sparkline
from reconciler.core.model import Gate
from reconciler.core.statistics import fisher_less, wilson
from reconciler.core.trends import KEPT_BATCHES, BatchResults, Trend, fold, verdict, verdicts
from tests.builders import batch, results

ASKED = Asked(iterations=3, gate=Gate())
EMPTY = Trend(scenario="stale-lock", title="A stale lock", variant={})


def trend(*batches: BatchResults) -> Trend:
    series = EMPTY
    for one in batches:
        series = fold(series, one)
    return series


def says(*batches: BatchResults) -> str:
    """The verdict of the last batch given."""
    return verdict(trend(*batches), batches[-1])


def test_the_first_batch_is_judged_by_its_gate_alone() -> None:
    assert says(results(3, 3)) == "pass"
    assert says(results(2, 3)) == "fail"
    assert says(results(2, 3, gate=Gate(pass_rate=0.6))) == "pass"
    assert says(results(3, 3, gate=Gate(pass_rate=1, compliance=90), compliance=80)) == "fail"


def test_three_of_three_to_none_of_three_is_a_regression_and_to_one_of_three_only_suspected() -> None:
    assert says(results(3, 3, number=1), results(0, 3, number=2, agent="2")) == "regressed"
    assert says(results(3, 3, number=1), results(1, 3, number=2, agent="2")) == "suspected"


def test_none_of_three_to_three_of_three_is_an_improvement() -> None:
    assert says(results(0, 3, number=1), results(3, 3, number=2, agent="2")) == "improved"


def test_another_world_truth_task_or_rule_is_a_changed_scenario_and_no_regression() -> None:
    others = [
        results(0, 3, number=2, world="2"),
        results(0, 3, number=2, task="2"),
        results(0, 3, number=2, truth="2"),
        results(0, 3, number=2, rules="2"),
    ]
    assert [says(results(3, 3, number=1), other) for other in others] == ["changed"] * 4


def test_another_mode_is_compared_with_nothing() -> None:
    assert says(results(3, 3, number=1), results(0, 3, number=2, mode="incus")) == "fail"


def test_a_batch_in_progress_is_inconclusive_and_one_without_results_unmeasured() -> None:
    assert says(results(1, 1, wanted_iterations=3)) == "inconclusive"
    assert verdict(EMPTY, results(0, 0, wanted_iterations=3)) == "unmeasured"


def test_a_slow_slide_is_seen_against_the_first_batch() -> None:
    slide = [results(10 - n, 10, number=n + 1, agent=str(n)) for n in range(6)]
    assert says(*slide[:2]) == "suspected"
    assert says(*slide) == "regressed"


def sweep(passed: int, night: int, *, agent: str = "1") -> BatchResults:
    """Twenty trials of one night."""
    return results(passed, 20, number=night, epoch=f"202601{night:02}T020000Z", agent=agent)


def test_a_fall_from_sweep_to_sweep_of_the_same_inputs_is_suspected_until_the_next_one_shows_it_too() -> None:
    calm, low = [sweep(20, night) for night in (1, 2, 3)], [sweep(12, night) for night in (4, 5, 6)]
    assert says(*calm, *low[:1]) == "suspected"
    assert says(*calm, *low[:2]) == "regressed"
    assert says(*calm, *low) == "regressed", "the first anchor does not move"
    assert says(*calm, low[0], sweep(20, 5)) == "improved", "it was chance, and is over"
    assert says(*calm, sweep(12, 4, agent="2")) == "regressed", "the agent was changed: one look decides"


def test_a_fall_from_a_height_that_the_first_sweep_did_not_have_is_seen_twice_as_well() -> None:
    history = [sweep(6, 1), sweep(20, 2, agent="2"), sweep(20, 3, agent="2"), sweep(10, 4, agent="2")]
    assert says(*history) == "suspected"
    assert says(*history, sweep(10, 5, agent="2")) == "regressed"


def test_the_first_anchor_stays_however_many_sweeps_follow_and_sweeps_push_no_answer_to_a_change_out() -> None:
    change = results(20, 20, number=1)
    nights = [
        replace(
            sweep(19, 2),
            epoch=f"night {n:03}",
            results=tuple(replace(r, finished_at=f"2026-02-01 {n:03}") for r in sweep(19, 2).results),
        )
        for n in range(2 * KEPT_BATCHES)
    ]
    series = trend(change, *nights)
    assert len(series.batches) == KEPT_BATCHES + 1
    assert series.batches[0] == change
    assert trend(*nights, change) == series
    hand = replace(results(1, 1, epoch="by hand"), by_hand=True)
    earlier = replace(hand, results=tuple(replace(r, finished_at="2025") for r in hand.results))
    assert trend(earlier, change, *nights).batches[0] == change, "what a person asked for is no anchor"


@given(st.permutations(range(6)), st.booleans())
def test_a_shuffled_or_repeated_history_folds_to_the_same_trend(order: list[int], twice: bool) -> None:
    whole = [results(n % 4, 3, number=n + 1, agent=str(n)) for n in range(6)]
    shuffled = trend(*[whole[n] for n in order], *(whole if twice else []))
    assert shuffled == trend(*whole)


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 2, *[st.sampled_from("12")] * 4), max_size=12))
def test_what_all_batches_say_in_one_pass_is_what_each_says_by_itself(
    drawn: list[tuple[int, int, str, str, str, str]],
) -> None:
    series = trend(
        *(
            replace(
                results(p, max(p, m), number=n, wanted_iterations=2, agent=a, world=w, epoch=a + w + e),
                by_hand=h == "1",
            )
            for n, (p, m, a, w, e, h) in enumerate(drawn, 1)
        )
    )
    assert list(verdicts(series)) == [verdict(series, b) for b in series.batches]


def test_results_of_one_batch_that_come_one_by_one_are_one_batch() -> None:
    whole = results(2, 3)
    single = [BatchResults(**{**vars(whole), "results": (r,)}) for r in whole.results]
    assert trend(*single) == trend(whole)


@given(st.permutations(range(3)))
def test_of_records_that_were_made_under_other_terms_the_last_ones_terms_hold_in_whatever_order_they_come(
    order: list[int],
) -> None:
    [one, two, three] = results(2, 3).results
    terms = [(one, 5, 0.1), (two, 3, 0.2), (three, 4, 0.3)]
    parts = [replace(results(2, 3), results=(r,), wanted=n, gate=Gate(pass_rate=gate)) for r, n, gate in terms]
    [whole] = trend(*[parts[n] for n in order]).batches
    assert (whole.wanted, whole.gate.pass_rate) == (4, 0.3)


def test_fisher_equals_the_count_of_all_ways_to_deal_the_successes() -> None:
    for a, n, b, m in ((0, 3, 3, 3), (1, 3, 3, 3), (2, 5, 5, 5), (0, 1, 1, 1), (3, 4, 2, 6)):
        ways = [sum(i < n for i in chosen) for chosen in combinations(range(n + m), a + b)]
        assert fisher_less(a, n, b, m) == float(Fraction(sum(w <= a for w in ways), len(ways)))


def test_wilson_matches_published_values() -> None:
    low, high = wilson(9, 10) or (0, 0)
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)
    assert wilson(0, 0) is None


def test_when_inputs_are_back_the_old_results_hold_and_the_row_says_so() -> None:
    series = trend(results(3, 3, number=1), results(0, 3, number=2, agent="2"))
    back = row(batch(), [ASKED], series, proven=True)
    assert (back.verdict, back.passed, back.reused) == ("pass", 3, True)
    assert "inputs are back" in readme([back])


def test_a_gate_stops_at_what_is_not_good_enough_or_worse_than_before_and_at_nothing_that_is_not_proven() -> None:
    histories = {
        "suspected": [results(3, 3, number=1), results(1, 3, number=2, agent="2")],
        "improved": [sweep(0, 1), sweep(9, 2, agent="2")],
        "changed": [results(3, 3, number=1), results(0, 3, number=2, world="2")],
        "fail": [results(2, 3)],
        "inconclusive": [results(1, 1, wanted_iterations=3)],
        "pass": [results(3, 3)],
    }
    rows = {
        name: row_of(
            history[-1], Asked(iterations=history[-1].wanted, gate=Gate(), sweep=bool(history[-1].epoch)), history
        )
        for name, history in histories.items()
    }
    assert {name: r.verdict for name, r in rows.items()} == {name: name for name in histories}
    assert [name for name, r in rows.items() if r.blocks] == ["suspected", "improved", "changed", "fail"]
    lenient = Asked(iterations=3, gate=Gate(pass_rate=0))
    fallen = [results(3, 3, number=1), results(0, 3, number=2, agent="2")]
    assert row_of(fallen[-1], lenient, fallen).blocks, "good enough for the gate, and worse than before"
    assert not replace(rows["fail"], proven=False).blocks


def test_a_repetition_that_is_not_measured_to_the_end_opens_no_gate() -> None:
    fallen, night = results(0, 3, number=1), partial(results, number=2, epoch="20260102T020000Z", wanted_iterations=3)
    nightly = [ASKED, Asked(iterations=3, gate=Gate(), sweep=True)]
    for done, passed, blocks in ((1, 1, True), (2, 2, True), (2, 0, True), (3, 3, False)):
        told = row(batch(), nightly, trend(fallen, night(passed, done)), proven=True)
        assert (told.epoch, told.measured, told.blocks) == ("20260102T020000Z", done, blocks)
    first = row(batch(), nightly, trend(results(1, 2, wanted_iterations=3)), proven=True)
    assert (first.verdict, first.blocks) == ("inconclusive", True), "whatever comes, it stays below the gate"
    assert not row(batch(), nightly, trend(results(2, 2, wanted_iterations=3)), proven=True).blocks


def test_of_several_benchmarks_that_want_a_batch_each_is_a_gate_of_its_own() -> None:
    lax, strict = Asked(iterations=3, gate=Gate(pass_rate=0)), Asked(iterations=3, gate=Gate())
    for asked in ([lax, strict], [strict, lax]):
        told = row(batch(), asked, trend(results(0, 3)), proven=True)
        assert (told.verdict, told.blocks) == ("fail", True)
    many, canary = Asked(iterations=20, gate=Gate()), Asked(iterations=1, gate=Gate(pass_rate=0), sweep=True)
    lucky = trend(results(0, 20, number=1), results(1, 1, number=2, epoch="20260102T020000Z"))
    assert row(batch(), [many, canary], lucky, proven=True).blocks, "one trial of the canary is no answer to twenty"


def test_another_gate_judges_what_is_there_also_where_such_a_batch_is_asked_for_no_more() -> None:
    night = trend(results(0, 3, epoch="20260102T020000Z", gate=Gate(pass_rate=0)))
    told = row(batch(), [ASKED], night, proven=True)
    assert (told.verdict, told.measured, told.blocks) == ("fail", 3, True)


def row_of(now: BatchResults, asked: Asked, history: list[BatchResults]) -> Row:
    parts = {name: next(iter(now.parts[name].values())) for name in ("world", "agent")}
    return row(batch(mode=now.mode, **parts), [asked], trend(*history), proven=True)


def test_what_was_recorded_under_other_terms_is_judged_by_those_of_today() -> None:
    cut_short = trend(results(3, 3, wanted_iterations=5))
    assert row(batch(), [ASKED], cut_short, proven=True).verdict == "pass", "fewer are asked than then"
    more = row(batch(), [Asked(iterations=5, gate=Gate())], trend(results(3, 3)), proven=True)
    assert (more.verdict, more.measured, more.wanted) == ("inconclusive", 3, 5)
    lenient = row(batch(), [Asked(iterations=3, gate=Gate(pass_rate=0.5))], trend(results(2, 3)), proven=True)
    assert (lenient.verdict, lenient.blocks) == ("pass", False)


def test_a_sweep_that_was_complete_when_it_ran_stays_complete() -> None:
    night, nightly = results(3, 3, epoch="20260101T020000Z"), Asked(iterations=5, gate=Gate(), sweep=True)
    assert row(batch(), [nightly, ASKED], trend(night), proven=True).verdict == "pass"


def test_trials_by_hand_lift_no_gate_shut_none_and_are_no_base() -> None:
    failed, passed = results(0, 3, number=1), results(3, 3, number=1)
    for before, then in ((failed, 1), (passed, 0)):
        by_hand = replace(results(then, 1, number=2, epoch="20260102T093000Z"), by_hand=True)
        series = trend(before, by_hand)
        told = row(batch(), [ASKED], series, proven=True)
        assert (told.passed, told.measured, told.reused) == (before.passed, 3, False)
        assert verdict(series, by_hand) != "unmeasured", "it is shown with a verdict of its own"
    hand = replace(results(3, 3, number=2, epoch="20260102T093000Z"), by_hand=True)
    assert says(failed, hand, results(0, 3, number=3, agent="2")) == "fail", "the base is what the benchmark measured"
    assert row(batch(), [ASKED], trend(hand), proven=True).verdict == "unmeasured"


def test_the_dashboard_is_the_same_bytes_for_the_same_data_and_worst_first() -> None:
    good = row(batch(), [ASKED], trend(results(3, 3)), proven=True)
    bad = row(batch(), [ASKED], trend(results(0, 3)), proven=True)
    assert readme([good, bad]) == readme([bad, good])
    assert readme([good, bad]).index("**fail**") < readme([good, bad]).index("**pass**")
    assert sparkline(trend(results(3, 3))) == sparkline(trend(results(3, 3)))


def test_a_scenario_in_two_modes_is_two_rows_that_say_so_and_link_only_to_what_is_there() -> None:
    here = row(batch(), [ASKED], trend(results(3, 3)), proven=True)
    there = row(batch(mode="incus"), [ASKED], None, proven=True)
    measured, unmeasured = [line for line in readme([here, there]).splitlines() if "stale-lock" in line][::-1]
    assert ("| namespace | **pass**" in measured, "](trends/" in measured) == (True, True)
    assert ("| incus | **unmeasured**" in unmeasured, "](trends/" in unmeasured) == (True, False)


def test_a_dot_of_the_sparkline_is_green_only_where_the_agent_was_good() -> None:
    green = re.compile(r'fill="#1a7f37"><title>([^<]*)')
    changed = trend(results(3, 3, number=1), results(0, 3, number=2, world="2"), results(3, 3, number=3, world="3"))
    assert green.findall(sparkline(changed)) == ["3/3 pass"]


def test_what_was_graded_again_comes_right_after_what_it_regrades() -> None:
    ran, later = results(3, 3, number=1), results(3, 3, number=2, agent="2")
    for rules in "23456789":
        graded = results(1, 3, number=1, rules=rules)
        again = replace(
            graded, results=tuple(replace(r, graded_at="2026-03-01T00:00:00+00:00") for r in graded.results)
        )
        assert [b.batch for b in trend(again, later, ran).batches] == [ran.batch, again.batch, later.batch]
        assert says(ran, again) == "changed"
