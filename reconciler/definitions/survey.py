"""Everything at once: what the files of a revision say about each other, what follows, and what is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.model import Mode
from reconciler.definitions.ansible.dependencies import link_finding
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.holes import Problem
from reconciler.definitions.files.parse import Locator
from reconciler.definitions.fitting import Misfit, dangling, misfits, own_misfits
from reconciler.definitions.library import Library
from reconciler.definitions.records import ScenarioRecord
from reconciler.definitions.references import reference_problems
from reconciler.definitions.selection import Index
from reconciler.definitions.shelf import Shelf
from reconciler.definitions.templates import Templates
from reconciler.definitions.values import Blocked
from reconciler.definitions.wants import Resolution, Terms, broken, resolve

Scenarios = Shelf[ScenarioRecord]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the definitions come to together."""

    resolutions: tuple[Resolution, ...] = ()
    misfits: Mapping[tuple[str, Mode], Misfit] = field(default_factory=dict)
    """(scenario key, mode) for what cannot run in a mode that a benchmark wants."""
    own_misfits: Mapping[str, Misfit] = field(default_factory=dict)
    """Scenario keys whose own specialties a benchmark wants, and cannot have."""
    blocked: tuple[Blocked, ...] = ()
    """Benchmarks that cannot be read."""
    findings: tuple[Finding, ...] = ()


class Surveyor:
    """Makes a survey. What has not changed since ``before`` keeps its identity, so that what is derived can be kept too."""

    def __init__(self, library: Library, scenarios: Scenarios, templates: Templates, locator: Locator) -> None:
        """Everything of one revision."""
        self._library, self._scenarios, self._templates = library, scenarios, templates
        self._locator = locator
        self._problems: dict[str, list[Problem]] = {}

    def survey(self, index: Index, before: Survey) -> Survey:
        """``before`` is the survey of the revision before."""
        old = {r.path: r.terms for r in before.resolutions}
        resolutions = tuple(self._resolve(index, old))
        fits, own = self._misfits(resolutions)
        self._draft_benchmarks(index)
        blocked = tuple(
            broken(b, e) for files in self._library.benchmarks.claims.values() for b in files if (e := self._stall(b))
        )
        findings = {*self._templates.findings, *self._findings()}
        return Survey(
            resolutions=resolutions,
            misfits=fits,
            own_misfits=own,
            blocked=blocked,
            findings=tuple(sorted(_without_echoes(findings))),
        )

    def _stall(self, benchmark: Any) -> Finding | None:
        """What stalls a whole benchmark."""
        if benchmark.claim in self._library.benchmarks.usable:
            return None
        reason = self._library.benchmarks.stalled_by(benchmark.claim)
        error: Finding | None = benchmark.error
        return error or Finding(path=benchmark.path, rule="duplicate-name", message=reason)

    def _resolve(self, index: Index, old: Mapping[str, Terms]) -> Iterator[Resolution]:
        library = self._library
        for parsed in library.benchmarks.usable.values():
            assert parsed.value is not None
            found = resolve(parsed.path, parsed.value, index, library.specialties, library.engines)
            self._note(parsed.path, found.problems)
            kept = old.get(parsed.path)
            yield found.with_terms(kept) if kept is not None and kept.same_as(found.terms) else found

    def _draft_benchmarks(self, index: Index) -> None:
        """What benchmarks that cannot be used would come to: they are looked at, and want nothing."""
        library = self._library
        for file in library.benchmarks.files.values():
            if file.drawn is not None and library.benchmarks.usable.get(file.claim) is not file:
                found = resolve(file.path, file.drawn, index, library.specialties, library.engines)
                self._note(file.path, file.holes.told(found.problems))

    def _misfits(self, resolutions: Iterable[Resolution]) -> tuple[dict[tuple[str, Mode], Misfit], dict[str, Misfit]]:
        fits, owns = dict[tuple[str, Mode], Misfit | None](), dict[str, Misfit | None]()
        for resolution in resolutions:
            mode, own = resolution.terms.benchmark.mode, any(n.specialty is None for n in resolution.terms.lineups)
            for key in resolution.keys:
                if (key, mode) not in fits:
                    fits[key, mode] = self._first(key, lambda r: misfits(r, mode, self._templates))  # noqa: B023 - called at once
                if own and key not in owns:
                    owns[key] = self._first(key, lambda r: own_misfits(r, self._library.specialties))
        return {k: m for k, m in fits.items() if m}, {k: m for k, m in owns.items() if m}

    def _first(self, key: str, look: Callable[[ScenarioRecord], Iterator[Misfit]]) -> Misfit | None:
        """The first misfit of the scenario that can be used under a key; each one of every scenario under it is noted."""
        found: Misfit | None = None
        usable = self._scenarios.usable.get(key)
        for record in self._scenarios.claims[key]:
            for misfit in look(record):
                self._note(record.path, record.holes.told([misfit.problem] if misfit.problem else []))
                if record is usable:
                    found = found or misfit
        return found

    def _note(self, path: str, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self._problems.setdefault(path, []).append(problem)

    # ------------------------------------------------------------ findings

    def _findings(self) -> Iterator[Finding]:
        for shelf in self._library.shelves:
            for file in shelf.files.values():
                yield from file.findings
            yield from shelf.duplicates(lambda path: self._locator.spot(path, ("name",)))
        for record in self._scenarios.files.values():
            if record.findings:
                yield from record.findings
        yield from self._scenarios.duplicates(lambda path: self._locator.spot(path, ("key",)))
        for path, problems in self._problems.items():
            yield from self._locator.findings(path, problems)
        for record in self._scenarios.files.values():
            if problems := list(record.holes.told(dangling(record, self._templates, self._library.specialties))):
                yield from self._locator.findings(record.path, problems, warning=True)
        for path, problems in reference_problems(self._library):
            yield from self._locator.findings(path, problems)
        yield from (link_finding(p) for p in self._locator.tree.links)


def _without_echoes(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Without warnings that an error says as well."""
    found = set(findings)
    errors = {(f.path, f.line, f.column, f.rule) for f in found if f.severity == "error"}
    return (f for f in found if f.severity == "error" or (f.path, f.line, f.column, f.rule) not in errors)
