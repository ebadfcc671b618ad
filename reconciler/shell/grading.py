"""Grade what a trial showed, or grade a stored transcript again when only the rules changed."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.errors import Transient
from reconciler.core.model import Scenario
from reconciler.core.scoring import Score, Search, score
from reconciler.formats.record import TrialRecord
from reconciler.formats.transcript import Evidence, evidence
from reconciler.ports import Patterns
from reconciler.shell.recording import build, grades, transcribed
from reconciler.shell.stored import Stored, lacks
from reconciler.shell.trial import Seen
from reconciler.shell.work import Work


@dataclass(frozen=True, kw_only=True)
class Grader:
    """Rules against evidence, with the patterns' engine."""

    patterns: Patterns

    async def grade(self, work: Work, seen: Seen) -> tuple[TrialRecord, bytes]:
        """The record of a trial that ran, and its transcript."""
        found = Evidence(job=seen.job, truth=seen.truth, guard=seen.guard)
        graded = await asyncio.to_thread(self._score, work, found)
        part, transcript = transcribed(work, seen)
        return build(work, seen, graded, part), transcript

    def again(self, work: Work, stored: Stored, now: datetime) -> TrialRecord:
        """A new record from a stored trial: what was seen is the old one's, what it is worth is by the rules of ``work``.

        It names the trial that ran, also where the stored one was graded again itself. Takes its time: call it in a thread.
        """
        old, found = stored.record, stored.evidence
        seen = Seen(
            job=found.job,
            guard=found.guard,
            truth=found.truth,
            image=old.sandbox.image,
            started_at=old.started_at,
            finished_at=old.finished_at,
            phases=old.phases,
        )
        origin = replace(work, regrades=old.regrades or old.path)
        record = build(origin, seen, self._score(work, found), old.transcript)
        return record.model_copy(update={"graded_at": now})

    def _score(self, work: Work, seen: Evidence) -> Score:
        return judge(work.scenario, seen, self.patterns.search)


def by_hand(record: TrialRecord, transcript: bytes | None, scenario: Scenario, search: Search) -> TrialRecord:
    """A recorded trial under the scenario's rules; all else is as recorded. Raises ``Transient("evidence")``."""
    graded = judge(scenario, evidence(record, transcript), search)
    return TrialRecord.model_validate(record.document() | grades(graded))


def judge(scenario: Scenario, seen: Evidence, search: Search) -> Score:
    """The scenario's rules against what was seen. Raises ``Transient("evidence")`` for a playbook that was not run then."""
    if (why := lacks(seen, scenario)) is not None:
        raise Transient("evidence", why)
    return score(scenario.rules, seen.job, seen.truth, search, guarded=seen.guard is not None)
