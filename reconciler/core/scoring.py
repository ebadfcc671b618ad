"""Rules against evidence: rule results, the compliance score, the two gates, passed.

The scores and gates are those of the documented benchmark system: the compliance score counts every rule but the
Ansible ones, required and optional together; a scenario passes only when both gates pass. What the documents leave open
is decided in ``docs/format.md``, section 3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.model import Command, Job, PlaybookResult, Rule, Scope, Task, TicketState

Search = Callable[[str, str], tuple[int, int] | None]
"""``search(pattern, text)``: start and end of the first match. Raises ``TimeoutError`` when it cannot tell in time."""

_LONGEST_LINE = 500
_BEFORE_MATCH = 100
"""Characters of a quoted line, and those of them that come before a match far to the right."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What decided a rule: in which task, which line (from 1), what text, and who saw it.

    Where nothing matched there is no line, and ``text`` says how much was searched.
    """

    text: str
    task: str | None = None
    line: int | None = None
    seen: str | None = None


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """``passed`` is None when the rule could not be decided: its gate fails. ``applies`` False: left out of everything."""

    rule: Rule
    passed: bool | None
    evidence: Evidence
    applies: bool = True


@dataclass(frozen=True, kw_only=True)
class Score:
    """``compliance`` is a percentage from 0 to 100, None without any rule to count."""

    rules: tuple[RuleResult, ...]
    compliance: float | None
    compliance_gate: bool
    resolution_gate: bool

    @property
    def passed(self) -> bool:
        """Both gates."""
        return self.compliance_gate and self.resolution_gate


def score(
    rules: Sequence[Rule], job: Job, truth: Mapping[str, PlaybookResult], search: Search, *, guarded: bool = False
) -> Score:
    """Judge a job. ``truth`` maps each Ansible rule's playbook to how it ended; one that was not run decides nothing.

    ``guarded``: a guard was violated, so both gates fail. Only then may the job be incomplete: what is in it is proven,
    and a rule that would need all of it stays open, since an absence proves something only in a complete transcript.
    """
    results = tuple(_judge(rule, job, truth, search) for rule in rules)
    counted = [r for r in results if r.applies and r.rule.validator != "ansible"]
    truths = [r for r in results if r.applies and r.rule.validator == "ansible"]
    compliance_gate = not guarded and _gate(counted)
    return Score(
        rules=results,
        compliance=round(100 * sum(bool(r.passed) for r in counted) / len(counted), 2) if counted else None,
        compliance_gate=compliance_gate,
        resolution_gate=not guarded and _gate(truths) if truths else compliance_gate,
    )


def _gate(results: Sequence[RuleResult]) -> bool:
    return all(r.passed for r in results if r.rule.required)


def _judge(rule: Rule, job: Job, truth: Mapping[str, PlaybookResult], search: Search) -> RuleResult:
    if not _applies(rule, job):
        return RuleResult(rule=rule, passed=None, evidence=_LEFT_OUT, applies=False)
    holds, evidence = _decide(rule, job, truth, search)
    return RuleResult(rule=rule, passed=None if holds is None else holds != rule.negate, evidence=evidence)


_LEFT_OUT = Evidence(text="left out: the gateway has no ticket to look at")


def _applies(rule: Rule, job: Job) -> bool:
    """Rules about the ticket need one to look at; no playbook is run for them."""
    if rule.scope == "gateway" or rule.validator == "ticket_status":
        return job.ticket is not None and rule.validator != "ansible"
    return True


_Judged = tuple[bool | None, Evidence]


def _decide(rule: Rule, job: Job, truth: Mapping[str, PlaybookResult], search: Search) -> _Judged:
    """Whether the rule's condition holds, before ``negate``; None where that could not be found out."""
    match rule.validator:
        case "job_resolution_status":
            return _status(rule, job.status)
        case "ticket_status":
            return _status(rule, job.ticket.status if job.ticket else None)
        case "task_count":
            return _task_count(rule, len(job.tasks), final=job.complete)
        case "ansible":
            return _ground_truth(rule.playbook, truth.get(rule.playbook))
        case "pattern_match":
            return _pattern_match(rule, job, search)


def _status(rule: Rule, status: str | None) -> _Judged:
    if status is None:
        return None, Evidence(text="the job was stopped before it had a status")
    return rule.pattern.strip().casefold() == status.strip().casefold(), Evidence(text=status)


def _task_count(rule: Rule, count: int, *, final: bool) -> _Judged:
    """More tasks may follow where the count is not ``final``: then only too many, or enough without a most, is sure."""
    above = rule.minimum is None or count >= rule.minimum
    below = rule.maximum is None or count <= rule.maximum
    sure = final or not below or (above and rule.maximum is None)
    return (above and below) if sure else None, Evidence(text=_counted(count, "task"))


def _ground_truth(playbook: str, result: PlaybookResult | None) -> _Judged:
    if result is None:
        return None, Evidence(text=f"{playbook} was not run: a guard had stopped the job")
    if result.broken:
        return None, Evidence(text=f"inconclusive: {playbook} could not be carried out: {result.broken}")
    why = ": ".join(p for p in (result.failed_task, result.message) if p)
    return result.passed, Evidence(text=f"{playbook} passed" if result.passed else why or f"{playbook} failed")


# ---------------------------------------------------------------- pattern_match

_OF_TASK: Mapping[str, Callable[[Task], str]] = {
    "executed_commands": lambda t: "\n".join(c.text for c in t.commands),
    "task_summary": lambda t: t.summary,
    "task_description": lambda t: t.description,
    "task_plan": lambda t: t.plan,
    "agent_messages": lambda t: "\n".join(t.messages),
    "operational_rules": lambda t: "\n".join(t.operational_rules),
}
_OF_JOB: Mapping[str, Callable[[Job], str]] = {
    "job_resolution": lambda j: j.resolution,
    "job_plan": lambda j: j.plan,
}
_OF_TICKET: Mapping[str, Callable[[TicketState], str]] = {
    "gateway_messages": lambda t: "\n".join(t.messages),
    "gateway_summary": lambda t: t.summary,
}
TARGETS: Mapping[Scope, frozenset[str]] = {
    "gateway": frozenset(_OF_TICKET),
    "job": frozenset(_OF_JOB),
    "tasks": frozenset(_OF_TASK),
}
"""The ``where`` targets that each scope has."""


def _pattern_match(rule: Rule, job: Job, search: Search) -> _Judged:
    """Holds when one text matches: that of at least one task, of the job, or of the ticket."""
    for task, text in _texts(rule.where, job):
        try:
            found = search(rule.pattern, text)
        except TimeoutError:
            return None, Evidence(
                task=task.id if task else None, text=f"inconclusive: the pattern ran out of time in {rule.where}"
            )
        if found is not None:
            return True, _quote(rule.where, text, found[0], task)
    return (False if job.complete else None), Evidence(text=_searched(rule.where, job))


def _texts(where: str, job: Job) -> Sequence[tuple[Task | None, str]]:
    if where in _OF_TASK:
        return [(task, _OF_TASK[where](task)) for task in job.tasks]
    if where in _OF_JOB:
        return [(None, _OF_JOB[where](job))]
    return [(None, _OF_TICKET[where](job.ticket))] if job.ticket else []


def _searched(where: str, job: Job) -> str:
    """What an absence rests on."""
    if where not in _OF_TASK:
        return f"no match in {where}, {_counted(sum(len(text) for _, text in _texts(where, job)), 'character')}"
    if not job.tasks:
        return "no match: the job ended without tasks"
    commands = f", {_counted(sum(len(t.commands) for t in job.tasks), 'command')}"
    return (
        f"no match in {where} of {_counted(len(job.tasks), 'task')}{commands if where == 'executed_commands' else ''}"
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _quote(where: str, text: str, at: int, task: Task | None) -> Evidence:
    """The line that holds position ``at``; for a command, also who saw it."""
    line, begin = text.count("\n", 0, at), text.rfind("\n", 0, at) + 1
    whole = text[begin:].split("\n", 1)[0]
    start = max(0, min(at - begin - _BEFORE_MATCH, len(whole) - _LONGEST_LINE))
    seen = _command_at(task.commands, line) if task and where == "executed_commands" else None
    return Evidence(task=task.id if task else None, line=line + 1, text=whole[start : start + _LONGEST_LINE], seen=seen)


def _command_at(commands: Sequence[Command], line: int) -> str | None:
    for command in commands:
        line -= command.text.count("\n") + 1
        if line < 0:
            return command.seen
    return None
