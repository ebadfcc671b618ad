"""Benchmarks to demanded batches. What a change does not touch is taken over, scenario by scenario."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.core.model import Batch, Inputs, Mode, OperationalRule, Specialty, Variant
from reconciler.definitions.inputs import AgentDigests, Images, variant_of, world
from reconciler.definitions.library import Library
from reconciler.definitions.matching import matches
from reconciler.definitions.records import Component, ScenarioRecord
from reconciler.definitions.shelf import Shelf
from reconciler.definitions.survey import Scenarios, Survey
from reconciler.definitions.templates import ResolvedTemplate
from reconciler.definitions.values import Benchmark, Blocked, Demand, Demands, Parsed
from reconciler.definitions.wants import Resolution, Terms

Rules = tuple[Parsed[OperationalRule], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One scenario's demand, and what it was made of: equal ingredients make equal demand."""

    ingredients: tuple[object, ...]
    all_rules: Rules
    matched: Rules
    demands: tuple[Demand, ...]


Cells = Mapping[str, Cell]


class Assembler:
    """Makes the demand of one revision."""

    def __init__(
        self,
        library: Library,
        scenarios: Scenarios,
        templates: Mapping[str, ResolvedTemplate],
        versions: Mapping[str, str],
        images: Images,
    ) -> None:
        """``versions``: engine adapter to its version, ``images``: fingerprints."""
        self._specialties: Shelf[Parsed[Specialty]] = library.specialties
        self._scenarios, self._templates, self._images = scenarios, templates, images
        self._rules = tuple(library.operational_rules.usable.values())
        self._agents = AgentDigests(versions)

    def assemble(self, survey: Survey, before: Cells) -> tuple[Demands, Cells]:
        """All demand, with the cells to hand in next time."""
        terms: dict[str, list[Terms]] = {}
        blocked = list(survey.blocked)
        for resolution in survey.resolutions:
            blocked += resolution.blocked
            for key in resolution.keys:
                if reasons := self._stalled(key, resolution, survey):
                    blocked += reasons
                if not reasons or all(b.variant for b in reasons):
                    terms.setdefault(key, []).append(resolution.terms)
        cells = {key: self._cell(key, tuple(ts), survey, before.get(key)) for key, ts in terms.items()}
        return Demands(demands=tuple(d for c in cells.values() for d in c.demands), blocked=tuple(blocked)), cells

    def _stalled(self, key: str, resolution: Resolution, survey: Survey) -> list[Blocked]:
        """Why a scenario, or the variants that would be its own, cannot be had; with a variant: only that one."""
        terms = resolution.terms
        name = terms.benchmark.name
        record = self._scenarios.usable.get(key)
        if record is None:
            return [Blocked(scenario=key, benchmark=name, reason=self._scenarios.stalled_by(key))]
        if found := survey.misfits.get((key, terms.benchmark.mode)):
            return [Blocked(scenario=key, benchmark=name, reason=f"{record.path}: {found.reason}")]
        if key in survey.own_misfits:
            reason = f"{record.path}: {survey.own_misfits[key].reason}"
            own = [variant_of(record, lineup) for lineup in terms.lineups if lineup.specialty is None]
            return [Blocked(scenario=key, benchmark=name, reason=reason, variant=v) for v in own]
        return []

    def _cell(self, key: str, terms: tuple[Terms, ...], survey: Survey, old: Cell | None) -> Cell:
        record = self._scenarios.usable[key]
        own = () if key in survey.own_misfits else tuple(self._specialties.usable.get(s) for s in record.specialties)
        templates = tuple(self._templates.get(h.template) for h in record.scenario.hosts)
        images = tuple(self._images.get((t.benchmark.mode, h.template)) for t in terms for h in record.scenario.hosts)
        same = old is not None and old.ingredients[0] is record and old.all_rules == self._rules
        matched = old.matched if old is not None and same else self._matched(record)
        ingredients = (record, terms, matched, own, templates, images)
        if old is not None and old.ingredients == ingredients:
            return old
        rows = _merged(self._rows(record, terms, matched, own))
        return Cell(ingredients=ingredients, all_rules=self._rules, matched=matched, demands=rows)

    def _matched(self, record: ScenarioRecord) -> Rules:
        return tuple(r for r in self._rules if r.value is not None and matches(r.value, record.facts))

    def _rows(
        self, record: ScenarioRecord, terms: Iterable[Terms], rules: Rules, own: tuple[Parsed[Specialty] | None, ...]
    ) -> Iterator[Demand]:
        used = [t for h in record.scenario.hosts if (t := self._templates.get(h.template))]
        unique = list({t.name: t for t in used}.values())
        worlds: dict[Mode, Component] = {}
        batches: dict[tuple[Variant, Mode], Batch] = {}
        present = tuple(s for s in own if s is not None)
        for term in terms:
            mode = term.benchmark.mode
            if mode not in worlds:
                worlds[mode] = world(record, mode, unique, self._images)
            for lineup in term.lineups:
                if lineup.specialty is None and not present:
                    continue
                variant = variant_of(record, lineup)
                if (variant, mode) not in batches:
                    specialties = (lineup.specialty,) if lineup.specialty else present
                    agent = self._agents.of(record, lineup, specialties, rules)
                    batches[variant, mode] = _batch(record, variant, mode, worlds[mode], agent)
                yield _demand(term.benchmark, record, batches[variant, mode], used)


def _batch(record: ScenarioRecord, variant: Variant, mode: Mode, world: Component, agent: Component) -> Batch:
    parts = {"world": world, "task": record.task, "agent": agent, "truth": record.truth, "rules": record.rules}
    inputs = Inputs(**{name: part.parts for name, part in parts.items()})
    vars(inputs)["digests"] = {name: part.digest for name, part in parts.items()}  # known already: not computed again
    return Batch(scenario=record.claim, variant=variant, mode=mode, inputs=inputs)


def _demand(benchmark: Benchmark, record: ScenarioRecord, batch: Batch, templates: list[ResolvedTemplate]) -> Demand:
    return Demand(
        batch=batch,
        iterations=benchmark.iterations,
        on_change=benchmark.on_change,
        schedule=benchmark.schedule,
        benchmark=benchmark.name,
        gate=benchmark.gate,
        memory_mib=sum(t.memory_mib for t in templates),
        templates=tuple(dict.fromkeys(t.name for t in templates)),
        scenario=record.scenario,
        folder=record.folder,
        checkout_paths=(record.folder, *record.dependencies.outside),
    )


def _merged(rows: Iterable[Demand]) -> tuple[Demand, ...]:
    """One demand per batch and way of wanting it: that of the benchmark which wants most."""
    found: dict[tuple[object, ...], Demand] = {}
    for row in rows:
        key = (row.batch.variant, row.batch.mode, row.schedule, row.on_change)
        if key not in found or found[key].iterations < row.iterations:
            found[key] = row
    return tuple(found.values())
