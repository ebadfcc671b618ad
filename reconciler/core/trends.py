"""A series over time: records folded into batches, batches into a verdict.

``fold`` is commutative and idempotent: the trend of a shuffled or repeated history is the same trend.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from reconciler.core.model import COMPONENTS, Gate, Mode
from reconciler.core.statistics import fisher_less

Verdict = Literal["pass", "fail", "suspected", "regressed", "improved", "changed", "inconclusive", "unmeasured"]

SIGNIFICANCE = 0.05
"""One-sided level of Fisher's exact test below which a difference is no longer only suspected."""
KEPT_BATCHES = 200
"""A trend shows so many of the newest sweeps, as many answers to changes, and what never moves: each first batch that others are
compared with. The records themselves are all kept."""
_SCENARIO_SIDE = tuple(c for c in COMPONENTS if c != "agent")


@dataclass(frozen=True, kw_only=True, order=True)
class Result:
    """What a trend needs of one trial record."""

    iteration: int
    passed: bool
    compliance: float | None
    compliance_gate: bool
    resolution_gate: bool
    outcome: str
    started_at: str
    finished_at: str
    commit: str
    path: str
    violation: str | None = None
    """The guard that the job violated, in words."""
    graded_at: str = ""
    """When it was graded again; empty for a trial that ran."""


@dataclass(frozen=True, kw_only=True)
class BatchResults:
    """The recorded trials of one batch in one epoch."""

    batch: str
    epoch: str
    mode: Mode
    digests: Mapping[str, str]
    parts: Mapping[str, Mapping[str, str]]
    wanted: int
    gate: Gate
    by_hand: bool = False
    """A person asked for it: it is shown, and neither judges nor is a base to judge by, or a failure could be rolled again."""
    results: tuple[Result, ...] = ()

    @property
    def measured(self) -> int:
        """Trials that gave a result."""
        return len(self.results)

    @property
    def passed(self) -> int:
        """Trials that passed both gates."""
        return sum(r.passed for r in self.results)

    @property
    def compliance(self) -> float | None:
        """Mean compliance score of the trials that have one."""
        scores = [r.compliance for r in self.results if r.compliance is not None]
        return round(sum(scores) / len(scores), 2) if scores else None

    @property
    def violation(self) -> str | None:
        """Which guard its newest violation was of, in words, and how many trials violated one."""
        told = [r.violation for r in sorted(self.results, key=lambda r: r.finished_at) if r.violation]
        if not told:
            return None
        return told[-1] + (f"; {len(told)} of {self.measured} trials violated a guard" if self.measured > 1 else "")

    @property
    def finished_at(self) -> str:
        """When its last trial ended; empty where none did."""
        return max((r.finished_at for r in self.results), default="")

    @property
    def recorded_at(self) -> str:
        """When the first of its results was recorded: a trial's end, or when that was graded again."""
        return min((r.graded_at or r.finished_at for r in self.results), default="")

    @property
    def setting(self) -> tuple[str, ...]:
        """All but the agent: batches with equal settings can be compared."""
        return self.mode, *(self.digests[c] for c in _SCENARIO_SIDE)

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Orders the batches of a series: by what was seen first; what was graded again comes after what it regrades."""
        finished = min((r.finished_at for r in self.results), default="")
        graded = max((r.graded_at for r in self.results), default="")
        return finished, graded, self.batch, self.epoch

    @property
    def settled(self) -> bool:
        """Measured to the end, or so badly that no end can reach the gate."""
        missing = max(self.wanted - self.measured, 0)
        return self.measured > 0 and (
            not missing or (self.passed + missing) / (self.measured + missing) < self.gate.pass_rate
        )

    @property
    def meets_gate(self) -> bool:
        """The pass rate and the mean compliance reach the benchmark's gate."""
        compliance = self.compliance
        return (
            self.measured > 0
            and self.passed / self.measured >= self.gate.pass_rate
            and (compliance is None or compliance >= self.gate.compliance)
        )


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A series: its batches, oldest first."""

    scenario: str
    title: str
    variant: Mapping[str, str | None]
    batches: tuple[BatchResults, ...] = field(default=())

    @property
    def asked(self) -> Sequence[BatchResults]:
        """The batches that a benchmark asked for: they alone judge, and are judged by."""
        return [b for b in self.batches if not b.by_hand]

    def batch(self, batch: str, epoch: str) -> BatchResults | None:
        """The batch in that epoch, if any of its trials is recorded."""
        return next((b for b in self.batches if (b.batch, b.epoch) == (batch, epoch)), None)


def fold(trend: Trend, batch: BatchResults) -> Trend:
    """``trend`` with the results of ``batch`` in it, as it is kept: not all of many batches."""
    whole = joined(trend, batch)
    return replace(whole, batches=_kept(whole.batches))


def joined(trend: Trend, batch: BatchResults) -> Trend:
    """``trend`` with the results of ``batch`` in it."""
    known = trend.batch(batch.batch, batch.epoch)
    merged = batch if known is None else _merged(known, batch)
    others = (b for b in trend.batches if b is not known)
    return replace(trend, batches=tuple(sorted((*others, merged), key=lambda b: b.order)))


def _kept(ordered: Sequence[BatchResults]) -> tuple[BatchResults, ...]:
    """The batches that a trend shows of many, oldest first. Sweeps, which time alone makes, do not crowd out what was changed."""
    if len(ordered) <= KEPT_BATCHES:
        return tuple(ordered)
    firsts = {b.setting: b for b in reversed(ordered) if not b.by_hand}.values()
    newest = [b for swept in (True, False) for b in [b for b in ordered if bool(b.epoch) is swept][-KEPT_BATCHES:]]
    kept = {id(b) for b in (*firsts, *newest)}
    return tuple(b for b in ordered if id(b) in kept)


def _merged(one: BatchResults, other: BatchResults) -> BatchResults:
    by_path = {r.path: r for r in (*one.results, *other.results)}
    newest = max(one, other, key=lambda b: (b.finished_at, b.wanted, b.gate.pass_rate, b.gate.compliance))
    return replace(newest, results=tuple(sorted(by_path.values())))


def verdict(trend: Trend, batch: BatchResults) -> Verdict:
    """What ``batch`` says, compared with the newest and with the first comparable batch before it.

    The first one never moves by itself, so that a slow slide cannot hide behind an equally slow baseline. Where nothing was
    changed, as from sweep to sweep, chance alone gives a significant fall once in a while: it is only suspected until
    the next sweep shows it too.
    """
    earlier = [b for b in trend.asked if b.order < batch.order and b.measured and b.mode == batch.mode]
    return _says(batch, [b for b in earlier if b.setting == batch.setting], elsewhere=bool(earlier))


def verdicts(trend: Trend) -> Iterator[Verdict]:
    """The verdict of each of the trend's batches, in their order; in one pass, for where each edit begins anew they are many."""
    anchors: dict[tuple[str, ...], list[BatchResults]] = {}
    modes = set()
    for batch in trend.batches:
        yield _says(batch, anchors.get(batch.setting, []), elsewhere=batch.mode in modes)
        if batch.measured and not batch.by_hand:
            anchors.setdefault(batch.setting, []).append(batch)
            modes.add(batch.mode)


def _says(batch: BatchResults, anchors: Sequence[BatchResults], *, elsewhere: bool) -> Verdict:
    """The verdict on ``batch`` after ``anchors``, oldest first; ``elsewhere``: others of its mode, comparable or not, came before."""
    if batch.measured == 0:
        return "unmeasured"
    if batch.measured < batch.wanted:
        return "inconclusive"
    if not anchors:
        return "changed" if elsewhere else _by_gate(batch)
    unchanged = anchors[-1].batch == batch.batch
    return _seen_twice(batch, anchors) if unchanged else _worse(batch, (anchors[-1], anchors[0]))


def _worse(batch: BatchResults, bases: Sequence[BatchResults]) -> Verdict:
    verdicts = [_against(batch, base) for base in bases]
    return next((v for v in ("regressed", "suspected") if v in verdicts), verdicts[0])


def _seen_twice(batch: BatchResults, anchors: Sequence[BatchResults]) -> Verdict:
    """The verdict on a sweep of what the one before measured: a fall counts from where that one had fallen too."""
    bases, before = (anchors[-1], anchors[0], *anchors[-2:-1]), anchors[-1]
    twice = any(_against(batch, b) == _against(before, b) == "regressed" for b in bases)
    found = _worse(batch, bases)
    return "suspected" if found == "regressed" and not twice else found


def _by_gate(batch: BatchResults) -> Verdict:
    return "pass" if batch.meets_gate else "fail"


def _against(batch: BatchResults, base: BatchResults) -> Verdict:
    mine, theirs = (batch.passed, batch.measured), (base.passed, base.measured)
    difference = batch.passed * base.measured - base.passed * batch.measured
    if difference < 0:
        return "regressed" if fisher_less(*mine, *theirs) <= SIGNIFICANCE else "suspected"
    if difference > 0 and fisher_less(*theirs, *mine) <= SIGNIFICANCE:
        return "improved"
    return _by_gate(batch)
