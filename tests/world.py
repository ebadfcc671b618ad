"""The program as a user has it: its command line and its daemon as processes, over repositories that a person made."""

import contextlib
import json
import os
import select
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.adapters.namespace import cgroups
from reconciler.app.settings import load
from tests.git_world import bare, commit, git
from tests.processes import PATIENCE, Daemon, Said, reconciler

Files = Mapping[str, str | None]
"""Path to contents; None: removed."""


# ---------------------------------------------------------------- definitions


def scenario(key: str, *, playbooks: bool = True, **more: object) -> dict[str, str | None]:
    """A scenario in its folder. Without playbooks a trial takes a quarter of a second."""
    truth = [{"label": "it is mended", "validator": "ansible", "ansiblePath": "validate.yml"}] if playbooks else []
    document = {
        "key": key,
        "title": key.title(),
        "description": "The state is broken.",
        "ticket_title": f"{key} is broken",
        "ticket_body": f"Please mend {key}.",
        "hosts": [{"host_name": "app-01", "template": "base"}],
        "agents": [{"agent_name": "agent", "host_name": "app-01", "specialty_key": "MENDER"}],
        "validation": {
            "job": [{"label": "ended well", "validator": "job_resolution_status", "pattern": "success"}, *truth],
            "tasks": [
                {"label": "wrote it", "validator": "pattern_match", "where": "executed_commands", "pattern": "mended"}
            ],
        },
    }
    files = {f"scenarios/{key}/scenario.json": json.dumps(document | more, indent=1)}
    if playbooks:
        files[f"scenarios/{key}/prepare.yml"] = play("ansible.builtin.copy: {content: broken, dest: /etc/state}")
        files[f"scenarios/{key}/validate.yml"] = play("ansible.builtin.command: grep -q mended /etc/state")
    return {**files}


def play(*tasks: str) -> str:
    """A playbook of these tasks, each in YAML's flow style or on one line."""
    listed = "".join(f"    - {task}\n" for task in tasks)
    return f"- hosts: all\n  gather_facts: false\n  tasks:\n{listed}"


def specialty(command: str = "echo mended > /etc/state", name: str = "mender") -> str:
    """A runbook of one step."""
    return f"---\nname: {name}\n---\n## Always\n\nMend what is broken.\n\n```bash\n{command}\n```\n"


def benchmark(*scenarios: str, name: str = "all", mode: str = "namespace", iterations: int = 1, **more: object) -> str:
    """Demand for these scenarios, or for every one."""
    variants = [{"specialty": "mender", "main_engine": "runbook"}]
    return json.dumps(
        {"name": name, "scenarios": list(scenarios) or ["*"], "variants": variants, "on_change": True}
        | {"iterations": iterations, "mode": mode}
        | more,
        indent=1,
    )


def definitions(*keys: str, playbooks: bool = True, iterations: int = 1) -> dict[str, str | None]:
    """A small definitions repository: these scenarios, one variant."""
    files: dict[str, str | None] = {
        "config/specialties/mender.mdx": specialty(),
        "config/engines/runbook.yaml": "adapter: runbook\n",
        "config/templates/base/template.yaml": "image: {incus: debian/12}\nmemory: 256MiB\ndisk: 64MiB\n",
        "config/benchmarks/all.yaml": benchmark(iterations=iterations),
    }
    for key in keys:
        files |= scenario(key, playbooks=playbooks)
    return files


# ---------------------------------------------------------------- the world


class World:
    """A bare remote ``definitions.git``, a person's clone of it, and a configuration, in one folder."""

    def __init__(self, folder: Path, files: Files | None = None, **sections: object) -> None:
        """``files`` are the first commit (default: one scenario, ``alpha``); ``sections`` of the configuration replace its defaults."""
        self.folder = folder
        self.remote, self.work = bare(folder / "definitions.git"), folder / "definitions"
        self.state, self.config = folder / "state", folder / "reconciler.yaml"
        git(folder, "clone", "--quiet", str(self.remote), str(self.work))
        git(self.work, "symbolic-ref", "HEAD", "refs/heads/main")
        self.configure(**sections)
        self.commit(definitions("alpha") if files is None else files, "Begin")

    def configure(self, **sections: object) -> None:
        """Write the configuration."""
        self.sections: dict[str, Any] = {
            "source": {"repository": str(self.remote), "poll": "60s"},
            "state": str(self.state),
            "limits": {"parallel": 2, "memory": "4GiB", "trial": "2m", "attempts": 1},
        } | sections
        self.config.write_text(json.dumps(self.sections, indent=1))

    def commit(self, files: Files, subject: str = "Change") -> str:
        """Commit and push; the new revision."""
        data = {path: None if text is None else text.encode() for path, text in files.items()}
        commit(self.work, data, subject)
        return self.push()

    def push(self) -> str:
        """Push what is committed; the revision."""
        git(self.work, "push", "--quiet", "origin", "HEAD:main")
        return self.revision()

    def revision(self) -> str:
        """The newest commit of the definitions."""
        return git(self.work, "rev-parse", "HEAD")

    def read(self, path: str) -> str:
        """A file of the definitions."""
        return (self.work / path).read_text()

    # ------------------------------------------------------------ the program over it

    def run(self, *args: str, env: Mapping[str, str] | None = None, within: float = PATIENCE * 2) -> Said:
        """Run a command on this world's configuration."""
        return reconciler(*args, "--config", str(self.config), env=env, cwd=self.folder, within=within)

    def plan(self) -> Any:
        """``plan --json``."""
        return self.run("plan", "--json").json

    def status(self) -> Any:
        """``status --json``."""
        return self.run("status", "--json").json

    @contextlib.contextmanager
    def daemon(self, *flags: str, env: Mapping[str, str] | None = None) -> Iterator[Daemon]:
        """A daemon that works here until the block ends."""
        daemon = Daemon(self.config, *flags, state=self.state, newest=self.revision, env=env)
        try:
            yield daemon
            if daemon.process.poll() is None:
                assert daemon.stop() == 0, daemon.text
        finally:
            daemon.close()

    # ------------------------------------------------------------ what became of it

    def results(self, branch: str = "results") -> dict[str, dict[str, Any]]:
        """Path to record, of every trial on the remote's results branch."""
        if not git(self.remote, "for-each-ref", f"refs/heads/{branch}"):
            return {}
        paths = git(self.remote, "ls-tree", "-r", "--name-only", branch, "trials").splitlines()
        return {path: json.loads(git(self.remote, "show", f"{branch}:{path}")) for path in paths}

    def measured(self, branch: str = "results") -> list[str]:
        """The scenario of each record, sorted."""
        return sorted(record["scenario"]["key"] for record in self.results(branch).values())

    def leftovers(self, *, within: float = PATIENCE) -> list[str]:
        """Processes, mounts, cgroups and git locks of this world that do not go away within that many seconds."""
        end = time.monotonic() + within
        while (processes := self._processes()) and time.monotonic() < end:
            for pid in processes:
                _wait_for_end(pid, end - time.monotonic())
        mounts = [m for m in Path("/proc/self/mountinfo").read_text().splitlines() if str(self.folder) in m]
        groups = [f"cgroup {name}" for name in cgroups.existing() if name.startswith(self._mark())]
        locks = [str(p) for p in self.folder.rglob("*.lock")]
        return [*(f"process {pid}: {what}" for pid, what in processes.items()), *mounts, *groups, *locks]

    def _mark(self) -> str:
        """What is in the name of every sandbox of this world."""
        return f"rec-{load(self.config).instance[:8]}-"

    def _processes(self) -> dict[int, str]:
        """Processes that name our folder or our sandboxes, and whoever shares a mount namespace with one of these."""
        marks, host = (str(self.folder).encode(), self._mark().encode()), Path("/proc/self/ns/mnt").readlink()
        spaces: dict[int, Path] = {}
        ours = set[int]()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                said = b"".join((folder / name).read_bytes() for name in ("cmdline", "environ", "cgroup"))
                spaces[int(folder.name)] = (folder / "ns/mnt").readlink()
                if any(mark in said for mark in marks):
                    ours.add(int(folder.name))
        inside = {spaces[pid] for pid in ours} - {host}
        ours |= {pid for pid, space in spaces.items() if space in inside}
        found = {}
        for pid in ours:
            with contextlib.suppress(OSError):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return found


def _wait_for_end(pid: int, seconds: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        ended.poll(max(0.0, seconds) * 1000)
        os.close(handle)
