"""What a pass leaves for people: the status note for ``reconciler status``, and the dashboard on the results branch."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from reconciler.core.dashboard import Asked, Row, row
from reconciler.core.model import Trial, Variant
from reconciler.core.planning import Held, Plan, Stalled
from reconciler.core.trends import KEPT_BATCHES, Trend, joined
from reconciler.definitions.values import Demand
from reconciler.formats.record import TrialRecord
from reconciler.formats.trend import batch_of
from reconciler.ports import Notes, Results, ResultsStore
from reconciler.shell.observe import World
from reconciler.shell.past import Past
from reconciler.shell.proven import Proven
from reconciler.shell.recording import Recorder
from reconciler.shell.telling import waiting
from reconciler.shell.work import Work


def variant_document(variant: Variant) -> dict[str, str | None]:
    """A variant as every JSON shape shows it."""
    return {
        "specialty": variant.specialty,
        "main_engine": variant.main_engine,
        "secondary_engine": variant.secondary_engine or None,
    }


def trial_document(trial: Trial, *, action: str, reason: str, until: str | None = None) -> dict[str, Any]:
    """``D`` of the documented JSON shapes."""
    document = {
        "trial": trial.id,
        "batch": trial.batch.id,
        "scenario": trial.batch.scenario,
        "variant": variant_document(trial.batch.variant),
        "mode": trial.batch.mode,
        "epoch": trial.epoch,
        "iteration": trial.iteration,
        "action": action,
        "reason": reason,
    }
    return document | ({"until": until} if until else {})


def held_document(held: Held) -> dict[str, Any]:
    """A held trial; its reason is why it is held."""
    until = held.until.isoformat(timespec="seconds") if held.until else None
    return trial_document(held.trial, action=held.action, reason=held.reason, until=until)


def stalled_document(stalled: Stalled) -> dict[str, Any]:
    """Stalled demand; without a trial where its inputs are not known."""
    if stalled.trial is not None:
        return trial_document(stalled.trial, action=stalled.action, reason=stalled.reason)
    variant = variant_document(stalled.variant) if stalled.variant else None
    return {
        "trial": None,
        "batch": None,
        "scenario": stalled.scenario,
        "variant": variant,
        "iteration": None,
        "action": "run",
        "reason": stalled.reason,
    }


async def last_push(results: ResultsStore, seconds: float = 20.0) -> str | None:
    """Push once more before the end, and say why that was not done. A remote that hangs is not waited for: nothing is lost."""
    try:
        async with asyncio.timeout(seconds):
            return await results.push()
    except TimeoutError:
        return f"the remote did not take them within {seconds:g} s"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The state of every wanted series, read from the trends."""

    past: Past
    proven: Proven

    def of(self, world: World, at: Results) -> list[Row]:
        """One row per wanted batch of ``world``, with the results as they are ``at`` some tip."""
        wanted: dict[str, list[Demand]] = {}
        for demand in world.demands.demands:
            wanted.setdefault(demand.batch.id, []).append(demand)
        trends = self.past.trends(at, {same[0].batch.series for same in wanted.values()})
        proven = self.proven.batches(world.catalogue, world.demands, at)
        return [
            row(
                same[0].batch,
                list(_asked(same)),
                self._whole(trends[same[0].batch.series], same, at),
                proven=batch in proven,
            )
            for batch, same in wanted.items()
        ]

    def _whole(self, trend: Trend | None, same: Sequence[Demand], at: Results) -> Trend | None:
        """The trend with all that is recorded of a batch which is wanted again after so many others that it is shown there no more."""
        if trend is None or len(trend.batches) < KEPT_BATCHES:
            return trend
        shown = {r.path for b in trend.batches if b.batch == same[0].batch.id for r in b.results}
        most = max(d.benchmark.iterations for d in same)
        paths = [Trial(batch=same[0].batch, iteration=n).path for n in range(1, most + 1)]
        if not (missing := [p for p in paths if p in at.trials and p not in shown]):
            return trend
        stored = self.past.results.read(missing)
        return reduce(joined, (batch_of(TrialRecord.model_validate_json(data), p) for p, data in stored.items()), trend)


def _asked(demands: Iterable[Demand]) -> Iterator[Asked]:
    """What is asked of the batch that these demands want."""
    for benchmark in (d.benchmark for d in demands):
        for sweep, asks in ((False, benchmark.on_change), (True, benchmark.schedule is not None)):
            if asks:
                yield Asked(iterations=benchmark.iterations, gate=benchmark.gate, sweep=sweep)


@dataclass(kw_only=True)
class Reporter:
    """Writes the status note in every pass, and the dashboard when nothing runs.

    ``dashboard`` is False where what is wanted is not all that the repository wants: trials by hand must not show themselves alone.
    """

    rows: Rows
    recorder: Recorder
    results: ResultsStore
    notes: Notes
    dashboard: bool = True
    published: bool = False
    """Whether a dashboard was committed that is not pushed yet; cleared by who pushes."""
    _seen: tuple[object, ...] = ()
    _demands: object = None

    async def report(
        self, world: World, plan: Plan, running: Mapping[str, tuple[Work, str]], *, pushed: bool, at: datetime
    ) -> None:
        """Leave word of this pass, made ``at``. ``pushed``: the remote has every result."""
        await self._dashboard(world, plan, running)
        note = status_note(world, plan, running) | {"pushed": pushed and not self.published, "at": at.isoformat()}
        self.notes.put("status", note)

    async def _dashboard(self, world: World, plan: Plan, running: Mapping[str, tuple[Work, str]]) -> None:
        if not self.dashboard or running or plan.start or plan.regrade or world.revision is None:
            return
        key = (id(world.demands), world.results.tip)
        if key == self._seen or not world.results.trials:
            return
        healed, changed = await self.recorder.heal(str((self.notes.get("derived") or {}).get("tip") or ""))
        rows = await asyncio.to_thread(self.rows.of, world, await self.results.view())
        stalled = [b.reason for b in world.blocked]
        why = dashboard_message(rows, stalled, world.revision)
        self.published |= await self.recorder.publish(rows, stalled, why) or changed
        self.notes.put("derived", {"tip": healed})
        self._seen, self._demands = key, world.demands  # the demands are kept, so that their id stays theirs


def dashboard_message(rows: Iterable[Row], stalled: Sequence[str], revision: str) -> str:
    """The dashboard's commit message."""
    shown = list(rows)
    counts = [f"{count} {name}" for name, count in sorted(Counter(r.verdict for r in shown).items())]
    if stalled:
        counts.append(f"{len(stalled)} stalled")
    back = sum(r.reused for r in shown)
    note = f"; {back} back at inputs that have results" if back else ""
    return f"Dashboard: {', '.join(counts)}{note}\n\nSource-Commit: {revision}\n"


def status_note(world: World, plan: Plan, running: Mapping[str, tuple[Work, str]]) -> dict[str, Any]:
    """What ``reconciler status`` cannot see from git alone."""
    return {
        "pid": os.getpid(),
        "revision": world.revision,
        "due": waiting(plan, running),
        "running": [
            trial_document(w.trial, action="run", reason=w.reason) | {"phase": phase} for w, phase in running.values()
        ],
        "held": [held_document(h) for h in plan.held],
        "stalled": [stalled_document(s) for s in plan.stalled],
        "warnings": list(world.warnings),
    }
