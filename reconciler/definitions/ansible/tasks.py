"""How plays and tasks are written: the nodes of their YAML, and a module's arguments in every way in which Ansible takes them."""

import re
from collections.abc import Iterator

import yaml

OWN_FOLDER = re.compile(r"\{\{\s*(?:playbook_dir|role_path)\s*\}\}/*")
"""What Ansible puts before the names of files that lie beside a playbook or in a role."""
_ARGUMENT = re.compile(r"""(?<!\S)(?P<name>\w+)=(?!=)(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>\S*))""")
"""An argument in a text: ``name=web``, ``name="web"``."""


def calls(task: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """The keys and values of a mapping, an ``action`` as the module that it names: ``copy: src=x`` for ``action: copy src=x``."""
    for key, value in _pairs(task):
        if key in ("action", "local_action"):
            yield from _action(value)
        else:
            yield key, value


def _action(value: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(value, yaml.ScalarNode):
        module, _, rest = value.value.strip().partition(" ")
        yield module, _like(value, rest)
    else:
        yield from ((module, value) for module in fields(value, "module"))


def given(task: yaml.Node, value: yaml.Node) -> list[yaml.Node]:
    """Where the arguments of a module stand, whose ``value`` this is: there, and in ``args`` beside it."""
    return [value, *(other for word, other in entries(task) if word == "args")]


def arguments(task: yaml.Node, value: yaml.Node, *names: str) -> list[yaml.ScalarNode]:
    """The texts that a module is given under some names; those that have no name are under ""."""
    return [text for part in given(task, value) for name, text in _arguments(part) if name in names]


def _arguments(part: yaml.Node) -> Iterator[tuple[str, yaml.ScalarNode]]:
    if isinstance(part, yaml.ScalarNode):
        yield from _in_text(part)
    for name, value in (*_pairs(part), *(("", item) for item in items(part))):
        if isinstance(value, yaml.ScalarNode):
            yield name, value


def _in_text(node: yaml.ScalarNode) -> Iterator[tuple[str, yaml.ScalarNode]]:
    text = OWN_FOLDER.sub("", node.value)
    if unnamed := _ARGUMENT.sub("", text).strip():
        yield "", _like(node, unnamed)
    for found in _ARGUMENT.finditer(text):
        yield found["name"], _like(node, found["double"] or found["single"] or found["plain"] or "")


def _like(node: yaml.ScalarNode, text: str) -> yaml.ScalarNode:
    """A part of a text, at its place."""
    return yaml.ScalarNode(node.tag, text, node.start_mark, node.end_mark)


def last_word(key: str) -> str:
    """``copy`` for ``ansible.builtin.copy``."""
    return key.rpartition(".")[2]


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """The entries of a list."""
    return node.value if isinstance(node, yaml.SequenceNode) else []


def texts(node: yaml.Node) -> list[str]:
    """The texts of a list, or the one that stands for it."""
    return [part.value for part in (node, *items(node)) if isinstance(part, yaml.ScalarNode)]


def entries(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """The keys of a mapping, without the collection before a module's name, and their values."""
    return ((last_word(key), value) for key, value in _pairs(node))


def fields(node: yaml.Node, *names: str) -> list[str]:
    """The texts under some keys of a mapping."""
    return [value.value for key, value in _pairs(node) if key in names and isinstance(value, yaml.ScalarNode)]


def _pairs(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return ((str(key.value), value) for key, value in pairs)
