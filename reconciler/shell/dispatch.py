"""Carries out planned trials side by side, each under its lease, and keeps what goes wrong in one inside of it."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from structlog.contextvars import bound_contextvars

from reconciler.core.errors import Unavailable, what_the_machine_lacks
from reconciler.core.model import Mode
from reconciler.formats.record import TrialRecord
from reconciler.ports import Clock, Journal, ResultsStore
from reconciler.shell.events import Ended, Listener, Started
from reconciler.shell.grading import Grader
from reconciler.shell.leasing import Leases, attempted, recorded, shown
from reconciler.shell.recording import Recorder
from reconciler.shell.regrading import Regrader
from reconciler.shell.trial import Seen, Stopwatch, TrialRunner
from reconciler.shell.work import Work

log = structlog.get_logger()

UNAVAILABLE_SECONDS = 5.0
"""A trial whose part stopped answering keeps its slot this long: what fails at once must not spin."""
REFUSED_SECONDS = 30.0
"""A mode that could not make a sandbox holds its trials so long, before one of them tries again."""
RECORD_SECONDS = 3600.0
"""A result waits so long to be recorded before it is given up, and its trial is due again."""


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
    leases: Leases
    regrader: Regrader
    listener: Listener
    woken: Callable[[], None] = lambda: None
    unpushed: bool = True
    """Whether something may be recorded that is not pushed; cleared by who pushes."""
    running: dict[str, Running] = field(default_factory=dict)
    """By trial id."""
    _regrade: asyncio.Task[None] | None = None
    _refused: dict[Mode, tuple[float, str]] = field(default_factory=dict)

    def begin(self, work: Work) -> None:
        """Start a trial, unless it runs already."""
        if work.trial.id in self.running:
            return
        watch = Stopwatch(clock=self.clock)
        task = asyncio.create_task(self._supervise(work, watch), name=f"trial {work.trial.id}")
        self.running[work.trial.id] = Running(work=work, watch=watch, task=task)

    def regrade(self, works: Sequence[Work], due: int) -> None:
        """Grade these again, all in one go; ``due`` is how many wait in all. One go at a time."""
        if self._regrade is not None and not self._regrade.cancelled():
            self._regrade.result()  # a bug in the last go ends the loop
        self._regrade = asyncio.create_task(self._regraded(works, due), name="regrade")

    @property
    def regrading(self) -> bool:
        """Whether stored trials are being graded again."""
        return self._regrade is not None and not self._regrade.done()

    @property
    def busy(self) -> bool:
        """Whether anything goes on."""
        return bool(self.running) or self.regrading

    @property
    def memory(self) -> dict[str, int]:
        """Trial id to the memory that it holds, in MiB."""
        return {trial: one.work.memory_mib for trial, one in self.running.items()}

    @property
    def refused(self) -> dict[Mode, str]:
        """Modes that answered, and could not make a trial's sandbox a moment ago; with the reason."""
        now = self.clock.monotonic()
        return {mode: why for mode, (until, why) in self._refused.items() if now < until}

    def cancel(self) -> None:
        """End every trial now; each destroys its sandbox first."""
        for task in self._tasks:
            task.cancel()

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
        regrade = [self._regrade] if self._regrade is not None and self.regrading else []
        return [*(one.task for one in self.running.values()), *regrade]

    async def _regraded(self, works: Sequence[Work], due: int) -> None:
        try:
            with what_the_machine_lacks():
                ours = await self.regrader.regrade(works, due)
            self.unpushed |= ours
            if not ours:  # another daemon does it
                await self.clock.sleep(UNAVAILABLE_SECONDS)
        except Unavailable as error:
            log.warning("regrade put off", problem=str(error))
            await self.clock.sleep(UNAVAILABLE_SECONDS)
        finally:
            self.woken()

    async def _supervise(self, work: Work, watch: Stopwatch) -> None:
        """One trial under its lease. What came of it is written before the lease is given back."""
        trial = work.trial
        with bound_contextvars(
            trial=trial.id, scenario=work.scenario.key, variant=trial.batch.variant.slug, iteration=trial.iteration
        ):
            try:
                async with self.leases.held(trial.id) as ours:
                    if ours and (problem := await attempted(self._attempt(work, watch), lambda: watch.current)):
                        await self.journal.fail(trial.id, *problem)
                        log.warning("trial without a result", cause=problem[0], problem=problem[1], phase=watch.current)
                        self.listener(Ended(work=work, problem=problem[1]))
            except Unavailable as error:  # no attempt is burnt: the next pass holds the trial, or finds the part back
                log.warning("trial put off", problem=str(error), phase=watch.current)
                await self._ended_without_attempt(work, str(error))
            except Exception as error:  # a bug around the work: it is seen, and not met again at once
                log.exception("trial crashed", phase=watch.current)
                await self._ended_without_attempt(work, f"{type(error).__name__} around the trial; see the log")
            finally:
                self.running.pop(trial.id, None)
                self.woken()

    async def _ended_without_attempt(self, work: Work, problem: str) -> None:
        self.listener(Ended(work=work, problem=problem))
        await self.clock.sleep(UNAVAILABLE_SECONDS)

    async def _attempt(self, work: Work, watch: Stopwatch) -> None:
        """Carry out the trial, unless it is recorded."""
        if work.trial.path not in (await recorded(self.results, self.journal)).trials:
            await self._carry_out(work, watch)

    async def _carry_out(self, work: Work, watch: Stopwatch) -> None:
        log.info("trial started", reason=work.reason)
        self.listener(Started(work=work, watch=watch))
        record, transcript = await self.grader.grade(work, await self._run(work, watch))
        watch.enter("append")
        commit = await self._recorded(record, transcript)
        self.unpushed = True
        try:
            if self.journal.shared:
                watch.enter("push")
                await shown(self.results, self.journal, self.clock)
            with contextlib.suppress(Unavailable):  # attempts at what is recorded matter to nobody
                await self.journal.forget([work.trial.id])
        finally:  # it is recorded, also where somebody stops it here
            self._tell(work, record, commit)

    def _tell(self, work: Work, record: TrialRecord, commit: str) -> None:
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

    async def _run(self, work: Work, watch: Stopwatch) -> Seen:
        try:
            return await self.runner.run(work, watch)
        except Unavailable as error:
            self._refused[work.trial.batch.mode] = self.clock.monotonic() + REFUSED_SECONDS, str(error)
            raise

    async def _recorded(self, record: TrialRecord, transcript: bytes) -> str:
        """Commit a result. It cost a trial, so it waits for room on a full disk, in its slot: nothing new begins meanwhile."""
        until, told = self.clock.monotonic() + RECORD_SECONDS, ""
        while True:
            try:
                with what_the_machine_lacks():
                    return await self.recorder.record(record, transcript)
            except Unavailable as error:
                if self.clock.monotonic() >= until:
                    raise
                if told != (told := str(error)):
                    log.warning("result waits to be recorded", problem=told)
                await self.clock.sleep(UNAVAILABLE_SECONDS)
