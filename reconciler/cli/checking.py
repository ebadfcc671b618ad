"""``check``: scenarios that prove themselves, as a table."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reconciler.app.settings import find, load
from reconciler.app.wiring import wired
from reconciler.cli import logs
from reconciler.cli.exits import FAILED, INFRASTRUCTURE
from reconciler.cli.progress import wide_console
from reconciler.core.errors import Invalid, Unavailable
from reconciler.core.model import Mode
from reconciler.core.proofs import Step
from reconciler.definitions.files.units import split_names
from reconciler.shell.checking import Checked, step_document


def check(config: Path | None, scenarios: Sequence[str], mode: str, *, again: bool, as_json: bool, verbose: int) -> int:
    """Check and print; 1 when one is not proven, 3 when a sandbox died and it is not known."""
    progress = wide_console(stderr=True)
    logs.configure(verbose=verbose, quiet=not verbose)
    if mode not in get_args(Mode):
        raise Invalid(f"--mode is one of {', '.join(get_args(Mode))}, not {mode}")
    names = [name for argument in scenarios for name in split_names(argument)]
    found, problem = asyncio.run(_run(config, names, cast("Mode", mode), progress, again=again))
    if as_json:
        print(json.dumps({"scenarios": [document(checked, mode) for checked in found]}, indent=1))
    else:
        _print(found, mode)
    if problem:
        progress.print(f"the proofs are kept here and not pushed yet: {problem}", markup=False)
    if any(checked.died for checked in found):
        return INFRASTRUCTURE
    return 0 if all(checked.proven for checked in found) else FAILED


async def _run(
    config: Path | None, names: Sequence[str], mode: Mode, progress: Console, *, again: bool
) -> tuple[list[Checked], str]:
    def told(scenario: str, step: Step) -> None:
        progress.print(Text(f"{_mark(step)} {scenario}  {step.step}  {_tale(step)}  {step.seconds:.1f} s"))

    async with wired(load(find(config)), checks=True) as program:
        with program.state.lock(), _interruptible():
            return await program.prover.prove(names, mode, again=again, told=told)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM end everything that runs, sandboxes included."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    except asyncio.CancelledError:
        raise Unavailable("interrupted: what was not complete is not recorded, and no sandbox is left") from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def document(checked: Checked, mode: str) -> dict[str, Any]:
    """A scenario of the documented JSON shape."""
    return {
        "scenario": checked.scenario,
        "mode": mode,
        "proven": checked.proven,
        "reused": checked.reused,
        "proof": checked.proof or None,
        "steps": [step_document(step) for step in checked.steps],
    }


def _print(found: Sequence[Checked], mode: str) -> None:
    console = wide_console()
    table = Table("scenario", "step", "expected", "got", "", "what it says", box=None)
    for checked in found:
        for number, step in enumerate(checked.steps):
            style = "green" if step.ok else "red"
            name = checked.scenario if number == 0 else ""
            table.add_row(name, step.step, step.expected, Text(step.got, style=style), _mark(step), Text(step.message))
    console.print(table)
    for checked in found:
        console.print(
            Text(f"{checked.scenario}: {_summary(checked, mode)}", style="" if checked.proven else "bold red")
        )


def _summary(checked: Checked, mode: str) -> str:
    if checked.reused:
        return f"proven already in mode {mode} (reused, {checked.proof})"
    if checked.proven:
        return f"proven in mode {mode} ({checked.proof})"
    wrong = [step.step for step in checked.steps if not step.ok]
    return f"NOT proven in mode {mode}: {', '.join(wrong)}"


def _mark(step: Step) -> str:
    return "ok  " if step.ok else "FAIL"


def _tale(step: Step) -> str:
    """``fails, as it must: …``."""
    said = {"pass": "passes", "fail": "fails"}.get(step.got, step.got)
    return (
        said
        + (", as it must" if step.ok else f" instead of {step.expected}")
        + (f": {step.message}" if step.message else "")
    )
