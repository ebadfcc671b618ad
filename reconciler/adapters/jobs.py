"""Jobs at work in this process: what engines that do the work themselves share."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from reconciler.core.errors import Transient
from reconciler.core.model import Job, Outcome, Resolution, Task

_KEPT = 32
"""Ended jobs that can still be asked for; a daemon runs for months."""


@dataclass(eq=False)
class _Watcher:
    """Somebody who watches a job; ``seen`` is the newest snapshot after which they came back for more."""

    seen: Job | None = None


class Progress:
    """A job as it stands; the work on it publishes what changes."""

    def __init__(self, job: Job) -> None:
        """``job`` is what there is to see before the work begins."""
        self.job = job
        self.changed = asyncio.Event()
        self._watchers: set[_Watcher] = set()
        self._moved = asyncio.Event()

    async def looked_at(self) -> None:
        """Wait until everybody who watches has seen what is published now, and come back for more."""
        while any(watcher.seen is not self.job for watcher in self._watchers):
            self._moved.clear()
            await self._moved.wait()

    @contextlib.contextmanager
    def watched(self) -> Iterator[Callable[[Job], None]]:
        """Count as a watcher; what is given is called with each snapshot that was looked at."""
        watcher = _Watcher()
        self._watchers.add(watcher)

        def came_back(seen: Job) -> None:
            watcher.seen = seen
            self._moved.set()

        try:
            yield came_back
        finally:
            self._watchers.remove(watcher)
            self._moved.set()

    def publish(self, job: Job) -> None:
        """Make ``job`` what everybody sees, and wake those who watch."""
        self.job = job
        woken, self.changed = self.changed, asyncio.Event()
        woken.set()

    def put(self, task: Task) -> None:
        """Publish ``task`` in the place of the one with its id, or as the newest."""
        others = tuple(t for t in self.job.tasks if t.id != task.id)
        self.publish(replace(self.job, tasks=(*others, task)))

    def end(self, status: Resolution, resolution: str, *, outcome: Outcome = "completed") -> None:
        """Publish that the job has ended. What its tasks ran is known by then."""
        tasks = tuple(replace(t, ended=True) for t in self.job.tasks)
        self.publish(replace(self.job, status=status, outcome=outcome, resolution=resolution, tasks=tasks))


class Jobs:
    """Starts, watches and kills jobs. Each is one asyncio task, which ends with the job."""

    def __init__(self) -> None:
        """No jobs yet."""
        self._jobs: dict[str, tuple[Progress, asyncio.Task[None]]] = {}

    def start(self, job: Job, work: Callable[[Progress], Awaitable[None]]) -> str:
        """Let ``work`` bring ``job`` to its end; returns the job's id."""

        async def run() -> None:
            await work(progress)
            assert progress.job.status is not None, f"the work on {job.id} stopped without ending the job"

        for old in [i for i, (_, task) in self._jobs.items() if task.done()][:-_KEPT]:
            del self._jobs[old]
        progress = Progress(job)
        task = asyncio.create_task(run(), name=job.id)
        task.add_done_callback(lambda t: None if t.cancelled() else progress.publish(progress.job))
        self._jobs[job.id] = progress, task
        return job.id

    async def watch(self, job: str) -> AsyncGenerator[Job, None]:
        """The job on each change, last when it has ended. Raises what the work raised."""
        progress, task = self._find(job)
        with progress.watched() as came_back:
            while True:
                changed, seen = progress.changed, progress.job
                if task.done() and not task.cancelled():
                    task.result()
                yield seen
                if seen.status is not None:
                    return
                came_back(seen)
                await changed.wait()

    async def kill(self, job: str) -> Job:
        """Stop the work now; returns the job as it stands, outcome ``killed`` unless it had ended."""
        progress, task = self._find(job)
        task.cancel()
        await asyncio.wait({task})
        if progress.job.status is None:
            progress.end("agentic_failure", "Stopped from outside before the work was done.", outcome="killed")
        return progress.job

    def _find(self, job: str) -> tuple[Progress, asyncio.Task[None]]:
        if job not in self._jobs:
            raise Transient("provider", f"job {job} is not known here: it was another process's, or ended long ago")
        return self._jobs[job]
