"""The loop over fakes at the height of the ports: thousands of passes a minute, real planning, real definitions."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from reconciler.adapters.cron import cron_error
from reconciler.adapters.memory.engine import ScriptedEngine
from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.adapters.memory.platform import MemoryPlatform
from reconciler.adapters.memory.provisioner import MemoryProvisioner
from reconciler.adapters.memory.results import MemoryBranch, MemoryResults
from reconciler.adapters.memory.source import MemorySource
from reconciler.adapters.timetable import ApschedulerTimetable
from reconciler.core.model import Job, PlaybookResult
from reconciler.core.planning import Limits, Plan
from reconciler.definitions.files.values import Context
from reconciler.ports import Assignment, Engine, Journal
from reconciler.shell.daemon import Policy, Reconciler
from reconciler.shell.dispatch import Dispatcher
from reconciler.shell.events import Event
from reconciler.shell.grading import Grader
from reconciler.shell.leasing import Leases
from reconciler.shell.machines import Machines
from reconciler.shell.observe import Observer
from reconciler.shell.past import Past
from reconciler.shell.preparing import Preparer
from reconciler.shell.proven import Proven
from reconciler.shell.reading import ByHand, Definitions
from reconciler.shell.reaping import Reaper
from reconciler.shell.recording import Recorder
from reconciler.shell.regrading import Regrader
from reconciler.shell.reporting import Reporter, Rows
from reconciler.shell.trial import TrialRunner
from tests.builders import task
from tests.fake_clock import FakeClock

Script = Callable[[Assignment], AsyncIterator[Job]]


class LiteralPatterns:
    """Port ``Patterns`` for tests whose patterns are plain words; at one of them it breaks."""

    BUG = "a bug in the patterns' engine"

    def search(self, pattern: str, text: str) -> tuple[int, int] | None:
        if pattern == self.BUG:
            raise RuntimeError(pattern)
        at = text.lower().find(pattern.lower())
        return None if at < 0 else (at, at + len(pattern))

    def error(self, pattern: str) -> str | None:
        return None

    def close(self) -> None:
        """Nothing was started."""


class MemoryNotes:
    """Port ``Notes`` in a dictionary."""

    def __init__(self) -> None:
        self.notes: dict[str, Mapping[str, object]] = {}
        self.kept: dict[str, bytes] = {}

    def get(self, name: str) -> Mapping[str, object] | None:
        return self.notes.get(name)

    def put(self, name: str, value: Mapping[str, object]) -> None:
        self.notes[name] = json.loads(json.dumps(value))

    def load(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def save(self, name: str, data: bytes) -> None:
        self.kept[name] = data


class SharedJournal(MemoryJournal):
    """One journal of two daemons."""

    shared = True


async def works(assignment: Assignment) -> AsyncIterator[Job]:
    """An agent that runs one command and succeeds."""
    yield Job(id=assignment.trial, status="success", tasks=(task("repair it"),), resolution="repaired")


def definitions(
    *scenarios: str,
    iterations: int = 2,
    specialty: str = "Mend it.",
    rule: str = "repair",
    schedule: str | None = None,
    on_change: bool = True,
    mode: str = "incus",
) -> dict[str, bytes | None]:
    """A small definitions repository."""
    benchmark: dict[str, object] = {
        "name": "all",
        "scenarios": ["*"],
        "variants": [{"specialty": "mender", "main_engine": "scripted"}],
        "iterations": iterations,
        "on_change": on_change,
        "mode": mode,
    }
    if schedule:
        benchmark["schedule"] = schedule
    files = {
        "config/specialties/mender.mdx": f"---\nname: mender\n---\n{specialty}\n",
        "config/engines/scripted.yaml": "adapter: scripted\n",
        "config/templates/base/template.yaml": "image: {incus: base}\nmemory: 256MiB\n",
        "config/benchmarks/all.yaml": json.dumps(benchmark),
    }
    for name in scenarios or ("alpha",):
        files |= {
            f"scenarios/{name}/scenario.json": json.dumps(scenario(name, rule)),
            f"scenarios/{name}/prepare.yml": f"- hosts: all\n  tasks: [{{name: break {name}, ansible.builtin.meta: noop}}]\n",
            f"scenarios/{name}/validate.yml": f"- hosts: all\n  tasks: [{{name: check {name}, ansible.builtin.meta: noop}}]\n",
        }
    return {path: text.encode() for path, text in files.items()}


def scenario(name: str, rule: str = "repair") -> dict[str, object]:
    return {
        "key": name,
        "title": name.title(),
        "description": "internal",
        "ticket_title": f"{name} is down",
        "ticket_body": f"Please mend {name}.",
        "hosts": [{"host_name": "app-01", "template": "base"}],
        "agents": [{"agent_name": "agent", "host_name": "app-01", "specialty_key": "MENDER"}],
        "validation": {
            "job": [{"label": "mended", "validator": "ansible", "ansiblePath": "validate.yml"}],
            "tasks": [{"label": "did it", "validator": "pattern_match", "where": "executed_commands", "pattern": rule}],
        },
    }


@dataclass(kw_only=True)
class ShellWorld:
    """What outlives a daemon, and daemons over it."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    remote: MemoryBranch = field(default_factory=MemoryBranch)
    script: Script = works
    engine: Callable[[Script], Engine] = ScriptedEngine
    """Carries out the script."""
    seconds: float = 600
    grace: float = 30
    playbooks: dict[str, PlaybookResult | Exception] = field(default_factory=dict)
    limits: Limits = field(default_factory=lambda: Limits(parallel=3, memory_mib=8192, attempts=3))
    events: list[Event] = field(default_factory=list)
    heard: Callable[[Event], None] = lambda _: None
    """Called with each event as it comes."""

    def __post_init__(self) -> None:
        self.source = MemorySource(folders=("scenarios", "config"), state=self.folder)
        self.platform = MemoryPlatform(clock=self.clock, mode="incus", images=("base", ""))
        self.notes = MemoryNotes()
        self.local = MemoryResults(self.remote)
        self.provisioner = MemoryProvisioner()

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        self.heard(event)

    def commit(self, files: Mapping[str, bytes | None], subject: str = "change") -> str:
        return self.source.commit(files, subject)

    def daemon(
        self,
        *,
        journal: Journal | None = None,
        results: MemoryResults | None = None,
        owner: str = "one",
        by_hand: ByHand | None = None,
    ) -> Reconciler:
        """A daemon that begins: nothing but what is durable is known to it."""
        results = results or self.local
        journal = journal or MemoryJournal(clock=self.clock)
        timetable = ApschedulerTimetable(clock=self.clock)
        recorder, past = Recorder(results=results), Past(results=results)
        self.provisioner = MemoryProvisioner(self.playbooks)
        observer = Observer(
            source=self.source,
            results=results,
            platforms={"incus": self.platform},
            journal=journal,
            clock=self.clock,
            timetable=timetable,
            past=past,
            notes=self.notes,
            definitions=Definitions(
                source=self.source,
                notes=self.notes,
                context=Context(compiles=lambda _: None, cron_error=cron_error, adapters={"scripted": "1"}),
                scenarios_folder="scenarios",
                config_folder="config",
                by_hand=by_hand,
            ),
        )
        leases, grader = Leases(journal=journal, owner=owner), Grader(patterns=LiteralPatterns())
        dispatcher = Dispatcher(
            runner=TrialRunner(
                source=self.source,
                machines=Machines(
                    platforms={"incus": self.platform},
                    provisioner=self.provisioner,
                    instance=f"instance-{owner}",
                    seconds=600,
                ),
                engines=lambda _: self.engine(self.script),
                patterns=LiteralPatterns(),
                clock=self.clock,
                seconds=self.seconds,
                grace=self.grace,
            ),
            regrader=Regrader(
                grader=grader,
                recorder=recorder,
                results=results,
                past=past,
                journal=journal,
                leases=leases,
                clock=self.clock,
                listener=self._hear,
            ),
            grader=grader,
            recorder=recorder,
            results=results,
            journal=journal,
            clock=self.clock,
            leases=leases,
            listener=self._hear,
        )
        reconciler = Reconciler(
            observer=observer,
            preparer=Preparer(observer=observer, past=past, repository="memory", ref="main"),
            dispatcher=dispatcher,
            reporter=Reporter(
                rows=Rows(past=past, proven=Proven(source=self.source, results=results)),
                recorder=recorder,
                results=results,
                notes=self.notes,
                dashboard=by_hand is None,
            ),
            results=results,
            reaper=Reaper(platforms={"incus": self.platform}, instance=f"instance-{owner}"),
            patterns=LiteralPatterns(),
            policy=Policy(limits=self.limits, drain=5),
            notify=lambda _: None,
            listener=self._hear,
        )
        dispatcher.woken = reconciler.wake
        timetable.ring = reconciler.ring
        return reconciler

    async def settle(self, *daemons: Reconciler) -> Plan:
        """Run daemons until nothing is due for the first; where only time helps, time passes: never while a trial runs."""
        daemons = daemons or (self.daemon(),)
        running = [asyncio.create_task(daemon.run(until_settled=True)) for daemon in daemons]
        while (await asyncio.wait(running, timeout=0.02))[1]:
            if not any(daemon.dispatcher.busy for daemon in daemons):
                self.clock.advance(timedelta(seconds=20))
                for daemon in daemons:
                    daemon.wake()
        return (await asyncio.gather(*running))[0]

    def records(self) -> dict[str, dict[str, object]]:
        """Every trial record on the remote's branch."""
        return {p: json.loads(data) for p, data in self.remote.files.items() if p.startswith("trials/")}
