"""An engine that follows a script: what the agent does is a few lines of the one who wrote it."""

import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace

from reconciler.adapters.jobs import Jobs, Progress
from reconciler.core.model import Job
from reconciler.ports import Assignment

Script = Callable[[Assignment], AsyncIterator[Job]]
"""Yields the job as it grows; the engine sets its id. It may wait, use the seats' sandboxes, and raise."""


class ScriptedEngine:
    """Port ``Engine`` for tests. ``assignments`` holds everything that was submitted, in order."""

    def __init__(self, script: Script, *, version: str = "scripted") -> None:
        """``script`` is run once for each assignment; its last job must have a status."""
        self.version = version
        self.assignments: list[Assignment] = []
        self._script = script
        self._jobs = Jobs()
        self._numbers = itertools.count(1)

    async def submit(self, assignment: Assignment) -> str:
        """Start the script."""
        self.assignments.append(assignment)
        job = Job(id=f"{assignment.trial}-{next(self._numbers)}")

        async def work(progress: Progress) -> None:
            async for seen in self._script(assignment):
                progress.publish(replace(seen, id=job.id))
                await progress.looked_at()

        return self._jobs.start(job, work)

    def watch(self, job: str) -> AsyncGenerator[Job, None]:
        """The job on each change. Raises what the script raises."""
        return self._jobs.watch(job)

    async def kill(self, job: str) -> Job:
        """Cancel the script."""
        return await self._jobs.kill(job)
