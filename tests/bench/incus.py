"""Trials in Incus with trivial playbooks, beside a shell script that does the same by hand: one, and eight at once."""

import itertools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.bench.figures import Figure, medians, timed
from tests.processes import PROJECT
from tests.world import World, benchmark, definitions

AT_ONCE, ROUNDS, ROUNDS_AT_ONCE = 8, 7, 3
_SCRIPT = Path(__file__).with_name("incus.sh")
_PLUGINS = PROJECT / "reconciler/ansible_plugins"
_SPECIALTY = "config/specialties/mender.mdx"


def measure(folder: Path) -> Sequence[Figure]:
    """The single trial from its start to its record, without the process around it; of eight the whole of ``once``."""
    one, eight = _Trials(folder / "one", 1), _Trials(folder / "eight", AT_ONCE)
    floor, ours = medians(ROUNDS, one.by_hand, one.single)
    floor_of_eight, ours_of_eight = medians(ROUNDS_AT_ONCE, eight.by_hand, eight.once)
    together = f"{AT_ONCE} Incus trials at once, beside xargs -P{AT_ONCE}"
    return [
        Figure(what="an Incus trial, beside a script", floor=floor, ours=ours, limit=1.15),
        Figure(what="an Incus trial with `once` around it", floor=floor, ours=statistics.median(one.whole), limit=None),
        Figure(what=together, floor=floor_of_eight, ours=ours_of_eight, limit=1.15),
    ]


class _Trials:
    """A repository with so many scenarios, each due again after every edit of its only specialty."""

    def __init__(self, folder: Path, trials: int) -> None:
        files = definitions(*(f"scenario-{number}" for number in range(trials)))
        files["config/benchmarks/all.yaml"] = benchmark(mode="incus")
        limits = {"parallel": trials, "memory": "8GiB", "trial": "5m", "attempts": 1}
        folder.mkdir()
        self._world, self._trials, self._log = World(folder, files, limits=limits), trials, list[dict[str, str]]()
        self._edits = itertools.count()
        self.whole: list[float] = []
        """Seconds of each ``once``."""
        self.once()  # makes the template
        self.whole.clear()
        self._folder = _by_hand(folder / "by-hand", self._world)

    def once(self) -> float:
        """All trials by one ``reconciler once``."""
        text = "---\nname: mender\n---\n## Always\n\nMend it. Edit {}.\n\n```bash\necho mended > /etc/state\n```\n\n```bash\ncat /etc/state\n```\n"
        self._world.commit({_SPECIALTY: text.format(next(self._edits))})
        self.whole.append(timed(self._once))
        return self.whole[-1]

    def _once(self) -> None:
        said = self._world.run("once", "-vv")
        assert said.code == 0, said.err
        self._log = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
        assert sum(line["event"] == "trial recorded" for line in self._log) == self._trials, said.err

    def single(self) -> float:
        """One trial, from its start to its record, by the log."""
        self.once()
        began, ended = (
            next(line["timestamp"] for line in self._log if line["event"] == event)
            for event in ("trial started", "trial recorded")
        )
        return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()

    def by_hand(self) -> float:
        """As many by the script, all at once."""
        numbers = "\n".join(map(str, range(self._trials)))
        command = ["xargs", f"-P{self._trials}", "-n1", "sh", str(_SCRIPT), str(self._folder), _template()]
        environment = os.environ | {
            "ANSIBLE_CONFIG": str(self._folder / "ansible.cfg"),
            "ANSIBLE_PLAYBOOK": f"{sys.executable} -m ansible.cli.playbook",
            "PYTHONPATH": str(PROJECT),
        }
        return timed(
            lambda: subprocess.run(
                command, input=numbers, text=True, env=environment, check=True, stdout=subprocess.DEVNULL
            )
        )


def _by_hand(folder: Path, world: World) -> Path:
    """The same playbooks, and the same settings of Ansible, for the script."""
    folder.mkdir()
    for name in ("prepare.yml", "validate.yml"):
        (folder / name).write_text(world.read(f"scenarios/scenario-0/{name}"))
    settings = (_PLUGINS / "ansible.cfg").read_text()
    (folder / "ansible.cfg").write_text(settings.replace("_plugins = c", f"_plugins = {_PLUGINS}/c"))
    return folder


def _template() -> str:
    """The stopped instance that the program clones its sandboxes from."""
    listed = json.loads(subprocess.run(["incus", "list", "--format", "json"], capture_output=True, check=True).stdout)
    found = [i for i in listed if i["name"].startswith("template-base-")]
    return str(max(found, key=lambda i: i["created_at"])["name"])
