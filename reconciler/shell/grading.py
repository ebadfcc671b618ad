"""Grade what a trial showed, or grade a stored transcript again when only the rules changed."""

import asyncio
from dataclasses import dataclass, replace

from pydantic import ValidationError

from reconciler.core.errors import Transient
from reconciler.core.model import Scenario
from reconciler.core.scoring import Score, Search, score
from reconciler.definitions.dependencies import ansible_playbooks
from reconciler.definitions.record import TrialRecord
from reconciler.definitions.transcript import Evidence, evidence
from reconciler.ports import Patterns, ResultsStore
from reconciler.shell.recording import build
from reconciler.shell.trial import Seen
from reconciler.shell.work import Work


@dataclass(frozen=True, kw_only=True)
class Grader:
    """Rules against evidence, with the patterns' engine."""

    results: ResultsStore
    patterns: Patterns

    async def grade(self, work: Work, seen: Seen) -> tuple[TrialRecord, bytes]:
        """The record of a trial that ran, and its transcript."""
        return build(work, seen, await self._score(work, Evidence(job=seen.job, truth=seen.truth, guard=seen.guard)))

    async def again(self, work: Work, path: str) -> tuple[TrialRecord, None]:
        """A new record from the record at ``path`` and its transcript; no sandbox. Raises ``Transient("evidence")``."""
        old, stored = await self._stored(path)
        graded = await self._score(work, stored)
        seen = Seen(
            job=stored.job,
            guard=stored.guard,
            truth=stored.truth,
            image=old.sandbox.image,
            started_at=old.started_at,
            finished_at=old.finished_at,
            phases=old.phases,
        )
        record, _ = build(replace(work, regrades=path), seen, graded)
        return record.model_copy(update={"transcript": old.transcript}), None

    async def _stored(self, path: str) -> tuple[TrialRecord, Evidence]:
        try:
            old = TrialRecord.model_validate_json((await asyncio.to_thread(self.results.read, [path]))[path])
        except (KeyError, ValidationError) as error:
            raise Transient("evidence", f"{path} cannot be graded again: it is missing or broken") from error
        transcript = old.transcript.path
        return old, evidence(old, (await asyncio.to_thread(self.results.read, [transcript])).get(transcript))

    async def _score(self, work: Work, seen: Evidence) -> Score:
        return await asyncio.to_thread(judge, work.scenario, seen, self.patterns.search)


def judge(scenario: Scenario, seen: Evidence, search: Search) -> Score:
    """The scenario's rules against what was seen. Raises ``Transient("evidence")`` for a playbook that was not run then."""
    guarded = seen.guard is not None
    for playbook in () if guarded else ansible_playbooks(scenario):
        if playbook not in seen.truth:
            raise Transient("evidence", f"{playbook} was not run in this trial: only a new one can tell how it ends")
    return score(scenario.rules, seen.job, seen.truth, search, guarded=guarded)
