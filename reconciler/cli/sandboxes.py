"""``sandbox list`` and ``sandbox purge-vms``."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from reconciler.app.settings import find, load
from reconciler.app.wiring import Program, wired
from reconciler.cli.exits import INFRASTRUCTURE, complain
from reconciler.cli.progress import wide_console
from reconciler.core.errors import Invalid
from reconciler.core.model import Mode
from reconciler.ports import SandboxInfo


@dataclass(frozen=True, kw_only=True)
class _Listed:
    sandbox: SandboxInfo
    orphan: bool
    ours: bool
    """This installation made it; of others' nobody knows here whether somebody works on their trials."""


def show(config: Path | None, *, as_json: bool) -> int:
    """Every sandbox that a reconciler made; nobody works on the trial of an orphan of this installation. 3 where one cannot look."""
    listed, unseen = asyncio.run(_listed(config))
    if as_json:
        print(json.dumps({"sandboxes": [_document(one) for one in listed]}))
    elif listed or not unseen:
        _print(listed)
    return _seen(unseen)


def _seen(unseen: Mapping[Mode, str]) -> int:
    """Say why some modes could not be looked at, if any; the exit code."""
    for reason in unseen.values():
        complain(reason, INFRASTRUCTURE)
    return INFRASTRUCTURE if unseen else 0


def _print(listed: Sequence[_Listed]) -> None:
    if not listed:
        print("No sandbox exists.")
        return
    table = Table("name", "mode", "trial", "template", "created", "made by", "orphan", box=None)
    for one in listed:
        document, maker = _document(one), "this installation" if one.ours else "another"
        table.add_row(
            *(document[name] or "" for name in ("name", "mode", "trial", "template", "created_at")),
            maker,
            "yes" if one.orphan else "",
        )
    wide_console().print(table)


async def _listed(config: Path | None) -> tuple[list[_Listed], Mapping[Mode, str]]:
    async with wired(load(find(config))) as program:
        found, silent = await _every(program)  # sandboxes before leases, as everywhere
        orphans, ours = _orphans(program, found), program.reconciler.reaper.ours(found)
        listed = [_Listed(sandbox=s, orphan=s in orphans, ours=s in ours) for s in found]
        return listed, await _missed(program, silent)


def _orphans(program: Program, found: Sequence[SandboxInfo]) -> list[SandboxInfo]:
    return program.reconciler.reaper.orphans(found, _running(program))


def _document(listed: _Listed) -> dict[str, Any]:
    sandbox = listed.sandbox
    return {
        "name": sandbox.name,
        "mode": sandbox.mode,
        "trial": sandbox.trial,
        "template": sandbox.template,
        "created_at": sandbox.created_at.isoformat(timespec="seconds") if sandbox.created_at else None,
        "orphan": listed.orphan,
    }


async def _every(program: Program) -> tuple[Sequence[SandboxInfo], Mapping[Mode, str]]:
    found, silent = await program.observer.sandboxes()
    return sorted(found, key=lambda s: s.name), silent


async def _missed(program: Program, silent: Mapping[Mode, str]) -> Mapping[Mode, str]:
    """Those of the modes that do not answer in which there may be sandboxes: a mode that no benchmark wants has none."""
    if not silent:
        return {}
    observer = program.observer
    await observer.recall()  # what is known already will do, so that no remote is waited for
    if observer.revision is None:
        await observer.fetch()
    if observer.revision is None:
        return silent
    catalogue = await asyncio.to_thread(observer.definitions.at, observer.revision)
    wanted = {benchmark.mode for benchmark in catalogue.benchmarks.values()}
    return {mode: reason for mode, reason in silent.items() if mode in wanted}


def _running(program: Program) -> set[str]:
    """The trials of a live daemon of this state directory, from its note."""
    note = program.state.get("status") if program.state.locked() else None
    running = note.get("running", []) if note else []
    return {t["trial"] for t in running} if isinstance(running, list) else set()


def purge(config: Path | None, mode: str | None) -> int:
    """Destroy the orphans of this installation; 3 where one cannot look."""
    destroyed, unseen = asyncio.run(_purged(config, mode))
    for name in destroyed:
        print(f"destroyed {name}")
    if destroyed or not unseen:
        print(f"{len(destroyed)} orphans destroyed" if destroyed else "There is no orphan.")
    return _seen(unseen)


async def _purged(config: Path | None, mode: str | None) -> tuple[list[str], Mapping[Mode, str]]:
    async with wired(load(find(config))) as program:
        if mode is not None and mode not in program.platforms:
            raise Invalid(f"there is no mode {mode} here", hint=f"known: {', '.join(program.platforms)}")
        found, silent = await _every(program)
        orphans = [s for s in _orphans(program, found) if mode in (None, s.mode)]
        for sandbox in orphans:
            await program.platforms[sandbox.mode].destroy(sandbox.name)
        missed = await _missed(program, silent) if mode is None else {m: why for m, why in silent.items() if m == mode}
        return [sandbox.name for sandbox in orphans], missed
