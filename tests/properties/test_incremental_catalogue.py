"""Brought forward commit by commit, a catalogue says what one loaded afresh says: inputs, findings and demands.

The repository is real git; the commits are edits, deletions, moves of folders, symbolic links, merges and reverts, in any order.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.adapters.git.source import GitSource
from reconciler.core.model import Mode
from reconciler.definitions.catalogue import Catalogue
from tests.definitions import CONTEXT, benchmark, repository, scenario
from tests.git_world import git, work_tree

Content = tuple[str, str]
"""(git's mode, contents)."""
Contents = dict[str, Content]

IMAGES: dict[tuple[Mode, str], str] = {("incus", "debian-base"): "one", ("namespace", "debian-base"): "two"}
FOLDERS = ("scenarios/nginx", "scenarios/b", "scenarios/deep/er", "scenarios/nginx/below")
PLAYBOOKS = (
    "- hosts: all\n",
    "- hosts: all\n  roles: [../../roles/base]\n",
    "- hosts: all\n  roles: [{role: ../base}]\n  vars_files: [../common/a.yml]\n",
    "- hosts: all\n  tasks: [{include_tasks: more.yml}, {copy: {src: data.txt, dest: /x}}]\n",
    "- hosts: all\n  tasks: [{include_tasks: '{{ x }}.yml'}, {copy: {src: '../common/{{ x }}', dest: /x}}]\n",
    "- hosts: all\n  tasks: [{copy: {src: README.md, dest: /x}}, {systemd: {name: x}}]\n",
    "- hosts: all\n  tasks: [{debug: {msg: \"{{ lookup('file', '../common/a.yml') }} {{ lookup('file', 'README.md') }}\"}}]\n",
    "- hosts: all\n- import_playbook: ../common/p.yml\n",
    "- [",
)
TASKS = (
    "- debug: msg=x\n",
    "- include_tasks: ../common/a.yml\n",
    "- include_role: {name: helper}\n",
    "a: 1\n",
    "- systemd: {name: x}\n",
)
TEMPLATES = (
    "{% include 'README.md' %}",
    "{{ lookup('file', '../common/a.yml') }}",
    "{% include '../common/t.j2' %}",
    "x",
)
AGENT = {"agent_name": "a", "host_name": "web-01"}
CONFIG = {
    "config/specialties/linux-administration.mdx": (
        "---\nname: linux-administration\n---\none\n",
        "---\nname: Linux Administration\n---\ntwo\n",
        "broken",
    ),
    "config/specialties/more.mdx": ("---\nname: more\n---\none\n", "---\nname: linux-administration\n---\none\n"),
    "config/operational_rules/reload.mdx": (
        "---\nname: reload\n---\nx\n",
        "---\nname: reload\ntags: [tech:nginx]\n---\ny\n",
    ),
    "config/operational_rules/again.mdx": (
        "---\nname: reload\n---\nx\n",
        "---\nname: again\ntags: [app:shop]\n---\nx\n",
    ),
    "config/templates/debian-base/template.yaml": (
        "image: {incus: a}\n",
        "parent: root\ncpus: 2\n",
        "image: {incus: a}\nprovision: [p.yml]\n",
    ),
    "config/templates/debian-base/p.yml": PLAYBOOKS,
    "config/templates/root/template.yaml": ("image: {incus: b}\n", "parent: debian-base\n"),
    "config/engines/runbook.yaml": (
        "adapter: runbook\n",
        "adapter: runbook\ncommand_timeout: 5s\n",
        "adapter: runbook\nx: 1\n",
        "adapter: nope\n",
    ),
    "config/engines/second.yaml": ("adapter: command\n",),
    "config/benchmarks/all.yaml": (
        benchmark(),
        benchmark(scenarios=["web", "b"], iterations=3),
        benchmark(variants=[{}, {"specialty": "more", "main_engine": "runbook"}]),
        benchmark(mode="namespace", schedule="0 2 * * *"),
    ),
    "config/benchmarks/more.yaml": (benchmark("more", iterations=5), benchmark("all"), "nothing"),
    "config/agents/a.mdx": ("---\nspecialty: more\nhost: h\nmain_engine: m\nsecondary_engine: m\n---\n",),
    "config/hosts/h.mdx": (
        "---\nname: h\nprivate_ip: a\njump_host: web-01\njump_host_credential: k\n---\n",
        "---\nname: web-01\nprivate_ip: a\norg: o\n---\n",
    ),
    "config/hosts/web.mdx": ("---\nname: web-01\nprivate_ip: a\nis_jump_host: true\ntags: [app:shop]\n---\n",),
    "config/credentials/k.mdx": ("---\nname: k\ntype: SECRET\nvalue: ${K}\n---\n", "---\nname: j\ntype: SECRET\n---\n"),
}

REACHING_OUT = {
    "scenarios/nginx/prepare.yml": PLAYBOOKS[2],
    "scenarios/base/tasks/main.yml": TASKS[0],
    "scenarios/common/a.yml": TASKS[3],
    "scenarios/common/p.yml": PLAYBOOKS[0],
    "config/templates/debian-base/template.yaml": "image: {incus: a}\nprovision: [p.yml]\n",
    "config/templates/debian-base/p.yml": "- hosts: all\n  vars_files: [../../common/a.yml]\n",
}


def _scenarios(folder: str) -> st.SearchStrategy[str]:
    key = st.sampled_from([folder.rpartition("/")[2], "nginx"])
    changes = st.fixed_dictionaries(
        {},
        optional={
            "title": st.sampled_from(["x", "y"]),
            "ticket_body": st.sampled_from(["restart nginx", "look at the shop"]),
            "tags": st.sampled_from([["web"], ["other"]]),
            "hosts": st.sampled_from([[], [{"host_name": "web-01", "template": "root"}]]),
            "agents": st.sampled_from([[AGENT], [AGENT | {"specialty_key": "MORE"}]]),
            "validation": st.sampled_from(
                [
                    {},
                    {"job": [{"label": "t", "validator": "ansible", "ansiblePath": "more.yml"}]},
                    {"job": [{"label": "t", "validator": "task_count", "min": 1}]},
                ]
            ),
            "wrong": st.just("field"),
        },
    )
    return st.builds(lambda k, c: scenario(k, **c), key, changes)


def _files() -> st.SearchStrategy[tuple[str, Content]]:
    """Any file with any contents that fit it, or a symbolic link in its place."""
    texts: dict[str, st.SearchStrategy[str]] = {path: st.sampled_from(some) for path, some in CONFIG.items()}
    for folder in FOLDERS:
        texts[f"{folder}/scenario.json"] = _scenarios(folder)
        for name in ("prepare.yml", "validate.yml", "more.yml", "solution.yml", "mutants/m.yml", "restore.yml"):
            texts[f"{folder}/{name}"] = st.sampled_from(PLAYBOOKS)
        for name in ("data.txt", "README.md", "files/data.txt"):
            texts[f"{folder}/{name}"] = st.sampled_from(["1", "2"])
    for path in ("roles/base/tasks/main.yml", "base/tasks/main.yml", "roles/helper/tasks/main.yml", "common/a.yml"):
        texts[f"scenarios/{path}"] = st.sampled_from(TASKS)
    for path in (*(f"{folder}/templates/t.j2" for folder in FOLDERS), "scenarios/common/t.j2"):
        texts[path] = st.sampled_from(TEMPLATES)
    texts["scenarios/common/p.yml"] = st.sampled_from(PLAYBOOKS)
    texts["scenarios/common/group_vars/all.yml"] = st.sampled_from(TASKS)
    texts["scenarios/common/filter_plugins/f.py"] = st.sampled_from(["1", "2"])
    texts["config/common/a.yml"] = st.sampled_from(TASKS)
    texts |= {
        path: st.just("a file where a folder was") for path in ("scenarios/common", "scenarios/base", "config/common")
    }
    choices = [st.tuples(st.just(path), text) for path, text in texts.items()]
    mode = st.sampled_from(["100644"] * 12 + ["100755", "120000"])
    return st.builds(lambda file, m: (file[0], (m, file[1])), st.one_of(choices), mode)


@dataclass(frozen=True)
class Edit:
    """Write some files."""

    files: tuple[tuple[str, Content], ...]


@dataclass(frozen=True)
class Delete:
    """Take away the files that a number picks, or (``below``) all below one's folder."""

    pick: int
    below: bool


@dataclass(frozen=True)
class Move:
    """Move a folder to the place of another."""

    source: str
    target: str


@dataclass(frozen=True)
class Merge:
    """Merge the commit so many back: where both have a file, ours counts or theirs."""

    back: int
    ours: bool


@dataclass(frozen=True)
class Revert:
    """Go back to how things were so many commits ago."""

    back: int


Step = Edit | Delete | Move | Merge | Revert
PLACES = (
    *FOLDERS,
    "scenarios/common",
    "scenarios/roles",
    "scenarios/elsewhere",
    "config/benchmarks",
    "config/templates/root",
)
STEPS = st.one_of(
    st.builds(Edit, st.lists(_files(), min_size=1, max_size=4).map(tuple)),
    st.builds(Edit, st.lists(_files(), min_size=1, max_size=4).map(tuple)),
    st.builds(Delete, st.integers(0, 99), st.booleans()),
    st.builds(Move, st.sampled_from(PLACES), st.sampled_from(PLACES)),
    st.builds(Merge, st.integers(1, 5), st.booleans()),
    st.builds(Revert, st.integers(1, 5)),
)


@dataclass
class History:
    """A repository that is written commit by commit."""

    folder: Path
    commits: list[tuple[str, Contents]] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """Make the next commit."""
        parent, contents = self.commits[-1]
        match step:
            case Edit(files):
                self.write([parent], contents | dict(files))
            case Delete(pick, below) if contents:
                path = sorted(contents)[pick % len(contents)]
                gone = path.rpartition("/")[0] + "/" if below else path
                self.write([parent], {p: c for p, c in contents.items() if not p.startswith(gone)})
            case Move(source, target):
                moved = {
                    target + p.removeprefix(source) if p.startswith(source + "/") else p: c for p, c in contents.items()
                }
                self.write([parent], moved)
            case Merge(back, ours):
                other, theirs = self.commits[-1 - back % len(self.commits)]
                self.write([parent, other], theirs | contents if ours else contents | theirs)
            case Revert(back):
                self.write([parent], self.commits[-1 - back % len(self.commits)][1])

    def write(self, parents: list[str], contents: Contents) -> None:
        """Commit exactly these contents."""
        folders = {p[:at] for p in contents for at, letter in enumerate(p) if letter == "/"}
        contents = {p: c for p, c in contents.items() if p not in folders}
        lines = ["commit refs/heads/main", "committer A Person <person@example.org> 1700000000 +0000", "data 1", "x"]
        lines += [f"{'merge' if n else 'from'} {p}" for n, p in enumerate(dict.fromkeys(parents))]
        lines.append("deleteall")
        for path, (mode, text) in contents.items():
            lines += [f"M {mode} inline {path}", f"data {len(text.encode())}", text]
        git(self.folder, "fast-import", "--quiet", "--force", stdin="\n".join([*lines, "done", ""]).encode())
        self.commits.append((git(self.folder, "rev-parse", "refs/heads/main"), contents))


@contextmanager
def history() -> Iterator[tuple[History, GitSource]]:
    """A repository in which everything is right, and the source that reads it."""
    with tempfile.TemporaryDirectory() as root:
        made = History(work_tree(Path(root) / "definitions"))
        made.write([], {p: ("100644", str(t)) for p, t in (repository() | REACHING_OUT).items()})
        state = Path(root) / "state"
        yield made, GitSource(repository=str(made.folder), branch="main", folders=["scenarios", "config"], state=state)


def fresh(source: GitSource, revision: str) -> Catalogue:
    return Catalogue.load(
        source.tree(revision), source.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT
    )


def of_the_next_process(catalogue: Catalogue) -> Catalogue:
    return Catalogue.unpacked(catalogue.packed(), scenarios_folder="scenarios", config_folder="config", context=CONTEXT)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.tuples(STEPS, st.booleans()), min_size=1, max_size=10))
def test_a_catalogue_brought_forward_equals_one_loaded_afresh(steps: list[tuple[Step, bool]]) -> None:
    with history() as (made, source):
        revision = asyncio.run(source.fetch())
        catalogue = fresh(source, revision)
        catalogue.demands(IMAGES)
        for step, process_ends in steps:
            made.take(step)
            before, revision = revision, asyncio.run(source.fetch())
            if process_ends:
                catalogue = of_the_next_process(catalogue)
            catalogue = catalogue.updated(source.changed(before, revision), source.read)
            loaded = fresh(source, revision)
            assert catalogue.findings == loaded.findings
            assert catalogue.demands(IMAGES) == loaded.demands(IMAGES)
            assert catalogue.templates == loaded.templates
            assert catalogue.scenarios == loaded.scenarios


def test_a_revert_brings_back_the_very_same_batches() -> None:
    with history() as (made, source):
        revision = asyncio.run(source.fetch())
        first = fresh(source, revision)
        made.take(
            Edit(
                (
                    (
                        "config/specialties/linux-administration.mdx",
                        ("100644", "---\nname: linux-administration\n---\nx"),
                    ),
                )
            )
        )
        made.take(Revert(1))
        catalogue = first.updated(source.changed(revision, asyncio.run(source.fetch())), source.read)
        assert [d.batch.id for d in catalogue.demands(IMAGES).demands] == [
            d.batch.id for d in first.demands(IMAGES).demands
        ]
