"""From a planned trial to the work that it is: its definitions, its reason, and whether a stored transcript will do."""

import asyncio
from dataclasses import dataclass

from reconciler.core.planning import Due, Held
from reconciler.core.reasons import changes, latest, reason, regradable
from reconciler.core.trends import Trend
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.values import Demand
from reconciler.shell.observe import Observer, World
from reconciler.shell.past import Past
from reconciler.shell.work import Origin, Work


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A planned trial in a person's words. ``regrades`` is the record to grade again instead of a run."""

    item: Due | Held
    reason: str
    regrades: str | None


@dataclass(frozen=True, kw_only=True)
class Preparer:
    """Looks up what planning alone does not need."""

    observer: Observer
    past: Past
    repository: str
    ref: str

    def explain(self, world: World, items: "list[Due] | list[Held]") -> list[Explained]:
        """Say why each trial is due: which part changed, in which commit. Reads each series' trend once."""
        trends = self.past.trends(world.results, {"/".join(item.trial.batch.series) for item in items})
        demands = {d.batch.id: d for d in world.demands.demands}
        told: dict[tuple[str, str], str | None] = {}
        return [
            self._explain(item, trends["/".join(item.trial.batch.series)], demands[item.trial.batch.id], told)
            for item in items
        ]

    def _explain(
        self, item: Due | Held, trend: Trend | None, demand: Demand, told: dict[tuple[str, str], str | None]
    ) -> Explained:
        before = latest(trend, item.trial)
        changed = changes(item.trial.batch.inputs, before.parts) if before else ()
        commit = None
        if changed:
            first = (changed[0].component, changed[0].part)
            key = (first[1], demand.folder if first[0] != "agent" else "")
            if key not in told:
                found = self.observer.commit_of_change(demand, *first)
                told[key] = f"{found.short}: {found.subject}" if found else None
            commit = told[key]
        return Explained(
            item=item, reason=reason(item.trial, trend, changed, commit), regrades=regradable(trend, item.trial)
        )

    async def work(self, world: World, due: Due) -> Work:
        """Everything that carrying out ``due`` needs."""
        explained = (await asyncio.to_thread(self.explain, world, [due]))[0]
        demand = next(d for d in world.demands.demands if d.batch is due.trial.batch)
        assert world.catalogue is not None
        return self._work(world.catalogue, world.revision or "", demand, explained)

    def _work(self, catalogue: Catalogue, revision: str, demand: Demand, explained: Explained) -> Work:
        trial, scenario = explained.item.trial, demand.scenario

        def beside(*names: str) -> list[str]:
            return [n for n in names if catalogue.entry(f"{demand.folder}/{n}") is not None]

        inventories = beside("inventory.yml", "inventory.ini")
        return Work(
            trial=trial,
            scenario=scenario,
            seats=catalogue.seating(trial.batch),
            templates={h.name: catalogue.template(h.template, trial.batch.mode) for h in scenario.hosts},
            checkout=demand.checkout_paths,
            playbooks=frozenset(beside("prepare.yml", "restore.yml")),
            inventory=f"{demand.folder}/{inventories[0]}" if inventories else None,
            origin=Origin(repository=self.repository, ref=self.ref, commit=revision),
            benchmark=demand.benchmark,
            iterations=demand.iterations,
            gate=demand.gate,
            memory_mib=demand.memory_mib,
            reason=explained.reason,
            regrades=explained.regrades,
            engine=catalogue.engines[trial.batch.variant.main_engine],
        )
