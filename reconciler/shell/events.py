"""What the loop tells whoever shows it to a person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.core.planning import Plan
from reconciler.formats.record import TrialRecord
from reconciler.shell.trial import Stopwatch
from reconciler.shell.work import Work


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A pass has decided."""

    revision: str | None
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class Started:
    """A trial begins; ``watch.current`` is the phase that it is in."""

    work: Work
    watch: Stopwatch


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A trial is over: recorded, or without a result for ``problem``."""

    work: Work
    record: TrialRecord | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Regraded:
    """Stored trials were graded again and recorded, all in one commit; so many are ``left``."""

    records: Sequence[TrialRecord]
    left: int


@dataclass(frozen=True, kw_only=True)
class Unpushed:
    """The loop ends, and something that it recorded is not on the remote yet, for ``problem``."""

    problem: str


Event = Planned | Started | Ended | Regraded | Unpushed
Listener = Callable[[Event], None]
