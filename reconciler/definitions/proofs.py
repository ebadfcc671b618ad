"""A scenario as something to be proven: its solution and mutants, and the claim that they make."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.model import Mode, Scenario
from reconciler.core.proofs import PREPARE, RESTORE, SOLUTIONS, Claim
from reconciler.definitions.ansible.dependencies import files_of
from reconciler.definitions.ansible.following import Follower, names_others, segments
from reconciler.definitions.files.tree import Blobs, Tree, content, seen_from
from reconciler.definitions.inputs import Images, world
from reconciler.definitions.loading import own_files
from reconciler.definitions.records import ScenarioRecord
from reconciler.definitions.templates import ResolvedTemplate

_MUTANT = re.compile(r"mutants/(?P<name>[^/]+)\.ya?ml\Z")
_NOTHING_TO_DO = re.compile(rb"(?:\s|#[^\n]*\n|---[ \t]*\n)*\[\s*\](?:\s|#[^\n]*(?:\n|\Z))*\Z")
"""A playbook without plays: comments, and an empty list."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A scenario's solution and mutants as its claim has them; ``parts`` maps every file that they consist of to its content."""

    parts: Mapping[str, str]
    solution: str
    false_alarm: bool
    mutants: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Provable:
    """A claim, and what playing it needs beside."""

    claim: Claim
    scenario: Scenario
    checkout: tuple[str, ...]


def proof_of(record: ScenarioRecord, tree: Tree, blobs: Blobs) -> Proof:
    """Gather it. A file that another scenario's folder below holds is not this one's."""
    inside = own_files(record.folder, tree)
    solution = next((name for name in SOLUTIONS if name in inside), "")
    mutants = {found["name"]: p for p in sorted(inside) if (found := _MUTANT.match(p))}
    files = {p for p in inside if p == solution or p.startswith("mutants/")}
    blobs.fetch(inside[p].oid for p in files if names_others(p))
    reach = Follower(tree, blobs).follow(record.folder, filter(names_others, sorted(files)), segments(inside.keys()))
    paths = {f"{record.folder}/{p}" for p in files} | reach.files
    return Proof(
        parts={seen_from(record.folder, p): content(tree.entries[p]) for p in sorted(paths) if p in tree.entries},
        solution=solution,
        false_alarm=bool(solution) and _NOTHING_TO_DO.match(blobs[inside[solution].oid]) is not None,
        mutants=mutants,
    )


def provable(
    record: ScenarioRecord,
    mode: Mode,
    templates: Mapping[str, ResolvedTemplate],
    images: Images,
    tree: Tree,
    blobs: Blobs,
) -> Provable:
    """The claim of a scenario that can be run in ``mode``."""
    scenario, proof = record.scenario, proof_of(record, tree, blobs)
    used = {h.starts_from: templates[h.starts_from] for h in scenario.hosts if h.starts_from in templates}
    claim = Claim(
        scenario=record.claim,
        mode=mode,
        rules=scenario.rules,
        world=world(record, mode, list(used.values()), images).parts,
        truth=record.truth.parts,
        proof=proof.parts,
        solution=proof.solution,
        false_alarm=proof.false_alarm,
        mutants=proof.mutants,
        prepares=f"{record.folder}/{PREPARE}" in tree.entries,
        restores=f"{record.folder}/{RESTORE}" in tree.entries,
    )
    checkout = files_of(record.folder, claim.world, claim.truth, claim.proof)
    return Provable(claim=claim, scenario=scenario, checkout=checkout)
