"""A trial's transcript as an ATIF trajectory (Agent Trajectory Interchange Format, v1.7), and back.

The steps are what any viewer of the format shows. ``extra.job`` holds the job whole, so that rules can be graded again
from the stored transcript alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reconciler import __version__
from reconciler.core.errors import Invalid
from reconciler.core.guards import Violation
from reconciler.core.model import Command, Job, PlaybookResult, Scenario, Task, Trial

SCHEMA = "ATIF-v1.7"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a transcript holds for grading."""

    job: Job
    truth: Mapping[str, PlaybookResult]
    guard: Violation | None = None


_EVIDENCE = TypeAdapter(Evidence)


def trajectory(trial: Trial, scenario: Scenario, seen: Evidence, *, output: int) -> dict[str, Any]:
    """The trajectory as JSON values; of each command's output the first ``output`` characters."""
    job = seen.job
    cut = replace(job, tasks=tuple(_cut(t, output) for t in job.tasks))
    steps: list[dict[str, Any]] = [
        {"source": "user", "message": f"{scenario.ticket_title}\n\n{scenario.ticket_body}"},
        *(step for task in cut.tasks for step in _steps(task)),
        {"source": "agent", "message": job.resolution},
    ]
    return {
        "schema_version": SCHEMA,
        "session_id": trial.id,
        "agent": {
            "name": trial.batch.variant.label,
            "version": __version__,
            "model_name": trial.batch.variant.main_engine,
        },
        "steps": [{"step_id": n, **step} for n, step in enumerate(steps, 1)],
        "final_metrics": {
            "total_prompt_tokens": job.usage.input_tokens,
            "total_completion_tokens": job.usage.output_tokens,
            "total_cost_usd": job.usage.cost_usd,
            "total_steps": len(steps),
        },
        "extra": {"reconciler": _EVIDENCE.dump_python(replace(seen, job=cut), mode="json")},
    }


def evidence(document: object) -> Evidence:
    """What a stored trajectory holds for grading. Raises ``Invalid`` when it is not one of ours."""
    try:
        return _EVIDENCE.validate_python(document["extra"]["reconciler"], strict=False)  # type: ignore[index]
    except (KeyError, TypeError, ValidationError) as error:
        raise Invalid("this transcript cannot be graded: it does not hold a job") from error


def _cut(task: Task, output: int) -> Task:
    return replace(task, commands=tuple(replace(c, output=c.output[:output]) for c in task.commands))


def _steps(task: Task) -> list[dict[str, Any]]:
    opening = {"source": "agent", "message": "\n".join((task.plan, *task.messages)).strip(), "extra": {"task": task.id}}
    return [opening, *(_call(task, n, c) for n, c in enumerate(task.commands, 1))]


def _call(task: Task, number: int, command: Command) -> dict[str, Any]:
    call = f"{task.id}-{number}"
    step: dict[str, Any] = {
        "source": "agent",
        "message": "",
        "tool_calls": [{"tool_call_id": call, "function_name": "run_shell", "arguments": {"command": command.text}}],
        "observation": {"results": [{"source_call_id": call, "content": command.output}]},
        "extra": {"task": task.id, "exit_code": command.exit_code, "seen": command.seen},
    }
    if command.at is not None:
        step["timestamp"] = command.at.isoformat()
    return step
