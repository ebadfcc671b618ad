"""Observe: what is wanted, what is recorded, what goes on. One look is one consistent ``World`` for the planner.

A look reads in the reverse order of a trial's writing (sandboxes, leases, records): then a sandbox without a lease is
truly an orphan, and a trial without a lease is either recorded or was never begun. Looking costs what changed.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.errors import Unavailable
from reconciler.core.model import COMPONENTS, Mode, Template
from reconciler.core.planning import Attempt, Blocked, Outstanding, Wanted, outstanding
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.values import Demand, Demands
from reconciler.ports import (
    Clock,
    Commit,
    Cron,
    Journal,
    Lease,
    Notes,
    Platform,
    Results,
    ResultsStore,
    SandboxInfo,
    Source,
    Timetable,
)
from reconciler.shell.blame import Blame
from reconciler.shell.epochs import Epochs
from reconciler.shell.machines import no_such_mode
from reconciler.shell.past import Past
from reconciler.shell.reading import Definitions


@dataclass(frozen=True, kw_only=True)
class World:
    """What one look saw."""

    revision: str | None
    catalogue: Catalogue | None
    demands: Demands
    todo: Outstanding
    results: Results
    sandboxes: Sequence[SandboxInfo]
    leases: Mapping[str, Lease]
    """By trial."""
    attempts: Mapping[str, Attempt]
    unavailable: Mapping[Mode, str]
    schedules: Mapping[str, Cron]
    warnings: Sequence[str] = ()

    @property
    def findings(self) -> Sequence[Finding]:
        """Problems in the definitions."""
        return self.catalogue.findings if self.catalogue else ()

    @property
    def blocked(self) -> Sequence[Blocked]:
        """Demand that a finding stalls, in the planner's words."""
        return [Blocked(scenario=b.scenario, variant=b.variant, reason=b.reason) for b in self.demands.blocked]


@dataclass(kw_only=True)
class Observer:
    """Looks at the world through the ports, and remembers what cannot have changed."""

    source: Source
    results: ResultsStore
    platforms: Mapping[Mode, Platform]
    journal: Journal
    clock: Clock
    timetable: Timetable
    past: Past
    notes: Notes
    definitions: Definitions
    place: str = ""
    """Names where the definitions come from: what was read last is remembered for this place alone."""
    revision: str | None = None
    source_problem: str | None = None
    _scheduled: tuple[Demands, Mapping[str, Cron]] | None = None
    _memo: tuple[tuple[object, ...], Outstanding] | None = None
    _images: dict[tuple[Mode, str], str] | None = None
    _blame: Blame = field(init=False)
    _epochs: Epochs = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is asked of the source yet."""
        self._blame = Blame(source=self.source)
        self._epochs = Epochs(source=self.source, timetable=self.timetable, clock=self.clock)

    async def fetch(self) -> bool:
        """Bring the newest revision here; True when it is another one than before."""
        before = (self.revision, self.source_problem)
        try:
            self.revision, self.source_problem = await self.source.fetch(), None
        except Unavailable as error:
            self.source_problem = str(error)
        else:
            if before[0] != self.revision:
                self.notes.put("read", {"place": self.place, "revision": self.revision})
        return before != (self.revision, self.source_problem)

    async def recall(self) -> None:
        """Where the definitions cannot be read, take up the revision that was read last, if it is still here."""
        note = self.notes.get("read") or {}
        if self.revision is None and note.get("place") == self.place:
            known = str(note.get("revision"))
            with contextlib.suppress(Unavailable):
                await asyncio.to_thread(self.source.tree, known)
                self.revision = known

    def need_revision(self) -> str:
        """The revision. Raises ``Unavailable``, with the reason, where the definitions could not be read at all."""
        if self.revision is None:
            raise Unavailable(self.source_problem or "the definitions were not read yet")
        return self.revision

    async def catalogue(self) -> Catalogue:
        """The newest definitions, and nothing else of the world. Raises ``Unavailable``."""
        await self.fetch()
        return await asyncio.to_thread(self.definitions.at, self.need_revision())

    async def look(self) -> World:
        """Look at everything once, at one revision: a fetch may end in the middle of it."""
        revision = self.revision
        sandboxes, unavailable = await self.sandboxes()
        leases = {lease.trial: lease for lease in await self.journal.leases()}
        results = await self.results.view()
        catalogue = await asyncio.to_thread(self.definitions.at, revision) if revision else None
        demands = await self._demands(catalogue, unavailable)
        schedules = self._schedules(demands)
        epochs = await asyncio.to_thread(self._epochs.newest, schedules, catalogue, revision)
        return World(
            revision=revision,
            catalogue=catalogue,
            demands=demands,
            todo=await asyncio.to_thread(self._outstanding, demands, epochs, results),
            results=results,
            sandboxes=sandboxes,
            leases=leases,
            attempts=await self._attempts(),
            unavailable=unavailable | self._unknown(results),
            schedules=schedules,
            warnings=[*([self.source_problem] if self.source_problem else []), *_lacking(catalogue), *results.warnings],
        )

    def _unknown(self, results: Results) -> dict[Mode, str]:
        """No mode does trials that may be recorded already; those by hand are new ones, whatever is recorded."""
        return (
            dict.fromkeys(self.platforms, results.unknown) if results.unknown and not self.definitions.by_hand else {}
        )

    async def sandboxes(self) -> tuple[Sequence[SandboxInfo], dict[Mode, str]]:
        """The sandboxes of every mode that answers, and why others do not."""
        found: list[SandboxInfo] = []
        unavailable: dict[Mode, str] = {}
        for mode, platform in self.platforms.items():
            try:
                found += await platform.list()
            except Unavailable as error:
                unavailable[mode] = str(error)
        return found, unavailable

    async def _demands(self, catalogue: Catalogue | None, unavailable: dict[Mode, str]) -> Demands:
        """Demand under the images that the platforms have now, or had when they last answered."""
        if catalogue is None:
            return Demands()
        images = dict(self._remembered_images())
        modes = {b.mode for b in catalogue.benchmarks.values()}
        for mode in modes:
            platform = self.platforms.get(mode)
            if platform is None:
                unavailable[mode] = no_such_mode(mode, self.platforms)
            elif mode not in unavailable:
                try:
                    found = await platform.images([t.for_mode(mode) for t in catalogue.templates.values()])
                    images |= {(mode, name): image for name, image in found.items()}
                except Unavailable as error:
                    unavailable[mode] = str(error)
        self._remember_images(images)
        return await asyncio.to_thread(catalogue.demands, images)

    def _remembered_images(self) -> dict[tuple[Mode, str], str]:
        if self._images is None:
            note = self.notes.get("images") or {}
            self._images = {
                (mode, name): str(image) for key, image in note.items() for mode, name in [_mode_and_name(key)] if name
            }
        return self._images

    def _remember_images(self, images: dict[tuple[Mode, str], str]) -> None:
        if images != self._images:
            self._images = images
            self.notes.put("images", {f"{mode}/{name}": image for (mode, name), image in images.items()})

    def _schedules(self, demands: Demands) -> Mapping[str, Cron]:
        """The schedule of each benchmark that has one; the same demands are not gone through again."""
        if self._scheduled is None or self._scheduled[0] is not demands:
            benchmarks = (d.benchmark for d in demands.demands)
            self._scheduled = demands, {b.name: b.schedule for b in benchmarks if b.schedule is not None}
        return self._scheduled[1]

    def _outstanding(self, demands: Demands, epochs: Mapping[str, str], results: Results) -> Outstanding:
        """Wanted minus recorded; the same objects in give the same object out."""
        key = (demands, results.tip, epochs, len(self.past.unusable))
        if self._memo is None or not _same(self._memo[0], key):
            todo = outstanding(_each_once(self._wanted(demands, epochs)), results.trials)
            self._memo = (key, self.past.offered(results, todo))
        return self._memo[1]

    def _wanted(self, demands: Demands, epochs: Mapping[str, str]) -> Iterator[Wanted]:
        """Demand as batches: on change, and for the newest fire time of its schedule."""
        by_hand = self.definitions.by_hand
        for demand in demands.demands:
            if demand.benchmark.on_change:
                yield _want(demand, by_hand.epoch if by_hand else "")
            if demand.benchmark.schedule is not None and (epoch := epochs[demand.benchmark.name]):
                yield _want(demand, epoch)

    async def _attempts(self) -> dict[str, Attempt]:
        return {
            trial: Attempt(count=a.count, at=a.at, message=a.message, final=a.cause == "invalid")
            for trial, a in (await self.journal.attempts()).items()
        }

    def template_sources(self, template: Template) -> tuple[str, Sequence[str]]:
        """A revision that has this very template, and the paths of it that the template's playbooks need. Raises ``Unavailable``."""
        if (read := self.definitions.read) is None:
            raise Unavailable("no revision of the definitions is known yet")
        known = read.catalogue.templates.get(template.name)
        if known is None or template.content not in known.digests.values():
            raise Unavailable(f"template {template.name} was changed since this trial began")
        return read.revision, read.catalogue.template_paths(template.name)

    def commit_of_change(self, world: World, demand: Demand, component: str, part: str) -> Commit | None:
        """The commit that last touched what a part is made of; None where no file is behind it."""
        if world.catalogue is None or world.revision is None or component not in COMPONENTS:
            return None
        paths = world.catalogue.paths_of(demand.batch, component, part)
        return self._blame.commit(world.revision, paths) if paths else None


def _lacking(catalogue: Catalogue | None) -> Iterator[str]:
    if catalogue is not None and catalogue.lacks:
        yield f"{catalogue.lacks}, so nothing is wanted: are source.scenarios and source.config right?"


def _want(demand: Demand, epoch: str) -> Wanted:
    return Wanted(
        batch=demand.batch,
        iterations=demand.benchmark.iterations,
        memory_mib=demand.memory_mib,
        epoch=epoch,
        benchmark=demand.benchmark.name,
    )


def _each_once(wanted: Iterable[Wanted]) -> Collection[Wanted]:
    """Of those who want the same batch in the same epoch, the one who wants most: its trials are the others' too."""
    most: dict[tuple[str, str], Wanted] = {}
    for one in wanted:
        known = most.setdefault((one.batch.id, one.epoch), one)
        if known.iterations < one.iterations:
            most[one.batch.id, one.epoch] = one
    return most.values()


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]


def _mode_and_name(key: str) -> tuple[Mode, str]:
    mode, _, name = key.partition("/")
    return mode, name  # type: ignore[return-value]  # an unknown mode is looked up by nobody
