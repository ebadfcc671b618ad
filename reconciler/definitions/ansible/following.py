"""Follows the names in playbooks to the files and folders that they mean, as Ansible searches for them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.definitions.ansible.playbooks import (
    NOTHING,
    Names,
    may_be_dynamic,
    names_in,
    names_in_template,
    syntax_error,
)
from reconciler.definitions.files.positions import Broken
from reconciler.definitions.files.tree import Blobs, Tree, joined
from reconciler.ports import Entry

_BESIDE = ("", "files/", "templates/", "tasks/", "vars/")
"""Where Ansible looks for a name, beside a playbook and in a role."""
_MAIN = tuple(f"{part}/main.{end}" for part in ("tasks", "meta") for end in ("yml", "yaml"))
"""What of a role is sure to run, and what it depends on."""
_PLUGINS = (
    *("action", "become", "cache", "callback", "cliconf", "connection", "filter", "httpapi", "inventory", "lookup"),
    *("netconf", "shell", "strategy", "terminal", "test", "vars"),
)
_LOADED = ("group_vars", "host_vars", "library", "module_utils", *(f"{kind}_plugins" for kind in _PLUGINS))
"""Folders beside a playbook that Ansible loads by itself."""


@dataclass(kw_only=True)
class Reach:
    """What a set of playbooks reaches.

    ``files`` are all files. ``probes`` are the paths outside that were looked at, found or not: a change at or below one may change the answer.
    """

    files: set[str] = field(default_factory=set)
    probes: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    dynamic: bool = False


@dataclass(frozen=True, kw_only=True)
class _Step:
    """What one file names: files, whole folders, roles; and the paths tried for that."""

    files: frozenset[str]
    folders: frozenset[str]
    roles: frozenset[str]
    probes: frozenset[str]
    dynamic: bool


class Follower:
    """Follows names through one tree. Files are parsed once each."""

    def __init__(self, tree: Tree, blobs: Blobs) -> None:
        """Valid for this tree only."""
        self._tree = tree
        self._blobs = blobs
        self._names: dict[str, Names] = {}
        self._errors: dict[str, Broken | None] = {}
        self._steps: dict[tuple[str, str, str], _Step] = {}
        self._below: dict[str, frozenset[str]] = {}

    def names(self, entry: Entry) -> Names:
        """The names in a file."""
        if entry.oid not in self._names:
            self._names[entry.oid] = names_in(self._blobs[entry.oid])
        return self._names[entry.oid]

    def syntax_error(self, entry: Entry) -> Broken | None:
        """Why a file is not YAML at all, or None."""
        if entry.oid not in self._errors:
            self._errors[entry.oid] = syntax_error(self._blobs[entry.oid])
        return self._errors[entry.oid]

    def may_need_init(self, entry: Entry) -> bool:
        """Whether a file may use a module that talks to systemd; False is certain."""
        return b"systemd" in self._blobs[entry.oid]

    def any_worth_following(self, files: Iterable[str], inside: Mapping[str, Entry], nearby: Collection[bytes]) -> bool:
        """Whether some of a folder's files name anything that matters; False is certain."""
        return any(_worth_reading(data := self._blobs[inside[f].oid], nearby) or b"systemd" in data for f in files)

    def follow(self, folder: str, start: Iterable[str], nearby: Collection[bytes]) -> Reach:
        """Everything that ``start``, files seen from ``folder``, reach, themselves not counted.

        ``nearby`` are the names of what matters inside the folder: a file that holds none of them, and no ``..``, names
        nothing that matters, and is not parsed.
        """
        reach = Reach()
        todo, seen = [(f"{folder}/{path}", "") for path in start], set[tuple[str, str]]()
        while todo:
            path, role = todo.pop()
            if (path, role) in seen or (step := self._step(folder, path, role, nearby)) is None:
                continue
            seen.add((path, role))
            self._take(reach, step, folder)
            todo += [(f, role) for f in step.files if names_others(f)]
            todo += [(f, r) for r in step.roles for f in self._tree.under(r) if names_others(f)]
        return reach

    def running(self, folder: str, start: Iterable[str]) -> set[str]:
        """The files that run whatever the machine is like when ``start``, seen from ``folder``, do; these included."""
        todo, seen = [(f"{folder}/{path}", "") for path in start], set[tuple[str, str]]()
        while todo:
            path, role = todo.pop()
            entry = self._tree.entries.get(path)
            if (path, role) in seen or entry is None or path in self._tree.links:
                continue
            seen.add((path, role))
            brought = self.names(entry).running
            names = Names(tokens=frozenset(brought.files), roles=frozenset(brought.roles))
            step = self._resolve(names, folder, path, role)
            todo += [(f, role) for f in step.files if is_yaml(f)]
            todo += [(f"{r}/{main}", r) for r in step.roles for main in _MAIN]
        return {path for path, _ in seen}

    def _take(self, reach: Reach, step: _Step, folder: str) -> None:
        inside = folder + "/"
        reach.files |= step.files
        for root in (*step.folders, *step.roles):
            reach.files.update(self._tree.under(root))
        reach.probes.update(p for p in step.probes if not p.startswith(inside))
        reach.dynamic = reach.dynamic or step.dynamic
        if self._tree.links:
            reach.links.update(p for n in (*step.probes, *reach.files) if (p := self._tree.link_at(n)))

    def _step(self, folder: str, path: str, role: str, nearby: Collection[bytes]) -> _Step | None:
        """What one file names, seen from the scenario's folder (None: nothing that matters)."""
        entry = self._tree.entries.get(path)
        if entry is None or path in self._tree.links:
            return None
        matters, outside = _worth_reading(self._blobs[entry.oid], nearby), not path.startswith(folder + "/")
        if not matters and not outside:
            return None
        key = (
            "" if outside and not matters else folder,
            path,
            role,
        )  # most shared files mean the same to all scenarios
        if key not in self._steps:
            names = self.names(entry) if is_yaml(path) else names_in_template(self._blobs[entry.oid])
            self._steps[key] = NO_STEP if names == NOTHING else self._resolve(names, key[0], path, role)
        return self._steps[key]

    def _resolve(self, names: Names, folder: str, path: str, role: str) -> _Step:
        bases = list(dict.fromkeys([path.rpartition("/")[0], *filter(None, (folder, role))]))
        files, folders, probes = set[str](), set[str](), set[str]()
        for token, found in self._meant(names.tokens, bases, folder):
            probes.add(found)
            if found in self._tree.entries:
                files.add(found)
                probes.update(loaded := self._loaded(found, folder) if token in names.playbooks else [])
                files.update(p for place in loaded if self._is_folder(place, folder) for p in self._tree.under(place))
            elif "/" in token or token in names.folders:
                folders.add(found)
        folders.update(f for p in names.prefixes for f in _candidates(bases, _BESIDE, p))
        near = (*bases, *([role.rpartition("/")[0]] if role else []))
        roles = {f for r in names.roles for f in _candidates(near, ("roles/", ""), r)}
        return _Step(
            files=frozenset(files),
            folders=frozenset(f for f in folders if self._is_folder(f, folder)),
            roles=frozenset(r for r in roles if self._is_folder(r, folder)),
            probes=frozenset(_coarse(probes | folders | roles, bases, role)),
            dynamic=names.dynamic,
        )

    def _meant(self, tokens: Iterable[str], bases: Iterable[str], folder: str) -> Iterator[tuple[str, str]]:
        """Each token with what it may mean; below the scenario's folder, where no probe is kept, only if it begins like something there."""
        beside = [f"{base}/{sub}" if base else sub for base in bases for sub in _BESIDE]
        places = [(start, self._names_at(start) if start.startswith(f"{folder}/") else None) for start in beside]
        for token in tokens:
            first = token.partition("/")[0]
            for start, names in places:
                near = names is None or first in names or first in ("", ".") or ".." in token
                if near and (found := joined("", start + token)):
                    yield token, found

    @staticmethod
    def _loaded(playbook: str, folder: str) -> list[str]:
        """What Ansible loads beside a playbook; nothing right in the scenario's folder, where all of it is the world's."""
        around = playbook.rpartition("/")[0]
        return [f"{around}/{name}".lstrip("/") for name in _LOADED] if around != folder else []

    def _names_at(self, start: str) -> frozenset[str]:
        """The names of files and folders right below a folder, whose path ends in a slash."""
        if start not in self._below:
            below = self._tree.under(start[:-1])
            self._below[start] = frozenset(p[len(start) :].partition("/")[0] for p in below)
        return self._below[start]

    def _is_folder(self, path: str, scenario: str) -> bool:
        """Whether this is a folder, and not one around the scenario: ``..`` in a command means no dependency."""
        return bool(self._tree.under(path)) and not f"{scenario}/".startswith(f"{path}/")


NO_STEP = _Step(files=frozenset(), folders=frozenset(), roles=frozenset(), probes=frozenset(), dynamic=False)


def _candidates(bases: Iterable[str], beside: Iterable[str], name: str) -> Iterator[str]:
    for base in bases:
        for sub in beside:
            if found := joined(base, sub + name):
                yield found


def _worth_reading(data: bytes, nearby: Collection[bytes]) -> bool:
    return b".." in data or may_be_dynamic(data) or any(name in data for name in nearby)


def _coarse(probes: set[str], bases: Collection[str], role: str) -> Iterator[str]:
    """Fewer probes that cover at least as much: a role's are the role, and below a base only the first name counts."""
    for probe in probes:
        base = next((b for b in bases if probe.startswith(b + "/")), None)
        if role and probe.startswith(role + "/"):
            yield role
        else:
            yield probe if base is None else "/".join(probe.split("/")[: base.count("/") + 2])


def names_others(path: str) -> bool:
    """Whether a file is read for the names of others: what Ansible reads as YAML, and what is a template by its name."""
    return path.endswith((".yml", ".yaml", ".j2"))


def is_yaml(path: str) -> bool:
    """Whether Ansible would read this as YAML."""
    return path.endswith((".yml", ".yaml"))


def segments(paths: Mapping[str, object] | Iterable[str]) -> frozenset[bytes]:
    """Every name of a file or folder in relative paths, as bytes: names need not be text."""
    return frozenset(part.encode("utf-8", "surrogateescape") for path in paths for part in path.split("/"))
