"""Scenario folders to records: which files are whose, and what a change touches."""

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from reconciler.core.model import Scenario
from reconciler.core.proofs import PREPARE, RESTORE
from reconciler.definitions.ansible.dependencies import (
    SCENARIO_FILE,
    Dependencies,
    ansible_playbooks,
    depend,
    link_finding,
    may_matter,
    rule_playbook_problem,
)
from reconciler.definitions.ansible.following import Follower, segments
from reconciler.definitions.ansible.inventories import inventory_findings, is_inventory, named_by_inventory
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.holes import Problem
from reconciler.definitions.files.parse import Locator
from reconciler.definitions.files.tree import Blobs, Tree, is_regular, parents
from reconciler.definitions.files.values import Parsed
from reconciler.definitions.records import ScenarioRecord
from reconciler.ports import Entry

_MISNAMED = {name.replace(".yml", ".yaml"): name for name in (PREPARE, RESTORE)}
NO_DEPENDENCIES = Dependencies(world={}, truth={})


def touched_folders(
    changes: Iterable[str], root: str, records: Mapping[str, ScenarioRecord], tree: Tree, *, relinked: bool
) -> set[str]:
    """The scenario folders below ``root``, old and new, whose record a change can alter.

    ``relinked``: a symbolic link came or went, and so, perhaps, everything that was looked for below it.
    """
    if not records:
        ours = (p for p in tree.entries if p.endswith("/" + SCENARIO_FILE))
        return {p[: -len(SCENARIO_FILE) - 1] for p in ours if root == "." or p.startswith(root + "/")}
    watchers: dict[str, list[str]] = {}
    for record in records.values():
        for probe in record.dependencies.probes:
            watchers.setdefault(probe, []).append(record.folder)
    found, seen = {r.folder for r in records.values() if relinked and r.dependencies.probes}, set[str]()
    for path in changes:
        for around in (path, *parents(path)):
            if around in seen:
                break
            seen.add(around)
            found.update(watchers.get(around, ()))
            file = f"{around}/{SCENARIO_FILE}"
            if file in records or (file in tree.entries and (root == "." or file.startswith(root + "/"))):
                found.add(around)
    return found


def build_records(
    folders: Iterable[str],
    tree: Tree,
    blobs: Blobs,
    follower: Follower,
    parse: Callable[[str, bytes], Parsed[Scenario]],
) -> dict[str, ScenarioRecord | None]:
    """Path of ``scenario.json`` to its record, None where it is gone. Everything is read in one go.

    ``parse`` makes a scenario of a path and what is written there.
    """
    paths = {f"{folder}/{SCENARIO_FILE}": folder for folder in sorted(folders)}
    found: dict[str, ScenarioRecord | None] = {p: None for p in paths if p not in tree.entries}
    here = {path: own_files(folder, tree) for path, folder in paths.items() if path not in found}
    blobs.fetch(e.oid for files in here.values() for p, e in files.items() if _is_read(p) and is_regular(e))
    for path, inside in here.items():
        found[path] = _record(path, paths[path], inside, tree, blobs, follower, parse)
    return found


def _is_read(path: str) -> bool:
    """Whether more than the name of a file of a scenario's folder matters."""
    return path == SCENARIO_FILE or may_matter(path) or is_inventory(path)


def own_files(folder: str, tree: Tree) -> Mapping[str, Entry]:
    """A scenario's files, as seen from its folder; those of a scenario in a folder below are not its own."""
    files = tree.below(folder)
    if nested := [f[: -len(SCENARIO_FILE)] for f in files if f.endswith("/" + SCENARIO_FILE)]:
        files = [f for f in files if not f.startswith(tuple(nested))]
    return {f: tree.entries[f"{folder}/{f}"] for f in files}


def _record(
    path: str,
    folder: str,
    inside: Mapping[str, Entry],
    tree: Tree,
    blobs: Blobs,
    follower: Follower,
    parse: Callable[[str, bytes], Parsed[Scenario]],
) -> ScenarioRecord:
    entry = tree.entries[path]
    if not is_regular(entry):
        parsed = Parsed[Scenario](path=path, claim=posixpath.basename(folder), findings=(link_finding(path),))
    else:
        parsed = parse(path, blobs[entry.oid])
    scenario, dependencies, more = parsed.drawn, NO_DEPENDENCIES, list[Finding]()
    if scenario is not None:
        inventories = {p: blobs[e.oid] for p, e in inside.items() if is_inventory(p) and is_regular(e)}
        scenario, uncertain = named_by_inventory(scenario, inventories)
        if not parsed.holes.among("hosts", ("host_name", "host_id"), scenario.hosts):
            more += Locator(tree, blobs).findings(path, uncertain, warning=True)
            more += inventory_findings(folder, inventories, scenario.hosts)
        playbooks = ansible_playbooks(scenario)
        if problems := list(parsed.holes.told(_playbook_problems(scenario, playbooks, inside))):
            more += Locator(tree, blobs).findings(path, problems)
        right = tuple(p for p in playbooks if p in inside)
        more += _misnamed(folder, inside, right, follower)
        dependencies = depend(folder, inside, right, tree, follower)
    return ScenarioRecord(
        path=path,
        folder=folder,
        claim=parsed.claim,
        value=None if parsed.value is None else scenario,
        sketch=None if parsed.sketch is None else scenario,
        holes=parsed.holes,
        findings=(*parsed.findings, *more, *dependencies.findings),
        dependencies=dependencies,
    )


def _misnamed(
    folder: str, inside: Collection[str], playbooks: Collection[str], follower: Follower
) -> Iterator[Finding]:
    """Playbooks that a trial would play if their names were right; beside one with the right name, another may be its own."""
    wrong = [name for name, right in _MISNAMED.items() if name in inside and right not in inside]
    if not wrong:
        return
    read = _read_by_scripts(folder, inside, playbooks, follower)
    for name in wrong:
        if name not in playbooks and f"{folder}/{name}" not in read:
            message, hint = "a file of this name is not read", f"name it {_MISNAMED[name]}"
            yield Finding(path=f"{folder}/{name}", rule="misnamed-file", message=message, hint=hint)


def _read_by_scripts(
    folder: str, inside: Collection[str], playbooks: Collection[str], follower: Follower
) -> Collection[str]:
    """The files that the playbooks of a trial name."""
    scripts = [p for p in (*playbooks, PREPARE, RESTORE) if p in inside]
    return follower.follow(folder, scripts, segments(inside)).files


def _playbook_problems(scenario: Scenario, playbooks: Iterable[str], inside: Collection[str]) -> list[Problem]:
    wrong = {p: problem for p in playbooks if (problem := rule_playbook_problem(p, inside))}
    if not wrong:
        return []
    counts: dict[str, int] = {}
    found: list[Problem] = []
    for rule in scenario.rules:
        index = counts[rule.scope] = counts.get(rule.scope, -1) + 1
        if rule.validator == "ansible" and rule.playbook in wrong:
            found.append((("validation", rule.scope, index, "ansiblePath"), *wrong[rule.playbook]))
    return found
