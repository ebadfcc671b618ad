"""Rules against evidence: rule results, the compliance score, the two gates, passed.

The scores and gates are those of the documented benchmark system: the compliance score counts every rule but the
Ansible ones, required and optional together; a scenario passes only when both gates pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.model import Command, Job, PlaybookResult, Rule, Task

Search = Callable[[str, str], tuple[int, int] | None]
"""``search(pattern, text)``: start and end of the first match. Raises ``TimeoutError`` when it cannot tell in time."""

_LONGEST_LINE = 500
_SYNONYMS = {"no_tasks_created": "no_action"}
"""Statuses of older versions, by their newest name."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What decided a rule: in which task, which line (from 1), what text, and who saw it."""

    text: str
    task: str | None = None
    line: int | None = None
    seen: str | None = None


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """``passed`` is None when the rule could not be decided: its gate fails. ``applies`` False: left out of everything."""

    rule: Rule
    passed: bool | None
    evidence: Evidence | None = None
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
    required_truths = [r for r in results if r.applies and r.rule.validator == "ansible" and r.rule.required]
    compliance_gate = not guarded and all(r.passed for r in counted if r.rule.required)
    resolution_gate = all(r.passed for r in required_truths) if required_truths else compliance_gate
    return Score(
        rules=results,
        compliance=round(100 * sum(bool(r.passed) for r in counted) / len(counted), 2) if counted else None,
        compliance_gate=compliance_gate,
        resolution_gate=resolution_gate and not guarded,
    )


def _judge(rule: Rule, job: Job, truth: Mapping[str, PlaybookResult], search: Search) -> RuleResult:
    if rule.scope == "gateway" or rule.validator == "ticket_status":
        return RuleResult(rule=rule, passed=None, applies=False)
    try:
        holds, evidence = _decide(rule, job, truth, search)
    except TimeoutError:
        return RuleResult(rule=rule, passed=None, evidence=Evidence(text="the pattern ran out of time"))
    return RuleResult(rule=rule, passed=None if holds is None else holds != rule.negate, evidence=evidence)


_Judged = tuple[bool | None, Evidence | None]
"""Whether the condition holds, None where that is not to be known, and what shows it."""


def _decide(rule: Rule, job: Job, truth: Mapping[str, PlaybookResult], search: Search) -> _Judged:
    match rule.validator:
        case "job_resolution_status":
            wanted = rule.pattern.strip().lower()
            if job.status is None:
                return None, None
            return job.status == _SYNONYMS.get(wanted, wanted), Evidence(text=job.status)
        case "task_count":
            return _task_count(rule, len(job.tasks), final=job.complete)
        case "ansible":
            return _ground_truth(truth.get(rule.playbook))
        case _:
            return _pattern_match(rule, job, search)


def _pattern_match(rule: Rule, job: Job, search: Search) -> _Judged:
    """Holds when at least one task (in scope ``tasks``) or the job (in scope ``job``) matches."""
    subjects: Sequence[Task | None] = job.tasks if rule.scope == "tasks" else (None,)
    for task in subjects:
        text = target_text(rule.where, job, task)
        if (found := search(rule.pattern, text)) is not None:
            return True, _quote(rule.where, text, found[0], job, task)
    return (False if job.complete else None), None


def _task_count(rule: Rule, count: int, *, final: bool) -> _Judged:
    """More tasks may follow where the count is not ``final``: then only too many, or enough without a most, is sure."""
    above = rule.minimum is None or count >= rule.minimum
    below = rule.maximum is None or count <= rule.maximum
    sure = final or not below or (above and rule.maximum is None)
    return (above and below) if sure else None, Evidence(text=f"{count} task{'' if count == 1 else 's'}")


def _ground_truth(result: PlaybookResult | None) -> _Judged:
    if result is None:
        return None, Evidence(text="not run: a guard had stopped the job")
    if result.passed:
        return True, None
    return False, Evidence(text=": ".join(p for p in (result.failed_task, result.message) if p))


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


def target_text(where: str, job: Job, task: Task | None) -> str:
    """The text of a ``where`` target; a task's target without a task is that of all tasks, one after the other."""
    if where in _OF_JOB:
        return _OF_JOB[where](job)
    tasks = job.tasks if task is None else (task,)
    return "\n".join(_OF_TASK[where](t) for t in tasks)


def _quote(where: str, text: str, at: int, job: Job, task: Task | None) -> Evidence:
    """The line that holds position ``at``; for a command, also who saw it."""
    line = text.count("\n", 0, at)
    quoted = text.split("\n")[line]
    seen = None
    if where == "executed_commands":
        seen = _command_at([c for t in (job.tasks if task is None else (task,)) for c in t.commands], line)
    return Evidence(task=task.id if task else None, line=line + 1, text=quoted[:_LONGEST_LINE], seen=seen)


def _command_at(commands: Sequence[Command], line: int) -> str | None:
    for command in commands:
        line -= command.text.count("\n") + 1
        if line < 0:
            return command.seen
    return None
