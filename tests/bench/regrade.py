"""10,000 recorded trials graded again after an edit of every scenario's rules, beside reading, parsing and importing them alone."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from reconciler.adapters.patterns.search import EcmaPatterns
from reconciler.app.settings import load
from reconciler.app.wiring import Program, wired
from reconciler.core.model import Command, Job, PlaybookResult, Task
from reconciler.shell.grading import Grader
from reconciler.shell.recording import Recorder
from reconciler.shell.trial import Seen
from tests.bench.figures import Figure, tell, timed
from tests.bench.repositories import commit_stream, definitions, fast_import, scenario
from tests.git_world import bare, git

SCENARIOS, ITERATIONS, AT_ONCE = 2_000, 5, 500
TRIALS = SCENARIOS * ITERATIONS
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def measure(folder: Path) -> Sequence[Figure]:
    """One ``reconciler once`` as a process, from its start to its end, pushing included."""
    remote = definitions(folder / "definitions.git", SCENARIOS, mode="namespace", variants=1, iterations=ITERATIONS)
    config = folder / "reconciler.yaml"
    config.write_text(json.dumps({"source": {"repository": str(remote)}, "state": str(folder / "state")}))
    tell(f"recording {TRIALS} trials")
    trials_recorded(config)
    floor = timed(lambda: _floor(remote, bare(folder / "floor.git")))
    fast_import(remote, "main", other_rules(SCENARIOS), start=False)
    plan = timed(lambda: _run("plan", config, folder))
    once = timed(lambda: _run("once", config, folder))
    records = git(remote, "ls-tree", "-r", "--name-only", "results", "trials").splitlines()
    assert len(records) == 2 * TRIALS, f"{len(records)} records"
    what = f"regrade {TRIALS} trials, beside cat-file + json.loads + fast-import"
    return [
        Figure(what=what, floor=floor, ours=once, limit=10),
        Figure(what=f"plan of {TRIALS} regrades, beside the same", floor=floor, ours=plan, limit=None),
    ]


def _run(command: str, config: Path, folder: Path) -> None:
    arguments = [sys.executable, "-m", "reconciler", command, "--config", str(config)]
    log = folder / f"{command}.log"
    with log.open("wb") as file:
        subprocess.run(arguments, check=True, stdout=file, stderr=file, cwd=Path(__file__).parents[2], timeout=1800)


def _floor(repository: Path, target: Path) -> None:
    """What any program must do: read and parse each record and transcript, and commit as many records."""
    command = ["git", "-C", str(repository)]
    listed = subprocess.run(
        [*command, "ls-tree", "-r", "results", "trials", "transcripts"], capture_output=True, check=True
    ).stdout.splitlines()
    oids = b"".join(line.split()[2] + b"\n" for line in listed)
    blobs = subprocess.run([*command, "cat-file", "--batch"], input=oids, capture_output=True, check=True).stdout
    files: dict[str, bytes] = {}
    at = 0
    for line in listed:
        end = blobs.index(b"\n", at)
        size = int(blobs[at:end].split()[2])
        document = json.loads(blobs[end + 1 : end + 1 + size])
        path = line.split(b"\t")[1].decode()
        if path.startswith("trials/"):
            files[path] = json.dumps(document, indent=1).encode()
        at = end + size + 2
    stream = commit_stream("results", files, start=True)
    subprocess.run(
        ["git", "-C", str(target), "-c", "core.fsync=all", "fast-import", "--quiet"], input=stream, check=True
    )


# ---------------------------------------------------------------- the world


def trials_recorded(config: Path) -> None:
    """Record every wanted trial, as if each had run, by the program's own grader and recorder."""
    asyncio.run(_recorded(config))


async def _recorded(config: Path) -> None:
    async with wired(load(config)) as program:
        await program.results.refresh()
        await program.observer.fetch()
        while await _some_recorded(program):
            pass
        await program.results.push()


async def _some_recorded(program: Program) -> bool:
    world = await program.observer.look()
    due = program.reconciler.decide(world).due
    works = await program.preparer.works(world, due) if due else []
    grader, recorder = Grader(patterns=EcmaPatterns()), Recorder(results=program.results)
    works.sort(key=lambda w: w.trial.path)
    for begin in range(0, len(works), AT_ONCE):
        some = works[begin : begin + AT_ONCE]
        graded = [await grader.grade(work, _seen(work.trial.id)) for work in some]
        await recorder.record_all([r for r, _ in graded], {r.transcript.path: t for r, t in graded})
    grader.patterns.close()
    return bool(works)


def _seen(trial: str) -> Seen:
    """An agent of three tasks and thirty commands; a transcript of some 30 kB that no other trial has."""
    tasks = tuple(
        Task(
            id=f"t{number}",
            agent="app-agent",
            host="app-01",
            plan="Look, then act.",
            summary=f"Found the lock of {trial} and removed it.",
            commands=tuple(
                Command(text=f"ls -l /srv/queue-{trial}/{n}", exit_code=0, output=f"{trial} line {n}\n" * 12)
                for n in range(10)
            ),
            ended=True,
        )
        for number in range(3)
    )
    return Seen(
        job=Job(id=trial, status="success", tasks=tasks, resolution="repaired"),
        guard=None,
        truth={"validate.yml": PlaybookResult(passed=True)},
        image="host",
        started_at=_MOMENT,
        finished_at=_MOMENT,
        phases={"provision": 0.1, "prepare": 1.5, "execute": 2.0, "validate": 1.5},
    )


def other_rules(scenarios: int) -> dict[str, bytes]:
    """Another rule in every scenario."""
    files = (file for number in range(scenarios) for file in scenario(number) if file[0].endswith("scenario.json"))
    return {path: data.replace(b"(ls|cat|find)", b"(ls|cat|stat|find)") for path, data in files}
