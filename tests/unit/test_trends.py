import re
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.dashboard import readme, row, sparkline
from reconciler.core.model import Gate
from reconciler.core.statistics import fisher_less, wilson
from reconciler.core.trends import BatchResults, Trend, fold, verdict
from tests.builders import batch, results

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


@given(st.permutations(range(6)), st.booleans())
def test_a_shuffled_or_repeated_history_folds_to_the_same_trend(order: list[int], twice: bool) -> None:
    whole = [results(n % 4, 3, number=n + 1, agent=str(n)) for n in range(6)]
    shuffled = trend(*[whole[n] for n in order], *(whole if twice else []))
    assert shuffled == trend(*whole)


def test_results_of_one_batch_that_come_one_by_one_are_one_batch() -> None:
    whole = results(2, 3)
    single = [BatchResults(**{**vars(whole), "results": (r,)}) for r in whole.results]
    assert trend(*single) == trend(whole)


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
    back = row(batch(), 3, series, proven=True)
    assert (back.verdict, back.passed, back.reused) == ("pass", 3, True)
    assert "inputs are back" in readme([back])


def test_the_dashboard_is_the_same_bytes_for_the_same_data_and_worst_first() -> None:
    good = row(batch(), 3, trend(results(3, 3)), proven=True)
    bad = row(batch(), 3, trend(results(0, 3)), proven=True)
    assert readme([good, bad]) == readme([bad, good])
    assert readme([good, bad]).index("**fail**") < readme([good, bad]).index("**pass**")
    assert sparkline(trend(results(3, 3))) == sparkline(trend(results(3, 3)))


def test_a_scenario_in_two_modes_is_two_rows_that_say_so_and_link_only_to_what_is_there() -> None:
    here = row(batch(), 3, trend(results(3, 3)), proven=True)
    there = row(batch(mode="incus"), 3, None, proven=True)
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
