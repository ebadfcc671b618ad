"""A benchmark's names resolved: which scenarios, which variants, and what of it cannot be."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from reconciler.core.model import EngineSettings, Specialty, Variant
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.holes import Path, Problem
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.definitions.files.values import Benchmark, Candidate, Parsed, T
from reconciler.definitions.selection import Index
from reconciler.definitions.shelf import Shelf
from reconciler.definitions.values import Blocked

Specialties = Shelf[Parsed[Specialty]]
Engines = Shelf[Parsed[EngineSettings]]


class Lineup(NamedTuple):
    """A variant with its definitions at hand; ``specialty`` None: those of the scenario's agents."""

    specialty: Parsed[Specialty] | None
    main: Parsed[EngineSettings]
    secondary: Parsed[EngineSettings] | None

    @property
    def engines(self) -> tuple[Parsed[EngineSettings], ...]:
        """Main engine, and the secondary one where there is one."""
        return (self.main,) if self.secondary is None else (self.main, self.secondary)


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    """A benchmark with its variants: all that one scenario's demand depends on."""

    benchmark: Benchmark
    lineups: tuple[Lineup, ...]

    def same_as(self, other: "Terms") -> bool:
        """Whether both come to the same demand."""
        return self.benchmark == other.benchmark and self.lineups == other.lineups


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What a benchmark comes to.

    ``keys`` may name scenarios that are stalled themselves. ``problems`` are to be told in the benchmark's file, ``blocked`` is
    what they stall.
    """

    path: str
    terms: Terms
    keys: tuple[str, ...]
    problems: tuple[Problem, ...]
    blocked: tuple[Blocked, ...]

    def with_terms(self, terms: Terms) -> "Resolution":
        """The same with terms that come to the same demand."""
        return replace(self, terms=terms)


@dataclass(frozen=True)
class _Unresolved:
    """A name that cannot be had. ``problem`` is None where another file's finding says it already."""

    reason: str
    problem: Problem | None = None


def resolve(path: str, benchmark: Benchmark, index: Index, specialties: Specialties, engines: Engines) -> Resolution:
    """Look up every name of a benchmark; each wrong one stalls its own row or column alone."""
    problems: list[Problem] = []
    blocked: list[Blocked] = []
    selected = index.select(benchmark.scenarios)
    for number in selected.unknown:
        message, hint = index.unknown(benchmark.scenarios[number])
        problems.append((("scenarios", number), "unknown-scenario", message, hint))
        blocked.append(
            Blocked(scenario=benchmark.scenarios[number], benchmark=benchmark.name, reason=f"{path}: {message}")
        )
    lineups = []
    for number, candidate in enumerate(benchmark.candidates):
        found = _lineup(("variants", number), candidate, specialties, engines)
        if isinstance(found, Lineup):
            lineups.append(found)
            continue
        problems += [name.problem for name in found if name.problem]
        reason = f"{path}: {found[0].reason}" if found[0].problem else found[0].reason
        blocked.append(Blocked(scenario="", benchmark=benchmark.name, reason=reason, variant=_variant(candidate)))
    terms = Terms(benchmark=benchmark, lineups=tuple(lineups))
    return Resolution(path=path, terms=terms, keys=selected.keys, problems=tuple(problems), blocked=tuple(blocked))


def broken(parsed: Parsed[Benchmark], error: Finding) -> Blocked:
    """What a benchmark that cannot be read stalls: all of itself."""
    return Blocked(scenario="", benchmark=parsed.claim, reason=error.line_of_text)


def _variant(candidate: Candidate) -> Variant:
    return Variant(
        specialty=candidate.specialty or "",
        main_engine=candidate.main_engine or "",
        secondary_engine=candidate.secondary_engine or "",
    )


def _lineup(
    where: tuple[str, int], candidate: Candidate, specialties: Specialties, engines: Engines
) -> Lineup | list[_Unresolved]:
    """A variant's definitions, or each of its names that cannot be had."""
    specialty: Parsed[Specialty] | _Unresolved | None = None
    secondary: Parsed[EngineSettings] | _Unresolved | None = None
    if candidate.specialty is not None:
        specialty = _look_up((*where, "specialty"), "unknown-specialty", candidate.specialty, specialties)
    main = _main_engine((*where, "main_engine"), candidate.main_engine, engines)
    if candidate.secondary_engine is not None:
        secondary = _look_up((*where, "secondary_engine"), "unknown-engine", candidate.secondary_engine, engines)
    if isinstance(specialty, _Unresolved) or isinstance(main, _Unresolved) or isinstance(secondary, _Unresolved):
        return [name for name in (specialty, main, secondary) if isinstance(name, _Unresolved)]
    return Lineup(specialty=specialty, main=main, secondary=secondary)


def _main_engine(where: Path, name: str | None, engines: Engines) -> Parsed[EngineSettings] | _Unresolved:
    if name is not None:
        return _look_up(where, "unknown-engine", name, engines)
    if len(engines.names) == 1:
        return _look_up(where, "unknown-engine", next(iter(engines.names)), engines)
    if not engines.names:
        hint = "add engines/runbook.yaml to the config folder, with the line adapter: runbook"
        return _Unresolved("there is no engine", (where, "unknown-engine", "there is no engine", hint))
    message = f"the variant names no main_engine, and there are {len(engines.names)}"
    hint = f"known: {', '.join(sorted(engines.names))}"
    return _Unresolved(message, (where, "unknown-engine", message, hint))


def _look_up(where: Path, rule: RuleId, name: str, shelf: Shelf[Parsed[T]]) -> Parsed[T] | _Unresolved:
    if found := shelf.usable.get(name):
        return found
    if name in shelf.names:
        return _Unresolved(shelf.stalled_by(name))
    message, hint = shelf.unknown(name)
    return _Unresolved(message, (where, rule, message, hint))
