"""Wires a program from settings."""

import asyncio
import contextlib
import gc
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypedDict

from reconciler.adapters.git.command import redact_url
from reconciler.adapters.git.results import GitResults
from reconciler.adapters.state import StateDirectory
from reconciler.adapters.systemd import notify, watchdog_seconds
from reconciler.app.adapters import Adapters, Engines, adapters_of, beside, lint_context
from reconciler.app.edition import edition
from reconciler.app.settings import Settings
from reconciler.core.digests import digest
from reconciler.core.model import Mode
from reconciler.core.planning import Limits
from reconciler.ports import Clock, Journal, Platform, ResultsStore, Watch
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
from reconciler.shell.reaping import Reaper
from reconciler.shell.recording import Recorder
from reconciler.shell.regrading import Regrader
from reconciler.shell.reporting import Reporter, Rows
from reconciler.shell.trial import TrialRunner


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
    adapters = adapters_of(settings, "by-hand" if by_hand else "check" if checks else "")
    collect_seldom()
    program = _program(settings, adapters, listener or (lambda _: None), by_hand)
    try:
        yield program
        await asyncio.to_thread(program.observer.definitions.keep)
    finally:
        await adapters.close()


def _program(settings: Settings, adapters: Adapters, listener: Listener, by_hand: ByHand | None) -> Program:
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
        reporter=Reporter(
            rows=rows,
            recorder=recorder,
            results=adapters.results,
            notes=adapters.state,
            dashboard=by_hand is None,
        ),
        results=adapters.results,
        reaper=Reaper(platforms=adapters.platforms, instance=adapters.instance, beside=partial(beside, settings)),
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


def _machines(settings: Settings, adapters: Adapters) -> Machines:
    return Machines(
        platforms=adapters.platforms,
        provisioner=adapters.provisioner,
        instance=adapters.instance,
        seconds=settings.limits.trial,
    )


def _checker(settings: Settings, adapters: Adapters) -> Checker:
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


def _observer(settings: Settings, adapters: Adapters, past: Past, by_hand: ByHand | None) -> Observer:
    return Observer(
        source=adapters.source,
        results=adapters.results,
        platforms=adapters.platforms,
        journal=adapters.journal,
        clock=adapters.clock,
        timetable=adapters.timetable,
        past=past,
        notes=adapters.state,
        place=digest(
            [settings.source.kind, settings.source.repository, settings.source.branch, settings.source.folders]
        ),
        definitions=Definitions(
            source=adapters.source,
            notes=adapters.state,
            context=lint_context(),
            edition=lambda: digest([edition(), settings.source.folders]),
            scenarios_folder=settings.source.scenarios,
            config_folder=settings.source.config,
            by_hand=by_hand,
        ),
    )


def _dispatcher(
    settings: Settings, adapters: Adapters, recorder: Recorder, past: Past, listener: Listener
) -> Dispatcher:
    runner = TrialRunner(
        source=adapters.source,
        machines=_machines(settings, adapters),
        engines=Engines(adapters.clock, adapters.patterns).get,
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
