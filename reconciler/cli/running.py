"""``daemon`` and ``once``: the loop as a process, with its signals."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable
from pathlib import Path

import structlog

from reconciler.app.settings import Settings, find, load
from reconciler.app.wiring import Program, wired
from reconciler.cli import logs
from reconciler.cli.exits import INFRASTRUCTURE
from reconciler.cli.progress import Progress
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
    """Reconcile until settled; exit 3 when something is left that did not get a result."""
    progress = Progress(verbose=verbose)
    logs.configure(verbose=verbose, quiet=progress.console.is_terminal)
    settings = load(find(config))
    plan = asyncio.run(settle(settings, progress))
    left: list[Stalled | Held] = [*plan.stalled, *plan.held]
    if as_json:
        print(json.dumps({"recorded": [r.trial for r in progress.tally.records], "left": [s.reason for s in left]}))
    else:
        progress.console.print(_closing(plan, progress))
        for reason in dict.fromkeys(item.reason for item in left):
            progress.console.print(f"  left: {reason}", markup=False)
    return INFRASTRUCTURE if left else 0


async def settle(settings: Settings, progress: Progress) -> Plan:
    """``once`` over settings."""
    async with wired(settings, listener=progress) as program:
        with program.state.lock(), progress.shown():
            return await run_settled(program)


async def run_settled(program: Program) -> Plan:
    """Run until settled, stopping early on SIGINT or SIGTERM. Raises ``Unavailable`` where there are no definitions."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, program.reconciler.stop)
    plan = await program.reconciler.run(until_settled=True)
    program.observer.need_revision()
    return plan


def _closing(plan: Plan, progress: Progress) -> str:
    tally = progress.tally
    passed = len(tally.records) - tally.failed
    if not tally.records and not plan.stalled and not plan.held:
        return f"Nothing is due: {plan.reused} wanted trials have results already."
    return f"{passed} of {len(tally.records)} trials passed; {summary(plan, 0)}."
