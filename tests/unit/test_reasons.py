"""What becomes of a batch, and why, in a person's words."""

from dataclasses import replace

import pytest

from reconciler.core.model import Batch, Trial
from reconciler.core.reasons import Change, changes, reason, regradable, regrade_reason, reuse_reason
from reconciler.core.trends import BatchResults, Trend, fold
from tests.builders import batch, results


def trend(*batches: BatchResults) -> Trend:
    series = Trend(scenario="stale-lock", title="A stale lock", variant={})
    for one in batches:
        series = fold(series, one)
    return series


def trial(iteration: int = 1, epoch: str = "", of: Batch | None = None) -> Trial:
    """A trial of a batch with rules of its own."""
    return Trial(batch=of or batch(rules="9"), iteration=iteration, epoch=epoch)


def test_a_record_of_other_rules_alone_can_be_graded_again_the_newest_first() -> None:
    old, new = results(3, 3, number=1), results(3, 3, number=2, rules="2")
    assert regradable(trend(old, new), trial(2)) == (new.results[1].path, old.results[1].path)


@pytest.mark.parametrize(
    "other",
    [
        batch(rules="9", world="2"),
        batch(rules="9", task="2"),
        batch(rules="9", agent="2"),
        batch(rules="9", truth="2"),
    ],
)
def test_a_record_that_differs_in_anything_else_cannot(other: Batch) -> None:
    assert regradable(trend(results(3, 3)), trial(of=other)) == ()


def test_another_iteration_epoch_or_mode_and_the_batch_itself_cannot() -> None:
    held = trend(results(3, 3), results(3, 3, rules="4", mode="incus"))
    assert regradable(held, trial(4)) == ()
    assert regradable(held, trial(1, epoch="20260101T000000Z")) == ()
    assert regradable(trend(results(3, 3)), trial(of=batch())) == ()
    assert len(regradable(held, trial(1))) == 1


def test_more_iterations_are_told_by_their_number_for_each_of_those_that_are_added() -> None:
    one = trend(results(1, 1))
    for iteration in (2, 3):
        assert reason(trial(iteration, of=batch()), 3, one, ()) == "3 iterations are wanted now, and 1 was"


def test_the_reasons_name_the_commit_of_the_measurement_and_what_changed() -> None:
    old, new = results(3, 3, number=1), results(3, 3, number=2, agent="2")
    assert reuse_reason(trend(old), old.batch, "namespace", "") == f"inputs unchanged since commit {1:040x}"[:40]
    assert reuse_reason(trend(old, new), new.batch, "namespace", "").startswith("inputs unchanged since commit ")
    assert reuse_reason(trend(old, new), old.batch, "namespace", "").startswith("reverted to inputs recorded in ")
    (changed,) = changes(batch(rules="2").inputs, old.parts)
    assert regrade_reason([replace(changed, commit="1f3c9ab: Edit")]) == "only rules part changed in 1f3c9ab: Edit"


def test_each_part_that_changed_is_told_with_the_commit_that_changed_it() -> None:
    parts = [("x", "1f3c9ab: Edit"), ("y", "2e4d8bc: Mend"), ("z", "1f3c9ab: Edit"), ("more", "")]
    changed = [Change(component="rules", part=part, commit=commit) for part, commit in parts]
    told = "only x, z changed in 1f3c9ab: Edit; y changed in 2e4d8bc: Mend"
    assert regrade_reason(changed[:3]) == told
    assert regrade_reason(changed) == told + "; and more"


def test_what_was_graded_again_is_as_new_as_that_and_nothing_has_reverted_to_it() -> None:
    old, other = results(3, 3, number=1), results(3, 3, number=2, agent="2")
    graded = results(2, 3, number=1, rules="2")
    again = replace(graded, results=tuple(replace(r, graded_at="2026-01-03T00:00:00+00:00") for r in graded.results))
    series = trend(old, other, again)
    assert reuse_reason(series, again.batch, "namespace", "").startswith("inputs unchanged since commit ")
    assert reuse_reason(series, other.batch, "namespace", "").startswith("reverted to inputs recorded in ")
