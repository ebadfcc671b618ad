"""Why a trial is due, in a person's words, from the parts that differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.model import COMPONENTS, Inputs, Trial
from reconciler.core.trends import BatchResults, Trend

ASKED = "started by hand"
"""Trials by hand measure anew whatever is recorded: nothing changed, somebody asked."""
NAMED = 3
"""So many of the parts that changed are named."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A part that differs between two batches: ``component`` and its name."""

    component: str
    part: str
    commit: str = ""
    """What changed it last, where that is known: ``1f3c9ab: Drop the reopen step``."""


def changes(inputs: Inputs, before: Mapping[str, Mapping[str, str]]) -> tuple[Change, ...]:
    """The parts of ``inputs`` that are new, gone or different, component by component."""
    found = []
    for component, parts in inputs.parts.items():
        old, new = before.get(component, {}), parts
        found += [Change(component=component, part=p) for p in sorted({*old, *new}) if old.get(p) != new.get(p)]
    return tuple(found)


def latest(trend: Trend | None, trial: Trial) -> BatchResults | None:
    """The newest recorded batch to compare a due trial with: of the same mode, if there is one. Time alone asks for a sweep."""
    if trend is None or trial.epoch:
        return None
    own = trend.batch(trial.batch.id, trial.epoch)
    same = [
        b
        for b in trend.asked
        if b.mode == trial.batch.mode and b.batch != trial.batch.id and not (own and own.order < b.order)
    ]
    return same[-1] if same else None


def holder(trend: Trend | None, path: str) -> BatchResults | None:
    """The batch that holds the record at ``path``."""
    batches = trend.batches if trend else ()
    return next((b for b in batches if any(r.path == path for r in b.results)), None)


def regradable(trend: Trend | None, trial: Trial) -> tuple[str, ...]:
    """The paths of the records that differ from ``trial`` in their rules alone, newest first."""
    if trend is None:
        return ()
    mine = trial.batch.inputs.digests
    return tuple(
        result.path
        for batch in reversed(trend.batches)
        if (batch.mode, batch.epoch) == (trial.batch.mode, trial.epoch)
        and batch.batch != trial.batch.id
        and all(batch.digests[c] == mine[c] for c in COMPONENTS if c != "rules")
        for result in batch.results
        if result.iteration == trial.iteration
    )


def reason(trial: Trial, wanted: int, trend: Trend | None, changed: Sequence[Change]) -> str:
    """One line. ``wanted`` are the iterations."""
    if trial.epoch:
        return f"sweep of {trial.epoch}"
    if trend is None or not trend.batches:
        return "never measured"
    known = trend.batch(trial.batch.id, "")
    if known is not None and trial.iteration > known.wanted:
        return f"{wanted} iterations are wanted now, and {known.wanted} {'was' if known.wanted == 1 else 'were'}"
    if not changed:
        return f"never measured in mode {trial.batch.mode}" if known is None else "its batch is not complete"
    return _told(changed)


def regrade_reason(changed: Sequence[Change]) -> str:
    """Why a stored transcript is graded again; ``changed`` are rules alone."""
    return f"only {_told(changed) if changed else 'rules changed'}"


def reuse_reason(trend: Trend | None, batch: str, mode: str, epoch: str) -> str:
    """Why the records of a batch hold, with the commit at which its inputs were measured."""
    own = trend.batch(batch, epoch) if trend else None
    if trend is None or own is None or not own.results:
        return "its inputs have results already"
    commit = own.results[0].commit[:10]
    newer = any(b.mode == mode and own.recorded_at < b.recorded_at for b in trend.asked)
    return f"reverted to inputs recorded in {commit}" if newer else f"inputs unchanged since commit {commit}"


def _told(changed: Sequence[Change]) -> str:
    """The first parts, by the commit that changed them: ``specialty a, rule b changed in 1f3c9ab: Edit; rule c changed in …``."""
    by_commit: dict[str, list[str]] = {}
    for change in changed[:NAMED]:
        by_commit.setdefault(change.commit, []).append(change.part)
    told = [
        f"{', '.join(dict.fromkeys(parts))} changed" + (f" in {commit}" if commit else "")
        for commit, parts in by_commit.items()
    ]
    return "; ".join(told) + ("; and more" if len(changed) > NAMED else "")
