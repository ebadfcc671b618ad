"""Big repositories, each made by one ``git fast-import``."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.app.settings import Settings
from reconciler.app.wiring import wired
from reconciler.core.model import Trial
from reconciler.shell.observe import World
from tests.git_world import bare, git

PROJECT = Path(__file__).resolve().parents[2]
SPECIALTY = "config/specialties/linux-administration.mdx"


def definitions(folder: Path, scenarios: int, *, mode: str, variants: int, iterations: int = 1) -> Path:
    """A bare repository of :func:`definition_files`."""
    repository = bare(folder)
    fast_import(repository, "main", definition_files(scenarios, mode=mode, variants=variants, iterations=iterations))
    return repository


def definition_files(scenarios: int, *, mode: str, variants: int, iterations: int = 1) -> dict[str, bytes]:
    """As many scenarios, each with files of its own, and a benchmark of so many variants over all of them."""
    names = ["linux-administration", "careful-operator", *(f"specialty-{n}" for n in range(variants))][:variants]
    benchmark = f"name: all\nscenarios: ['*']\nmode: {mode}\niterations: {iterations}\nvariants:\n" + "".join(
        f"  - {{specialty: {name}, main_engine: runbook}}\n" for name in names
    )
    files = {
        "config/benchmarks/all.yaml": benchmark.encode(),
        "config/engines/runbook.yaml": (PROJECT / "config/engines/runbook.yaml").read_bytes(),
        "config/templates/debian-base/template.yaml": (
            PROJECT / "config/templates/debian-base/template.yaml"
        ).read_bytes(),
        **{f"config/specialties/{name}.mdx": specialty(name) for name in names},
    }
    rules = (PROJECT / "config/operational_rules").glob("*.mdx")
    files |= {f"config/operational_rules/{rule.name}": rule.read_bytes() for rule in rules}
    return files | dict(pair for number in range(scenarios) for pair in scenario(number))


def specialty(name: str, step: str = "true") -> bytes:
    """A specialty of one command, which any ticket gets."""
    return f"---\nname: {name}\n---\n\n## Always\n\nLook around.\n\n```bash\n{step}\n```\n".encode()


def scenario(number: int) -> Iterable[tuple[str, bytes]]:
    """The files of a scenario of usual size under a key of its own; no file is another's."""
    folder = f"scenarios/group-{number // 100:03}/scenario-{number:05}"
    for name, text in _SCENARIO.items():
        yield f"{folder}/{name}", text.replace("NUMBER", f"{number:05}").encode()


_SCENARIO = {
    "scenario.json": """{
  "key": "scenario-NUMBER",
  "title": "Queue NUMBER does not drain",
  "description": "A worker holds a lock that nobody needs any more.",
  "ticket_title": "Orders in queue NUMBER are not processed on app-01",
  "ticket_body": "Since this morning orders pile up in /srv/queue-NUMBER. Please find out why, and keep what waits.",
  "tags": ["linux", "queue", "group-NUMBER"],
  "hosts": [{ "host_name": "app-01", "template": "debian-base" }],
  "agents": [{ "agent_name": "app-agent", "host_name": "app-01", "specialty_key": "LINUX_ADMINISTRATION" }],
  "validation": {
    "job": [
      { "label": "Ended in success", "validator": "job_resolution_status", "pattern": "success" },
      { "label": "Orders are processed", "validator": "ansible", "ansiblePath": "validate.yml" }
    ],
    "tasks": [
      { "label": "Looked first", "validator": "pattern_match", "where": "executed_commands", "pattern": "\\\\b(ls|cat|find)\\\\b" },
      { "label": "Removed nothing", "validator": "pattern_match", "where": "executed_commands", "pattern": "rm\\\\s+-rf", "negate": true },
      { "label": "Summary names the cause", "validator": "pattern_match", "where": "task_summary", "pattern": "lock", "required": false }
    ]
  }
}
""",
    "prepare.yml": """- name: Break queue NUMBER
  hosts: all
  gather_facts: false
  tasks:
    - name: Make the queue
      ansible.builtin.file: {path: /srv/queue-NUMBER, state: directory, mode: "0755"}
    - name: Let orders wait
      ansible.builtin.copy: {dest: /srv/queue-NUMBER/order, content: "NUMBER", mode: "0644"}
    - name: Leave a lock
      ansible.builtin.command: {cmd: touch /srv/queue-NUMBER/lock, creates: /srv/queue-NUMBER/lock}
""",
    "validate.yml": """- name: Check queue NUMBER
  hosts: all
  gather_facts: false
  tasks:
    - name: Look at the lock
      ansible.builtin.stat: {path: /srv/queue-NUMBER/lock}
      register: lock
    - name: The lock is gone
      ansible.builtin.assert: {that: not lock.stat.exists, fail_msg: the lock is still there}
""",
}


def fast_import(repository: Path, branch: str, files: Mapping[str, bytes], *, start: bool = True) -> None:
    """Commit ``files`` to a branch, which must not be there if this is its ``start``."""
    stream = commit_stream(branch, files, start=start)
    git(repository, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--done", stdin=stream)


def commit_stream(branch: str, files: Mapping[str, bytes], *, start: bool) -> bytes:
    """One commit as ``git fast-import`` reads it."""
    parts = [b"commit refs/heads/%b\ncommitter A <a@b> 1700000000 +0000\ndata 4\nmany" % branch.encode()]
    if not start:
        parts.append(b"from refs/heads/%b^0\n" % branch.encode())
    for path, data in files.items():
        parts.append(b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(data), data))
    return b"".join(parts) + b"done\n"


def wanted(settings: Settings) -> list[Trial]:
    """Every trial that is wanted and not recorded, as the program sees it."""

    async def look() -> World:
        async with wired(settings) as program:
            await program.results.refresh()
            await program.observer.fetch()
            return await program.observer.look()

    return [missing.trial for missing in asyncio.run(look()).todo.missing]
