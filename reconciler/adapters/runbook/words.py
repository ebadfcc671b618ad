"""What the runbook engine writes down: plans, messages, summaries and resolutions. Pure, and the same each time."""

from collections.abc import Sequence

from reconciler.adapters.runbook.plan import Step
from reconciler.core.model import Command, Task, Ticket
from reconciler.ports import Assignment

_LINE_LIMIT = 200
"""Characters of a command's name or last line that prose repeats."""


def new_task(id: str, ticket: Ticket, step: Step) -> Task:  # noqa: A002 - the field's own name
    """The task of a step, before its first command."""
    return Task(
        id=id,
        agent=step.seat.agent,
        host=step.seat.host.name,
        description=f"{_name(step)} on {step.seat.host.name}, for the ticket: {ticket.title}",
        plan=step.section.prose,
        messages=tuple(_reasoning(step)),
        operational_rules=tuple(f"{rule.name}: {rule.text}" for rule in step.seat.rules),
    )


def command_message(command: Command) -> str:
    """What became of a command, in one line."""
    last = _last_line(command.output)
    return f"{_first_words(command.text)}: exit {command.exit_code}" + (f", last line: {last}" if last else "")


def summary(task: Task, step: Step) -> str:
    """What the task did, command by command."""
    head = f"{_name(step)} on {task.host}: {len(task.commands)} of {len(step.section.blocks)} commands run."
    return "\n".join([head, *(f"- {command_message(c)}" for c in task.commands), *_ceiling(step)])


def job_plan(assignment: Assignment, steps: Sequence[Step]) -> str:
    """What will be done, and what will not, for which reason."""
    lines = [f"Ticket: {assignment.ticket.title}"]
    for step in steps:
        verdict = f"applies: {step.reason}" if step.reason else "does not apply"
        lines.append(f"- {_name(step)} on {step.seat.host.name} {verdict}")
    return "\n".join(lines)


def finished(tasks: Sequence[Task], left_out: int) -> str:
    """The resolution of a job that came to the end of its steps."""
    if not tasks:
        return "No section of the runbook applies to this ticket; nothing was done."
    head = f"Finished {_count(len(tasks), 'task')} with {_count(sum(len(t.commands) for t in tasks), 'command')}."
    ceiling = (
        f" {_count(left_out, 'command')} left out, because the specialty may only investigate." if left_out else ""
    )
    return "\n".join([head + ceiling, *(t.summary for t in tasks)])


def stopped(task: Task, step: Step, seconds: float | None) -> str:
    """The resolution of a job that ended early: its time of ``seconds`` ran out, or (None) its last command failed."""
    if seconds is not None:
        head = f"The time of {seconds:g} s ran out during {_name(step)}."
    else:
        head = f"{_name(step)} failed: {command_message(task.commands[-1])}."
    return f"{head}\n{task.summary}"


def _reasoning(step: Step) -> list[str]:
    rules = ", ".join(rule.name for rule in step.seat.rules) or "none"
    applies = f"{_name(step)} of {step.seat.specialty.name} applies, because {step.reason}."
    return [applies, f"Operational rules in force: {rules}.", *_ceiling(step)]


def _ceiling(step: Step) -> list[str]:
    if not step.left_out:
        return []
    return [f"{_count(step.left_out, 'command')} left out: {step.seat.specialty.name} may only investigate."]


def _name(step: Step) -> str:
    return f'Section "{step.section.title}"'


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _first_words(command: str) -> str:
    """The comment that a block begins with, else its first line."""
    line = next((stripped for line in command.split("\n") if (stripped := line.strip())), "(empty)")
    return (line.lstrip("# ") or line)[:_LINE_LIMIT]


def _last_line(output: str) -> str:
    return next((line.strip()[:_LINE_LIMIT] for line in reversed(output.split("\n")) if line.strip()), "")
