"""The plan: wanted minus recorded, as data. What may start now, what waits, what needs a person, and in which order."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from reconciler.core.model import Batch, Mode, Trial, Variant

Action = Literal["run", "regrade"]

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Declared demand for one batch: so many iterations, on change (no epoch) or for a sweep."""

    batch: Batch
    iterations: int
    memory_mib: int
    epoch: str = ""
    benchmark: str = ""

    def trials(self) -> Iterable[Trial]:
        """Its trials, first iteration first."""
        return (Trial(batch=self.batch, iteration=n, epoch=self.epoch) for n in range(1, self.iterations + 1))


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A trial that is wanted and not recorded."""

    trial: Trial
    wanted: Wanted


@dataclass(frozen=True, kw_only=True)
class Outstanding:
    """Wanted minus recorded. ``reused`` counts the wanted trials that have a record already."""

    missing: tuple[Missing, ...]
    reused: int


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """Demand that a wrong definition stalls; there is no trial to name, for its inputs are not known."""

    scenario: str
    reason: str
    variant: Variant | None = None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Failed goes at a trial: how many, when last, and what was wrong."""

    count: int
    at: datetime
    message: str
    final: bool = False
    """A wrong definition: no further go until something changes."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Trials at once, their memory together in MiB, and goes per trial."""

    parallel: int
    memory_mib: int
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Due:
    """A trial to run (or to grade again) now or as soon as there is room."""

    trial: Trial
    wanted: Wanted
    retry: bool = False


@dataclass(frozen=True, kw_only=True)
class Held:
    """Due, but not now. ``until`` is None where nobody can tell."""

    trial: Trial
    wanted: Wanted
    reason: str
    until: datetime | None = None
    retry: bool = False


@dataclass(frozen=True, kw_only=True)
class Stalled:
    """Given up until something changes."""

    scenario: str
    variant: Variant | None
    reason: str
    trial: Trial | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a pass decided. ``start`` is the front of ``due`` that fits in the limits beside what runs."""

    due: tuple[Due, ...]
    held: tuple[Held, ...]
    stalled: tuple[Stalled, ...]
    start: tuple[Due, ...]
    reused: int

    @property
    def wake_at(self) -> datetime | None:
        """The earliest moment at which something held becomes due."""
        return min((h.until for h in self.held if h.until), default=None)


def outstanding(wanted: Iterable[Wanted], recorded: Collection[str]) -> Outstanding:
    """Compare demand with the paths of recorded trials."""
    missing: list[Missing] = []
    total = 0
    for demand in wanted:
        for trial in demand.trials():
            total += 1
            if trial.path not in recorded:
                missing.append(Missing(trial=trial, wanted=demand))
    return Outstanding(missing=tuple(missing), reused=total - len(missing))


def backoff(attempts: int) -> timedelta:
    """The wait after the n-th failed attempt: 30 s, doubled twice each time, at most an hour."""
    return min(FIRST_RETRY * float(4 ** min(attempts - 1, 10)), LONGEST_RETRY)


def plan(
    todo: Outstanding,
    *,
    now: datetime,
    limits: Limits,
    running: Mapping[str, int],
    attempts: Mapping[str, Attempt],
    unavailable: Mapping[Mode, str],
    leased: Collection[str] = (),
    quiet_until: datetime | None = None,
    blocked: Sequence[Blocked] = (),
) -> Plan:
    """Decide. ``running`` maps the ids of our own running trials to their memory in MiB; ``leased`` are everybody's.

    Order: changed first, then retries, then sweeps; the first iteration of everything before the second of anything.
    """
    due: list[Due] = []
    held: list[Held] = []
    stalled = [Stalled(scenario=b.scenario, variant=b.variant, reason=b.reason) for b in blocked]
    for item in todo.missing:
        if item.trial.id in running or item.trial.id in leased:
            continue
        match _judge(item, now, limits, attempts.get(item.trial.id), unavailable, quiet_until):
            case Due() as one:
                due.append(one)
            case Held() as one:
                held.append(one)
            case Stalled() as one:
                stalled.append(one)
    due.sort(key=_order)
    return Plan(
        due=tuple(due),
        held=tuple(held),
        stalled=tuple(stalled),
        start=tuple(_fitting(due, limits, running)),
        reused=todo.reused,
    )


def _judge(
    item: Missing,
    now: datetime,
    limits: Limits,
    attempt: Attempt | None,
    unavailable: Mapping[Mode, str],
    quiet_until: datetime | None,
) -> Due | Held | Stalled:
    trial, wanted = item.trial, item.wanted
    if wanted.memory_mib > limits.memory_mib:
        too_big = f"needs {wanted.memory_mib} MiB and limits.memory is {limits.memory_mib} MiB"
        return Stalled(scenario=trial.batch.scenario, variant=trial.batch.variant, reason=too_big, trial=trial)
    if attempt and (attempt.final or attempt.count >= limits.attempts):
        goes = "1 attempt" if attempt.count == 1 else f"{attempt.count} attempts"
        reason = attempt.message if attempt.final else f"{goes} failed, the last: {attempt.message}"
        return Stalled(scenario=trial.batch.scenario, variant=trial.batch.variant, reason=reason, trial=trial)
    if trial.batch.mode in unavailable:
        return Held(trial=trial, wanted=wanted, reason=unavailable[trial.batch.mode])
    if quiet_until is not None:
        return Held(trial=trial, wanted=wanted, reason="quiet hours", until=quiet_until)
    if attempt and (until := attempt.at + backoff(attempt.count)) > now:
        reason = f"attempt {attempt.count} failed: {attempt.message}"
        return Held(trial=trial, wanted=wanted, reason=reason, until=until, retry=True)
    return Due(trial=trial, wanted=wanted, retry=attempt is not None)


def _order(due: Due) -> tuple[int, int, str, Variant, str]:
    trial = due.trial
    kind = 1 if due.retry else 2 if trial.epoch else 0
    return kind, trial.iteration, trial.batch.scenario, trial.batch.variant, trial.batch.mode


def _fitting(due: Iterable[Due], limits: Limits, running: Mapping[str, int]) -> Iterable[Due]:
    """The front of the queue that fits; nothing overtakes, so that a big trial is not starved by small ones."""
    slots, memory = limits.parallel - len(running), limits.memory_mib - sum(running.values())
    for item in due:
        slots, memory = slots - 1, memory - item.wanted.memory_mib
        if slots < 0 or memory < 0:
            return
        yield item
