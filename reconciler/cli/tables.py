"""The tables of ``status`` and ``trend``. Where a terminal is too narrow for one, a series is some lines: nothing is cut off."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconciler.core.dashboard import Row, percent
from reconciler.core.trends import BatchResults, Trend, verdicts

_STYLES = {"regressed": "bold red", "fail": "red", "suspected": "yellow", "pass": "green", "improved": "bold green"}
_TOLD = frozenset({"fixed", "by the rules", "passed", "compliance", "proven"})
"""Columns whose values say nothing without their title."""
_ANY_WIDTH = 10_000
_NAMES = 2
"""The first columns name a series: scenario and variant."""


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """How each series stands."""
    titles = ("scenario", "variant", "mode", "verdict", "proven", "passed", "compliance", "measured at")
    _print(console, titles, [_row(row) for row in rows])


def _row(row: Row) -> list[str | Text]:
    back = " (reused)" if row.reused else ""
    told = f" {row.violation}" if row.violation else ""
    return [
        row.scenario,
        row.variant.slug,
        row.mode,
        Text(row.verdict + told + back, style=_STYLES.get(row.verdict, "")),
        _proven(row),
        f"{row.passed}/{row.measured}" + (f" of {row.wanted}" if row.measured < row.wanted else ""),
        percent(row.compliance),
        (row.commit or "–")[:10],
    ]


def _proven(row: Row) -> str | Text:
    """Whether the series may stop at a gate, and whether it does."""
    if row.blocks:
        return Text("yes: blocks", style="bold red")
    return "yes" if row.proven else "no: gates nothing"


def print_trends(console: Console, rows: Sequence[Row], trends: Sequence[tuple[str, Trend]]) -> None:
    """Each series batch by batch, oldest first; the one that counts today says so."""
    titles = ("scenario", "variant", "mode", "measured at", "until", "fixed", "by the rules", "passed", "compliance")
    now = {(r.batch, r.epoch): r for r in rows}
    _print(console, (*titles, "verdict", ""), [line for slug, trend in trends for line in _batches(slug, trend, now)])


def _batches(slug: str, trend: Trend, now: dict[tuple[str, str], Row]) -> Iterable[list[str | Text]]:
    for number, (batch, then) in enumerate(zip(trend.batches, verdicts(trend), strict=True)):
        row = now.get((batch.batch, batch.epoch)) if not batch.by_hand else None
        says = row.verdict if row else then
        yield [
            trend.scenario if number == 0 else "",
            slug if number == 0 else "",
            batch.mode,
            batch.results[0].commit[:10] if batch.results else "",
            _moment(batch),
            f"{sum(r.resolution_gate for r in batch.results)}/{batch.measured}",
            f"{sum(r.compliance_gate for r in batch.results)}/{batch.measured}",
            f"{batch.passed}/{batch.measured}",
            percent(batch.compliance),
            Text(says + (f" {batch.violation}" if batch.violation else ""), style=_STYLES.get(says, "")),
            Text("by hand" if batch.by_hand else _today(row), style="dim"),
        ]


def _moment(batch: BatchResults) -> str:
    """When its last trial ended."""
    return in_own_time(datetime.fromisoformat(batch.finished_at)) if batch.finished_at else ""


def in_own_time(moment: datetime) -> str:
    """A moment in the reader's own time."""
    return moment.astimezone().strftime("%m-%d %H:%M")


def _today(row: Row | None) -> str:
    if row is None:
        return ""
    return "← now (inputs are back, results reused)" if row.reused else "← now"


def _print(console: Console, titles: Sequence[str], lines: Sequence[Sequence[str | Text]]) -> None:
    if not lines:  # titles above nothing would seem to be cut off
        return
    table = Table(*titles, box=None)
    for line in lines:
        table.add_row(*line)
    if console.measure(table, options=console.options.update(max_width=_ANY_WIDTH)).maximum <= console.width:
        console.print(table)
        return
    for line in lines:
        if name := " × ".join(str(cell) for cell in line[:_NAMES] if cell):
            console.print(Text(name, style="bold"), soft_wrap=True)
        rest = sorted(list(zip(titles, line, strict=True))[_NAMES:], key=lambda cell: cell[0] != "verdict")
        told = [_labelled(title, cell) for title, cell in rest]
        console.print(Padding(Text("  ").join(cell for cell in told if cell), (0, 0, 0, 2)), soft_wrap=False)


def _labelled(title: str, cell: str | Text) -> Text:
    text = cell if isinstance(cell, Text) else Text(cell)
    return Text(f"{title} ").append_text(text) if title in _TOLD else text
