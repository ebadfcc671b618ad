"""Why a trial is due, in a person's words, from the parts that differ."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.model import COMPONENTS, Inputs, Trial
from reconciler.core.trends import BatchResults, Trend


@dataclass(frozen=True, kw_only=True)
class Change:
    """A part that differs between two batches: ``component`` and its name."""

    component: str
    part: str


def changes(inputs: Inputs, before: Mapping[str, Mapping[str, str]]) -> tuple[Change, ...]:
    """The parts of ``inputs`` that are new, gone or different, component by component."""
    found = []
    for component in COMPONENTS:
        old, new = before.get(component, {}), getattr(inputs, component)
        found += [Change(component=component, part=p) for p in sorted({*old, *new}) if old.get(p) != new.get(p)]
    return tuple(found)


def latest(trend: Trend | None, trial: Trial) -> BatchResults | None:
    """The newest recorded batch to compare a due trial with: of the same mode, if there is one."""
    if trend is None:
        return None
    own = trend.batch(trial.batch.id, trial.epoch)
    same = [
        b
        for b in trend.batches
        if b.mode == trial.batch.mode
        and b.batch != trial.batch.id
        and not (own and own.first_finished < b.first_finished)
    ]
    return same[-1] if same else None


def regradable(trend: Trend | None, trial: Trial) -> str | None:
    """The path of a record that differs from ``trial`` in its rules alone, newest first; None where there is none."""
    if trend is None:
        return None
    mine = trial.batch.inputs.digests
    for batch in reversed(trend.batches):
        same = all(batch.digests[c] == mine[c] for c in COMPONENTS if c != "rules")
        if same and batch.mode == trial.batch.mode and batch.epoch == trial.epoch and batch.batch != trial.batch.id:
            for result in batch.results:
                if result.iteration == trial.iteration:
                    return result.path
    return None


def reason(trial: Trial, trend: Trend | None, changed: tuple[Change, ...], told: str | None) -> str:
    """One line. ``told`` says which commit changed the first part: ``1f3c9ab: Drop the reopen step``."""
    if trial.epoch:
        return f"sweep of {trial.epoch}"
    if trend is None or not trend.batches:
        return "never measured"
    known = trend.batch(trial.batch.id, "")
    if known is not None and trial.iteration > known.wanted:
        return f"{trial.iteration} iterations are wanted now, and {known.wanted} were"
    if not changed:
        return f"never measured in mode {trial.batch.mode}" if known is None else "its batch is not complete"
    names = ", ".join(dict.fromkeys(c.part for c in changed[:3])) + (" and more" if len(changed) > 3 else "")
    return f"{names} changed" + (f" in {told}" if told else "")
