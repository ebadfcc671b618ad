"""The results branch as a person reads it on a forge: a Markdown table and a sparkline per series.

Deterministic: the same data gives the same bytes, and no byte comes from a clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import NamedTuple

from reconciler.core.model import Batch, Gate, Mode, Variant
from reconciler.core.trends import BatchResults, Trend, Verdict, verdict, verdicts

ROWS = 500
"""The table's length; the rest is in ``trends/``."""
_POINTS = 30
_WORST_FIRST: Sequence[Verdict] = (
    "regressed",
    "suspected",
    "fail",
    "changed",
    "inconclusive",
    "unmeasured",
    "improved",
    "pass",
)
_GOOD, _OPEN = "#1a7f37", "#8c959f"
_COLOURS = {"pass": _GOOD, "improved": _GOOD, "regressed": "#cf222e", "fail": "#cf222e", "suspected": "#bf8700"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A series as it stands: its wanted batch, what that measured, and where it comes from."""

    scenario: str
    variant: Variant
    mode: Mode
    series: str
    batch: str
    epoch: str
    passed: int
    measured: int
    wanted: int
    compliance: float | None
    verdict: Verdict
    commit: str | None
    finished_at: str | None
    violation: str | None
    """The guard that its trials violated, in words."""
    fails: bool
    """What a benchmark asks of it was measured, and is below the benchmark's gate or worse than before."""
    reused: bool
    """Newer inputs were measured since: these are back, and their results hold."""
    proven: bool
    """Its scenario is proven as it is now (``reconciler check``). One that is not measures, and gates nothing."""

    trended: bool
    """Anything of its series was measured, so that there is a trend to look at."""

    @property
    def blocks(self) -> bool:
        """Whether a gate must stop here."""
        return self.proven and self.fails


class Asked(NamedTuple):
    """What a benchmark asks of a batch today, on change or in a sweep; what was recorded under other terms is judged by these."""

    iterations: int
    gate: Gate
    sweep: bool = False


def row(batch: Batch, asked: Sequence[Asked], trend: Trend | None, *, proven: bool) -> Row:
    """The state of the series whose wanted batch is ``batch``, from its trend."""
    shown = trend.asked if trend else []
    batches = [b for b in shown if b.batch == batch.id]
    now = _under(asked, batches[-1]) if batches else None
    return Row(
        scenario=batch.scenario,
        variant=batch.variant,
        mode=batch.mode,
        series=batch.series,
        batch=batch.id,
        epoch=now.epoch if now else "",
        passed=now.passed if now else 0,
        measured=now.measured if now else 0,
        wanted=now.wanted if now else max((a.iterations for a in asked), default=0),
        compliance=now.compliance if now else None,
        verdict=verdict(trend, now) if trend and now else "unmeasured",
        commit=now.results[-1].commit if now and now.results else None,
        finished_at=now.finished_at or None if now else None,
        violation=now.violation if now else None,
        fails=trend is not None and any(_fails(trend, batches, asked, one) for one in asked),
        reused=any(now and b.mode == now.mode and b.recorded_at > now.recorded_at for b in shown),
        proven=proven,
        trended=bool(trend and trend.batches),
    )


def _under(asked: Sequence[Asked], now: BatchResults) -> BatchResults:
    """A batch under the terms of today: as often as who asks most for such a one, and by the strictest gate."""
    such = [a for a in asked if a.sweep == bool(now.epoch)]
    most = max((a.iterations for a in such), default=now.wanted)
    gates = [a.gate for a in such or asked] or [now.gate]
    strictest = Gate(pass_rate=max(g.pass_rate for g in gates), compliance=max(g.compliance for g in gates))
    return replace(now, wanted=min(now.wanted, most) if now.epoch else most, gate=strictest)


def _wanted(asked: Sequence[Asked], batch: BatchResults, one: Asked) -> int:
    """How many trials of a batch make it an answer to ``one``. A sweep that was complete when it ran stays complete."""
    its_own = one.sweep and batch.epoch and sum(a.sweep for a in asked) == 1
    return min(batch.wanted, one.iterations) if its_own else one.iterations


def _fails(trend: Trend, batches: Sequence[BatchResults], asked: Sequence[Asked], one: Asked) -> bool:
    """Whether the newest batch that answers ``one`` is not good enough. Until a newer one does, whatever runs, the older one counts."""
    under = (replace(b, wanted=_wanted(asked, b, one), gate=one.gate) for b in reversed(batches))
    answer = next((b for b in under if b.settled), None)
    return answer is not None and (not answer.meets_gate or verdict(trend, answer) == "regressed")


def readme(rows: Iterable[Row], stalled: Iterable[str] = ()) -> str:
    """``README.md`` of the results branch: worst first. ``stalled``: why series are not in it that errors keep from being wanted."""
    ordered = sorted(rows, key=lambda r: (not r.blocks, _WORST_FIRST.index(r.verdict), r.scenario, r.variant, r.batch))
    lines = [
        "# Results",
        "",
        "What the agents do today, by scenario, variant and mode; worst first. Every row is derived from the files in `trials/`.",
        "A scenario without a proof in `proofs/` (`reconciler check`) measures, and gates nothing.",
        "",
        "| scenario | variant | mode | verdict | passed | compliance | trend | measured at |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_line(r) for r in ordered[:ROWS]),
    ]
    if len(ordered) > ROWS:
        lines += ["", f"{len(ordered) - ROWS} more series are in `trends/`."]
    if listed := [f"- {_cell(reason)}" for reason in sorted(set(stalled))[:ROWS]]:
        lines += ["", "Not shown while these definitions are wrong:", "", *listed]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    link = f"trends/{row.series}"
    note = f" {_cell(row.violation)}" if row.violation else ""
    note += " (inputs are back; results reused)" if row.reused else ""
    at = f"`{row.commit[:10]}`" if row.commit else "–"
    cells = (
        _cell(row.scenario),
        f"[{_cell(row.variant.slug)}]({link}.json)" if row.trended else _cell(row.variant.slug),
        row.mode,
        f"**{row.verdict}**{note}" + ("" if row.proven else " (not proven)"),
        f"{row.passed}/{row.measured}" + (f" of {row.wanted}" if row.measured < row.wanted else ""),
        percent(row.compliance),
        f"![trend]({link}.svg)" if row.trended else "–",
        at,
    )
    return f"| {' | '.join(cells)} |"


def percent(value: float | None) -> str:
    """``100 %``, or a dash for what was not measured."""
    return "–" if value is None else f"{value:.4g} %"


def _cell(text: str) -> str:
    return escape(text, quote=False).replace("|", "\\|").replace("\n", " ")


def sparkline(trend: Trend) -> str:
    """An SVG of the pass rates, oldest left: one dot a batch, coloured by its verdict, grey where that says nothing of the agent."""
    shown = [(b, says) for b, says in zip(trend.batches, verdicts(trend), strict=True) if b.measured][-_POINTS:]
    dots = [(4 + 8 * n, _height(b), b, says) for n, (b, says) in enumerate(shown)]
    width = 8 * max(len(dots), 1)
    line = " ".join(f"{x},{y}" for x, y, *_ in dots)
    circles = "".join(
        f'<circle cx="{x}" cy="{y}" r="2.5" fill="{_COLOURS.get(v, _OPEN)}"><title>{b.passed}/{b.measured} {v}</title></circle>'
        for x, y, b, v in dots
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="24" role="img">'
        f'<polyline points="{line}" fill="none" stroke="{_OPEN}"/>{circles}</svg>\n'
    )


def _height(batch: BatchResults) -> int:
    return round(20 - 16 * batch.passed / batch.measured)
