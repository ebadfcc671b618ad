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
from reconciler.cli.progress import Progress
from reconciler.core.errors import Invalid
from reconciler.core.planning import Held, Plan, Stalled
from reconciler.shell.daemon import summary
from reconciler.shell.events import Listener

log = structlog.get_logger()
INFRASTRUCTURE = 3


def daemon(config: Path | None, verbose: int) -> int:
    """Run until SIGTERM. SIGHUP reads the configuration again; a wrong one is refused and the old one goes on."""
    logs.configure(verbose=verbose)
    path = find(config)
    settings = load(path)
    while True:
        again = asyncio.run(serve(settings, path))
        if again is None:
            return 0
        settings = again


async def serve(settings: Settings, path: Path, listener: Listener | None = None) -> Settings | None:
    """The daemon on one configuration; returns the next one after SIGHUP, None after SIGTERM."""
    following: list[Settings] = []
    async with wired(settings, listener=listener) as program:
        with program.state.lock():
            reconciler, loop = program.reconciler, asyncio.get_running_loop()

            def reload() -> None:
                try:
                    fresh = load(path)
                except Invalid as error:
                    log.error("configuration refused; the old one goes on", problem=str(error))
                    return
                if fresh == settings:
                    reconciler.changed()
                else:
                    following.append(fresh)
                    reconciler.stop(reload=True)

            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, reconciler.stop)
            loop.add_signal_handler(signal.SIGHUP, reload)
            program.watch.start(lambda: _from_any_thread(loop, reconciler.changed))
            log.info(
                "daemon started", config=str(path), source=program.preparer.repository, branch=settings.source.branch
            )
            await reconciler.run()
            log.info("daemon stopped")
    return following[-1] if following else None


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
