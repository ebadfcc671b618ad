"""A scenario's machines for as long as somebody needs them, and its playbooks on them: what a trial and a proof share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import structlog

from reconciler.core.errors import Transient
from reconciler.core.model import Mode, PlaybookResult, Scenario, Template
from reconciler.core.proofs import PREPARE, RESTORE
from reconciler.definitions.ansible.inventories import INVENTORIES
from reconciler.definitions.catalogue import Catalogue
from reconciler.ports import Platform, Provisioner, Sandbox, SandboxSpec

log = structlog.get_logger()
_T = TypeVar("_T")

PLAYBOOK_SECONDS = 600.0
"""The longest that one playbook may take, within the limit of what it is part of."""
TEARDOWN_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A scenario in a mode, with what setting it up needs. ``templates`` by host name."""

    scenario: Scenario
    mode: Mode
    templates: Mapping[str, Template]
    playbooks: frozenset[str]
    """Which of ``prepare.yml`` and ``restore.yml`` the scenario's folder holds."""
    inventory: str | None


def stage_of(catalogue: Catalogue, scenario: Scenario, mode: Mode) -> Stage:
    """The stage of a scenario that can be run in ``mode``."""

    def beside(*names: str) -> list[str]:
        return [n for n in names if catalogue.entry(f"{scenario.folder}/{n}") is not None]

    inventories = beside(*INVENTORIES)
    return Stage(
        scenario=scenario,
        mode=mode,
        templates={h.name: catalogue.template(h.starts_from, mode) for h in scenario.hosts},
        playbooks=frozenset(beside(PREPARE, RESTORE)),
        inventory=f"{scenario.folder}/{inventories[0]}" if inventories else None,
    )


@dataclass(frozen=True, kw_only=True)
class Machines:
    """Sets stages up over the ports. ``seconds`` bounds each playbook; a ``folder`` is the root of a checkout."""

    platforms: Mapping[Mode, Platform]
    provisioner: Provisioner
    instance: str
    """Labels the sandboxes of this installation, so that it reaps its own alone."""
    seconds: float

    @contextlib.asynccontextmanager
    async def up(self, stage: Stage, label: str, *, network: bool = True) -> AsyncIterator[Sequence[Sandbox]]:
        """A fresh sandbox per host, labelled as the trial ``label``, destroyed whatever happens.

        On leaving, raises ``Transient`` where a sandbox does not vouch for what was seen, also instead of another failure.
        """
        platform = self.platforms[stage.mode]
        async with contextlib.AsyncExitStack() as machines:
            made = []
            for number, host in enumerate(stage.scenario.hosts, 1):
                template = stage.templates[host.name]
                spec = SandboxSpec(
                    name=sandbox_name(self.instance, label, number),
                    host=host.name,
                    template=template,
                    labels={"trial": label, "instance": self.instance, "template": template.name},
                    network=network,
                )
                made.append(await machines.enter_async_context(_machine(platform, spec)))
            async with _vouched(made):
                yield made

    async def clear(self, stage: Stage, folder: Path, sandboxes: Sequence[Sandbox]) -> None:
        """Restore silently: it clears what an earlier run may have left, if anything."""
        if RESTORE in stage.playbooks:
            with contextlib.suppress(Transient):
                await self.play(stage, folder, RESTORE, sandboxes)

    async def prepare(self, stage: Stage, folder: Path, sandboxes: Sequence[Sandbox]) -> None:
        """Set the fault, after a silent restore. Raises ``Transient`` where that fails."""
        await self.clear(stage, folder, sandboxes)
        if PREPARE in stage.playbooks:
            result = await self.play(stage, folder, PREPARE, sandboxes)
            if not result.passed:
                log.warning("playbook failed", playbook=PREPARE, output=result.output)
                raise Transient("playbook", why(result, "prepare.yml failed"))

    async def play(self, stage: Stage, folder: Path, name: str, sandboxes: Sequence[Sandbox]) -> PlaybookResult:
        """Run a playbook of the scenario's folder."""
        return await self.provisioner.play(
            PurePosixPath(stage.scenario.folder) / name,
            folder=folder,
            sandboxes=sandboxes,
            inventory=stage.inventory,
            timeout=min(PLAYBOOK_SECONDS, self.seconds),
        )


def no_such_mode(mode: Mode, platforms: Mapping[Mode, Platform]) -> str:
    """What to say where nothing here makes sandboxes of a mode."""
    return f"mode {mode} is not there yet: use {' or '.join(sorted(platforms))}"


def why(result: PlaybookResult, what: str) -> str:
    """``what: the failed task: its message``, on one line."""
    return ": ".join(" ".join(part.split()) for part in (what, result.failed_task, result.message) if part)


def sandbox_name(instance: str, trial: str, number: int) -> str:
    """``rec-<instance>-<trial>-<number>``: the content's name, so that doing it twice is visible and harmless."""
    return f"rec-{instance[:8]}-{trial}-{number}"


@contextlib.asynccontextmanager
async def _vouched(sandboxes: Sequence[Sandbox]) -> AsyncIterator[None]:
    """What is seen inside counts only where each sandbox vouches for it; a full disk looks like many other failures."""
    try:
        yield
    except Transient:
        await _vouch(sandboxes)
        raise
    await _vouch(sandboxes)


async def _vouch(sandboxes: Sequence[Sandbox]) -> None:
    for sandbox in sandboxes:
        await sandbox.vouch()


@contextlib.asynccontextmanager
async def _machine(platform: Platform, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
    """A sandbox that is destroyed whatever happens, cancellation included."""
    sandbox = await platform.create(spec)
    try:
        yield sandbox
    finally:
        try:
            await to_the_end(lambda: platform.destroy(spec.name))
        except TimeoutError as error:  # an orphan from now on: the next pass tries again
            raise Transient("sandbox", f"{spec.name} was not destroyed within {TEARDOWN_SECONDS:.0f} s") from error


async def to_the_end(work: Callable[[], Awaitable[_T]]) -> _T:
    """Do ``work`` even while being cancelled, within its own time limit."""

    async def bounded() -> _T:
        async with asyncio.timeout(TEARDOWN_SECONDS):
            return await work()

    task = asyncio.create_task(bounded())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
