"""The definitions of one revision: loaded whole, or made from the catalogue before and what changed; the answers are equal."""

import gc
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from reconciler.core.digests import digest
from reconciler.core.errors import Invalid
from reconciler.core.model import (
    Agent,
    Batch,
    EngineSettings,
    Host,
    Mode,
    OperationalRule,
    Scenario,
    Specialty,
    Template,
)
from reconciler.definitions.ansible.dependencies import path_of_file
from reconciler.definitions.ansible.following import Follower
from reconciler.definitions.ansible.plays import lint_plays, scenario_plays
from reconciler.definitions.demands import Assembler, Cells
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.parse import Locator
from reconciler.definitions.files.rules import Judge
from reconciler.definitions.files.scenario_file import parse_scenario
from reconciler.definitions.files.tree import Blobs, Read, Tree
from reconciler.definitions.files.values import Benchmark, Context, Parsed, T
from reconciler.definitions.fitting import misfit
from reconciler.definitions.inputs import Images, briefing, paths_of_world, seats, specialty_part
from reconciler.definitions.library import Library, stray_files
from reconciler.definitions.loading import build_records, touched_folders
from reconciler.definitions.proofs import Provable, proof_of, provable
from reconciler.definitions.records import ScenarioRecord
from reconciler.definitions.selection import Index
from reconciler.definitions.shelf import Shelf
from reconciler.definitions.snapshot import Unreadable, dump, load
from reconciler.definitions.survey import Scenarios, Survey, Surveyor
from reconciler.definitions.templates import ResolvedTemplate, Templates, resolve_templates, template_plays
from reconciler.definitions.values import Demands, Seating
from reconciler.ports import Entry

_MANY_FILES = 5_000


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where the definitions lie, and what the catalogue cannot know by itself."""

    scenarios: str
    config: str
    context: Context


@dataclass(frozen=True, kw_only=True)
class _Contents:
    """What was read of one revision."""

    tree: Tree = field(default_factory=lambda: Tree({}))
    library: Library = field(default_factory=Library)
    scenarios: Scenarios = field(default_factory=lambda: Shelf("scenario", {}))
    index: Index = field(default_factory=lambda: Index({}))
    templates: Templates = field(default_factory=lambda: Templates(shelf=Shelf("template", {})))
    survey: Survey = field(default_factory=Survey)


def _changed(before: _Contents, news: Mapping[str, Entry | None], read: Read, place: _Place) -> _Contents:
    """The contents after a change; what it does not touch is shared."""
    tree = Tree({p: e for p, e in {**before.tree.entries, **news}.items() if e is not None})
    blobs = Blobs(read)
    follower = Follower(tree, blobs)
    library = before.library.updated(place.config, news, blobs, place.context)
    templates = before.templates
    relinked = not before.tree.links.isdisjoint(news) or not tree.links.isdisjoint(news)
    if relinked or templates.touched(posixpath.join(place.config, "templates"), news):
        templates = resolve_templates(library.templates, templates, tree, blobs, follower)
    folders = touched_folders(news, place.scenarios, before.scenarios.files, tree, relinked=relinked)
    judge = Judge(place.context.compiles, place.context.pattern_doubts)
    parse = partial(parse_scenario, judge=judge, root=place.scenarios)
    records = build_records(folders, tree, blobs, follower, parse)
    scenarios = before.scenarios.updated(records)
    index = before.index if scenarios is before.scenarios else _index(scenarios)
    surveyor = Surveyor(library, scenarios, templates, Locator(tree, blobs))
    return _Contents(
        tree=tree,
        library=library,
        scenarios=scenarios,
        index=index,
        templates=templates,
        survey=surveyor.survey(index, before.survey),
    )


def _index(scenarios: Scenarios) -> Index:
    """Every scenario that can be named: of one that cannot be read only the key, of two with one key the tags of neither."""
    alone = {key: files[0].value if len(files) == 1 else None for key, files in scenarios.claims.items()}
    return Index({key: scenario.tags if scenario else () for key, scenario in alone.items()})


@contextmanager
def _long_lived(*, many: bool) -> Iterator[None]:
    """Where very many values are made that all stay, looking for garbage among them is most of the work, then and later."""
    enabled = gc.isenabled()
    if many:
        gc.disable()
    try:
        yield
    finally:
        if many:
            gc.freeze()
        if enabled:
            gc.enable()


class Catalogue:
    """The definitions of one revision. Immutable; ``updated`` shares with its predecessor whatever a change does not touch."""

    def __init__(self, place: _Place, contents: _Contents, cells: Cells) -> None:
        """Use ``load``. ``cells`` is demand that may still be good."""
        self._place, self._contents, self._cells = place, contents, cells
        self._demanded: tuple[Images, Demands] | None = None

    @classmethod
    def load(
        cls, tree: Mapping[str, Entry], read: Read, *, scenarios_folder: str, config_folder: str, context: Context
    ) -> "Catalogue":
        """Everything of a revision. ``read`` gets blob ids in a few large batches, and is not kept."""
        place = _Place(scenarios=scenarios_folder, config=config_folder, context=context)
        with _long_lived(many=len(tree) >= _MANY_FILES):
            return cls(place, _changed(_Contents(), tree, read, place), Cells())

    def updated(self, changes: Mapping[str, Entry | None], read: Read) -> "Catalogue":
        """The catalogue after ``changes`` (None: the file is gone); itself when nothing changed."""
        entries = self._contents.tree.entries
        news = {p: e for p, e in changes.items() if entries.get(p) != e}
        return Catalogue(self._place, _changed(self._contents, news, read, self._place), self._cells) if news else self

    @property
    def worth_keeping(self) -> bool:
        """Whether making it takes so long that the next process had better take it over: it is large, and has its demand."""
        return self._large and self._demanded is not None

    @property
    def _large(self) -> bool:
        return len(self._contents.tree.entries) >= _MANY_FILES

    def packed(self) -> bytes:
        """The catalogue and its demand for ``unpacked``."""
        return dump((self._place.scenarios, self._place.config, self._contents, self._cells, self._demanded))

    @classmethod
    def unpacked(cls, data: bytes, *, scenarios_folder: str, config_folder: str, context: Context) -> "Catalogue":
        """What was packed. ``context`` must be worth the same as it was then. Raises ``Unreadable``."""
        with _long_lived(many=True):
            scenarios, config, contents, cells, demanded = load(data)
        if (scenarios, config) != (scenarios_folder, config_folder):
            raise Unreadable(f"these are the definitions of {scenarios} and {config}")
        catalogue = cls(_Place(scenarios=scenarios, config=config, context=context), contents, cells)
        catalogue._demanded = demanded
        return catalogue

    # ------------------------------------------------------------ what there is

    @property
    def findings(self) -> Sequence[Finding]:
        """Every problem of every file, sorted by path and line."""
        return self._contents.survey.findings

    @property
    def lacks(self) -> str:
        """What is not there at all, right or wrong, so that nothing can ever be wanted; empty where both are."""
        if not self._contents.scenarios.files:
            return f"there is no scenario.json below {self._place.scenarios}/"
        return (
            ""
            if self._contents.library.benchmarks.files
            else f"there is no benchmark in {self._place.config}/benchmarks/"
        )

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """The scenarios that are right, by key."""
        return {key: record.scenario for key, record in self._contents.scenarios.usable.items()}

    @property
    def specialties(self) -> Mapping[str, Specialty]:
        """The specialties that are right, by upper snake case key."""
        return _values(self._contents.library.specialties)

    @property
    def operational_rules(self) -> Mapping[str, OperationalRule]:
        """The operational rules that are right, by name."""
        return _values(self._contents.library.operational_rules)

    @property
    def templates(self) -> Mapping[str, ResolvedTemplate]:
        """The templates that are right, by name, with everything inherited."""
        return self._contents.templates.resolved

    @property
    def engines(self) -> Mapping[str, EngineSettings]:
        """The engines that are right, by key."""
        return _values(self._contents.library.engines)

    @property
    def benchmarks(self) -> Mapping[str, Benchmark]:
        """The benchmarks that are right, by name."""
        return _values(self._contents.library.benchmarks)

    def template(self, name: str, mode: Mode) -> Template:
        """A template as a platform of ``mode`` gets it."""
        return self._contents.templates.resolved[name].for_mode(mode)

    def template_paths(self, name: str) -> tuple[str, ...]:
        """The files to check out to provision a template: those that its digest covers."""
        template = self._contents.templates.resolved[name]
        return tuple(path_of_file(template.folder, file) for file, _ in template.files)

    def entry(self, path: str) -> Entry | None:
        """The file at a path of the repository; None where there is none."""
        return self._contents.tree.entries.get(path)

    def benchmark_paths(self) -> Mapping[str, str]:
        """Where each right benchmark is written, by name."""
        return {name: file.path for name, file in self._contents.library.benchmarks.usable.items()}

    # ------------------------------------------------------------ what is wanted

    def demands(self, images: Images) -> Demands:
        """Every batch that the benchmarks want. ``images``: fingerprints by mode and template; "" where there is none yet."""
        if self._demanded is None or self._demanded[0] != images:
            contents, versions = self._contents, self._place.context.adapters
            assembler = Assembler(contents.library, contents.scenarios, contents.templates.resolved, versions, images)
            with _long_lived(many=self._large and not self._cells.by_key):
                demands, self._cells = assembler.assemble(contents.survey, self._cells)
            self._demanded = dict(images), demands
        return self._demanded[1]

    def seating(self, batch: Batch) -> tuple[Seating, ...]:
        """Who works on which host in a demanded batch, under which specialty, with which operational rules."""
        record, specialties = self._contents.scenarios.usable[batch.scenario], self.specialties
        override = batch.variant.specialty if batch.variant.specialty in specialties else None
        hosts = {name: h for h in record.scenario.hosts for name in (h.name, h.host_id) if name}
        library = self._contents.library
        briefed = briefing(record, tuple(library.operational_rules.usable.values()), library.hosts.usable)

        def seated(agent: Agent) -> Seating:
            host = hosts.get(agent.host, Host(name=agent.host))
            rules = tuple(r.value for r in briefed.on(host.name) if r.value is not None)
            return Seating(agent=agent, host=host, specialty=specialties[agent.specialty], rules=rules)

        return tuple(seated(a) for a in seats(record, override))

    # ------------------------------------------------------------ what proves it

    def selected(self, names: Iterable[str]) -> tuple[str, ...]:
        """The scenarios that keys and tags mean together, wrong ones included. Raises ``Invalid`` for a name that means none."""
        wanted, index = list(names), self._contents.index
        found = index.select(wanted)
        if found.unknown:
            message, hint = index.unknown(wanted[found.unknown[0]])
            raise Invalid(message, hint=hint)
        return found.keys

    def provable(self, key: str, mode: Mode, images: Images, read: Read) -> Provable:
        """What is to be proven of a scenario. Raises ``Invalid`` where it is wrong, or cannot be run in ``mode``."""
        contents = self._contents
        record = contents.scenarios.usable.get(key)
        if record is None:
            raise Invalid(contents.scenarios.stalled_by(key))
        if found := misfit(record, mode, contents.templates):
            raise Invalid(found.reason, path=record.path, hint=found.problem[-1] if found.problem else "")
        return provable(record, mode, contents.templates.resolved, images, contents.tree, Blobs(read))

    def proof_digest(self, key: str, read: Read) -> str:
        """The digest of the solution and the mutants of a scenario that is right."""
        record = self._contents.scenarios.usable[key]
        return digest(proof_of(record, self._contents.tree, Blobs(read)).parts)

    def paths_of(self, batch: Batch, component: str, part: str) -> list[str]:
        """The repository paths in which a part of a batch's inputs is written; they may be gone. Empty: in none."""
        record = self._contents.scenarios.usable.get(batch.scenario)
        if component == "agent":
            return _paths_of_agent(self._contents, part, record)
        if record is None:
            return []
        if component == "world":
            return paths_of_world(record, part, self._contents.templates.resolved)
        return [path_of_file(record.folder, part)] if component == "truth" else [record.path]

    def lint(self, read: Read) -> list[Finding]:
        """All findings, and what nothing needs to know: of files that nothing reads, and of every playbook, solutions and mutants too."""
        contents, tree = self._contents, self._contents.tree
        plays = [
            p for record in contents.scenarios.files.values() for p in scenario_plays(record.folder, record.drawn, tree)
        ]
        plays += [p for file in contents.templates.shelf.files.values() for p in template_plays(file, tree)]
        known = {f.path for f in self.findings if f.rule in ("not-yaml", "not-utf8", "too-big")}
        strays = stray_files(self._place.config, tree)
        return sorted({*self.findings, *strays, *lint_plays(plays, known, tree, Blobs(read))})


def _values(shelf: Shelf[Parsed[T]]) -> dict[str, T]:
    return {name: file.value for name, file in shelf.usable.items() if file.value is not None}


def _paths_of_agent(contents: _Contents, part: str, record: ScenarioRecord | None) -> list[str]:
    library = contents.library
    if part == "specialties":
        return [record.path] if record else []
    named = {h.name for h in record.scenario.hosts} if record else set()
    hosts = [library.hosts.usable[name].path for name in sorted(named & library.hosts.usable.keys())]
    if part == "rules by host":
        return hosts
    kind, _, name = part.removeprefix("secondary ").partition(" ")
    match kind:
        case "specialty":
            claims = library.specialties.claims.items()
            return [f.path for key, files in claims for f in files if specialty_part(key) == part]
        case "rule":  # its own file, or the host's, whose tags let it in
            return [*(f.path for f in library.operational_rules.claims.get(name, [])), *hosts]
        case _:
            return [f.path for f in library.engines.claims.get(name, [])]
