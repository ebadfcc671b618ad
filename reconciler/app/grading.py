"""Grade recorded trials by hand, by the definitions' rules or by those of a file. Nothing is written."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.clock import WallClock
from reconciler.adapters.patterns.search import EcmaPatterns, pattern_error
from reconciler.app.adapters import results_store, state_by_hand
from reconciler.app.recorded import Found, Recorded, on_branch, on_disk
from reconciler.app.settings import Settings, find, load
from reconciler.app.wiring import wired
from reconciler.core.errors import Invalid, Transient
from reconciler.core.model import Scenario
from reconciler.core.scoring import Search
from reconciler.definitions.files.rules import Judge
from reconciler.definitions.files.scenario_file import parse_scenario
from reconciler.formats.record import TrialRecord
from reconciler.shell.grading import by_hand

Rules = Callable[[str], Scenario]
"""The scenario whose rules grade a trial of the scenario with this key. Raises ``Invalid``."""


@dataclass(frozen=True, kw_only=True)
class Graded:
    """A recorded trial and how it is graded now: ``now`` is None where ``problem`` says why it cannot be."""

    path: str
    recorded: TrialRecord
    now: TrialRecord | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Grading:
    """What was asked for: one trial, or those of a batch."""

    trials: Sequence[Graded]
    whole_batch: bool


async def grade(config: Path | None, name: str, rules: Path | None) -> Grading:
    """Grade what ``name`` stands for. Raises ``Invalid`` where nothing is called so, or the rules are wrong."""
    found = await asyncio.to_thread(on_disk, Path(name))
    own = rules_of_file(rules) if rules is not None else None
    settings = None if found and own else load(find(config))
    if settings is not None:
        found = found or await _on_branch(settings, name)
        own = own or await rules_of_definitions(settings)
    assert found is not None
    assert own is not None
    with contextlib.closing(EcmaPatterns()) as patterns:
        trials = [await asyncio.to_thread(_graded, one, own, patterns.search) for one in found.trials]
    return Grading(trials=trials, whole_batch=found.whole_batch)


def _graded(one: Recorded, rules: Rules, search: Search) -> Graded:
    try:
        now = by_hand(one.record, one.transcript(), rules(one.record.scenario.key), search)
    except Transient as error:
        return Graded(path=one.path, recorded=one.record, problem=str(error))
    return Graded(path=one.path, recorded=one.record, now=now)


async def _on_branch(settings: Settings, name: str) -> Found:
    """From the results branch, and from what ``start`` recorded and has not pushed."""
    clock = WallClock()
    stores = [results_store(settings, settings.state_path, clock)]
    await stores[0].refresh()
    if state_by_hand(settings).is_dir():
        stores.append(results_store(settings, state_by_hand(settings), clock))
    found = await on_branch(stores, name)
    if found is None:
        hint = "write an id of `plan --json` or of a record, a path, or a directory"
        raise Invalid(f"there is no directory, no trial and no batch {name}", hint=hint)
    return found


def rules_of_file(file: Path) -> Rules:
    """The rules of a ``scenario.json`` of any version, whatever its key. Raises ``Invalid`` with all that is wrong with it."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}", path=str(file)) from error
    parsed = parse_scenario(str(file), data, Judge(pattern_error))
    if parsed.value is None:
        raise Invalid("\n".join(f.line_of_text for f in parsed.findings if f.severity == "error"))
    scenario = parsed.value
    return lambda _: scenario


async def rules_of_definitions(settings: Settings) -> Rules:
    """The rules that the configured definitions have now. Raises ``Unavailable`` where they cannot be read."""
    async with wired(settings) as program:
        scenarios = (await program.observer.catalogue()).scenarios

    def of(key: str) -> Scenario:
        if key not in scenarios:
            raise Invalid(
                f"the definitions have no scenario {key} now, or it is wrong", hint="name its rules with --rules"
            )
        return scenarios[key]

    return of
