"""What becomes of a batch, and why, in a person's words."""

import pytest

from reconciler.core.model import Batch, Trial
from reconciler.core.reasons import changes, reason, regradable, regrade_reason, reuse_reason
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
        assert reason(trial(iteration, of=batch()), 3, one, (), None) == "3 iterations are wanted now, and 1 was"


def test_the_reasons_name_the_commit_of_the_measurement_and_what_changed() -> None:
    old, new = results(3, 3, number=1), results(3, 3, number=2, agent="2")
    assert reuse_reason(trend(old), old.batch, "namespace", "") == f"inputs unchanged since commit {1:040x}"[:40]
    assert reuse_reason(trend(old, new), new.batch, "namespace", "").startswith("inputs unchanged since commit ")
    assert reuse_reason(trend(old, new), old.batch, "namespace", "").startswith("reverted to inputs recorded in ")
    changed = changes(batch(rules="2").inputs, old.parts)
    assert regrade_reason(changed, "1f3c9ab: Edit") == "only rules part changed in 1f3c9ab: Edit"
