"""From a planned trial to the work that it is: its definitions, its reason, and whether a stored transcript will do."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reconciler.core.planning import Due, Missing, Wanted
from reconciler.core.reasons import (
    ASKED,
    NAMED,
    Change,
    changes,
    holder,
    latest,
    reason,
    regradable,
    regrade_reason,
    reuse_reason,
)
from reconciler.core.trends import Trend
from reconciler.definitions.ansible.dependencies import files_of, named_for_people
from reconciler.definitions.values import Demand
from reconciler.shell.machines import stage_of
from reconciler.shell.observe import Observer, World
from reconciler.shell.past import Past
from reconciler.shell.stored import lacks, read_stored
from reconciler.shell.work import Origin, Work


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What becomes of the wanted trials of a batch: some may be reused and others run."""

    wanted: Wanted
    action: Literal["reuse", "regrade", "run"]
    reason: str
    trials: int


@dataclass(frozen=True, kw_only=True)
class Preparer:
    """Looks up what planning alone does not need."""

    observer: Observer
    past: Past
    repository: str
    ref: str

    def explain(self, world: World, items: Sequence[Missing], *, commits: bool = True) -> list[str]:
        """Say why each trial is due: which part changed, and in which commit unless nobody asks (it takes a git log)."""
        trends = self.past.trends(world.results, (i.trial.batch.series for i in items))
        told: dict[tuple[str, str], str] = {}

        def commit(demand: Demand, change: Change) -> str:
            key = (change.part, demand.scenario.folder if change.component != "agent" else "")
            if commits and key not in told:
                found = self.observer.commit_of_change(world, demand, change.component, change.part)
                told[key] = f"{found.short}: {found.subject}" if found else ""
            return told.get(key, "")

        return [self._explain(i, trends[i.trial.batch.series], world.demands.of(i.wanted), commit) for i in items]

    def _explain(
        self, item: Missing, trend: Trend | None, demand: Demand, commit: Callable[[Demand, Change], str]
    ) -> str:
        if self.observer.definitions.by_hand is not None:
            return ASKED
        before = holder(trend, item.regrades) if item.regrades else latest(trend, item.trial)
        changed = changes(item.trial.batch.inputs, before.parts) if before else ()
        folder = demand.scenario.folder
        named = [replace(c, part=named_for_people(folder, c.part), commit=commit(demand, c)) for c in changed[:NAMED]]
        told = [*named, *changed[NAMED:]]
        if item.regrades:
            return regrade_reason(told)
        tried = [self.past.unusable[p] for p in regradable(trend, item.trial) if p in self.past.unusable]
        return reason(item.trial, item.wanted.iterations, trend, told) + (
            f"; not graded again: {tried[0]}" if tried else ""
        )

    def choices(self, world: World) -> list[Choice]:
        """What becomes of each wanted batch, and why."""
        groups: dict[tuple[int, str], list[Missing]] = {}
        for item in world.todo.missing:
            groups.setdefault((id(item.wanted), item.action), []).append(item)
        firsts = [items[0] for items in groups.values()]
        missing = [
            Choice(wanted=item.wanted, action=item.action, reason=why, trials=len(items))
            for item, why, items in zip(firsts, self.explain(world, firsts), groups.values(), strict=True)
        ]
        return missing + self._kept(world)

    def _kept(self, world: World) -> list[Choice]:
        kept = world.todo.kept
        trends = self.past.trends(world.results, (k.wanted.batch.series for k in kept))
        return [
            Choice(
                wanted=k.wanted,
                action="reuse",
                reason=reuse_reason(
                    trends[k.wanted.batch.series], k.wanted.batch.id, k.wanted.batch.mode, k.wanted.epoch
                ),
                trials=k.trials,
            )
            for k in kept
        ]

    def verify(self, world: World, items: Sequence[Missing]) -> bool:
        """Look whether what is to be graded again can be; True where something new was found that cannot."""
        scenarios = {i.regrades: world.demands.of(i.wanted).scenario for i in items if i.regrades}
        before = len(self.past.unusable)
        for portion in read_stored(self.past.results, [path for path in scenarios if path]):
            for path, found in portion.items():
                why = found if isinstance(found, str) else lacks(found.evidence, scenarios[path])
                if why is not None:
                    self.past.unusable[path] = why
        return len(self.past.unusable) > before

    async def work(self, world: World, due: Due) -> Work:
        """Everything that carrying out ``due`` needs."""
        [why] = await asyncio.to_thread(self.explain, world, [due])
        return self._work(world, due, why)

    async def works(self, world: World, dues: Sequence[Due]) -> list[Work]:
        """The same for many, with the commit of the first alone."""
        [first] = await asyncio.to_thread(self.explain, world, dues[:1])
        others = await asyncio.to_thread(self.explain, world, dues[1:], commits=False)
        return [self._work(world, due, why) for due, why in zip(dues, [first, *others], strict=True)]

    def _work(self, world: World, due: Due, why: str) -> Work:
        demand, trial, catalogue = world.demands.of(due.wanted), due.trial, world.catalogue
        assert catalogue is not None
        inputs = trial.batch.inputs
        return Work(
            trial=trial,
            stage=stage_of(catalogue, demand.scenario, trial.batch.mode),
            seats=catalogue.seating(trial.batch),
            checkout=files_of(demand.scenario.folder, inputs.world.parts, inputs.truth.parts),
            origin=Origin(repository=self.repository, ref=self.ref, commit=world.revision or ""),
            benchmark=demand.benchmark.name,
            iterations=demand.benchmark.iterations,
            gate=demand.benchmark.gate,
            memory_mib=demand.memory_mib,
            reason=why,
            regrades=due.regrades,
            engine=catalogue.engines[trial.batch.variant.main_engine],
        )
