"""Guards over real sandboxes: the agent is stopped before it can go on, and nothing of it is left."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.jobs import Jobs, Progress
from reconciler.adapters.memory.provisioner import MemoryProvisioner
from reconciler.adapters.memory.source import MemorySource
from reconciler.adapters.patterns.search import EcmaPatterns
from reconciler.adapters.runbook.engine import RunbookEngine
from reconciler.core.model import (
    Agent,
    Command,
    EngineSettings,
    Gate,
    Host,
    Job,
    Mode,
    Scenario,
    Specialty,
    Task,
    Template,
    Trial,
)
from reconciler.definitions.values import Seating
from reconciler.ports import Assignment, Engine, Platform, Sandbox, SandboxInfo, SandboxSpec
from reconciler.shell.machines import Machines, Stage
from reconciler.shell.trial import Seen, Stopwatch, TrialRunner
from reconciler.shell.work import Origin, Work
from tests import platform_rigs
from tests.builders import batch
from tests.git_world import git
from tests.world import World, benchmark, definitions, scenario, specialty

REAL = [
    pytest.param(platform_rigs.namespace, marks=pytest.mark.real("namespace"), id="namespace"),
    pytest.param(platform_rigs.incus, marks=pytest.mark.real("incus"), id="incus"),
]
STEPS = ("touch /one", "touch /two; true rm -rf /srv", "touch /three", "touch /four", "touch /five")


@pytest.fixture
def patterns() -> Iterator[EcmaPatterns]:
    made = EcmaPatterns()
    yield made
    made.close()


@dataclass
class Inspected:
    """A platform that looks into each sandbox just before it is destroyed."""

    platform: Platform
    script: str
    made: dict[str, Sandbox] = field(default_factory=dict)
    saw: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mode: Mode = self.platform.mode

    async def images(self, templates: Collection[Template]) -> Mapping[str, str]:
        return await self.platform.images(templates)

    async def create(self, spec: SandboxSpec) -> Sandbox:
        self.made[spec.name] = await self.platform.create(spec)
        return self.made[spec.name]

    async def destroy(self, name: str) -> None:
        done = await self.made[name].run(["sh", "-c", self.script], timeout=60)
        self.saw.append(done.stdout.decode().strip())
        await self.platform.destroy(name)

    async def list(self) -> Sequence[SandboxInfo]:
        return [info for info in await self.platform.list() if info.name in self.made]

    async def close(self) -> None:
        await self.platform.close()


def work(rig: platform_rigs.Rig, prompt: str, commit: str, **guards: tuple[str, ...]) -> Work:
    host, agent = Host(name="app-01"), Agent(name="agent", host="app-01", specialty="MENDER")
    mender = Specialty(key="MENDER", name="mender", prompt=prompt)
    declared = Scenario(
        key="guarded", title="", description="", ticket_title="Mend it", ticket_body="", hosts=(host,), agents=(agent,)
    )
    stage = Stage(
        scenario=replace(declared, **guards),  # type: ignore[arg-type]
        mode=rig.platform.mode,
        templates={host.name: rig.template},
        playbooks=frozenset(),
        inventory=None,
    )
    return Work(
        trial=Trial(batch=batch("guarded", mode=rig.platform.mode), iteration=1),
        stage=stage,
        seats=(Seating(agent=agent, host=host, specialty=mender, rules=()),),
        checkout=(),
        origin=Origin(repository="memory", ref="main", commit=commit),
        benchmark="b",
        iterations=1,
        gate=Gate(),
        memory_mib=128,
        engine=EngineSettings(key="e", adapter="e"),
    )


async def tried(
    rig: platform_rigs.Rig,
    engine: Engine,
    folder: Path,
    patterns: EcmaPatterns,
    look: str,
    given: Callable[[str], Work],
) -> tuple[Seen, list[str]]:
    """What a trial showed, and what ``look`` printed in its sandbox just before that was destroyed."""
    source = MemorySource(folders=["."], state=folder)
    platform = Inspected(rig.platform, look)
    machines = Machines(
        platforms={rig.platform.mode: platform},
        provisioner=MemoryProvisioner(),
        instance=rig.spec().name[-12:],
        seconds=120,
    )
    runner = TrialRunner(
        source=source,
        machines=machines,
        engines=lambda _: engine,
        patterns=patterns,
        clock=WallClock(),
        seconds=120,
    )
    seen = await runner.run(given(source.commit({})), Stopwatch(clock=WallClock()))
    assert await platform.list() == [], "a sandbox is left"
    await platform.close()
    return seen, platform.saw


@pytest.mark.parametrize("rig", REAL)
async def test_neither_a_forbidden_command_nor_what_follows_it_is_run(
    rig: Callable[[], platform_rigs.Rig], tmp_path: Path, patterns: EcmaPatterns
) -> None:
    made = rig()
    prompt = "## Always\n" + "".join(f"```bash\n{step}\n```\n" for step in STEPS)
    seen, saw = await tried(
        made, RunbookEngine(clock=WallClock(), patterns=patterns), tmp_path, patterns,
        "ls -d /one /two /three /four /five 2>/dev/null",
        lambda commit: work(made, prompt, commit, forbidden_commands=(r"\brm\s+-rf\b",)),
    )  # fmt: skip
    assert saw == ["/one"]
    assert seen.guard is not None
    assert (seen.guard.line, seen.guard.text, seen.job.outcome) == (2, STEPS[1], "killed")
    assert [c.text for t in seen.job.tasks for c in t.commands] == list(STEPS[:2])


class TwoAgents:
    """An engine with an agent whose command hangs, and another one that turns up on a host of its own choice."""

    version = "1"

    def __init__(self) -> None:
        self._jobs = Jobs()

    async def submit(self, assignment: Assignment) -> str:
        sandbox = assignment.seats[0].sandbox

        async def at_work(progress: Progress) -> None:
            first = Task(id="1", agent="agent", host="app-01", commands=(Command(text="sleep 4321"),))
            progress.put(first)
            async with asyncio.TaskGroup() as agents:
                agents.create_task(sandbox.run(["sleep", "4321"], timeout=600))
                hangs = "until pgrep -fx 'sleep 4321'; do :; done"
                assert (await sandbox.run(["bash", "-c", hangs], timeout=60)).exit_code == 0
                progress.put(replace(first, id="2", host="db-01", commands=()))

        return self._jobs.start(Job(id=assignment.trial), at_work)

    def watch(self, job: str) -> AsyncGenerator[Job, None]:
        return self._jobs.watch(job)

    async def kill(self, job: str) -> Job:
        return await self._jobs.kill(job)


@pytest.mark.parametrize("rig", REAL)
async def test_a_command_that_hangs_is_killed_with_the_job(
    rig: Callable[[], platform_rigs.Rig], tmp_path: Path, patterns: EcmaPatterns
) -> None:
    made = rig()
    seen, saw = await tried(
        made, TwoAgents(), tmp_path, patterns,
        "pgrep -fx 'sleep 4321' || echo none",
        lambda commit: work(made, "", commit, allowed_hosts=("app-01",)),
    )  # fmt: skip
    assert saw == ["none"]
    assert seen.guard is not None
    assert (seen.guard.message, seen.job.outcome) == ("host `db-01` is not allowed (task 2)", "killed")


# ---------------------------------------------------------------- as a user has it


def guarded_world(folder: Path, mode: str) -> World:
    validation = {
        "job": [{"label": "it is mended", "validator": "ansible", "ansiblePath": "validate.yml"}],
        "tasks": [
            {"label": "wrote it", "validator": "pattern_match", "where": "executed_commands", "pattern": "mended"},
        ],
        "forbiddenCommands": [r"\brm\s+-rf\b"],
    }
    files = definitions("alpha") | scenario("alpha", validation=validation)
    files["config/benchmarks/all.yaml"] = benchmark(mode=mode)
    files["config/specialties/mender.mdx"] = specialty("echo mended > /etc/state\n```\n```bash\ncd /srv\nrm -rf ./x")
    return World(folder, files)


SAID = "killed: forbidden command `rm -rf ./x` (task 1, line 3)"


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("namespace", marks=pytest.mark.real("namespace", "ansible")),
        pytest.param("incus", marks=pytest.mark.real("incus", "ansible")),
    ],
)
@pytest.mark.timeout(280)
def test_a_killed_trial_is_recorded_once_and_reads_as_what_it_is(tmp_path: Path, mode: str) -> None:
    world = guarded_world(tmp_path, mode)
    once = world.run("once")
    assert once.code == 0, once.err
    assert f"FAIL alpha × mender #1  {SAID}" in once.out
    [record] = world.results().values()
    assert (record["outcome"], record["passed"], record["guard"]["value"]) == ("killed", False, r"\brm\s+-rf\b")
    assert record["ground_truth"]["passed"] is None
    assert f"**fail** {SAID}" in git(world.remote, "show", "results:README.md")
    assert git(world.remote, "log", "--format=%s", "results", "--", "trials").endswith(f", {SAID}")
    assert f"fail {SAID}" in world.run("status").out
    assert f"fail {SAID}" in world.run("trend").out
    assert world.plan()["due"] == []
    sandboxes = world.run("sandbox", "list", "--json").json["sandboxes"]
    assert [s for s in sandboxes if s["trial"] == record["trial"]] == []
    assert world.leftovers() == []
