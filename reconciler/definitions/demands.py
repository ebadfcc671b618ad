"""Benchmarks to demanded batches. What a change does not touch is taken over, scenario by scenario and batch by batch."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.core.model import Batch, Component, Inputs, Mode, Variant
from reconciler.definitions.files.values import Benchmark
from reconciler.definitions.inputs import (
    AgentDigests,
    Briefing,
    Images,
    Specialties,
    briefing,
    unbriefed,
    variant_of,
    world,
)
from reconciler.definitions.library import Library
from reconciler.definitions.records import ScenarioRecord
from reconciler.definitions.survey import Scenarios, Survey
from reconciler.definitions.templates import ResolvedTemplate
from reconciler.definitions.values import Blocked, Demand, Demands
from reconciler.definitions.wants import Lineup, Resolution, Terms

Used = tuple[ResolvedTemplate, ...]
"""A template per host."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One scenario's demand, and what it was made of: equal ingredients make equal demand."""

    record: ScenarioRecord
    ingredients: tuple[object, ...]
    briefed_by: tuple[object, ...]
    """The rules and the declared hosts that ``briefing`` was made of."""
    briefing: Briefing
    worlds: Mapping[Mode, tuple[object, Component]]
    """World component per mode, with the templates and images that it was made of."""
    batches: Mapping[tuple[Lineup, Mode], Batch]
    demands: tuple[Demand, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Cells by scenario key, and the surroundings that they have in common."""

    surroundings: tuple[object, ...] = ()
    by_key: Mapping[str, Cell] = field(default_factory=dict)


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
        self._specialties = library.specialties.usable
        self._scenarios, self._templates, self._images = scenarios, templates, images
        self._rules = tuple(library.operational_rules.usable.values())
        self._hosts, self._library = library.hosts.usable, library
        self._agents = AgentDigests(versions)
        self._surroundings = (self._specialties, templates, dict(images), self._rules, self._hosts)

    def assemble(self, survey: Survey, before: Cells) -> tuple[Demands, Cells]:
        """All demand, with the cells to hand in next time."""
        terms: dict[str, tuple[Terms, ...]] = {}
        blocked = list(survey.blocked)
        for resolution in survey.resolutions:
            blocked += resolution.blocked
            for key in resolution.keys:
                reasons = self._stalled(key, resolution, survey)
                if reasons:
                    blocked += reasons
                if not reasons or all(b.variant for b in reasons):
                    terms[key] = (*terms.get(key, ()), resolution.terms)
        surroundings = (*self._surroundings, survey.own_misfits)
        same = len(before.surroundings) > 0 and all(map(_same, before.surroundings, surroundings))
        cells = {}
        for key, ts in terms.items():
            old = before.by_key.get(key)
            kept = same and old is not None and old.record is self._scenarios.usable[key] and old.ingredients[0] == ts
            cells[key] = old if kept and old is not None else self._cell(key, ts, survey, old)
        demands = Demands(demands=tuple(d for c in cells.values() for d in c.demands), blocked=tuple(blocked))
        return demands, Cells(surroundings=surroundings, by_key=cells)

    def _stalled(self, key: str, resolution: Resolution, survey: Survey) -> list[Blocked]:
        """Why a scenario, or the variants that would be its own, cannot be had; with a variant: only that one."""
        terms = resolution.terms
        name = terms.benchmark.name
        record = self._scenarios.usable.get(key)
        if record is None:
            return [Blocked(scenario=key, benchmark=name, reason=self._scenarios.stalled_by(key))]
        if found := survey.misfits.get((key, terms.benchmark.mode)):
            return [Blocked(scenario=key, benchmark=name, reason=f"{record.path}: {found.reason}")]
        if reason := unbriefed(record, self._library.operational_rules, self._library.hosts):
            return [Blocked(scenario=key, benchmark=name, reason=reason)]
        if key in survey.own_misfits:
            reason = f"{record.path}: {survey.own_misfits[key].reason}"
            own = [variant_of(record, lineup) for lineup in terms.lineups if lineup.specialty is None]
            return [Blocked(scenario=key, benchmark=name, reason=reason, variant=v) for v in own]
        return []

    def _cell(self, key: str, terms: tuple[Terms, ...], survey: Survey, old: Cell | None) -> Cell:
        record = self._scenarios.usable[key]
        if old is not None and old.record is not record:
            old = None
        named = () if key in survey.own_misfits else record.specialties
        own = tuple(s for n in named if (s := self._specialties.get(n)))
        used = tuple(t for h in record.scenario.hosts if (t := self._templates.get(h.starts_from)))
        images = tuple(self._images.get((t.benchmark.mode, u.name), "") for t in terms for u in used)
        briefed_by = (self._rules, *(self._hosts.get(h.name) for h in record.scenario.hosts))
        briefed = old.briefing if old is not None and old.briefed_by == briefed_by else self._briefing(record)
        ingredients = (terms, briefed, own, used, images)
        if old is not None and old.ingredients == ingredients:
            return old
        worlds = {mode: self._world(record, mode, used, old) for mode in {t.benchmark.mode for t in terms}}
        batches = self._batches(record, terms, briefed, own, worlds, old)
        return Cell(
            record=record,
            ingredients=ingredients,
            briefed_by=briefed_by,
            briefing=briefed,
            worlds=worlds,
            batches=batches,
            demands=tuple(_demands(record, terms, batches, used)),
        )

    def _briefing(self, record: ScenarioRecord) -> Briefing:
        return briefing(record, self._rules, self._hosts)

    def _world(self, record: ScenarioRecord, mode: Mode, used: Used, old: Cell | None) -> tuple[object, Component]:
        made_of = (used, tuple(self._images.get((mode, t.name), "") for t in used))
        if old is not None and mode in old.worlds and old.worlds[mode][0] == made_of:
            return old.worlds[mode]
        return made_of, world(record, mode, list({t.name: t for t in used}.values()), self._images)

    def _batches(
        self,
        record: ScenarioRecord,
        terms: Iterable[Terms],
        briefed: Briefing,
        own: Specialties,
        worlds: Mapping[Mode, tuple[object, Component]],
        old: Cell | None,
    ) -> dict[tuple[Lineup, Mode], Batch]:
        """A batch per lineup and mode; one whose inputs come out as before is the one from before."""
        before = dict(old.batches) if old is not None else {}
        same = {(b.variant, b.mode): b for b in before.values()}
        if old is None or old.ingredients[1:3] != (briefed, own):
            before = {}
        found: dict[tuple[Lineup, Mode], Batch] = {}
        for term in terms:
            mode = term.benchmark.mode
            for lineup in term.lineups:
                if (lineup, mode) in found or (lineup.specialty is None and not own):
                    continue
                batch = before.get((lineup, mode))
                if batch is None or batch.inputs.world is not worlds[mode][1]:
                    variant = variant_of(record, lineup)
                    agent = self._agents.of(record, lineup, own, briefed)
                    batch = _batch(record, variant, mode, worlds[mode][1], agent, same.get((variant, mode)))
                found[lineup, mode] = batch
        return found


def _same(one: object, other: object) -> bool:
    return one is other or one == other


def _batch(
    record: ScenarioRecord, variant: Variant, mode: Mode, world: Component, agent: Component, before: Batch | None
) -> Batch:
    inputs = Inputs(world=world, task=record.task, agent=agent, truth=record.truth, rules=record.rules)
    if before is not None and before.inputs == inputs:
        return before
    return Batch(scenario=record.claim, variant=variant, mode=mode, inputs=inputs)


def _demands(
    record: ScenarioRecord, terms: Iterable[Terms], batches: Mapping[tuple[Lineup, Mode], Batch], used: Used
) -> Iterable[Demand]:
    """Every benchmark's demand for the batches of a scenario."""
    memory = sum(t.memory_mib for t in used)
    return [
        Demand(batch=batch, benchmark=benchmark, scenario=record.scenario, memory_mib=memory)
        for benchmark, batch in _wanted(terms, batches)
    ]


def _wanted(terms: Iterable[Terms], batches: Mapping[tuple[Lineup, Mode], Batch]) -> Iterator[tuple[Benchmark, Batch]]:
    for term in terms:
        for lineup in term.lineups:
            if (batch := batches.get((lineup, term.benchmark.mode))) is not None:
                yield term.benchmark, batch
