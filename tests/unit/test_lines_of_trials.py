"""The lines in which ``plan`` and ``status`` name trials."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.cli.looking import grouped


def due(
    *, iteration: int = 1, mode: str = "namespace", epoch: str = "", reason: str = "never measured"
) -> dict[str, Any]:
    """A trial as the plan shows it."""
    return {
        "scenario": "alpha",
        "variant": {"specialty": "MENDER"},
        "mode": mode,
        "epoch": epoch,
        "iteration": iteration,
        "action": "run",
        "reason": reason,
    }


def test_trials_that_differ_in_their_iteration_are_one_line() -> None:
    assert grouped([due(iteration=n) for n in (1, 2, 3)]) == [("alpha × mender #1-3", "never measured")]


def test_modes_that_differ_are_told() -> None:
    lines = [name for name, _ in grouped([due(), due(mode="incus"), due(mode="incus", iteration=2)])]
    assert lines == ["alpha × mender #1 in namespace", "alpha × mender #1-2 in incus"]


@pytest.fixture
def in_tokyo() -> Iterator[None]:
    """A reader nine hours ahead of UTC."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_the_moment_of_a_sweep_is_written_in_the_readers_own_time() -> None:
    [(_, reason)] = grouped([due(epoch="20261128T010000Z", reason="sweep of 20261128T010000Z")])
    assert reason == "sweep of 11-28 10:00"
