"""Grades stored transcripts again where rules alone changed: many at a time, without a sandbox, in one commit.

One lease, for all of them: grading twice is harmless, and only wasted. A crash repeats what was not committed, and what was
committed is recorded. A record that cannot be graded again is noted as such, and its trial runs in the next pass.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from reconciler.formats.record import TrialRecord
from reconciler.ports import Clock, Journal, ResultsStore
from reconciler.shell.events import Ended, Listener, Regraded
from reconciler.shell.grading import Grader
from reconciler.shell.leasing import Leases, attempted, recorded, shown
from reconciler.shell.past import Past
from reconciler.shell.recording import Recorder
from reconciler.shell.stored import Stored, lacks, read_stored
from reconciler.shell.work import Work

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Regrader:
    """Carries out what a plan says is to be graded again."""

    grader: Grader
    recorder: Recorder
    results: ResultsStore
    past: Past
    journal: Journal
    leases: Leases
    clock: Clock
    listener: Listener

    async def regrade(self, works: Sequence[Work], due: int) -> bool:
        """Grade and record; ``due`` is how many wait in all. False when another process grades just now."""
        began = self.clock.monotonic()
        async with self.leases.held("regrade") as ours:
            if not ours:
                return False
            log.info("regrade started", trials=len(works), due=due, reason=works[0].reason, sandboxes=0)
            graded = await self._graded(await self._unrecorded(works))
            if graded:
                await self._record(graded, due - len(works), began)
        return True

    async def _unrecorded(self, works: Sequence[Work]) -> Mapping[str, Work]:
        """By the record that each regrades."""
        there = (await recorded(self.results, self.journal)).trials
        return {w.regrades: w for w in works if w.regrades and w.trial.path not in there}

    async def _graded(self, works: Mapping[str, Work]) -> list[TrialRecord]:
        graded: list[TrialRecord] = []
        stored = read_stored(self.results, works)
        while (portion := await asyncio.to_thread(next, stored, None)) is not None:
            for path, found in portion.items():
                problem = await attempted(self._one(works[path], path, found, graded), lambda: "grade")
                if problem is not None:
                    trial = works[path].trial.id
                    await self.journal.fail(trial, *problem)
                    log.warning("trial without a result", trial=trial, cause=problem[0], problem=problem[1])
                    self.listener(Ended(work=works[path], problem=problem[1]))
        return graded

    async def _one(self, work: Work, path: str, found: Stored | str, graded: list[TrialRecord]) -> None:
        why = found if isinstance(found, str) else lacks(found.evidence, work.scenario)
        if why is not None:
            self.past.unusable[path] = why
            log.warning("cannot be graded again, runs instead", trial=work.trial.id, record=path, problem=why)
        elif isinstance(found, Stored):
            graded.append(await asyncio.to_thread(self.grader.again, work, found, self.clock.now()))

    async def _record(self, graded: Sequence[TrialRecord], left: int, began: float) -> None:
        log.debug("phase", phase="append")
        commit = await self.recorder.record_all(graded)
        await shown(self.results, self.journal, self.clock)
        await self.journal.forget([record.trial for record in graded])
        log.info(
            "regrade recorded",
            trials=len(graded),
            passed=sum(record.passed for record in graded),
            left=left,
            seconds=round(self.clock.monotonic() - began, 1),
            commit=commit,
        )
        self.listener(Regraded(records=graded, left=left))
