"""``start``: trials by hand, now, with the documented flags."""

import asyncio
import json
import posixpath
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast, get_args

from rich.table import Table

from reconciler.app.environment import load_environment
from reconciler.app.settings import Settings, find, load
from reconciler.app.wiring import Program, wired
from reconciler.cli import logs
from reconciler.cli.exits import FAILED, INFRASTRUCTURE
from reconciler.cli.progress import Progress
from reconciler.cli.running import left, print_left, run_settled
from reconciler.core.dashboard import percent
from reconciler.core.errors import Invalid, Unavailable
from reconciler.core.model import BY_HAND, Mode
from reconciler.core.planning import Plan
from reconciler.shell.machines import no_such_mode
from reconciler.shell.reading import ByHand


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the flags say."""

    scenarios: str
    source: str | None
    mode: str
    gateway: str
    iterations: int
    scenarios_path: str | None
    vm_templates_path: str | None
    main_engine: str | None
    secondary_engine: str | None
    specialty: str | None
    parallel: bool
    ram_cap_gb: int | None

    def by_hand(self, now: datetime) -> ByHand:
        """The request as demand. Raises ``Invalid`` for a flag that cannot be followed."""
        if self.gateway != "runner":
            raise Invalid(f"gateway {self.gateway} is not there yet", hint="use -g runner")
        if self.ram_cap_gb is not None and not self.parallel:
            raise Invalid("--parallel-ram-cap needs --parallel")
        variant = {
            "specialty": self.specialty,
            "main_engine": self.main_engine,
            "secondary_engine": self.secondary_engine,
        }
        benchmark = {
            "name": BY_HAND,
            "scenarios": self.scenarios,
            "variants": [{key: value for key, value in variant.items() if value is not None}],
            "iterations": self.iterations,
            "on_change": True,
            "mode": self.mode,
        }
        return ByHand(text=json.dumps(benchmark).encode(), epoch=now.strftime("%Y%m%dT%H%M%SZ"))

    def settings(self, settings: Settings) -> Settings:
        """The configuration with the flags applied: one trial at a time unless ``--parallel``. Raises ``Invalid``."""
        source = settings.source
        if self.source is not None:
            if self.source not in ("git", "fs"):
                raise Invalid(f"--source is git or fs, not {self.source}")
            source = source.model_copy(update={"kind": self.source})
        if self.scenarios_path is not None:
            source = source.model_copy(update={"scenarios": self.scenarios_path})
        if self.vm_templates_path is not None:
            _need_templates_at(posixpath.join(source.config, "templates"), self.vm_templates_path)
        limits = settings.limits
        if not self.parallel:
            limits = limits.model_copy(update={"parallel": 1})
        elif self.ram_cap_gb is not None:
            limits = limits.model_copy(update={"memory": self.ram_cap_gb * 1024})
        return settings.model_copy(update={"source": source, "limits": limits})


def _need_templates_at(place: str, wanted: str) -> None:
    """Raises ``Invalid`` where templates are wanted from elsewhere: their digests are those of the configured folder."""
    if posixpath.normpath(wanted) != posixpath.normpath(place):
        message = f"--vm-templates-path {wanted} is not there yet: templates are read from {place} of the definitions"
        raise Invalid(message, hint="move them there, or let source.config name the folder that templates is in")


def start(
    config: Path | None,
    request: Request,
    *,
    env_file: Path | None,
    check: bool,
    fail_on_error: bool,
    as_json: bool,
    verbose: int,
    log_file: Path | None,
) -> int:
    """Run the request; 1 when a scenario failed and that was asked for, 3 when a trial gave no result."""
    progress = Progress(as_json=as_json, verbose=verbose)
    logs.configure(verbose=verbose, quiet=progress.live and sys.stderr.isatty(), log_file=log_file)
    if env_file is not None:
        load_environment(env_file)
    settings = request.settings(load(find(config)))
    if env_file is not None:
        settings = settings.hiding(env_file)
    by_hand = request.by_hand(datetime.now(UTC))
    plan = asyncio.run(_run(settings, by_hand, request.mode, progress, check=check))
    reasons = left(plan, progress)
    if as_json:
        print(json.dumps({"records": [r.document() for r in progress.tally.records], "left": reasons}))
    elif progress.tally.records:
        progress.console.print(_summary(progress))
    print_left(plan, progress)
    if check and not reasons:
        progress.console.print(f"{len(plan.due)} {'trial' if len(plan.due) == 1 else 'trials'} can run here.")
    if reasons:
        return INFRASTRUCTURE
    return FAILED if fail_on_error and progress.tally.failed else 0


async def _run(settings: Settings, by_hand: ByHand, mode: str, progress: Progress, *, check: bool) -> Plan:
    async with wired(settings, listener=progress, by_hand=by_hand) as program:
        if mode in get_args(Mode) and mode not in program.platforms:
            raise Unavailable(no_such_mode(cast("Mode", mode), program.platforms))
        if check:
            return await _checked(program)
        with program.state.lock(), progress.shown():
            return await run_settled(program, progress)


async def _checked(program: Program) -> Plan:
    """Pre-flight: fetch, look, decide, and start nothing."""
    await program.observer.fetch()
    program.observer.need_revision()
    await program.results.refresh()
    return program.reconciler.decide(await program.observer.look())


def _summary(progress: Progress) -> Table:
    table = Table("scenario", "variant", "passed", "fixed", "compliance", "seconds", "tokens", box=None)
    for record in progress.tally.records:
        usage = record.usage
        known = usage.input_tokens is not None or usage.output_tokens is not None
        tokens = str((usage.input_tokens or 0) + (usage.output_tokens or 0)) if known else "–"
        table.add_row(
            f"{record.scenario.key} #{record.iteration}",
            record.variant.label,
            "yes" if record.passed else "no",
            "yes" if record.resolution.gate else "no",
            percent(record.compliance.score),
            f"{sum(record.phases.values()):.1f}",
            tokens,
        )
    return table
