"""Carries out planned trials side by side, each under its lease, and keeps what goes wrong in one inside of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from reconciler.core.errors import Invalid, Transient, Unavailable
from reconciler.definitions.record import TrialRecord
from reconciler.ports import Clock, Journal, ResultsStore
from reconciler.shell.events import Ended, Listener, Started
from reconciler.shell.grading import Grader
from reconciler.shell.recording import Recorder
from reconciler.shell.trial import Stopwatch, TrialRunner
from reconciler.shell.work import Work

log = structlog.get_logger()

LEASE_SECONDS = 60.0
"""A lease lives this long; it is renewed each third of it."""
UNAVAILABLE_SECONDS = 5.0
"""A trial whose part stopped answering keeps its slot this long: what fails at once must not spin."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A trial that is being carried out."""

    work: Work
    watch: Stopwatch
    task: asyncio.Task[None]


@dataclass(kw_only=True)
class Dispatcher:
    """Runs trials as tasks of the event loop. ``woken`` is called at each trial's end."""

    runner: TrialRunner
    grader: Grader
    recorder: Recorder
    results: ResultsStore
    journal: Journal
    clock: Clock
    owner: str
    """Names this process in leases."""
    listener: Listener
    woken: Callable[[], None] = lambda: None
    unpushed: bool = True
    """Whether something may be recorded that is not pushed; cleared by who pushes."""
    running: dict[str, Running] = field(default_factory=dict)
    """By trial id."""

    def begin(self, work: Work) -> None:
        """Start a trial, unless it runs already."""
        if work.trial.id in self.running:
            return
        watch = Stopwatch(clock=self.clock)
        task = asyncio.create_task(self._supervise(work, watch), name=f"trial {work.trial.id}")
        self.running[work.trial.id] = Running(work=work, watch=watch, task=task)

    @property
    def memory(self) -> dict[str, int]:
        """Trial id to the memory that it holds, in MiB."""
        return {trial: one.work.memory_mib for trial, one in self.running.items()}

    def cancel(self) -> None:
        """End every trial now; each destroys its sandbox first."""
        for one in self._tasks:
            one.cancel()

    async def drain(self, seconds: float) -> None:
        """Let the trials end for so long, then end them. Afterwards none is left."""
        if tasks := self._tasks:
            log.info("draining", trials=len(tasks), seconds=seconds)
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _tasks(self) -> Sequence[asyncio.Task[None]]:
        return [one.task for one in self.running.values()]

    async def _supervise(self, work: Work, watch: Stopwatch) -> None:
        """One trial under its lease. What came of it is written before the lease is given back."""
        trial = work.trial
        with bound_contextvars(
            trial=trial.id, scenario=work.scenario.key, variant=trial.batch.variant.slug, iteration=trial.iteration
        ):
            try:
                async with self._lease(trial.id) as ours:
                    if ours and (problem := await self._attempt(work, watch)) is not None:
                        await self.journal.fail(trial.id, *problem)
                        log.warning("trial without a result", cause=problem[0], problem=problem[1], phase=watch.current)
                        self.listener(Ended(work=work, problem=problem[1]))
            except Unavailable as error:  # no attempt is burnt: the next pass holds the trial, or finds the part back
                log.warning("trial put off", problem=str(error), phase=watch.current)
                self.listener(Ended(work=work, problem=str(error)))
                await self.clock.sleep(UNAVAILABLE_SECONDS)
            finally:
                self.running.pop(trial.id, None)
                self.woken()

    async def _attempt(self, work: Work, watch: Stopwatch) -> tuple[str, str] | None:
        """Carry out the trial; (cause, message) when it gave no result. The one place that catches everything."""
        try:
            if not await self._recorded(work):
                await self._carry_out(work, watch)
        except Transient as error:
            return error.cause, str(error)
        except Invalid as error:
            return "invalid", str(error)
        except Unavailable:
            raise
        except Exception as error:  # a bug ends the trial, with its traceback, and not the daemon
            log.exception("trial crashed", phase=watch.current)
            return "harness", f"{type(error).__name__} in phase {watch.current or 'checkout'}; see the log"
        return None

    async def _carry_out(self, work: Work, watch: Stopwatch) -> None:
        log.info("trial started", reason=work.reason, action="regrade" if work.regrades else "run")
        self.listener(Started(work=work, watch=watch))
        record, transcript = await self._result(work, watch)
        watch.enter("append")
        commit = await self.recorder.record(record, transcript)
        await self.journal.forget([work.trial.id])
        self.unpushed = True
        if self.journal.shared:  # others see it before the lease is theirs to take
            await self.results.push()
        log.info(
            "trial recorded",
            passed=record.passed,
            fixed=record.resolution.gate,
            by_the_rules=record.compliance.gate,
            compliance=record.compliance.score,
            violation=record.violation,
            commit=commit,
        )
        self.listener(Ended(work=work, record=record))

    async def _result(self, work: Work, watch: Stopwatch) -> tuple[TrialRecord, bytes | None]:
        if work.regrades is not None:
            return await self.grader.again(work, work.regrades)
        return await self.grader.grade(work, await self.runner.run(work, watch))

    async def _recorded(self, work: Work) -> bool:
        """Looked up again under the lease: another daemon may have been faster."""
        results = await (self.results.refresh() if self.journal.shared else self.results.view())
        return work.trial.path in results.trials

    @contextlib.asynccontextmanager
    async def _lease(self, trial: str) -> AsyncIterator[bool]:
        """Hold the trial's lease and keep it alive; False when somebody else has it."""
        if not await self.journal.acquire(trial, self.owner, LEASE_SECONDS):
            yield False
            return
        renewal = asyncio.create_task(self._renew(trial, asyncio.current_task()))
        try:
            yield True
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
            await self.journal.release(trial, self.owner)

    async def _renew(self, trial: str, holder: asyncio.Task[Any] | None) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            if not await self.journal.acquire(trial, self.owner, LEASE_SECONDS) and holder is not None:
                log.warning("lease lost", trial=trial)
                holder.cancel()
