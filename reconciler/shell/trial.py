"""One trial: sandbox, prepare, agent at work, validate, destroy. It returns what was seen, or raises why nothing was.

The phases and what their failures mean are those of the documented system: a silent restore, prepare (its failure ends
the trial), execute, validate, destroy. Nothing is written here: the caller records the result, after the sandbox is gone.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from reconciler.core.digests import digest
from reconciler.core.errors import Invalid, Transient, Unavailable
from reconciler.core.guards import Violation, guarded, violation
from reconciler.core.model import EngineSettings, Job, PlaybookResult, Scenario, Ticket
from reconciler.core.scoring import Search
from reconciler.definitions.ansible.dependencies import ansible_playbooks
from reconciler.ports import (
    Assignment,
    Clock,
    Engine,
    Patterns,
    Sandbox,
    Seat,
    Source,
)
from reconciler.shell.machines import Machines, to_the_end
from reconciler.shell.work import Work

log = structlog.get_logger()
_Followed = tuple[Job, Violation | None]
"""A job as it ended, and the guard that it violated."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a trial showed. ``phases`` in seconds by name; ``truth`` by playbook, empty where a guard was violated."""

    job: Job
    guard: Violation | None
    truth: Mapping[str, PlaybookResult]
    image: str | None
    started_at: datetime
    finished_at: datetime
    phases: Mapping[str, float]


@dataclass(kw_only=True)
class Stopwatch:
    """Seconds by phase; ``current`` names the phase that runs."""

    clock: Clock
    phases: dict[str, float] = field(default_factory=dict)
    current: str = ""

    def enter(self, name: str) -> None:
        """Note that a phase begins, without timing it."""
        self.current = name
        log.debug("phase", phase=name)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what runs inside."""
        self.enter(name)
        began = self.clock.monotonic()
        try:
            yield
        finally:
            self.phases[name] = round(self.clock.monotonic() - began, 3)


@dataclass(frozen=True, kw_only=True)
class TrialRunner:
    """Carries out trials over the ports. ``seconds`` is the time limit of one trial."""

    source: Source
    machines: Machines
    engines: Callable[[EngineSettings], Engine]
    """The engine that a key's settings describe."""
    patterns: Patterns
    clock: Clock
    seconds: float
    grace: float = 30.0
    """Seconds past the limit in which an engine that keeps its own time may still end its job."""

    async def run(self, work: Work, watch: Stopwatch) -> Seen:
        """Run the trial. Raises ``Transient``, ``Invalid`` or ``Unavailable`` when it gave no result."""
        started, began = self.clock.now(), self.clock.monotonic()
        folder = await asyncio.to_thread(
            self.source.checkout, work.origin.commit, work.checkout, digest([work.trial.batch.id, *work.checkout])
        )
        async with contextlib.AsyncExitStack() as up:
            with watch.phase("provision"):
                sandboxes = await up.enter_async_context(self.machines.up(work.stage, work.trial.id))
            with watch.phase("prepare"):
                await self.machines.prepare(work.stage, folder, sandboxes)
            with watch.phase("execute"):
                left = self.seconds - (self.clock.monotonic() - began)
                if left <= 0:
                    raise Transient("playbook", f"preparing took the trial's whole time, {self.seconds:.0f} s")
                job, guard = await self._execute(work, sandboxes, left)
            truth: Mapping[str, PlaybookResult] = {}
            if guard is None:
                with watch.phase("validate"):
                    truth = await self._validate(work, folder, sandboxes)
            with watch.phase("teardown"):
                await up.aclose()
        return Seen(
            job=job,
            guard=guard,
            truth=truth,
            image=sandboxes[0].image if sandboxes else None,
            started_at=started,
            finished_at=self.clock.now(),
            phases=dict(watch.phases),
        )

    async def _execute(self, work: Work, sandboxes: Sequence[Sandbox], seconds: float) -> _Followed:
        engine = self.engines(work.engine)
        by_host = {s.host: s for s in sandboxes}
        seats = [
            Seat(agent=s.agent.name, host=s.host, specialty=s.specialty, rules=s.rules, sandbox=by_host[s.host.name])
            for s in work.seats
        ]
        variant = work.trial.batch.variant
        job_id = await engine.submit(
            Assignment(
                trial=work.trial.id,
                scenario=work.scenario,
                ticket=ticket(work.scenario, self.clock.now()),
                seats=seats,
                main_engine=variant.main_engine,
                secondary_engine=variant.secondary_engine,
                seconds=seconds,
            )
        )
        job, guard = await self._follow(engine, job_id, work.scenario, seconds)
        if guard is None and not job.complete:
            raise Transient("evidence", f"the engine delivered job {job.id} without its end")
        return job, guard

    async def _follow(self, engine: Engine, job_id: str, scenario: Scenario, seconds: float) -> _Followed:
        """Watch the job to its end, with an eye on the guards; whatever else ends the watching kills the job first."""
        job: Job | None = None
        look = functools.partial(self._look, scenario, functools.cache(self.patterns.search))
        try:
            async with (
                asyncio.timeout(seconds + self.grace),
                contextlib.aclosing(_consistent(engine.watch(job_id))) as snapshots,
            ):
                async for snapshot in snapshots:
                    if (found := await look(snapshot, job)) is not None:  # killed while the engine still waits for us
                        return await _stopped(engine, snapshot, found), found
                    job = snapshot
        except TimeoutError:
            killed = await to_the_end(lambda: engine.kill(job_id))
            if job is not None and not killed.continues(job):
                raise _taken_back(job) from None
            return killed, await look(killed, None)
        except (asyncio.CancelledError, Invalid):
            await to_the_end(lambda: engine.kill(job_id))
            raise
        if job is None:
            raise Transient("evidence", f"the engine told nothing about job {job_id}")
        return job, None

    async def _look(self, scenario: Scenario, search: Search, job: Job, before: Job | None) -> Violation | None:
        """The guard that ``job`` violates. Searching takes time, which other trials need not wait for."""
        if not guarded(scenario):
            return None
        return await asyncio.to_thread(violation, scenario, job, search, since=before)

    async def _validate(self, work: Work, folder: Path, sandboxes: Sequence[Sandbox]) -> Mapping[str, PlaybookResult]:
        """Each distinct playbook of the Ansible rules, once."""
        names = ansible_playbooks(work.scenario)
        return {name: await self.machines.play(work.stage, folder, name, sandboxes) for name in names}


def ticket(scenario: Scenario, now: datetime) -> Ticket:
    """The exact text that the agent gets: ``{{schedule_time}}`` is five minutes from now, in UTC (RFC 3339)."""
    moment = (now + timedelta(minutes=5)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Ticket(title=scenario.ticket_title, body=scenario.ticket_body.replace("{{schedule_time}}", moment))


async def _stopped(engine: Engine, job: Job, found: Violation) -> Job:
    """The job after its kill. Where its engine does not answer, it dies with its sandbox: a violation stays a result."""
    log.warning("guard violated", guard=found.guard, problem=found.message, job=job.id)
    try:
        return await to_the_end(lambda: engine.kill(job.id))
    except (Transient, Unavailable, TimeoutError) as error:
        log.warning("job not killed", problem=str(error), job=job.id)
        return job if job.status else replace(job, outcome="killed")


async def _consistent(snapshots: AsyncGenerator[Job, None]) -> AsyncGenerator[Job, None]:
    """The snapshots as they come. Raises ``Transient("evidence")`` at their end where one took back what was told before."""
    before: Job | None = None
    consistent = True
    async with contextlib.aclosing(snapshots) as told:
        async for job in told:
            consistent = consistent and (before is None or job.continues(before))
            before = job
            yield job
    if before is not None and not consistent:
        raise _taken_back(before)


def _taken_back(job: Job) -> Transient:
    return Transient("evidence", f"the engine took back what it had told of job {job.id}")
