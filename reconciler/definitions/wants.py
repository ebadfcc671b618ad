"""A benchmark's names resolved: which scenarios, which variants, and what of it cannot be."""

from dataclasses import dataclass, replace

from reconciler.core.model import EngineSettings, Specialty, Variant
from reconciler.definitions.findings import Finding
from reconciler.definitions.lint_rules import RuleId
from reconciler.definitions.parse import Problem
from reconciler.definitions.selection import Index
from reconciler.definitions.shelf import Shelf
from reconciler.definitions.values import Benchmark, Blocked, Candidate, Parsed, T

Specialties = Shelf[Parsed[Specialty]]
Engines = Shelf[Parsed[EngineSettings]]


@dataclass(frozen=True, kw_only=True)
class Lineup:
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


class _Unresolved(Exception):
    """``problem`` is None where another file's finding says it already."""

    def __init__(self, reason: str, problem: Problem | None = None) -> None:
        super().__init__(reason)
        self.reason, self.problem = reason, problem


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
        try:
            lineups.append(_lineup(("variants", number), candidate, specialties, engines))
        except _Unresolved as error:
            problems += [error.problem] if error.problem else []
            reason = f"{path}: {error.reason}" if error.problem else error.reason
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
) -> Lineup:  # fmt: skip
    specialty = None
    if candidate.specialty is not None:
        specialty = _look_up((*where, "specialty"), "unknown-specialty", candidate.specialty, specialties)
    return Lineup(
        specialty=specialty,
        main=_main_engine((*where, "main_engine"), candidate.main_engine, engines),
        secondary=_look_up((*where, "secondary_engine"), "unknown-engine", candidate.secondary_engine, engines)
        if candidate.secondary_engine is not None
        else None,
    )


def _main_engine(where: tuple[str | int, ...], name: str | None, engines: Engines) -> Parsed[EngineSettings]:
    if name is not None:
        return _look_up(where, "unknown-engine", name, engines)
    if len(engines.names) == 1:
        return _look_up(where, "unknown-engine", next(iter(engines.names)), engines)
    if not engines.names:
        hint = "add engines/runbook.yaml to the config folder, with the line adapter: runbook"
        raise _Unresolved("there is no engine", (where, "unknown-engine", "there is no engine", hint))
    message = f"the variant names no main_engine, and there are {len(engines.names)}"
    hint = f"known: {', '.join(sorted(engines.names))}"
    raise _Unresolved(message, (where, "unknown-engine", message, hint))


def _look_up(where: tuple[str | int, ...], rule: RuleId, name: str, shelf: Shelf[Parsed[T]]) -> Parsed[T]:
    if found := shelf.usable.get(name):
        return found
    if name in shelf.names:
        raise _Unresolved(shelf.stalled_by(name))
    message, hint = shelf.unknown(name)
    raise _Unresolved(message, (where, rule, message, hint))
