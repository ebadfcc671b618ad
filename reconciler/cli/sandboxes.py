"""``sandbox list`` and ``sandbox purge-vms``."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from reconciler.app.settings import find, load
from reconciler.app.wiring import Program, wired
from reconciler.cli.progress import wide_console
from reconciler.core.errors import Invalid, Unavailable
from reconciler.ports import SandboxInfo


def show(config: Path | None, *, as_json: bool) -> int:
    """Every sandbox that a reconciler made; nobody works on the trial of an orphan of this installation."""
    documents = asyncio.run(_listed(config))
    if as_json:
        print(json.dumps({"sandboxes": documents}))
        return 0
    table = Table("name", "mode", "trial", "template", "created", "orphan", box=None)
    for d in documents:
        table.add_row(
            d["name"], d["mode"], d["trial"], d["template"], d["created_at"] or "", "yes" if d["orphan"] else ""
        )
    wide_console().print(table if documents else "No sandbox exists.")
    return 0


async def _listed(config: Path | None) -> list[dict[str, Any]]:
    async with wired(load(find(config))) as program:
        found = await _every(program)  # sandboxes before leases, as everywhere
        orphans = {sandbox.name for sandbox in _orphans(program, found)}
        return [_document(s, orphan=s.name in orphans) for s in found]


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


async def _every(program: Program) -> Sequence[SandboxInfo]:
    found: list[SandboxInfo] = []
    for platform in program.platforms.values():
        try:
            found += await platform.list()
        except Unavailable:  # a mode that is not here has no sandboxes here
            continue
    return sorted(found, key=lambda s: s.name)


def _running(program: Program) -> set[str]:
    """The trials of a live daemon of this state directory, from its note."""
    note = program.state.get("status") if program.state.locked() else None
    running = note.get("running", []) if note else []
    return {t["trial"] for t in running} if isinstance(running, list) else set()


def purge(config: Path | None, mode: str | None) -> int:
    """Destroy the orphans of this installation."""
    destroyed = asyncio.run(_purged(config, mode))
    for name in destroyed:
        print(f"destroyed {name}")
    print(f"{len(destroyed)} orphans destroyed" if destroyed else "There is no orphan.")
    return 0


async def _purged(config: Path | None, mode: str | None) -> list[str]:
    async with wired(load(find(config))) as program:
        if mode is not None and mode not in program.platforms:
            raise Invalid(f"there is no mode {mode} here", hint=f"known: {', '.join(program.platforms)}")
        orphans = [s for s in _orphans(program, await _every(program)) if mode in (None, s.mode)]
        for sandbox in orphans:
            await program.platforms[sandbox.mode].destroy(sandbox.name)
        return [sandbox.name for sandbox in orphans]
