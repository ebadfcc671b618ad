"""``check``: plays a claim's cases, each in a fresh sandbox without a network, and records what is proven."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import structlog

from reconciler.core.digests import digest
from reconciler.core.errors import Invalid, Transient, Unavailable
from reconciler.core.model import PlaybookResult
from reconciler.core.proofs import DERIVED, Case, Claim, Outcome, Step, cases, judged, steps
from reconciler.formats.proof import ProofRecord, parse_proof
from reconciler.formats.trend import dump_json
from reconciler.ports import Clock, ResultsStore, Sandbox
from reconciler.shell.looking import by_itself, changed, differences, interfaces, moment, not_shared
from reconciler.shell.machines import Machines, Stage, why
from reconciler.shell.work import Origin

log = structlog.get_logger()

_IDLE_SECONDS = 3.0
"""The longest that a machine is watched while nobody does anything, to know what changes there by itself."""

_SHOW_HOST = frozenset({"namespace"})
"""Modes whose sandboxes show the host's files, as they change there."""


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """A claim, its stage, the checkout of its playbooks, and where its definitions came from."""

    claim: Claim
    stage: Stage
    folder: Path
    origin: Origin

    @property
    def memory_mib(self) -> int:
        """What the sandboxes of one case need together."""
        return sum(t.memory_mib for t in self.stage.templates.values())


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came of a scenario. ``proof`` is where it is recorded; empty where nothing is proven."""

    scenario: str
    steps: tuple[Step, ...]
    reused: bool = False
    proof: str = ""

    @property
    def proven(self) -> bool:
        """Every step came out as expected."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def died(self) -> bool:
        """A sandbox died, so that it is not known."""
        return any(step.got == "unknown" and step.step not in DERIVED for step in self.steps)


Told = Callable[[str, Step], None]
"""Hears of each case's end: the scenario's key, and the case as a step."""


@dataclass(frozen=True, kw_only=True)
class Checker:
    """Checks exhibits side by side. ``seconds`` bounds one case, ``parallel`` and ``memory_mib`` what runs at once."""

    machines: Machines
    results: ResultsStore
    clock: Clock
    parallel: int
    memory_mib: int
    attempts: int
    seconds: float

    def recorded(self, claim: Claim) -> Checked | None:
        """The proof that the results branch holds already."""
        data = self.results.read([claim.path]).get(claim.path)
        record = parse_proof(data) if data is not None else None
        if record is None or record.proof != claim.id:
            return None
        found = tuple(part.step_value() for part in record.steps)
        return Checked(scenario=claim.scenario, steps=found, reused=True, proof=claim.path)

    async def check(self, exhibits: Sequence[Exhibit], told: Told) -> list[Checked]:
        """Play everything, and record each proof as soon as it is complete. Raises ``Invalid`` or ``Unavailable``."""
        largest = max((e.memory_mib for e in exhibits), default=0)
        if largest > self.memory_mib:
            raise Invalid(
                f"a sandbox of {largest} MiB does not fit into {self.memory_mib} MiB", hint="raise limits.memory"
            )
        slots = asyncio.Semaphore(max(1, min(self.parallel, self.memory_mib // max(largest, 1))))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._check(exhibit, slots, told)) for exhibit in exhibits]
        except* (Invalid, Unavailable) as errors:
            raise next(_leaves(errors)) from None
        return [task.result() for task in tasks]

    async def _check(self, exhibit: Exhibit, slots: asyncio.Semaphore, told: Told) -> Checked:
        claim, started = exhibit.claim, self.clock.now()
        played = cases(claim)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._case(exhibit, case, slots, told)) for case in played]
        outcomes = {case.step: task.result() for case, task in zip(played, tasks, strict=True)}
        checked = Checked(scenario=claim.scenario, steps=steps(claim, outcomes))
        if not checked.proven:
            return checked
        await self.results.append(
            {claim.path: _record(exhibit, checked.steps, started, self.clock.now())}, _message(exhibit)
        )
        return replace(checked, proof=claim.path)

    async def _case(self, exhibit: Exhibit, case: Case, slots: asyncio.Semaphore, told: Told) -> Outcome:
        """One case to its end; a sandbox that dies is made anew, as often as a trial's."""
        outcome = Outcome(problem="it was not played")
        async with slots:
            for _ in range(self.attempts):
                began = self.clock.monotonic()
                outcome = await self._attempt(exhibit, case)
                outcome = replace(outcome, seconds=round(self.clock.monotonic() - began, 1))
                if not outcome.problem:
                    break
                log.warning(
                    "case without an outcome", scenario=exhibit.claim.scenario, step=case.step, problem=outcome.problem
                )
        told(exhibit.claim.scenario, judged(exhibit.claim, case, outcome))
        return outcome

    async def _attempt(self, exhibit: Exhibit, case: Case) -> Outcome:
        try:
            async with asyncio.timeout(self.seconds):
                return await self._play(exhibit, case)
        except TimeoutError:
            return Outcome(problem=f"it did not end within {self.seconds:.0f} s")
        except Transient as error:
            return Outcome(problem=str(error))

    async def _play(self, exhibit: Exhibit, case: Case) -> Outcome:
        stage, label = exhibit.stage, digest([exhibit.claim.id, case.step])
        async with self.machines.up(stage, label, network=False) as sandboxes:
            outcome = Outcome(interfaces=tuple([name for s in sandboxes for name in await interfaces(s)]))
            if case.restored:
                outcome = await self._restored(exhibit, case, label, sandboxes, outcome)
            else:
                await self.machines.clear(stage, exhibit.folder, sandboxes)
            stopped = outcome.stopped or await self._stopped(exhibit, case.playbooks, sandboxes)
            if stopped:
                return replace(outcome, stopped=stopped)
            began = self.clock.monotonic()
            first = await self._truth(exhibit, sandboxes)
            if not case.watched:
                return replace(outcome, rounds=(first,))
            idle = min(_IDLE_SECONDS, self.clock.monotonic() - began)
            second, touched = await self._watched(exhibit, label, sandboxes, idle)
            return replace(outcome, rounds=(first, second), touched=touched)

    async def _restored(
        self, exhibit: Exhibit, case: Case, label: str, sandboxes: Sequence[Sandbox], outcome: Outcome
    ) -> Outcome:
        """Play and restore, then hold the machine against a twin that nobody touched."""
        left: list[str] = []
        async with self._twins(exhibit, label) as twins:
            since = [await moment(s) for s in sandboxes]
            if stopped := await self._stopped(exhibit, case.restored, sandboxes):
                return replace(outcome, stopped=stopped)
            for sandbox, then, twin in zip(sandboxes, since, twins, strict=True):
                left += await differences(sandbox, await self._own(exhibit, sandbox, then, twin), twin)
        return replace(outcome, leftovers=tuple(left))

    async def _stopped(self, exhibit: Exhibit, playbooks: Sequence[str], sandboxes: Sequence[Sandbox]) -> str:
        """Play what must succeed; why one did not."""
        for name in playbooks:
            result = await self._result(exhibit, name, sandboxes)
            if not result.passed:
                log.warning("playbook failed", scenario=exhibit.claim.scenario, playbook=name, output=result.output)
                return (result.broken and f"{name}: {result.broken}") or why(result, f"{name} failed")
        return ""

    async def _truth(self, exhibit: Exhibit, sandboxes: Sequence[Sandbox]) -> dict[str, PlaybookResult]:
        return {name: await self._result(exhibit, name, sandboxes) for name in exhibit.claim.playbooks}

    async def _watched(
        self, exhibit: Exhibit, label: str, sandboxes: Sequence[Sandbox], idle: float
    ) -> tuple[dict[str, PlaybookResult], tuple[str, ...]]:
        """The rules' playbooks once more, and the files that changed meanwhile and do not change by themselves."""
        async with (
            self._twins(exhibit, label)
            if exhibit.claim.mode in _SHOW_HOST
            else contextlib.nullcontext[Sequence[Sandbox]](()) as twins
        ):
            began = [await moment(s) for s in sandboxes]
            await self.clock.sleep(idle)
            before = [await changed(s, since) for s, since in zip(sandboxes, began, strict=True)]
            truth = await self._truth(exhibit, sandboxes)
            touched: list[str] = []
            for sandbox, (lively, since), twin in itertools.zip_longest(sandboxes, before, twins):
                own = await self._own(exhibit, sandbox, since, twin)
                touched += [path for path in own if not by_itself(path, lively)]
        return truth, tuple(touched)

    async def _own(self, exhibit: Exhibit, sandbox: Sandbox, since: int, twin: Sandbox) -> Sequence[str]:
        """The files that changed in a sandbox, without those of a host that it shows."""
        paths, _ = await changed(sandbox, since)
        return await not_shared(paths, since, twin) if paths and exhibit.claim.mode in _SHOW_HOST else paths

    def _twins(self, exhibit: Exhibit, label: str) -> contextlib.AbstractAsyncContextManager[Sequence[Sandbox]]:
        """Machines like those under a label, that nobody touches."""
        return self.machines.up(exhibit.stage, digest([label, "twin"]), network=False)

    async def _result(self, exhibit: Exhibit, name: str, sandboxes: Sequence[Sandbox]) -> PlaybookResult:
        """How a playbook ended; one that cannot be run, or does not end, is broken."""
        try:
            return await self.machines.play(exhibit.stage, exhibit.folder, name, sandboxes)
        except Transient as error:
            if error.cause != "playbook":
                raise
            return PlaybookResult(passed=False, broken=str(error), failed_task=None, message=str(error))


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _record(exhibit: Exhibit, found: Sequence[Step], started: datetime, finished: datetime) -> bytes:
    claim, scenario = exhibit.claim, exhibit.stage.scenario
    document = {
        "schema": "reconciler.proof/1",
        "proof": claim.id,
        "scenario": {"key": scenario.key, "title": scenario.title, "tags": list(scenario.tags)},
        "mode": claim.mode,
        "source": asdict(exhibit.origin),
        "digests": dict(claim.digests),
        "parts": {name: dict(getattr(claim, name)) for name in claim.digests},
        "false_alarm": claim.false_alarm,
        "started_at": started,
        "finished_at": finished,
        "steps": [step_document(step) for step in found],
    }
    return dump_json(ProofRecord.model_validate(document).document())


def step_document(step: Step) -> dict[str, object]:
    """A step of the documented JSON shape."""
    return {**asdict(step), "ok": step.ok}


def _message(exhibit: Exhibit) -> str:
    """The commit message: what was shown, in a line, and trailers for programs."""
    claim = exhibit.claim
    fault = "a false alarm that passes untouched" if claim.false_alarm else "untouched it fails, its solution passes"
    caught = f"{len(claim.mutants)} mutant{'s' if len(claim.mutants) != 1 else ''} caught"
    trailers = {
        "Source-Commit": exhibit.origin.commit,
        "Scenario": claim.scenario,
        "Mode": claim.mode,
        "Proof": claim.id,
    }
    subject = f"{claim.scenario} is proven in mode {claim.mode}: {fault}, {caught}"
    return " ".join(subject.split()) + "\n\n" + "\n".join(f"{k}: {v}" for k, v in trailers.items()) + "\n"
