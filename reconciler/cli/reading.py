"""``plan``, ``validate``, ``status``, ``trend``: what git says, shown to people and to programs."""

import asyncio
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.text import Text

from reconciler.app.linting import lint_directory
from reconciler.app.settings import find, load
from reconciler.app.wiring import wired
from reconciler.cli.exits import DUE, FAILED, INFRASTRUCTURE
from reconciler.cli.findings import Form, finding_document, print_findings
from reconciler.cli.looking import Look, by_reason, few, grouped, modes_told, observed, take_look
from reconciler.cli.progress import wide_console
from reconciler.cli.tables import print_rows, print_trends
from reconciler.core.dashboard import Row
from reconciler.core.trends import Trend
from reconciler.definitions.files.findings import Finding
from reconciler.formats.trend import trend_document
from reconciler.shell.preparing import Choice
from reconciler.shell.reporting import (
    held_document,
    stalled_document,
    trial_document,
    variant_document,
)

_OVERDUE = timedelta(minutes=15)
"""Three times the longest that an idle daemon sleeps between passes."""


# ---------------------------------------------------------------- plan


def plan(config: Path | None, *, as_json: bool, detailed: bool) -> int:
    """Print the plan; with ``detailed``, 2 says that something is due."""
    look = asyncio.run(take_look(config, explain=True))
    due = [trial_document(d.trial, action=d.action, reason=look.reasons[d.trial.id]) for d in look.plan.due]
    held = [held_document(h) for h in look.plan.held]
    stalled = [stalled_document(s) for s in look.plan.stalled]
    if as_json:
        document = {
            "revision": look.world.revision,
            "due": due,
            "held": held,
            "stalled": stalled,
            "batches": [_choice_document(choice) for choice in look.choices],
            "reused": look.plan.reused,
            "warnings": [*look.world.warnings, *look.broken],
        }
        print(json.dumps(document, indent=1))
    else:
        _print_plan(look, due, held, stalled)
    if look.world.revision is None:
        return FAILED if detailed else INFRASTRUCTURE
    return DUE if detailed and due else 0


def _choice_document(choice: Choice) -> dict[str, Any]:
    """What becomes of so many trials of a batch: an element of ``batches``."""
    batch = choice.wanted.batch
    return {
        "batch": batch.id,
        "scenario": batch.scenario,
        "variant": variant_document(batch.variant),
        "mode": batch.mode,
        "epoch": choice.wanted.epoch,
        "action": choice.action,
        "reason": choice.reason,
        "trials": choice.trials,
    }


def _print_plan(
    look: Look, due: list[dict[str, Any]], held: list[dict[str, Any]], stalled: list[dict[str, Any]]
) -> None:
    console = wide_console()
    for warning in look.world.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    for title, groups in (("due", grouped(due)), ("held", by_reason(held)), ("stalled", by_reason(stalled))):
        for group in groups:
            console.print(
                Text.assemble((f"{title:8}", "bold"), f"{group[0]}  "), Text(group[1], style="dim"), soft_wrap=True
            )
    for line, reason in _reused(look.choices):
        console.print(Text.assemble(("reuse   ", "bold"), f"{line}  "), Text(reason, style="dim"), soft_wrap=True)
    revision = look.world.revision[:10] if look.world.revision else "no revision"
    again = sum(d["action"] == "regrade" for d in due)
    counts = f"{len(due)} due{f' ({again} to grade again)' if again else ''}, {len(held)} held, {len(stalled)} stalled"
    console.print(f"{revision}: {counts}, {look.plan.reused} reused")


def _reused(choices: Sequence[Choice]) -> Iterator[tuple[str, str]]:
    """The batches that are reused for the same reason as one line, the first of them by name."""
    told = modes_told(choice.wanted.batch.mode for choice in choices)
    groups: dict[str, list[Choice]] = {}
    for choice in choices:
        if choice.action == "reuse":
            groups.setdefault(choice.reason, []).append(choice)
    for reason, group in groups.items():
        batches = [choice.wanted.batch for choice in group]
        names = [f"{batch.scenario} × {batch.variant.label}{told[batch.mode]}" for batch in batches]
        yield f"{few(names)} ({sum(c.trials for c in group)})", reason


# ---------------------------------------------------------------- validate


def validate(config: Path | None, directory: Path | None, form: Form) -> int:
    """Print every finding; 1 when one is an error."""
    findings = lint_directory(directory) if directory is not None else asyncio.run(_linted(config))
    return print_findings(findings, form)


async def _linted(config: Path | None) -> Sequence[Finding]:
    """Every finding in the configured source. Raises ``Unavailable`` where it cannot be read."""
    async with wired(load(find(config))) as program:
        catalogue = await program.observer.catalogue()
        return await asyncio.to_thread(catalogue.lint, program.observer.source.read)


# ---------------------------------------------------------------- status


def status(config: Path | None, *, as_json: bool) -> int:
    """Print how everything stands."""
    look = asyncio.run(take_look(config))
    if as_json:
        document = {
            "revision": look.world.revision,
            "daemon": look.alive,
            "last_pass": look.last_pass.isoformat(timespec="seconds") if look.last_pass else None,
            "series": [_row_document(r) for r in look.rows],
            "running": look.note["running"] if look.alive else [],
            "held": look.note["held"],
            "stalled": look.note["stalled"],
            "findings": [finding_document(f) for f in look.world.findings],
            "warnings": [*look.world.warnings, *look.broken],
        }
        print(json.dumps(document, indent=1))
        return 0
    _print_status(look)
    return 0


def _row_document(row: Row) -> dict[str, Any]:
    return {
        "scenario": row.scenario,
        "variant": variant_document(row.variant),
        "mode": row.mode,
        "batch": row.batch,
        "epoch": row.epoch,
        "passed": row.passed,
        "measured": row.measured,
        "wanted": row.wanted,
        "compliance": row.compliance,
        "verdict": row.verdict,
        "violation": row.violation,
        "commit": row.commit,
        "finished_at": row.finished_at,
        "reused": row.reused,
        "proven": row.proven,
        "blocks": row.blocks,
    }


def _print_status(look: Look) -> None:
    """The table first: what is wrong, and what to do, stands where the eye ends."""
    console = wide_console()
    revision = look.world.revision or look.note["revision"]
    since = f"last pass {_ago(look.at - look.last_pass)} ago" if look.last_pass else "no pass yet"
    daemon = f"daemon: pid {look.note.get('pid')}" if look.alive else f"no daemon works in {look.state}"
    console.print(f"revision {(revision or 'none')[:10]}, {daemon}, {since}", soft_wrap=True)
    print_rows(console, look.rows)
    for line in (*look.world.warnings, *look.broken, *_overdue(look)):
        console.print(Text(f"! {line}", style="yellow"), soft_wrap=True)
    listed: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
        ("running", lambda d: f"phase {d['phase']}" if d["phase"] else "starting"),
        ("held", lambda d: d["reason"] + (f" until {d['until']}" if d.get("until") else "")),
        ("stalled", lambda d: d["reason"]),
    )
    for title, tell in listed:
        items = look.note[title] if look.alive or title != "running" else []
        for name, reason in by_reason([{**d, "reason": tell(d)} for d in items]):
            console.print(Text.assemble((f"{title:8}", "bold"), f"{name}  "), Text(reason, style="dim"), soft_wrap=True)
    for finding in look.world.findings:
        console.print(Text(f"{finding.severity}: {finding.line_of_text}", style="red"), soft_wrap=True)
    if look.world.revision:
        counts = [f"{look.note['due']} due"] + [f"{len(look.note[title])} {title}" for title, _ in listed]
        console.print(f"{', '.join(counts)}; {look.plan.reused} wanted trials have results")


def _overdue(look: Look) -> Iterator[str]:
    """A daemon that is there and makes no pass: a part that every pass needs does not answer, or it hangs."""
    if look.alive and look.last_pass and look.at - look.last_pass > _OVERDUE:
        yield "the daemon makes no pass: its log says what it waits for (journalctl -u reconciler)"


def _ago(age: timedelta) -> str:
    """``42 s``, ``7 min``, ``3 h``, ``12 days``."""
    seconds = max(int(age.total_seconds()), 0)
    sizes = ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (120, 60, "min"), (0, 1, "s"))
    return next(f"{seconds // size} {unit}" for least, size, unit in sizes if seconds >= least)


# ---------------------------------------------------------------- trend


def trend(config: Path | None, scenario: str | None, *, as_json: bool) -> int:
    """Print the series over time; ``now`` marks the batch whose inputs are wanted today."""
    rows, trends, warnings = asyncio.run(series_of_configuration(config, scenario))
    if as_json:
        now = {(r.scenario, r.variant.slug): r.batch for r in sorted(rows, key=lambda r: r.measured > 0)}
        documents = [trend_document(t) | {"now": now.get((t.scenario, slug))} for slug, t in trends]
        print(json.dumps({"series": documents, "warnings": warnings}, indent=1))
        return 0
    console = wide_console()
    if trends:
        print_trends(console, rows, trends)
    else:
        console.print("Nothing is shown." if warnings else "Nothing is measured yet.")
    for warning in warnings:
        console.print(Text(f"! {warning}", style="yellow"), soft_wrap=True)
    return 0


async def series_of_configuration(
    config: Path | None, scenario: str | None = None
) -> tuple[Sequence[Row], list[tuple[str, Trend]], Sequence[str]]:
    """The rows and the trends of the wanted series, for ``print_trends``, and what to know of them.

    Raises ``Invalid`` for a key or tag that nothing bears.
    """
    async with wired(load(find(config))) as program:
        world = await observed(program, newest=False)
        program.observer.need_revision()
        rows = await asyncio.to_thread(program.rows.of, world, world.results)
        meant: Collection[str] = ()
        if scenario is not None and world.catalogue is not None:
            meant = world.catalogue.selected([scenario])
            rows = [r for r in rows if r.scenario in meant]
        slugs = {r.series: r.variant.slug for r in rows}
        found = await asyncio.to_thread(program.rows.past.trends, world.results, slugs)
        stalled = dict.fromkeys(b.reason for b in world.blocked if scenario is None or b.scenario in {*meant, ""})
        warnings = [*filter(None, [world.results.unknown]), *stalled, *world.warnings]
        return rows, [(slug, t) for series, slug in slugs.items() if (t := found[series])], warnings
