"""``validate TRIAL|BATCH``: recorded trials graded again, shown to people and to programs."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reconciler.app.grading import Graded, Grading, grade
from reconciler.cli.exits import FAILED, INFRASTRUCTURE
from reconciler.cli.findings import Form
from reconciler.cli.progress import result_line, wide_console
from reconciler.core.errors import Invalid
from reconciler.formats.record import EvidencePart, RulePart, TrialRecord


def is_definitions(place: Path) -> bool:
    """Whether a path is a directory of definitions, to be linted; everything else names recorded trials."""
    with contextlib.suppress(OSError):  # a name that no file can have
        return any((place / folder).is_dir() for folder in ("scenarios", "config"))
    return False


def validate(config: Path | None, name: str, rules: Path | None, form: Form) -> int:
    """Print the trial or batch as it is graded now; 1 when a trial failed, 3 when one cannot be graded."""
    if form == "sarif":
        raise Invalid("--sarif is for findings in definitions", hint="use --json for a trial")
    grading = asyncio.run(grade(config, name, rules))
    if form == "json":
        print(json.dumps(_document(grading), indent=1))
    else:
        _print(grading)
    if any(one.now is None for one in grading.trials):
        return INFRASTRUCTURE
    return 0 if all(one.now and one.now.passed for one in grading.trials) else FAILED


def _document(grading: Grading) -> dict[str, Any]:
    trials = [_trial(one) for one in grading.trials]
    if not grading.whole_batch:
        return trials[0]
    measured = [one.now for one in grading.trials if one.now is not None]
    return {"passed": sum(r.passed for r in measured), "measured": len(measured), "trials": trials}


def _trial(one: Graded) -> dict[str, Any]:
    """The record, graded again; where that cannot be, why not."""
    if one.now is not None:
        return one.now.document()
    known = {"trial": one.recorded.trial, "batch": one.recorded.batch, "path": one.path}
    return {**known, "passed": None, "cause": "evidence", "message": one.problem}


def _print(grading: Grading) -> None:
    console = wide_console()
    for one in grading.trials:
        name = f"{one.recorded.scenario.key} × {one.recorded.variant.label} #{one.recorded.iteration}"
        if one.now is None:
            console.print(Text(f"!    {name}  no result: {one.problem}", style="yellow"), soft_wrap=True)
            continue
        changed = "" if one.now.passed == one.recorded.passed else f" (recorded: {_mark(one.recorded.passed).strip()})"
        console.print(
            Text(result_line(name, one.now) + changed, style="green" if one.now.passed else "red"), soft_wrap=True
        )
        _print_rules(console, one.now, only_failed=grading.whole_batch)
    if grading.whole_batch:
        passed = sum(one.now.passed for one in grading.trials if one.now)
        console.print(f"{passed}/{len(grading.trials)} passed")


def _print_rules(console: Console, record: TrialRecord, *, only_failed: bool) -> None:
    table = Table.grid(padding=(0, 2))
    for rule in record.rules:
        if not only_failed or (rule.applies and not rule.passed):
            optional = "" if rule.required else "(optional)"
            table.add_row(
                "   ", _answer(rule), rule.scope, Text(f"{rule.label} {optional}".strip()), Text(_told(rule.evidence))
            )
    if table.row_count:
        console.print(table)


def _answer(rule: RulePart) -> str:
    return "–" if not rule.applies else "?" if rule.passed is None else _mark(rule.passed)


def _mark(passed: bool) -> str:
    return "ok  " if passed else "FAIL"


def _told(evidence: EvidencePart | None) -> str:
    """``task 1, line 3, reported: systemctl reload nginx``."""
    if evidence is None:
        return ""
    where = [f"task {evidence.task}"] if evidence.task else []
    where += [f"line {evidence.line}"] if evidence.line else []
    where += [evidence.seen] if evidence.seen else []
    return ", ".join(where) + (": " if where else "") + evidence.text
