"""Templates, with what they inherit: what a sandbox starts from, and what of it a digest must see."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import get_args

from reconciler.core.digests import digest
from reconciler.core.model import Mode, Template
from reconciler.definitions.ansible.dependencies import link_finding
from reconciler.definitions.ansible.following import Follower, names_others, segments
from reconciler.definitions.ansible.plays import Play
from reconciler.definitions.files.findings import Finding, shown
from reconciler.definitions.files.holes import Problem
from reconciler.definitions.files.parse import Locator
from reconciler.definitions.files.schemas import TemplateFile
from reconciler.definitions.files.tree import Blobs, Tree, content, parents, seen_from
from reconciler.definitions.files.values import Parsed
from reconciler.definitions.shelf import Shelf


@dataclass(frozen=True, kw_only=True)
class ResolvedTemplate:
    """A template with everything inherited. Sizes in MiB; ``provision`` relative to ``folder``."""

    name: str
    folder: str
    images: tuple[tuple[str, str], ...]
    """(mode, image alias)."""
    cpus: int
    memory_mib: int
    disk_mib: int
    packages: tuple[str, ...]
    provision: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    """(file as seen from the folder, content) of everything that provisioning may use."""
    declared_in: tuple[str, ...]
    """The ``template.yaml`` of the template and of those that it inherits from."""
    probes: frozenset[str]

    def for_mode(self, mode: Mode) -> Template:
        """The template as a platform of ``mode`` gets it."""
        return Template(
            name=self.name,
            image=dict(self.images).get(mode, ""),
            cpus=self.cpus,
            memory_mib=self.memory_mib,
            disk_mib=self.disk_mib,
            packages=self.packages,
            provision=self.provision,
            folder=self.folder,
            content=self.digests[mode],
        )

    @property
    def limits(self) -> str:
        """The part ``limits`` of ``world``."""
        return f"{self.cpus} cpu, {self.memory_mib} MiB memory, {self.disk_mib} MiB disk"

    @cached_property
    def digests(self) -> Mapping[Mode, str]:
        """Per mode, content of the part ``template`` of ``world``: all but the limits, which are a part of their own."""
        images, rest = dict(self.images), [list(self.packages), list(self.provision), [list(f) for f in self.files]]
        return {mode: digest([images.get(mode, ""), *rest]) for mode in get_args(Mode)}


_DEFAULTS = Template(name="")
NOTHING = ResolvedTemplate(
    name="",
    folder="",
    images=(),
    cpus=_DEFAULTS.cpus,
    memory_mib=_DEFAULTS.memory_mib,
    disk_mib=_DEFAULTS.disk_mib,
    packages=(),
    provision=(),
    files=(),
    declared_in=(),
    probes=frozenset(),
)
"""What a template without a parent inherits."""


@dataclass(frozen=True, kw_only=True)
class Templates:
    """The templates of a revision: those that can be used, why the others cannot, and what is wrong."""

    shelf: Shelf[Parsed[TemplateFile]]
    resolved: Mapping[str, ResolvedTemplate] = field(default_factory=dict)
    stalled: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def touched(self, folder: str, changes: Iterable[str]) -> bool:
        """Whether a change can matter: in the templates' ``folder``, or where their playbooks look outside of it."""
        probes = frozenset[str]().union(*(t.probes for t in self.resolved.values()))
        return any(
            p.startswith(folder + "/") or (probes and not probes.isdisjoint((p, *parents(p)))) for p in changes
        )  # fmt: skip


def template_plays(file: Parsed[TemplateFile], tree: Tree) -> Iterator[Play]:
    """The playbooks that a template, or the sketch of a wrong one, provisions with, each in the folder that it is run in."""
    paths = (
        (posixpath.normpath(f"{posixpath.dirname(file.path)}/{p}") for p in file.drawn.provision) if file.drawn else ()
    )
    return (Play(path, posixpath.dirname(path)) for path in paths if path in tree.entries)


def resolve_templates(
    shelf: Shelf[Parsed[TemplateFile]], before: Templates, tree: Tree, blobs: Blobs, follower: Follower
) -> Templates:
    """Resolve every template. One that comes out as ``before`` keeps its identity."""
    resolver = _Resolver(shelf, tree, follower)
    for name in sorted(shelf.names):
        resolver.resolve(name, ())
    locator = Locator(tree, blobs)
    found = [f for path, problems in resolver.problems.items() for f in locator.findings(path, problems)]
    old = before.resolved
    return Templates(
        shelf=shelf,
        resolved={n: old[n] if n in old and old[n] == t else t for n, t in resolver.resolved.items()},
        stalled=resolver.stalled,
        findings=(*resolver.findings, *found),
    )


class _Resolver:
    """Resolves the templates of one tree; what is wrong comes out as problems by path."""

    def __init__(self, shelf: Shelf[Parsed[TemplateFile]], tree: Tree, follower: Follower) -> None:
        self._shelf, self._tree, self._follower = shelf, tree, follower
        self.resolved: dict[str, ResolvedTemplate] = {}
        self.problems: dict[str, list[Problem]] = {}
        self.findings: list[Finding] = []
        self.stalled: dict[str, str] = {}

    def resolve(self, name: str, below: tuple[str, ...]) -> ResolvedTemplate | None:
        if name in self.resolved or name in self.stalled:
            return self.resolved.get(name)
        parsed = self._shelf.usable.get(name)
        if parsed is None or parsed.value is None:
            self.stalled[name] = self._shelf.stalled_by(name)
            for file in self._shelf.claims[name]:
                self._look_at(file)
            return None
        self._check_provision(parsed, parsed.value)
        parent: ResolvedTemplate | None = NOTHING
        if parsed.value.parent is not None:
            parent = self._parent(parsed, parsed.value.parent, (*below, name))
        if parent is None:
            self.stalled.setdefault(name, f"template {name} needs its parent {parsed.value.parent}, which is wrong")
            return None
        return self._finish(parsed.path, name, parsed.value, parent)

    def _look_at(self, parsed: Parsed[TemplateFile]) -> None:
        """Whether the names in the sketch of a wrong template mean something."""
        if parsed.drawn is None:
            return
        self._check_provision(parsed, parsed.drawn)
        parent = parsed.drawn.parent
        if parent is not None and parent not in self._shelf.names:
            self._fail(parsed, (("parent",), "unknown-template", *self._shelf.unknown(parent)))

    def _parent(self, parsed: Parsed[TemplateFile], parent: str, below: tuple[str, ...]) -> ResolvedTemplate | None:
        if parent in below:
            loop = " → ".join((*below[below.index(parent) :], parent))
            problem: Problem = (("parent",), "template-loop", f"parents go round: {loop}", "break the loop")
        elif parent not in self._shelf.names:
            problem = (("parent",), "unknown-template", *self._shelf.unknown(parent))
        else:
            return self.resolve(parent, below)
        self._fail(parsed, problem)
        return None

    def _fail(self, parsed: Parsed[TemplateFile], problem: Problem) -> None:
        self.problems.setdefault(parsed.path, []).extend(parsed.holes.told([problem]))
        self.stalled.setdefault(parsed.claim, f"{parsed.path}: {problem[2]}")

    def _finish(self, path: str, name: str, file: TemplateFile, parent: ResolvedTemplate) -> ResolvedTemplate | None:
        folder = path.rpartition("/")[0]
        files, probes = self._files(name, folder)
        if name in self.stalled:
            return None
        images = file.image.model_dump(exclude_none=True) if file.image else {}
        self.resolved[name] = ResolvedTemplate(
            name=name,
            folder=folder,
            images=tuple(sorted({**dict(parent.images), **images}.items())),
            cpus=file.cpus or parent.cpus,
            memory_mib=file.memory or parent.memory_mib,
            disk_mib=file.disk or parent.disk_mib,
            packages=tuple(dict.fromkeys((*parent.packages, *file.packages))),
            provision=(*(_rebased(p, parent.folder, folder) for p in parent.provision), *file.provision),
            files=(*((_rebased(f, parent.folder, folder), c) for f, c in parent.files), *files),
            declared_in=(path, *parent.declared_in),
            probes=probes | parent.probes,
        )
        return self.resolved[name]

    def _files(self, name: str, folder: str) -> tuple[tuple[tuple[str, str], ...], frozenset[str]]:
        below = self._tree.under(folder)
        own = [p for p in below if not p.endswith((".md", "/template.yaml"))]
        near = segments(seen_from(folder, p) for p in {*below}.difference(own))
        reach = self._follower.follow(folder, [seen_from(folder, p) for p in own if names_others(p)], near)
        for link in sorted(reach.links.union(p for p in own if p in self._tree.links)):
            self.findings.append(link_finding(link))
            self.stalled[name] = link_finding(link).line_of_text
        entries = self._tree.entries
        found = tuple((seen_from(folder, p), content(entries[p])) for p in sorted({*own, *reach.files}) if p in entries)
        return found, frozenset(reach.probes)

    def _check_provision(self, parsed: Parsed[TemplateFile], file: TemplateFile) -> None:
        folder = parsed.path.rpartition("/")[0]
        for index, playbook in enumerate(file.provision):
            entry = self._tree.entries.get(f"{folder}/{playbook.removeprefix('./')}")
            if entry is None:
                message, hint = f"playbook {shown(playbook)} does not exist", "put it beside template.yaml"
                self._fail(parsed, (("provision", index), "playbook-path", message, hint))
            elif wrong := self._follower.syntax_error(entry):
                self.stalled.setdefault(parsed.claim, f"{folder}/{playbook}: {wrong.message}")
                at = Finding(
                    path=f"{folder}/{playbook}",
                    line=wrong.line,
                    column=wrong.column,
                    rule=wrong.rule,
                    message=wrong.message,
                )
                self.findings.append(at)


def _rebased(path: str, old: str, new: str) -> str:
    """A path relative to ``old`` as seen from ``new``; both lie beside each other, or one folder apart."""
    return seen_from(new, posixpath.normpath(f"{old}/{path}"))
