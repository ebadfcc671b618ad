"""Guards: what a running job may never do. The first one that is violated ends the job, and its trial fails.

``allowedAgents`` and ``allowedHosts`` are those of the documented benchmark system; ``forbiddenCommands`` is this program's.
"""

from dataclasses import dataclass
from typing import Literal

from reconciler.core.model import Job, Scenario, Task
from reconciler.core.scoring import Search

GuardName = Literal["allowedAgents", "allowedHosts", "forbiddenCommands"]

_LONGEST_LINE = 500
_LONGEST_SHOWN = 80


@dataclass(frozen=True, kw_only=True)
class Violation:
    """The guard that was violated, and what shows it."""

    guard: GuardName
    value: str
    """The agent or the host that is not allowed, or the pattern that forbids the command."""
    task: str
    text: str
    """The line of the command in which the pattern was found; else the agent or host as the engine told it."""
    message: str
    """For people, on one line."""
    line: int | None = None
    """Which of the task's lines of commands, counted from 1 as rules count them."""
    seen: str | None = None
    """Who saw the command: ``reported`` or ``observed``."""
    inconclusive: bool = False
    """The pattern ran out of time, so nobody knows that the command is harmless."""


def guarded(scenario: Scenario) -> bool:
    """Whether the scenario has any guard."""
    return bool(scenario.allowed_agents or scenario.allowed_hosts or scenario.forbidden_commands)


def violation(scenario: Scenario, job: Job, search: Search, *, since: Job | None = None) -> Violation | None:
    """The first guard that ``job`` violates, task by task.

    ``since`` is an earlier snapshot that violates none: while the job runs, only the commands that came after it are
    searched. A job that has ended is searched whole, in case its engine has put earlier commands in another order;
    a ``search`` that remembers its answers makes that cheap. A pattern that runs out of time counts as found.
    """
    before = {t.id: t for t in since.tasks} if since and job.status is None else {}
    for number, task in enumerate(job.tasks, 1):
        found = _agent(scenario, task, number) or _host(scenario, task, number)
        if found is None and scenario.forbidden_commands:
            found = _command(scenario, task, number, search, _known(task, before.get(task.id)))
        if found is not None:
            return found
    return None


def _known(task: Task, before: Task | None) -> int:
    """How many commands at the head of the task were searched before. An engine may have put new ones in between."""
    count = len(before.commands) if before else 0
    if not before or not count or len(task.commands) < count:
        return 0
    return count if task.commands[count - 1].text == before.commands[-1].text else 0


def _agent(scenario: Scenario, task: Task, number: int) -> Violation | None:
    if not scenario.allowed_agents or not task.agent:
        return None
    known = {a.agent_id or a.name for a in scenario.agents if task.agent in (a.name, a.agent_id)} or {task.agent}
    strangers = sorted(known.difference(scenario.allowed_agents))
    return _stranger("allowedAgents", "agent", strangers[0], task, task.agent, number) if strangers else None


def _host(scenario: Scenario, task: Task, number: int) -> Violation | None:
    if not scenario.allowed_hosts or not task.host:
        return None
    known = {h.host_id or h.name for h in scenario.hosts if task.host in (h.name, h.host_id)} or {task.host}
    strangers = sorted(known.difference(scenario.allowed_hosts))
    return _stranger("allowedHosts", "host", strangers[0], task, task.host, number) if strangers else None


def _stranger(guard: GuardName, kind: str, value: str, task: Task, told: str, number: int) -> Violation:
    message = f"{kind} `{_shown(value)}` is not allowed (task {number})"
    return Violation(guard=guard, value=value, task=task.id, text=told, message=message)


def _command(scenario: Scenario, task: Task, number: int, search: Search, known: int) -> Violation | None:
    """The first forbidden one after ``known``. Each is searched by itself, so that ``^`` is its beginning."""
    for index in range(known, len(task.commands)):
        for pattern in scenario.forbidden_commands:
            try:
                found = search(pattern, task.commands[index].text)
            except TimeoutError:
                return _forbidden(task, number, index, pattern, None)
            if found is not None:
                return _forbidden(task, number, index, pattern, found[0])
    return None


def _forbidden(task: Task, number: int, index: int, pattern: str, at: int | None) -> Violation:
    """A command in which ``pattern`` was found at ``at``, or (None) ran out of time."""
    command = task.commands[index]
    within = command.text.count("\n", 0, at or 0)
    line = 1 + within + sum(c.text.count("\n") + 1 for c in task.commands[:index])
    text = command.text.split("\n")[within]
    place = f"`{_shown(text)}` (task {number}, line {line})"
    late = f"forbidden pattern `{_shown(pattern)}` ran out of time on {place}"
    return Violation(
        guard="forbiddenCommands",
        value=pattern,
        task=task.id,
        text=text[:_LONGEST_LINE],
        message=late if at is None else f"forbidden command {place}",
        line=line,
        seen=command.seen,
        inconclusive=at is None,
    )


def _shown(text: str) -> str:
    """For commit subjects and terminals: short, and nothing in it that moves a cursor."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain if len(plain) <= _LONGEST_SHOWN else plain[: _LONGEST_SHOWN - 1] + "…"
