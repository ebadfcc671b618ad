"""The engine ``runbook``: does what a specialty's body says, section by section, without a model.

Deterministic: the same body, ticket and machine give the same commands and the same words.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

from reconciler.adapters.jobs import Jobs, Progress
from reconciler.adapters.runbook import words
from reconciler.adapters.runbook.plan import Step, decide
from reconciler.core.model import Command, Job, Outcome, Resolution, Task, Ticket
from reconciler.ports import Assignment, Clock, Completed, Patterns

_OUTPUT_LIMIT = 32_768
"""Bytes of each of stdout and stderr that a transcript keeps of one command."""


@dataclass(frozen=True, kw_only=True)
class _Budget:
    """How long the job may go on."""

    seconds: float
    deadline: float
    """On the clock's monotonic scale."""


class RunbookEngine:
    """Port ``Engine``. Every seat works, in order, through the sections of its own specialty that apply."""

    version = "1"

    def __init__(self, *, clock: Clock, patterns: Patterns, command_timeout: float = 600) -> None:
        """``command_timeout`` in seconds ends one command (exit 124), as does the end of the assignment's time."""
        self._clock, self._patterns = clock, patterns
        self._command_timeout = command_timeout
        self._jobs = Jobs()
        self._numbers = itertools.count(1)

    async def submit(self, assignment: Assignment) -> str:
        """Decide what applies and start on it. Raises ``Invalid`` for a body that cannot be carried out as written."""
        budget = _Budget(seconds=assignment.seconds, deadline=self._clock.monotonic() + assignment.seconds)
        steps = await asyncio.to_thread(decide, assignment, self._patterns)
        job = Job(id=f"{assignment.trial}-{next(self._numbers)}", plan=words.job_plan(assignment, steps))

        async def work(progress: Progress) -> None:
            await self._work(progress, assignment.ticket, [s for s in steps if s.reason], budget)

        return self._jobs.start(job, work)

    def watch(self, job: str) -> AsyncGenerator[Job, None]:
        """The job on each change. Raises ``Transient("sandbox")`` when the sandbox is lost."""
        return self._jobs.watch(job)

    async def kill(self, job: str) -> Job:
        """Stop the job, and its running command with its process group."""
        return await self._jobs.kill(job)

    async def _work(self, progress: Progress, ticket: Ticket, steps: Sequence[Step], budget: _Budget) -> None:
        for number, step in enumerate(steps, 1):
            task = words.new_task(f"{progress.job.id}-{number}", ticket, step)
            stop = await self._perform(progress, task, step, budget)
            if stop is not None:
                late = budget.seconds if stop == "exhausted" else None
                resolution = words.stopped(progress.job.tasks[-1], step, late)
                return progress.end("agentic_failure", resolution, outcome=stop)
        left_out = sum(step.left_out for step in steps)
        status: Resolution = "no_action" if not steps else "partial" if left_out else "success"
        return progress.end(status, words.finished(progress.job.tasks, left_out))

    async def _perform(self, progress: Progress, task: Task, step: Step, budget: _Budget) -> Outcome | None:
        """Run the step's blocks and publish the task as it grows; how it was stopped early, if it was."""
        stop: Outcome | None = None
        progress.put(task)
        for block in step.blocks:
            if (seconds := budget.deadline - self._clock.monotonic()) <= 0:
                stop = "exhausted"
                break
            command = Command(text=block.command, at=self._clock.now())
            progress.put(replace(task, commands=(*task.commands, command)))
            await progress.looked_at()
            done = await step.seat.sandbox.run(
                ["bash", "-c", block.command], timeout=min(seconds, self._command_timeout), limit=_OUTPUT_LIMIT
            )
            command = replace(command, exit_code=done.exit_code, output=_text(done))
            messages = (*task.messages, words.command_message(command))
            task = replace(task, commands=(*task.commands, command), messages=messages)
            if done.timed_out and seconds <= self._command_timeout:
                stop = "exhausted"
                break
            if done.exit_code and not block.may_fail:
                stop = "completed"
                break
        progress.put(replace(task, summary=words.summary(task, step), ended=True))
        return stop


def _text(done: Completed) -> str:
    """What a command said, stderr after stdout."""
    parts = (part.decode("utf-8", "replace").rstrip("\n") for part in (done.stdout, done.stderr))
    return "\n".join(part for part in parts if part)
