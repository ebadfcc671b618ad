"""Runs a property until time is up; an example that computes for too long is a failure like any other."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

_HANGS = 60.0
"""Seconds of processor time that no input may take."""
_SHOWN = 20_000
"""Characters of an example that a failure shows: Hypothesis refuses more than 30,000, and hides with that what went wrong."""


@dataclass(frozen=True)
class _Example:
    value: object

    def __repr__(self) -> str:
        told = repr(self.value)
        return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}… ({len(told)} characters)"


def fuzz(strategy: SearchStrategy[object], holds: Callable[..., None], seconds: float) -> None:
    """Try ``holds`` with examples of ``strategy``, new ones each time, for so long."""
    explicit = (Phase.reuse, Phase.generate, Phase.target, Phase.shrink)
    quiet = settings(max_examples=100, deadline=None, phases=explicit, suppress_health_check=list(HealthCheck))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        quiet(given(strategy.map(_Example))(_ended(holds)))()


def _ended(holds: Callable[..., None]) -> Callable[[_Example], None]:
    def once(example: _Example) -> None:
        with _limited():
            holds(example.value)

    return once


@contextmanager
def _limited() -> Iterator[None]:
    before = signal.signal(signal.SIGPROF, _hangs)
    signal.setitimer(signal.ITIMER_PROF, _HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _hangs(number: int, frame: FrameType | None) -> None:
    raise AssertionError(f"an input takes more than {_HANGS:g} s to be judged")
