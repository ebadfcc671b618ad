"""``daemon`` and ``once``: the loop as a process, with its signals."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from reconciler.app.settings import Settings, find, load
from reconciler.app.wiring import Program, wired
from reconciler.cli import logs
from reconciler.cli.exits import INFRASTRUCTURE
from reconciler.cli.progress import Progress, Tally
from reconciler.core.errors import Invalid
from reconciler.core.planning import Held, Plan, Stalled
from reconciler.shell.daemon import Reconciler
from reconciler.shell.telling import summary

log = structlog.get_logger()


def daemon(config: Path | None, verbose: int) -> int:
    """Run until SIGTERM. SIGHUP reads the configuration again; a wrong one is refused and the old one goes on."""
    logs.configure(verbose=verbose)
    asyncio.run(_Service(find(config)).run())
    return 0


class _Service:
    """The daemon on one configuration after another, and what signals mean to it."""

    def __init__(self, path: Path) -> None:
        """Raises ``Invalid`` where the configuration is wrong."""
        self._path, self._settings = path, load(path)
        self._reconciler: Reconciler | None = None
        self._told = self._over = False
        """Whether the present reconciler was told to stop, and whether none comes after it."""

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        served: Settings | None = None
        while not self._over:
            settings = self._settings
            try:
                await self._serve(settings)
                served = settings
            except Invalid as error:  # it reads well, and still cannot be served: a state directory that cannot be made
                if served is None:
                    raise
                log.error("configuration refused; the old one goes on", problem=str(error))
                self._settings, served = served, None

    async def _serve(self, settings: Settings) -> None:
        """Reconcile on one configuration until told to stop."""
        async with wired(settings) as program:
            with program.state.lock():
                if self._over or settings is not self._settings:  # a signal came meanwhile
                    return
                self._reconciler, self._told = program.reconciler, False
                loop = asyncio.get_running_loop()
                program.watch.start(lambda: _from_any_thread(loop, program.reconciler.changed))
                source = program.preparer.repository
                log.info("daemon started", config=str(self._path), source=source, branch=settings.source.branch)
                await program.reconciler.run()
                self._reconciler = None
                log.info("daemon stopped")

    def _stop(self) -> None:
        """Let what runs end; called again, end it at once."""
        if self._over and self._reconciler is not None:
            self._reconciler.stop()
        self._over = True
        self._tell()

    def _reload(self) -> None:
        try:
            fresh = load(self._path)
        except Invalid as error:
            log.error("configuration refused; the old one goes on", problem=str(error))
            return
        if fresh != self._settings:
            self._settings = fresh
            self._tell()
        elif self._reconciler is not None:
            self._reconciler.changed()

    def _tell(self) -> None:
        """Tell the present reconciler to stop, once: told twice, it ends what runs."""
        if self._reconciler is not None and not self._told:
            self._told = True
            self._reconciler.stop(reload=not self._over)


def _from_any_thread(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: an event that came while stopping
        loop.call_soon_threadsafe(call)


def once(config: Path | None, *, as_json: bool, verbose: int) -> int:
    """Reconcile until settled; exit 3 when something is left that did not get a result, or whose result others cannot see."""
    progress = Progress(as_json=as_json, verbose=verbose)
    logs.configure(verbose=verbose, quiet=progress.live and sys.stderr.isatty())
    settings = load(find(config))
    plan = asyncio.run(settle(settings, progress))
    if as_json:
        print(json.dumps({"recorded": [r.trial for r in progress.tally.records], "left": left(plan, progress)}))
    else:
        progress.console.print(_closing(plan, progress))
        print_left(plan, progress)
    return INFRASTRUCTURE if left(plan, progress) else 0


def left(plan: Plan, progress: Progress) -> list[str]:
    """Why trials are left without a result, trial by trial; that somebody stopped the run, and that results are here alone."""
    items: list[Stalled | Held] = [*plan.stalled, *plan.held]
    stopped = ["interrupted: what had not begun was not run, and no sandbox is left"] if progress.tally.stopped else []
    return [*(item.reason for item in items), *stopped, *_unpushed(progress.tally)]


def _unpushed(tally: Tally) -> list[str]:
    if tally.unpushed is None:
        return []
    return [
        f"what is recorded here is not on the remote: {tally.unpushed}; once that is mended, the same command pushes it"
    ]


def print_left(plan: Plan, progress: Progress) -> None:
    """Each reason once."""
    for reason in dict.fromkeys(left(plan, progress)):
        progress.console.print(f"left: {reason}", markup=False)


async def settle(settings: Settings, progress: Progress) -> Plan:
    """``once`` over settings."""
    async with wired(settings, listener=progress) as program:
        with program.state.lock(), progress.shown():
            return await run_settled(program, progress)


async def run_settled(program: Program, progress: Progress) -> Plan:
    """Run until settled, or until SIGINT or SIGTERM; told twice, at once. Raises ``Unavailable`` where there are no definitions."""

    def stop() -> None:
        progress.stopping(program.settings.limits.drain)
        program.reconciler.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    plan = await program.reconciler.run(until_settled=True)
    if not progress.tally.stopped:
        program.observer.need_revision()
    return plan


def _closing(plan: Plan, progress: Progress) -> str:
    tally = progress.tally
    if not tally.records and left(plan, progress) == _unpushed(tally):
        return f"Nothing is due: {plan.reused} wanted trials have results already."
    return f"{len(tally.records) - tally.failed} of {len(tally.records)} trials passed; {summary(replace(plan, reused=tally.reused), ())}."
