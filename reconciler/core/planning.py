"""The plan: wanted minus recorded, as data. What may start now, what waits, what needs a person, and in which order."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from reconciler.core.model import Batch, Mode, Trial, Variant

Action = Literal["run", "regrade"]

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
ELSEWHERE = "another process works on it"
ENDED = "its lease here runs on after its end"
REGRADES_AT_ONCE = 500
"""Stored transcripts that are graded again under one lease, in one commit: what a crash in the middle repeats."""


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
    regrades: str | None = None
    """The record whose transcript will do instead of a run: it differs in its rules alone."""

    @property
    def action(self) -> Action:
        """What is to be done about it."""
        return "regrade" if self.regrades else "run"


@dataclass(frozen=True, kw_only=True)
class Reused:
    """So many wanted trials of a batch have their records already."""

    wanted: Wanted
    trials: int


@dataclass(frozen=True, kw_only=True)
class Outstanding:
    """Wanted minus recorded, and what of the wanted is recorded."""

    missing: tuple[Missing, ...] = ()
    kept: tuple[Reused, ...] = ()

    @property
    def reused(self) -> int:
        """How many wanted trials have a record already."""
        return sum(k.trials for k in self.kept)


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
    """A wrong definition: no further go for as long as attempts count, unless something changes."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Trials at once, their memory together in MiB, and goes per trial."""

    parallel: int
    memory_mib: int
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Due(Missing):
    """A trial to run (or to grade again) now or as soon as there is room."""

    retry: bool = False


@dataclass(frozen=True, kw_only=True)
class Held(Missing):
    """Due, but not now. ``until`` is None where nobody can tell."""

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
    action: Action = "run"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a pass decided.

    ``start`` is the front of the runs that are due, as far as it fits in the limits beside what runs. ``regrade`` is what is
    graded again next, all in one go: no limit of sandboxes holds it, for it needs none.
    """

    due: tuple[Due, ...] = ()
    held: tuple[Held, ...] = ()
    stalled: tuple[Stalled, ...] = ()
    start: tuple[Due, ...] = ()
    regrade: tuple[Due, ...] = ()
    reused: int = 0

    @property
    def wake_at(self) -> datetime | None:
        """The earliest moment at which something held becomes due."""
        return min((h.until for h in self.held if h.until), default=None)


def outstanding(wanted: Iterable[Wanted], recorded: Collection[str]) -> Outstanding:
    """Compare demand with the paths of recorded trials."""
    missing: list[Missing] = []
    kept: list[Reused] = []
    for demand in wanted:
        unrecorded = [t for t in demand.trials() if t.path not in recorded]
        missing += [Missing(trial=trial, wanted=demand) for trial in unrecorded]
        if count := demand.iterations - len(unrecorded):
            kept.append(Reused(wanted=demand, trials=count))
    return Outstanding(missing=tuple(missing), kept=tuple(kept))


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
    leased: Mapping[str, datetime] = MappingProxyType({}),
    ended: Mapping[str, datetime] = MappingProxyType({}),
    quiet_until: datetime | None = None,
    blocked: Sequence[Blocked] = (),
) -> Plan:
    """Decide. ``running`` maps the ids of our own running trials to their memory in MiB.

    ``leased`` are those that others work on, with the moment until which they do if nobody says more: held until then, since only
    what becomes of them tells whether they are still to be done. ``ended`` are ours whose lease could not be given back yet.
    Order: changed first, then retries, then sweeps; within each, the first iteration of everything before the second of anything.
    """
    due: list[Due] = []
    held: list[Held] = []
    stalled = [Stalled(scenario=b.scenario, variant=b.variant, reason=b.reason) for b in blocked]
    leases = {
        **{t: (until, ELSEWHERE) for t, until in leased.items()},
        **{t: (until, ENDED) for t, until in ended.items()},
    }
    for item in todo.missing:
        if item.trial.id in running:
            continue
        if lease := leases.get(item.trial.id):
            held.append(_leased(item, *lease))
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
        start=tuple(_fitting((d for d in due if not d.regrades), limits, running)),
        regrade=tuple(sorted((d for d in due if d.regrades), key=_series)[:REGRADES_AT_ONCE]),
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
    if attempt and (attempt.final or attempt.count >= limits.attempts):
        goes = "1 attempt" if attempt.count == 1 else f"{attempt.count} attempts"
        return stalled_trial(item, attempt.message if attempt.final else f"{goes} failed, the last: {attempt.message}")
    if not item.regrades:  # what needs no sandbox asks for no room and no platform
        if wanted.memory_mib > limits.memory_mib:
            return stalled_trial(item, f"needs {wanted.memory_mib} MiB and limits.memory is {limits.memory_mib} MiB")
        if trial.batch.mode in unavailable:
            return Held(trial=trial, wanted=wanted, reason=unavailable[trial.batch.mode])
    if quiet_until is not None:
        return Held(trial=trial, wanted=wanted, regrades=item.regrades, reason="quiet hours", until=quiet_until)
    if attempt and (until := attempt.at + backoff(attempt.count)) > now:
        reason = f"attempt {attempt.count} failed: {attempt.message}"
        return Held(trial=trial, wanted=wanted, regrades=item.regrades, reason=reason, until=until, retry=True)
    return Due(trial=trial, wanted=wanted, regrades=item.regrades, retry=attempt is not None)


def _leased(item: Missing, until: datetime, reason: str) -> Held:
    return Held(trial=item.trial, wanted=item.wanted, regrades=item.regrades, reason=reason, until=until, retry=True)


def stalled_trial(item: Missing, reason: str) -> Stalled:
    """A trial that is given up."""
    batch = item.trial.batch
    return Stalled(scenario=batch.scenario, variant=batch.variant, reason=reason, trial=item.trial, action=item.action)


def _order(due: Due) -> tuple[int, int, str, Variant, str]:
    trial = due.trial
    kind = 1 if due.retry else 2 if trial.epoch else 0
    return kind, trial.iteration, trial.batch.scenario, trial.batch.variant, trial.batch.mode


def _series(due: Due) -> tuple[str, str, int]:
    """Series after series, so that the trend of each is derived once."""
    return due.trial.batch.folder, due.trial.epoch, due.trial.iteration


def _fitting(due: Iterable[Due], limits: Limits, running: Mapping[str, int]) -> Iterable[Due]:
    """The front of the queue that fits; nothing overtakes, so that a big trial is not starved by small ones."""
    slots, memory = limits.parallel - len(running), limits.memory_mib - sum(running.values())
    for item in due:
        slots, memory = slots - 1, memory - item.wanted.memory_mib
        if slots < 0 or memory < 0:
            return
        yield item
