"""Values for tests: a test names only what it is about."""

from reconciler.core.model import Batch, Command, Component, Gate, Inputs, Job, Mode, Resolution, Rule, Task, Variant
from reconciler.core.planning import Missing, Outstanding, Wanted
from reconciler.core.trends import BatchResults, Result


def inputs(**parts: str) -> Inputs:
    """Inputs with one part per component; ``agent="2"`` gives the component ``agent`` another content."""
    known = {"world": "1", "task": "1", "agent": "1", "truth": "1", "rules": "1"} | parts
    return Inputs(**{name: Component.of({f"{name} part": oid}) for name, oid in known.items()})


def variant(specialty: str = "LINUX_ADMINISTRATION") -> Variant:
    return Variant(specialty=specialty, main_engine="runbook")


def batch(
    scenario: str = "stale-lock", *, mode: Mode = "namespace", specialty: str = "LINUX_ADMINISTRATION", **parts: str
) -> Batch:
    return Batch(scenario=scenario, variant=variant(specialty), mode=mode, inputs=inputs(**parts))


def wanted(of: Batch | None = None, *, iterations: int = 3, memory_mib: int = 512, epoch: str = "") -> Wanted:
    return Wanted(batch=of or batch(), iterations=iterations, memory_mib=memory_mib, epoch=epoch)


def todo(*demands: Wanted) -> Outstanding:
    return Outstanding(missing=tuple(Missing(trial=t, wanted=w) for w in demands for t in w.trials()))


def task(*commands: str, summary: str = "", plan: str = "", ended: bool = True) -> Task:
    return Task(
        id="t1",
        agent="agent",
        host="app-01",
        summary=summary,
        plan=plan,
        commands=tuple(Command(text=c, exit_code=0) for c in commands),
        ended=ended,
    )


def job(*tasks: Task, status: Resolution | None = "success", resolution: str = "") -> Job:
    return Job(id="j1", status=status, tasks=tasks, resolution=resolution)


def pattern_rule(
    pattern: str, where: str = "executed_commands", *, required: bool = True, negate: bool = False
) -> Rule:
    return Rule(
        scope="tasks",
        label=pattern,
        validator="pattern_match",
        pattern=pattern,
        where=where,
        required=required,
        negate=negate,
    )


def results(
    passed: int,
    measured: int,
    *,
    number: int = 1,
    wanted_iterations: int | None = None,
    mode: Mode = "namespace",
    gate: Gate | None = None,
    compliance: float | None = 100.0,
    epoch: str = "",
    **parts: str,
) -> BatchResults:
    """The ``number``-th batch of a series (batches with higher numbers finished later)."""
    of = batch(mode=mode, **parts)
    return BatchResults(
        batch=of.id,
        epoch=epoch,
        mode=mode,
        digests=of.inputs.digests,
        parts=of.inputs.parts,
        wanted=wanted_iterations or measured,
        gate=gate or Gate(pass_rate=1.0, compliance=0.0),
        results=tuple(
            Result(
                iteration=n,
                passed=n <= passed,
                compliance=compliance,
                compliance_gate=True,
                resolution_gate=n <= passed,
                outcome="completed",
                started_at=f"2026-01-{number:02}T00:00:00+00:00",
                finished_at=f"2026-01-{number:02}T00:0{n}:00+00:00",
                commit=f"{number:040x}",
                path=f"trials/s/v/{of.id}/{epoch or 'change'}-{n}.json",
            )
            for n in range(1, measured + 1)
        ),
    )
