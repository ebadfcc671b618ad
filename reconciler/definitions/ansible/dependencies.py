"""What a scenario's result can depend on among the files: derived from its folder and its playbooks, never listed.

``world``: every file of the folder but ``scenario.json``, ``solution.yml``, ``mutants/``, Markdown, the ansible rules' playbooks and what
only those name; and whatever outside of the folder its YAML files reach. ``truth``: the ansible rules' playbooks and what they
reach; with an include whose name is made at run time, the whole folder.
"""

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from reconciler.core.model import Scenario
from reconciler.core.proofs import PREPARE, RESTORE
from reconciler.definitions.ansible.following import Follower, Reach, is_yaml, names_others, segments
from reconciler.definitions.files.findings import Finding, nearest, shown
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.definitions.files.tree import Tree, content, is_regular, seen_from
from reconciler.ports import Entry

SCENARIO_FILE = "scenario.json"
_NEVER = re.compile(r"scenario\.json\Z|solution\.ya?ml\Z|mutants/|.*\.md\Z", re.DOTALL)
"""Files of the folder that no trial uses unless a playbook names them."""
_UNNAMED = re.compile(
    r"(?:prepare|restore)\.yml\Z|inventory\.|ansible\.cfg\Z|(?:group_vars|host_vars|library|\w+_plugins|module_utils)/"
)
"""Files that Ansible or a trial uses without any playbook naming them."""
_FIXED = re.compile(r"(?:hosts|agents|mode|limits|guards)\Z|(?:template|image) ")
"""Names of parts of ``world`` that are no files."""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """Per component, each file as seen from the scenario's folder, and its content."""

    world: Mapping[str, str]
    truth: Mapping[str, str]
    probes: frozenset[str] = frozenset()
    needs_init: str = ""
    """The file with a task which talks to systemd whatever the machine is like."""
    findings: tuple[Finding, ...] = ()


def ansible_playbooks(scenario: Scenario) -> tuple[str, ...]:
    """The playbooks that the ansible rules name, each once, relative to the folder. In scope gateway none is run."""
    return tuple(dict.fromkeys(r.playbook for r in scenario.rules if r.validator == "ansible" and r.scope != "gateway"))


def rule_playbook_problem(playbook: str, inside: Collection[str]) -> tuple[RuleId, str, str] | None:
    """(rule, message, hint) when an ``ansiblePath`` leaves the folder or names nothing."""
    if playbook.startswith("/") or playbook.split("/", maxsplit=1)[0] == "..":
        hint = "put the playbook into the scenario's folder"
        return "playbook-path", f"ansiblePath {shown(playbook)} leaves the scenario's folder", hint
    if playbook not in inside:
        hint = nearest(playbook, [p for p in inside if is_yaml(p)])
        return "playbook-path", f"ansiblePath {shown(playbook)} does not exist", hint
    return None


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """What the names of a folder's files alone decide; most scenarios share one."""

    around: frozenset[str]
    """The files below the folder, those of scenarios that lie in it among them."""
    ours: tuple[str, ...]
    """Files that a trial uses unless only the truth names them."""
    ours_naming: tuple[str, ...]
    """Those of them that may name others."""
    near_truth: frozenset[bytes]
    """Names of files and folders that count when an ansible rule's playbook says them."""
    near_world: frozenset[bytes]
    """Names of files that the world does not have by itself, and has when one of its playbooks says them."""
    scripts: tuple[str, ...]
    """Playbooks that a trial runs."""


@lru_cache(maxsize=1024)
def _layout(around: frozenset[str], inside: frozenset[str], playbooks: tuple[str, ...]) -> _Layout:
    ours = tuple(sorted(p for p in inside if not _NEVER.match(p) and p not in playbooks))
    own_name = {*playbooks} if len(playbooks) == 1 else set[str]()  # a lone playbook need not be read for its own name
    return _Layout(
        around=around,
        ours=ours,
        ours_naming=tuple(filter(names_others, ours)),
        near_truth=segments(around - own_name),
        near_world=segments(around.difference(ours)),
        scripts=tuple(sorted({p for p in (*playbooks, PREPARE, RESTORE) if p in inside})),
    )


def depend(
    folder: str, inside: Mapping[str, Entry], playbooks: tuple[str, ...], tree: Tree, follower: Follower
) -> Dependencies:
    """The dependencies of the scenario in ``folder``. ``inside`` are its own files, ``playbooks`` those of its ansible rules."""
    layout = _layout(frozenset(tree.below(folder)), frozenset(inside), playbooks)
    findings = unreadable(folder, layout.scripts, tree, follower)
    if not tree.links and not (
        follower.any_worth_following(playbooks, inside, layout.near_truth)
        or follower.any_worth_following(layout.ours_naming, inside, layout.near_world)
    ):
        return Dependencies(
            world={part_of_file(p): content(inside[p]) for p in layout.ours},
            truth={part_of_file(p): content(inside[p]) for p in playbooks},
            findings=findings,
        )
    return _depend_on_names(folder, inside, playbooks, layout, findings, tree, follower)


def _depend_on_names(
    folder: str,
    inside: Mapping[str, Entry],
    playbooks: tuple[str, ...],
    layout: _Layout,
    findings: tuple[Finding, ...],
    tree: Tree,
    follower: Follower,
) -> Dependencies:
    """``depend`` where some file names another, or a module that matters."""
    truth_reach = follower.follow(folder, playbooks, layout.near_truth)
    truth = _truth_files(folder, layout, playbooks, truth_reach)
    shared, near = layout.ours, layout.near_world
    if truth_reach.files and not truth_reach.dynamic:
        shared = tuple(p for p in shared if f"{folder}/{p}" not in truth or _UNNAMED.match(p))
        near = segments(layout.around.difference(shared))
    world_reach = follower.follow(folder, filter(names_others, shared), near)
    world = {f"{folder}/{p}" for p in shared} | world_reach.files
    return Dependencies(
        world=_parts(folder, world, tree),
        truth=_parts(folder, truth, tree),
        probes=frozenset(world_reach.probes | truth_reach.probes),
        needs_init=_needing_init({*world, *truth}, folder, layout.scripts, tree, follower),
        findings=(*findings, *_links(folder, inside, tree, world_reach.links | truth_reach.links)),
    )


def may_matter(path: str) -> bool:
    """Whether a file of a scenario's folder has to be read, and not only named."""
    return names_others(path) and not _NEVER.match(path)


def part_of_file(seen: str) -> str:
    """The name of a file's part: as seen from the folder, set apart where another part has that name."""
    return f"./{seen}" if _FIXED.match(seen) else seen


def path_of_file(folder: str, part: str) -> str:
    """The repository path of a file's part."""
    return posixpath.normpath(f"{folder}/{part}")


def named_for_people(folder: str, part: str) -> str:
    """A part's name as people know it: a file outside of the folder by its path in the repository."""
    return path_of_file(folder, part) if part.startswith("../") else part


def files_of(folder: str, *components: Mapping[str, str]) -> tuple[str, ...]:
    """The repository paths of every file in the parts of components.

    A checkout holds just these: what no digest covers is not there to be used, however a playbook makes its name.
    """
    return tuple(sorted({path_of_file(folder, p) for parts in components for p in parts if not _FIXED.match(p)}))


def _truth_files(folder: str, layout: _Layout, playbooks: Iterable[str], reach: Reach) -> set[str]:
    files = {f"{folder}/{p}" for p in playbooks} | reach.files
    return files | {f"{folder}/{p}" for p in layout.ours} if reach.dynamic else files


def _parts(folder: str, files: Iterable[str], tree: Tree) -> Mapping[str, str]:
    entries = tree.entries
    return {part_of_file(seen_from(folder, f)): content(entries[f]) for f in sorted(files) if f in entries}


def _needing_init(files: Iterable[str], folder: str, scripts: Iterable[str], tree: Tree, follower: Follower) -> str:
    """The first file that is sure to run a module which talks to systemd."""
    known = [p for p in filter(is_yaml, files) if p in tree.entries and p not in tree.links]
    talking = {p for p in known if follower.may_need_init(tree.entries[p])}
    talking = {p for p in talking if follower.names(tree.entries[p]).running.needs_init}
    return min(talking & follower.running(folder, scripts), default="") if talking else ""


def unreadable(folder: str, scripts: Iterable[str], tree: Tree, follower: Follower) -> tuple[Finding, ...]:
    """A finding for each playbook of a folder that is not YAML."""
    paths = [path for script in scripts if (path := f"{folder}/{script}") not in tree.links]
    return tuple(
        Finding(path=p, line=e.line, column=e.column, rule=e.rule, message=e.message, hint=e.hint)
        for p in paths
        if (e := follower.syntax_error(tree.entries[p]))
    )


def _links(folder: str, inside: Mapping[str, Entry], tree: Tree, reached: Iterable[str]) -> list[Finding]:
    """One finding per symbolic link that the scenario holds or reaches."""
    if not tree.links:
        return []
    held = {f"{folder}/{p}" for p, e in inside.items() if not is_regular(e)}
    return [link_finding(p) for p in sorted(held.union(reached))]


def link_finding(path: str) -> Finding:
    """What is said about a symbolic link, or a submodule."""
    return Finding(
        path=path,
        rule="symbolic-link",
        message="a symbolic link is not followed: it could lead anywhere",
        hint=f"put a copy of the file at {posixpath.basename(path)}",
    )
