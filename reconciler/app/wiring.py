"""Wires a program from settings. Everything concrete is named here."""

import asyncio
import contextlib
import gc
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from reconciler import __version__
from reconciler.adapters.ansible.provisioner import AnsibleProvisioner
from reconciler.adapters.clock import WallClock
from reconciler.adapters.git.command import redact_url
from reconciler.adapters.git.directory import DirectorySource
from reconciler.adapters.git.results import GitResults
from reconciler.adapters.git.source import GitSource
from reconciler.adapters.git.watch import DirectoryWatch, RefWatch
from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.adapters.incus.templates import Provision
from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.adapters.patterns.advice import pattern_doubts
from reconciler.adapters.patterns.search import EcmaPatterns, pattern_error
from reconciler.adapters.runbook.engine import RunbookEngine
from reconciler.adapters.runbook.sections import runbook_problems
from reconciler.adapters.state import StateDirectory
from reconciler.adapters.systemd import notify, watchdog_seconds
from reconciler.adapters.timetable import ApschedulerTimetable, cron_error
from reconciler.app.edition import edition
from reconciler.app.settings import Settings
from reconciler.core.digests import digest
from reconciler.core.errors import Invalid
from reconciler.core.model import EngineSettings, Mode
from reconciler.core.planning import Limits
from reconciler.definitions.values import Context
from reconciler.ports import Clock, Engine, Journal, Patterns, Platform, ResultsStore, Source, Watch
from reconciler.shell.checking import Checker
from reconciler.shell.daemon import Policy, Reconciler
from reconciler.shell.dispatch import Dispatcher
from reconciler.shell.events import Listener
from reconciler.shell.grading import Grader
from reconciler.shell.leasing import Leases
from reconciler.shell.machines import Machines
from reconciler.shell.observe import Observer
from reconciler.shell.past import Past
from reconciler.shell.preparing import Preparer
from reconciler.shell.proven import Proven
from reconciler.shell.proving import Prover
from reconciler.shell.reading import ByHand, Definitions
from reconciler.shell.recording import Recorder
from reconciler.shell.regrading import Regrader
from reconciler.shell.reporting import Reporter, Rows
from reconciler.shell.templating import TemplateMaker
from reconciler.shell.trial import TrialRunner

if TYPE_CHECKING:
    from reconciler.adapters.postgres.journal import PostgresJournal

ADAPTERS: Mapping[str, str] = {"runbook": f"runbook/{__version__}"}
"""Engine adapters and their versions; a version is part of the agent digest."""


def lint_context() -> Context:
    """What the definitions need to be judged."""
    return Context(
        compiles=pattern_error,
        pattern_doubts=pattern_doubts,
        cron_error=cron_error,
        adapters=ADAPTERS,
        prompt_problems=lambda prompt: runbook_problems(prompt, pattern_error),
    )


@dataclass(kw_only=True)
class Program:
    """The wired parts that the command line uses."""

    settings: Settings
    state: StateDirectory
    observer: Observer
    preparer: Preparer
    rows: Rows
    reconciler: Reconciler
    watch: Watch
    platforms: Mapping[Mode, Platform]
    results: GitResults
    prover: Prover


@dataclass(frozen=True, kw_only=True)
class _Adapters:
    """Everything concrete, made from settings."""

    state: StateDirectory
    clock: Clock
    source: Source
    watch: Watch
    results: GitResults
    provisioner: AnsibleProvisioner
    maker: TemplateMaker
    platforms: Mapping[Mode, Platform]
    patterns: EcmaPatterns
    journal: "MemoryJournal | PostgresJournal"
    timetable: ApschedulerTimetable
    instance: str

    async def close(self) -> None:
        """Let go of connections, threads and helper processes; sandboxes stay."""
        self.watch.close()
        self.timetable.close()
        self.patterns.close()
        for platform in self.platforms.values():
            await platform.close()
        await self.journal.close()


def collect_seldom() -> None:
    """Look for garbage once in 50,000 new objects instead of 700: large definitions are many values and no cycles."""
    gc.set_threshold(50_000, 20, 20)


@contextlib.asynccontextmanager
async def wired(
    settings: Settings, *, listener: Listener | None = None, by_hand: ByHand | None = None, checks: bool = False
) -> AsyncIterator[Program]:
    """A program over ``settings``; on leaving, connections and helpers are closed.

    Trials by hand, and ``checks``, get a state directory and sandboxes of their own: a daemon may work beside them.
    """
    adapters = _adapters(settings, "by-hand" if by_hand else "check" if checks else "")
    collect_seldom()
    program = _program(settings, adapters, listener or (lambda _: None), by_hand)
    try:
        yield program
        await asyncio.to_thread(program.observer.definitions.keep)
    finally:
        await adapters.close()


def _apart(settings: Settings, purpose: str) -> tuple[Path, str]:
    """The state directory of what works beside the daemon, and the name that its sandboxes bear."""
    return settings.state_path / purpose, digest([settings.instance, purpose])


def _beside(settings: Settings) -> Mapping[str, bool]:
    """The instances beside the daemon's own, and whether somebody works for them."""
    apart = [_apart(settings, purpose) for purpose in ("by-hand", "check")]
    return {name: path.is_dir() and StateDirectory(path).locked() for path, name in apart}


def _adapters(settings: Settings, purpose: str) -> _Adapters:
    path, instance = _apart(settings, purpose) if purpose else (settings.state_path, settings.instance)
    state, by_hand = StateDirectory(path), purpose == "by-hand"
    clock, provisioner = WallClock(), AnsibleProvisioner()
    source, watch = _source(settings, state.path)
    maker = TemplateMaker(provisioner=provisioner)
    return _Adapters(
        state=state,
        clock=clock,
        source=source,
        watch=watch,
        results=results_store(settings, state.path if by_hand else settings.state_path, clock),
        provisioner=provisioner,
        maker=maker,
        platforms=_platforms(settings, instance, maker),
        patterns=EcmaPatterns(),
        journal=_journal(settings, clock, by_hand=by_hand),
        timetable=ApschedulerTimetable(clock=clock),
        instance=instance,
    )


def state_by_hand(settings: Settings) -> Path:
    """The state directory of trials by hand."""
    return settings.state_path / "by-hand"


def results_store(settings: Settings, state: Path, clock: Clock) -> GitResults:
    """The results branch, as a state directory knows it."""
    return GitResults(
        repository=_results_repository(settings),
        branch=settings.results.branch,
        author_name=settings.results.author.name,
        author_email=settings.results.author.email,
        state=state,
        clock=clock,
    )


def _program(settings: Settings, adapters: _Adapters, listener: Listener, by_hand: ByHand | None) -> Program:
    recorder, past = Recorder(results=adapters.results), Past(results=adapters.results)
    observer = _observer(settings, adapters, past, by_hand)
    adapters.maker.observer = observer
    rows = Rows(past=past, proven=Proven(source=adapters.source, results=adapters.results))
    repository, ref = redact_url(settings.source.repository), settings.source.branch
    preparer = Preparer(observer=observer, past=past, repository=repository, ref=ref)
    dispatcher = _dispatcher(settings, adapters, recorder, past, listener)
    reconciler = Reconciler(
        observer=observer,
        preparer=preparer,
        dispatcher=dispatcher,
        reporter=Reporter(rows=rows, recorder=recorder, results=adapters.results, notes=adapters.state),
        results=adapters.results,
        platforms=adapters.platforms,
        instance=adapters.instance,
        beside=partial(_beside, settings),
        patterns=adapters.patterns,
        policy=_policy(settings),
        notify=notify,
        listener=listener,
    )
    dispatcher.woken = reconciler.wake
    adapters.timetable.ring = reconciler.ring
    return Program(
        settings=settings,
        state=adapters.state,
        observer=observer,
        preparer=preparer,
        rows=rows,
        reconciler=reconciler,
        watch=adapters.watch,
        platforms=adapters.platforms,
        results=adapters.results,
        prover=Prover(
            observer=observer,
            checker=_checker(settings, adapters),
            results=adapters.results,
            repository=repository,
            ref=ref,
        ),
    )


def _machines(settings: Settings, adapters: _Adapters) -> Machines:
    return Machines(
        platforms=adapters.platforms,
        provisioner=adapters.provisioner,
        instance=adapters.instance,
        seconds=settings.limits.trial,
    )


def _checker(settings: Settings, adapters: _Adapters) -> Checker:
    limits = settings.limits
    return Checker(
        machines=_machines(settings, adapters),
        results=adapters.results,
        clock=adapters.clock,
        parallel=limits.parallel,
        memory_mib=limits.memory,
        attempts=limits.attempts,
        seconds=limits.trial,
    )


def _observer(settings: Settings, adapters: _Adapters, past: Past, by_hand: ByHand | None) -> Observer:
    return Observer(
        source=adapters.source,
        results=adapters.results,
        platforms=adapters.platforms,
        journal=adapters.journal,
        clock=adapters.clock,
        timetable=adapters.timetable,
        past=past,
        notes=adapters.state,
        definitions=Definitions(
            source=adapters.source,
            notes=adapters.state,
            context=replace(lint_context(), edition=digest([edition(), settings.source.folders])),
            scenarios_folder=settings.source.scenarios,
            config_folder=settings.source.config,
            by_hand=by_hand,
        ),
    )


def _dispatcher(
    settings: Settings, adapters: _Adapters, recorder: Recorder, past: Past, listener: Listener
) -> Dispatcher:
    runner = TrialRunner(
        source=adapters.source,
        machines=_machines(settings, adapters),
        engines=_Engines(adapters.clock, adapters.patterns).get,
        patterns=adapters.patterns,
        clock=adapters.clock,
        seconds=settings.limits.trial,
    )
    grader = Grader(patterns=adapters.patterns)
    owner = f"{settings.instance}-{os.getpid()}-{secrets.token_hex(4)}"
    leases = Leases(journal=adapters.journal, owner=owner)
    shared = _Shared(
        grader=grader,
        recorder=recorder,
        results=adapters.results,
        journal=adapters.journal,
        leases=leases,
        clock=adapters.clock,
        listener=listener,
    )
    return Dispatcher(runner=runner, regrader=Regrader(past=past, **shared), **shared)


class _Shared(TypedDict):
    """What trials and regrades both need."""

    grader: Grader
    recorder: Recorder
    results: ResultsStore
    journal: Journal
    leases: Leases
    clock: Clock
    listener: Listener


def _journal(settings: Settings, clock: Clock, *, by_hand: bool) -> "MemoryJournal | PostgresJournal":
    """Trials by hand are nobody else's business."""
    if settings.journal.kind == "memory" or by_hand:
        return MemoryJournal(clock=clock)
    url = os.environ.get(settings.journal.url_from)
    if not url:
        raise Invalid(f"the journal's connection string is not in the environment: set {settings.journal.url_from}")
    from reconciler.adapters.postgres.journal import PostgresJournal  # 9 MB that few need

    return PostgresJournal(url=url)


class _Engines:
    """One engine object per adapter and settings."""

    def __init__(self, clock: Clock, patterns: Patterns) -> None:
        self._clock, self._patterns = clock, patterns
        self._made: dict[str, Engine] = {}

    def get(self, settings: EngineSettings) -> Engine:
        key = digest([settings.adapter, dict(settings.settings)])
        if key not in self._made:
            if settings.adapter != "runbook":
                raise Invalid(
                    f"engine {settings.key} wants the adapter {settings.adapter}", hint=f"known: {', '.join(ADAPTERS)}"
                )
            self._made[key] = RunbookEngine(clock=self._clock, patterns=self._patterns)
        return self._made[key]


def _source(settings: Settings, state: Path) -> tuple[Source, Watch]:
    source = settings.source
    if source.kind == "fs":
        directory = Path(source.repository)
        return (
            DirectorySource(directory=directory, folders=source.folders, state=state),
            DirectoryWatch(directory, source.folders),
        )
    return (
        GitSource(repository=source.repository, branch=source.branch, folders=source.folders, state=state),
        RefWatch(source.repository, branch=source.branch),
    )


def _results_repository(settings: Settings) -> str | None:
    """The results' repository: the source's by default; a plain directory has none, so results stay local."""
    if settings.results.repository is not None:
        return settings.results.repository
    return settings.source.repository if settings.source.kind == "git" else None


def _platforms(settings: Settings, instance: str, provision: Provision) -> Mapping[Mode, Platform]:
    incus, namespace = settings.modes.incus, settings.modes.namespace
    return {
        "incus": IncusPlatform(socket=incus.socket, project=incus.project, instance=instance, provision=provision),
        "namespace": NamespacePlatform(
            instance=instance, visible=tuple(_interpreter()), hidden=tuple(_hidden(settings, namespace.hidden))
        ),
    }


def _interpreter() -> Iterator[Path]:
    """What ansible-playbook needs inside: the virtual environment and the interpreter that it was made from."""
    for prefix in dict.fromkeys((sys.prefix, sys.base_prefix)):
        if prefix not in ("/usr", "/usr/local"):
            yield Path(prefix)


def _hidden(settings: Settings, more: list[str]) -> Iterator[Path]:
    """What no sandbox may read: our state, and the repositories (they hold the answers)."""
    yield settings.state_path
    for place in (settings.source.repository, _results_repository(settings), *more):
        if place and Path(place).is_dir():
            yield Path(place).absolute()


def _policy(settings: Settings) -> Policy:
    limits = settings.limits
    interval = watchdog_seconds()
    policy = Policy(
        limits=Limits(parallel=limits.parallel, memory_mib=limits.memory, attempts=limits.attempts),
        quiet=tuple(settings.quiet_hours),
        poll=settings.source.poll,
        debounce=settings.source.debounce,
        drain=limits.drain,
    )
    return replace(policy, heartbeat=min(policy.heartbeat, interval / 2)) if interval else policy
