"""``inventory.ini`` and ``inventory.yml``: the names in them, read as Ansible reads them."""

import re
import shlex
from dataclasses import dataclass, field

import yaml

from reconciler.definitions.files.findings import nearest, shown
from reconciler.definitions.files.positions import Broken, Spot
from reconciler.definitions.files.yaml_text import compose

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?\Z")
_HOST = re.compile(r"(?P<name>[^:]+|.*\])(?P<port>:\d+)?", re.DOTALL)


@dataclass(kw_only=True)
class Inventory:
    """The names in an inventory, and where they stand; a range (``web[01:09]``) is one name."""

    hosts: list[tuple[str, Spot]] = field(default_factory=list)
    groups: dict[str, Spot] = field(default_factory=dict)
    variables: list[tuple[str, Spot]] = field(default_factory=list)
    unread: list[tuple[str, Spot]] = field(default_factory=list)

    def add_host(self, written: str, spot: Spot) -> None:
        """Note a host, without the port that may be written behind it."""
        found = _HOST.fullmatch(written)
        self.hosts.append((found["name"] if found else written, spot))
        if found and found["port"]:
            self.variables.append(("ansible_port", spot))


def read_inventory(path: str, text: str) -> Inventory:
    """What an inventory names. Raises ``Broken`` where Ansible would not read it."""
    return _YamlReader().read(text) if path.endswith(".yml") else _IniReader().read(text)


# ---------------------------------------------------------------- INI


class _IniReader:
    """Reads line by line, as Ansible does: what a line says depends on the section that it stands in."""

    def __init__(self) -> None:
        self._found = Inventory()
        self._kind = "hosts"
        self._named: dict[str, Spot] = {}
        """Groups that a section is about, or that are children: they must be declared somewhere."""

    def read(self, text: str) -> Inventory:
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.strip()
            if words and words[0] not in ";#":
                self._line(words, (number, line.index(words[0]) + 1))
        for group, spot in self._named.items():
            if group not in self._found.groups and group not in ("all", "ungrouped"):
                raise _no_inventory(f"there is no group {shown(group)}", spot, f"write a section [{group}]")
        return self._found

    def _line(self, words: str, spot: Spot) -> None:
        if section := _SECTION.match(words):
            self._section(section[1], section[2] or "hosts", spot)
        elif words[0] == "[" and words[-1] == "]":
            raise _no_inventory(
                f"{shown(words)} is no section", spot, "write [group], [group:vars] or [group:children]"
            )
        elif self._kind == "hosts":
            self._host(words, spot)
        elif self._kind == "children":
            self._named.setdefault(words.split(maxsplit=1)[0], spot)
        elif "=" in words:
            self._found.variables.append((words.partition("=")[0].strip(), spot))
        else:
            raise _no_inventory("this line sets no variable", spot, "write name=value")

    def _section(self, group: str, kind: str, spot: Spot) -> None:
        if kind not in ("hosts", "vars", "children"):
            raise _no_inventory(f"a section cannot be of kind {shown(kind)}", spot, nearest(kind, ["vars", "children"]))
        self._kind = kind
        (self._named if kind == "vars" else self._found.groups).setdefault(group, spot)

    def _host(self, words: str, spot: Spot) -> None:
        try:
            host, *settings = shlex.split(words, comments=True) or [""]
        except ValueError as error:
            raise _no_inventory(f"this line does not end: {error}", spot, "close the quotation") from error
        self._found.add_host(host, spot)
        for setting in settings:
            name, equals, _ = setting.partition("=")
            if not equals:
                hint = "write name=value, one host in a line"
                raise _no_inventory("a word behind the host sets no variable", spot, hint)
            self._found.variables.append((name, spot))


def _no_inventory(message: str, spot: Spot, hint: str) -> Broken:
    line, column = spot
    return Broken("not-an-inventory", message, line=line, column=column, hint=hint)


# ---------------------------------------------------------------- YAML


class _YamlReader:
    """Reads group by group. A node that an alias leads to again has been read."""

    def __init__(self) -> None:
        self._found = Inventory()
        self._seen: set[int] = set()

    def read(self, text: str) -> Inventory:
        root = compose(text)
        if root is None:
            return self._found
        if not isinstance(root, yaml.MappingNode):
            raise _no_inventory("an inventory is a mapping of groups, and this is none", (1, 1), "begin with all:")
        for name, node in root.value:
            self._group(name, node)
        return self._found

    def _group(self, name: yaml.Node, node: yaml.Node) -> None:
        self._found.groups.setdefault(str(name.value), spot_of(name))
        for key, value in self._fresh(node):
            match key.value:
                case "hosts":
                    for host, variables in _names(value) or self._fresh(value):
                        self._found.add_host(str(host.value), spot_of(host))
                        self._variables(variables)
                case "vars":
                    self._variables(value)
                case "children":
                    for child, below in _names(value) or self._fresh(value):
                        self._group(child, below)
                case other:
                    self._found.unread.append((str(other), spot_of(key)))

    def _variables(self, node: yaml.Node) -> None:
        self._found.variables += [(str(key.value), spot_of(key)) for key, _ in self._fresh(node)]

    def _fresh(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
        if id(node) in self._seen:
            return []
        self._seen.add(id(node))
        return _pairs(node)


def _names(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    """A name alone, where a mapping of names could stand."""
    alone = isinstance(node, yaml.ScalarNode) and not node.tag.endswith(":null")
    return [(node, yaml.ScalarNode("tag:yaml.org,2002:null", ""))] if alone else []


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    """Keys and values of a mapping; nothing where there is none. Raises ``Broken`` for a list, or for text."""
    if isinstance(node, yaml.MappingNode):
        return list(node.value)
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
        return []
    raise _no_inventory(
        "this must be a mapping: name, colon, what belongs to it", spot_of(node), "write name: or name: {}"
    )


def spot_of(node: yaml.Node) -> Spot:
    return node.start_mark.line + 1, node.start_mark.column + 1
