"""What is wrong in playbooks, and in the files that they include, beyond their being YAML: looked at when somebody asks for a lint.

A trial finds all this out when it runs, so nothing here stalls one.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import yaml

from reconciler.core.model import Scenario
from reconciler.core.proofs import SOLUTIONS
from reconciler.definitions.ansible.following import is_yaml
from reconciler.definitions.ansible.inventories import INVENTORIES
from reconciler.definitions.ansible.tasks import OWN_FOLDER, arguments, calls, entries, items, texts
from reconciler.definitions.files.findings import Finding, closest, first, nearest, shown
from reconciler.definitions.files.lint_rules import RuleId, Severity
from reconciler.definitions.files.positions import Broken, text_of
from reconciler.definitions.files.tree import Blobs, Tree, joined, parents
from reconciler.definitions.files.yaml_text import compose

_INCLUDES: Mapping[str, Severity] = {
    "import_playbook": "error",
    "import_tasks": "error",
    "include_tasks": "warning",
    "include_vars": "warning",
    "vars_files": "warning",
}
"""Where file names stand. What is included and not imported is looked for only when its turn comes, if it comes."""
_ROLES = frozenset({"import_role", "include_role"})
_COPIES = frozenset({"copy", "template", "unarchive"})
"""Modules whose ``src`` lies beside the playbook."""
_BESIDE = ("", "tasks/", "vars/", "files/", "templates/")
_OF_A_ROLE = ("tasks", "handlers", "vars", "defaults", "meta")
_OF_A_COLLECTION = re.compile(r"\w+\.\w+\.\w[\w.]*(?<!\.yml)(?<!\.yaml)")
"""A playbook or a role that a collection brings along."""
_PLAY = frozenset({"hosts", "import_playbook"})
_ALWAYS_THERE = frozenset({"all", "ungrouped", "localhost", "127.0.0.1", "::1"})
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


_WORDS = {
    f"{collection}{word}": word
    for word in {*_INCLUDES, *_ROLES, *_COPIES, *_PLAY, "roles"}
    for collection in ("", "ansible.builtin.", "ansible.legacy.")
}
_PLAYBOOK = re.compile(r"(?:prepare|restore|validate|solution)\.ya?ml|mutants/[^/]+\.ya?ml")


def _hosts(play: yaml.Node) -> yaml.Node:
    """What a play says of its hosts; the play itself where it says nothing."""
    return next((value for key, value in entries(play) if key == "hosts"), play)


def _host_names(node: yaml.Node) -> list[str]:
    """The hosts and groups that are named; empty where a pattern, or a name made at run time, may mean any."""
    names = [name.strip() for text in texts(node) for name in re.split("[,:]", text)]
    return names if all(map(_HOST_NAME.fullmatch, names)) else []


class Play(NamedTuple):
    """A playbook, and the folder that it is run in."""

    path: str
    folder: str
    hosts: frozenset[str] = frozenset()
    """All that it can be played on; empty where that is not known."""


class _File(NamedTuple):
    path: str
    folder: str
    plays: bool
    """Whether it has to be a list of plays."""
    hosts: frozenset[str] = frozenset()
    """See ``Play``."""


class _Name(NamedTuple):
    """A file, or a role, that is named somewhere."""

    kind: str
    text: str
    node: yaml.Node


def scenario_plays(folder: str, scenario: Scenario | None, tree: Tree) -> Iterator[Play]:
    """The playbooks of the scenario in a folder, as far as it can be read; those that no trial reads included."""
    start = len(folder) + 1
    named = {r.playbook for r in scenario.rules if r.playbook} if scenario else set[str]()
    grouped = any(f"{folder}/{name}" in tree.entries for name in INVENTORIES)
    hosts = frozenset(h.name for h in scenario.hosts) if scenario and not grouped else frozenset[str]()
    for path in tree.under(folder):
        if path[start:] in named or _PLAYBOOK.fullmatch(path, start):
            yield Play(path, folder, hosts)


def lint_plays(plays: Iterable[Play], known: Iterable[str], tree: Tree, blobs: Blobs) -> Iterator[Finding]:
    """Every problem in playbooks and in what they include. Each file is looked at once, and what is ``known`` to be wrong not at all."""
    seen = {*known, *tree.links}
    todo = [_File(p.path, p.folder, plays=True, hosts=p.hosts) for p in plays if p.path not in seen]
    blobs.fetch(tree.entries[f.path].oid for f in todo)
    while todo:
        file = todo.pop()
        if file.path not in seen:
            seen.add(file.path)
            found = _Linter(file, tree, blobs)
            yield from first(found.findings(), file.path)
            todo += found.included


class _Linter:
    """Looks at one file."""

    def __init__(self, file: _File, tree: Tree, blobs: Blobs) -> None:
        self._file, self._tree, self._data = file, tree, blobs[tree.entries[file.path].oid]
        self.included: list[_File] = []

    def findings(self) -> Iterator[Finding]:
        try:
            root = compose(text_of(self._data), typed=False)
        except Broken as error:
            yield self._at((error.line, error.column), error.rule, error.message, error.hint)
            return
        if self._file.plays:
            yield from self._no_plays(root)
            yield from self._no_host(root)
        top = {id(node) for node in items(root)}
        for node in _mappings(root):
            yield from self._twice(node)
            for name in _named(node, play=id(node) in top and _has_hosts(node)):
                yield from self._look_up(name)

    def _at(
        self, where: tuple[int, int] | yaml.Node, rule: RuleId, message: str, hint: str, severity: Severity = "error"
    ) -> Finding:
        if isinstance(where, yaml.Node):
            where = where.start_mark.line + 1, where.start_mark.column + 1
        line, column = where
        return Finding(
            path=self._file.path, line=line, column=column, rule=rule, severity=severity, message=message, hint=hint
        )

    def _no_plays(self, root: yaml.Node | None) -> Iterator[Finding]:
        if isinstance(root, yaml.SequenceNode) and not root.value and posixpath.basename(self._file.path) in SOLUTIONS:
            return  # a false alarm: the right answer is to change nothing
        if not isinstance(root, yaml.SequenceNode) or not root.value:
            hint = "begin with - hosts: all"
            yield self._at(root or (1, 1), "not-a-playbook", "a playbook is a list of plays, and this is none", hint)
            return
        for play in root.value:
            if not (isinstance(play, yaml.MappingNode) and any(_word(k) in _PLAY for k, _ in play.value)):
                yield self._at(play, "not-a-playbook", "this is no play: it names no hosts", "write hosts: all")

    def _no_host(self, root: yaml.Node | None) -> Iterator[Finding]:
        """A finding where no play of the file is for a host that there is: a trial would have no result."""
        named = [(node, _host_names(node)) for node in map(_hosts, items(root))]
        there = self._file.hosts | _ALWAYS_THERE
        if self._file.hosts and named and all(names and there.isdisjoint(names) for _, names in named):
            node, names = named[0]
            hint = nearest(names[0], self._file.hosts)
            yield self._at(node, "unknown-host", f"no host of the scenario is {shown(names[0])}", hint)

    def _twice(self, node: yaml.MappingNode) -> Iterator[Finding]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and not _merges(key)]
        if len({key.value for key in keys}) == len(keys):
            return
        known: set[tuple[str, str]] = set()
        for key in keys:
            if (key.tag, key.value) in known:
                message = f"{shown(key.value)} is written twice"
                yield self._at(key, "duplicate-field", message, "keep one of them: Ansible takes the last")
            known.add((key.tag, key.value))

    def _look_up(self, name: _Name) -> Iterator[Finding]:
        """Follow a name; a finding where it leads out of the repository, or to nothing."""
        text = OWN_FOLDER.sub("", name.text)
        if not text or "{{" in text or "{%" in text or "\n" in text:
            return
        places = list(self._places(name.kind, text))
        known = [p for p in places if p and (p in self._tree.entries or self._tree.under(p) or self._tree.link_at(p))]
        if known:
            self.included += self._followed(name.kind, known)
        elif set(places if name.kind == "role" else places[:1]) == {None}:
            hint = "put a copy of it into the repository"
            yield self._at(name.node, "leaves-repository", f"{shown(text)} leaves the repository", hint)
        elif name.kind in _INCLUDES and not (name.kind == "import_playbook" and _OF_A_COLLECTION.fullmatch(text)):
            yield self._missing_file(name, text, places[0] or "")
        elif name.kind == "role" and not text.startswith(("/", "~")) and not _OF_A_COLLECTION.fullmatch(text):
            yield self._missing_role(name.node, text, {posixpath.dirname(p) for p in places if p})

    def _missing_file(self, name: _Name, text: str, place: str) -> Finding:
        top, inside, _ = place.partition("/")
        if inside and not self._tree.under(top):
            hint = f"nothing of {top}/ is seen unless source.shared names it"
        else:
            folder = self._file.folder
            hint = nearest(text, [p[len(folder) + 1 :] for p in self._tree.under(folder) if is_yaml(p)])
        return self._at(name.node, "missing-include", f"{shown(text)} does not exist", hint, _INCLUDES[name.kind])

    def _missing_role(self, node: yaml.Node, text: str, folders: Iterable[str]) -> Finding:
        """A role that is in none of the ``folders``: a path means nothing else, a plain name may be a role that is installed."""
        inside = (p.split("/", 2) for folder in folders for p in self._tree.below(folder))
        meant = closest(
            posixpath.basename(text), {names[0] for names in inside if names[1:2] and names[1] in _OF_A_ROLE}
        )
        hint = f"did you mean {posixpath.join(posixpath.dirname(text), meant)}?" if meant else "put it into roles/"
        return self._at(
            node, "missing-include", f"there is no role {shown(text)}", hint, "error" if "/" in text else "warning"
        )

    def _followed(self, kind: str, known: Iterable[str]) -> Iterator[_File]:
        """What is to be looked at as well: the tasks and variables that are included, a role's files."""
        if kind == "role":
            found = [p for role in known for p in self._of_role(role)]
        else:
            found = [p for p in known if kind in _INCLUDES and p in self._tree.entries][:1]
        return (_File(p, self._file.folder, kind == "import_playbook") for p in found if is_yaml(p))

    def _places(self, kind: str, text: str) -> Iterator[str | None]:
        """Where Ansible looks for a name, as paths of the repository, beside the file first; None where that is outside."""
        if text.startswith(("/", "~")):
            yield None if kind in _INCLUDES else ""
            return
        own = posixpath.dirname(self._file.path)
        roles = list(_roles_around(self._file.path))
        bases = [own, self._file.folder, posixpath.dirname(own), *roles]
        if kind == "role":
            bases += map(posixpath.dirname, roles)
        for base in dict.fromkeys(bases):
            for sub in ("", "roles/") if kind == "role" else _BESIDE:
                yield joined(base, sub + text)

    def _of_role(self, role: str) -> Iterator[str]:
        return (p for sub in _OF_A_ROLE for p in self._tree.under(f"{role}/{sub}"))


def _roles_around(path: str) -> Iterator[str]:
    """The roles that a file may be a part of: Ansible looks in their folders as well, however deep the file lies."""
    return (posixpath.dirname(folder) for folder in parents(path) if posixpath.basename(folder) in _OF_A_ROLE)


def _mappings(root: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Every mapping, the outermost first; what is shared by aliases once."""
    todo, seen = [root] if root else [], set[int]()
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.ScalarNode) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            todo += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value


def _word(key: yaml.Node) -> str:
    """A key that means something here, ``copy`` for ``ansible.builtin.copy``; "" for any other."""
    return _WORDS.get(key.value, "") if isinstance(key, yaml.ScalarNode) else ""


def _merges(key: yaml.ScalarNode) -> bool:
    """Whether this is the key ``<<``, of which Ansible takes each."""
    return key.value == "<<" and not key.style


def _named(node: yaml.MappingNode, *, play: bool) -> Iterator[_Name]:
    """The files and roles that a play or a task names."""
    for key, value in calls(node):
        word = _WORDS.get(key, "")
        if word in _INCLUDES:
            yield from (_Name(word, v.value, v) for v in arguments(node, value, "", "file"))
        elif word in _ROLES:
            yield from (_Name("role", v.value, v) for v in arguments(node, value, "name"))
        elif word == "roles" and play:
            for item in items(value):
                named = [item] if isinstance(item, yaml.ScalarNode) else _fields(item, "role", "name")
                yield from (_Name("role", v.value, v) for v in named)
        elif word in _COPIES and not arguments(node, value, "remote_src"):
            yield from (_Name("src", v.value, v) for v in arguments(node, value, "src"))


def _has_hosts(node: yaml.MappingNode) -> bool:
    return any(_word(key) == "hosts" for key, _ in node.value)


def _fields(node: yaml.Node, *names: str) -> Iterator[yaml.ScalarNode]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return (v for k, v in pairs if isinstance(v, yaml.ScalarNode) and k.value in names)
