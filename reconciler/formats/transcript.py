"""A trial's transcript as an ATIF trajectory (Agent Trajectory Interchange Format, v1.7), and back.

The steps are what any viewer of the format shows. ``extra.job`` holds the job whole, so that rules can be graded again
from the stored transcript alone.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from reconciler import __version__
from reconciler.core.errors import Transient
from reconciler.core.guards import Violation
from reconciler.core.model import Command, Job, PlaybookResult, Scenario, Task, Trial
from reconciler.formats.record import TrialRecord

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


def evidence(record: TrialRecord, transcript: bytes | None) -> Evidence:
    """What the record's transcript holds for grading. Raises ``Transient("evidence")`` unless it is there, whole and unaltered."""
    where = record.transcript.path
    if transcript is None:
        raise Transient("evidence", f"{where} is missing")
    if hashlib.sha256(transcript).hexdigest() != record.transcript.sha256:
        raise Transient("evidence", f"{where} is not the transcript that was recorded: its SHA-256 is another one")
    try:
        held = _EVIDENCE.validate_python(json.loads(transcript)["extra"]["reconciler"], strict=False)
    except (KeyError, TypeError, ValueError, RecursionError) as error:  # pydantic's ValidationError is a ValueError
        raise Transient("evidence", f"{where} does not hold a job") from error
    if held.guard is None and not held.job.complete:
        raise Transient("evidence", f"{where} ends before its job does")
    return held


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
