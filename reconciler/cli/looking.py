"""One look at the configured world, for the commands that show it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.app.settings import find, load
from reconciler.app.wiring import Program, wired
from reconciler.cli.tables import in_own_time
from reconciler.core.dashboard import Row
from reconciler.core.planning import Plan, stalled_trial
from reconciler.shell.observe import World
from reconciler.shell.preparing import Choice
from reconciler.shell.reporting import status_note

_NAMED = 3
"""Of what a line is about, so many are named; the rest are counted."""


@dataclass(frozen=True, kw_only=True, repr=False)  # asyncio.run asks for the repr of what it returns: seconds, here
class Look:
    """One look from the command line, while no daemon is needed."""

    world: World
    plan: Plan
    rows: Sequence[Row]
    reasons: Mapping[str, str]
    """Trial id to why it is due."""
    choices: Sequence[Choice]
    state: Path
    """The state directory."""
    alive: bool
    note: dict[str, Any]
    last_pass: datetime | None
    """When the last daemon or ``once`` of this state directory looked at the world."""
    at: datetime
    """When this look was taken."""

    @property
    def broken(self) -> list[str]:
        """The records that cannot be read, and why."""
        return [f"{path}: {problem}" for path, problem in sorted(self.world.results.broken.items())]


async def take_look(config: Path | None, *, explain: bool = False) -> Look:
    """Look at the configured world; what is due is explained where that is asked for: it takes its time.

    Unexplained, it may be that of the revision read last: what is due now needs the newest, and how things stand does not.
    """
    async with wired(load(find(config))) as program:
        world = await observed(program, newest=explain)
        alive = program.state.locked()
        last: Mapping[str, Any] = program.state.get("status") or {}
        beside = last if alive else {}
        plan = _as_told(program.reconciler.decide(world), beside)
        while explain and await asyncio.to_thread(program.preparer.verify, world, plan.due):
            world = await program.observer.look()
            plan = _as_told(program.reconciler.decide(world), beside)
        reasons: Mapping[str, str] = {}
        choices: Sequence[Choice] = ()
        if explain:
            told = await asyncio.to_thread(program.preparer.explain, world, plan.due)
            reasons = {due.trial.id: why for due, why in zip(plan.due, told, strict=True)}
            choices = await asyncio.to_thread(program.preparer.choices, world)
        note = dict(last) if alive and last else status_note(world, plan, {})
        if not alive and (gave_up := _given_up(last, world, plan)):
            note |= {"stalled": [*note["stalled"], *gave_up], "due": note["due"] - len(gave_up)}
        return Look(
            world=world,
            plan=plan,
            rows=await asyncio.to_thread(program.rows.of, world, world.results),
            reasons=reasons,
            choices=choices,
            state=program.state.path,
            alive=alive,
            note=note,
            last_pass=datetime.fromisoformat(last["at"]) if "at" in last else None,
            at=program.observer.clock.now(),
        )


def _as_told(plan: Plan, last: Mapping[str, Any]) -> Plan:
    """The plan beside a daemon at work: what it gave up, by its note, is stalled, since attempts may be in its memory alone."""
    gave_up = {d["trial"]: d["reason"] for d in last.get("stalled", []) if d.get("trial")}
    stalled = [stalled_trial(item, gave_up[item.trial.id]) for item in plan.due if item.trial.id in gave_up]
    due = tuple(item for item in plan.due if item.trial.id not in gave_up)
    return replace(plan, due=due, stalled=(*plan.stalled, *stalled))


def _given_up(last: Mapping[str, Any], world: World, plan: Plan) -> list[dict[str, Any]]:
    """What the last run here gave up at this very revision, and has no result since."""
    if last.get("revision") != world.revision:
        return []
    due = {item.trial.id for item in plan.due}
    return [d for d in last.get("stalled", []) if d.get("trial") in due]


async def observed(program: Program, *, newest: bool) -> World:
    """The world as it is now, remotes included. Not ``newest``: where the definitions cannot be read, by those read last."""
    await program.observer.fetch()
    if not newest:
        await program.observer.recall()
    await program.results.refresh()
    return await program.observer.look()


def grouped(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Trials that differ in their iteration alone, as one line; with their mode where modes differ."""
    told = modes_told([item["mode"] for item in items if item.get("mode")])
    groups: dict[tuple[str, str, str], list[int]] = {}
    for item in items:
        variant = item["variant"]["specialty"].lower().replace("_", "-") if item["variant"] else "every variant"
        verb = "regrade " if item["action"] == "regrade" else ""
        name = f"{verb}{item['scenario'] or 'every scenario'} × {variant}"
        key = (name, told.get(item.get("mode", ""), ""), _dated(item))
        groups.setdefault(key, []).append(item["iteration"] or 0)
    return [
        ((f"{name} #{_span(ns)}" if any(ns) else name) + mode, reason) for (name, mode, reason), ns in groups.items()
    ]


def modes_told(modes: Iterable[str]) -> dict[str, str]:
    """Mode to what is said of it behind a name: nothing where there is no other."""
    different = set(modes)
    return {mode: f" in {mode}" if len(different) > 1 else "" for mode in different}


def _dated(item: dict[str, Any]) -> str:
    """The reason, with the moment of a sweep as people write it."""
    reason, epoch = str(item["reason"]), item.get("epoch")
    if not epoch:
        return reason
    return reason.replace(epoch, in_own_time(datetime.strptime(epoch, "%Y%m%dT%H%M%S%z")))


def by_reason(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What shares a reason as one line, the first few by name: one server that is away must not fill a screen."""
    names: dict[str, list[str]] = {}
    for name, reason in grouped(items):
        names.setdefault(reason, []).append(name)
    return [(few(group), reason) for reason, group in names.items()]


def few(names: Sequence[str]) -> str:
    """``a, b, c and 7 more``."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _span(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}"
