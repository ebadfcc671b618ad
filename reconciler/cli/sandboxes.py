"""``sandbox list`` and ``sandbox purge-vms``."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from reconciler.app.settings import find, load
from reconciler.app.wiring import Program, wired
from reconciler.cli.exits import INFRASTRUCTURE, complain
from reconciler.cli.progress import wide_console
from reconciler.core.errors import Invalid, Unavailable
from reconciler.core.model import Mode
from reconciler.ports import SandboxInfo


def show(config: Path | None, *, as_json: bool) -> int:
    """Every sandbox that a reconciler made; nobody works on the trial of an orphan of this installation. 3 where one cannot look."""
    documents, unseen = asyncio.run(_listed(config))
    if as_json:
        print(json.dumps({"sandboxes": documents}))
    elif documents or not unseen:
        _print(documents)
    return _seen(unseen)


def _seen(unseen: Mapping[Mode, str]) -> int:
    """Say why some modes could not be looked at, if any; the exit code."""
    for reason in unseen.values():
        complain(reason, INFRASTRUCTURE)
    return INFRASTRUCTURE if unseen else 0


def _print(documents: Sequence[dict[str, Any]]) -> None:
    table = Table("name", "mode", "trial", "template", "created", "orphan", box=None)
    for d in documents:
        table.add_row(
            d["name"], d["mode"], d["trial"], d["template"], d["created_at"] or "", "yes" if d["orphan"] else ""
        )
    wide_console().print(table if documents else "No sandbox exists.")


async def _listed(config: Path | None) -> tuple[list[dict[str, Any]], Mapping[Mode, str]]:
    async with wired(load(find(config))) as program:
        found, silent = await _every(program)  # sandboxes before leases, as everywhere
        orphans = {sandbox.name for sandbox in _orphans(program, found)}
        return [_document(s, orphan=s.name in orphans) for s in found], await _missed(program, silent)


def _orphans(program: Program, found: Sequence[SandboxInfo]) -> list[SandboxInfo]:
    return program.reconciler.reaper.orphans(found, _running(program))


def _document(sandbox: SandboxInfo, *, orphan: bool) -> dict[str, Any]:
    return {
        "name": sandbox.name,
        "mode": sandbox.mode,
        "trial": sandbox.trial,
        "template": sandbox.template,
        "created_at": sandbox.created_at.isoformat(timespec="seconds") if sandbox.created_at else None,
        "orphan": orphan,
    }


async def _every(program: Program) -> tuple[Sequence[SandboxInfo], Mapping[Mode, str]]:
    """The sandboxes of every mode that answers, and why others do not."""
    found: list[SandboxInfo] = []
    silent: dict[Mode, str] = {}
    for mode, platform in program.platforms.items():
        try:
            found += await platform.list()
        except Unavailable as error:
            silent[mode] = str(error)
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
