"""What a playbook, or any YAML that Ansible reads, says about other files: read for its names, never run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml._yaml import CParser

from reconciler.definitions.ansible.running import ROLE_LISTS, ROLE_TASKS, Running, role_names, running
from reconciler.definitions.ansible.tasks import (
    OWN_FOLDER,
    arguments,
    calls,
    entries,
    fields,
    given,
    items,
    last_word,
)
from reconciler.definitions.files.positions import LARGEST, Broken, text_of
from reconciler.definitions.files.yaml_text import broken, check_brackets, compose, many_brackets

_INCLUDES = frozenset(
    {"include", "include_tasks", "import_tasks", "import_playbook", "include_vars", "include_role", "import_role",
     "vars_files", "roles", "role"}
)  # fmt: skip
_EXPRESSION = re.compile(r"\{\{(?:(?!\{\{).)*?\}\}|\{%(?:(?!\{%).)*?%\}", re.DOTALL)
"""In either kind of braces. What another of its kind begins in is none: so any text is looked at once."""
_MADE = re.compile(_EXPRESSION.pattern + "|[*?]", re.DOTALL)
"""What is only known at run time: expressions and globs."""
_QUOTED = re.compile(
    r"(?P<own>(?:playbook_dir|role_path)\s*[+~]\s*)?(?P<quote>['\"])"
    r"(?P<text>(?:\\.|(?!(?P=quote))[^\\])*)(?:(?P=quote)|\Z)(?P<more>\s*[+~])?",
    re.DOTALL,
)
"""A text in an expression; something is put behind it, or it behind the own folder. One without an end goes on to the last
character: so any text is looked at once."""
_MADE_WITHIN = re.compile(r"[*?%]")
"""What is only known at run time of a text in an expression: globs, and places for ``format``."""
_FOLDERS = frozenset({"src", "dir", "with_filetree", "filetree", "loop", "with_items"})
"""Where a plain word may name a folder; anywhere else it takes a slash, since most words name none."""
_FOLDER_IN_TEXT = re.compile(r"\b(?:src|dir)=['\"]?([^\s'\"]+)")
"""The same in the arguments of a module that are written as one text."""
_PIECE = re.compile(r"[^\s'\"=,;:|(){}\[\]<>&`]+")
_CAN_BE_DYNAMIC = re.compile(rb"include|import_|vars_files|roles?\b")


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names in a file. ``tokens`` may be files or folders, ``prefixes`` are folders of names made at run time."""

    tokens: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    """Those of the tokens that stand where a folder may be named by a plain word."""
    prefixes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    playbooks: frozenset[str] = frozenset()
    """Those of the tokens that are playbooks: what Ansible loads beside a playbook, it loads beside these."""
    dynamic: bool = False
    """It includes something whose name is made at run time."""
    running: Running = field(default_factory=Running)


NOTHING = Names()


def syntax_error(data: bytes) -> Broken | None:
    """Why this is not YAML at all, or None. Fast: nothing is built, and text is looked at only once it is wrong."""
    try:
        if len(data) > LARGEST or many_brackets(data):
            check_brackets(text_of(data))
        CParser(data).raw_parse()
    except Broken as error:
        return error
    except yaml.YAMLError as error:
        return _not_text(data) or broken(error, 1)
    return None


def _not_text(data: bytes) -> Broken | None:
    try:
        text_of(data)
    except Broken as error:
        return error
    return None


def may_be_dynamic(data: bytes) -> bool:
    """Whether an include may have a name made at run time; False is certain."""
    return b"{{" in data and _CAN_BE_DYNAMIC.search(data) is not None


def names_in(data: bytes) -> Names:
    """The names in a YAML file; one that cannot be read names nothing (its error is a finding elsewhere)."""
    try:
        root = compose(text_of(data))
    except Broken:
        return NOTHING
    scan = _Scan()
    if root is not None:
        scan.walk(root)
    return Names(
        tokens=frozenset(scan.tokens | scan.folders),
        folders=frozenset(scan.folders),
        prefixes=frozenset(scan.prefixes),
        roles=frozenset(scan.roles),
        playbooks=frozenset(scan.playbooks),
        dynamic=scan.dynamic,
        running=running(root),
    )


def names_in_template(data: bytes) -> Names:
    """The names that the expressions of a Jinja template quote: what it includes, imports, extends and looks up."""
    try:
        text = text_of(data)
    except Broken:
        return NOTHING
    scan = _Scan()
    for expression in _EXPRESSION.findall(text):
        scan.expression(expression, scan.tokens)
    return Names(tokens=frozenset(scan.tokens), prefixes=frozenset(scan.prefixes))


class _Scan:
    """One walk over the nodes of a file; shared nodes are visited once for each of the two meanings of their words."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.folders: set[str] = set()
        self.prefixes: set[str] = set()
        self.roles: set[str] = set()
        self.playbooks: set[str] = set()
        self.dynamic = False

    def walk(self, root: yaml.Node) -> None:
        todo, seen = [(root, False)], {(id(root), False)}
        while todo:
            node, folder = todo.pop()
            if isinstance(node, yaml.ScalarNode):
                self._scalar(node.value, self.folders if folder else self.tokens)
            elif isinstance(node, yaml.MappingNode):
                for key, value in calls(node):
                    self._entry(node, last_word(key), value)
            children = [(n, f) for n, f in _children(node, folder) if (id(n), f) not in seen]
            seen.update((id(n), f) for n, f in children)
            todo += children

    def _entry(self, task: yaml.Node, key: str, value: yaml.Node) -> None:
        if key in _INCLUDES and not self.dynamic:
            named = (name for part in given(task, value) for name in _named(part))
            self.dynamic = any("{{" in OWN_FOLDER.sub("", name) for name in named)
        if key == "import_playbook":
            self.playbooks.update(OWN_FOLDER.sub("", name).strip() for name in _named(value))
        if key in ROLE_LISTS:
            self.roles.update(name for item in items(value) for name in role_names(item))
        elif key in ROLE_TASKS:
            self.roles.update(name.value for name in arguments(task, value, "name"))

    def _scalar(self, text: str, into: set[str]) -> None:
        text = OWN_FOLDER.sub("", text)
        for expression in _EXPRESSION.findall(text):
            self.expression(expression, into)
        text = _MADE.sub("\0", text)
        self._text(text, into)
        for folder in _FOLDER_IN_TEXT.findall(text) if "=" in text else ():
            self._text(folder, self.folders)

    def expression(self, expression: str, into: set[str]) -> None:
        """Of an expression only what it quotes can be a name: ``lookup('file', '../motd')``."""
        for found in _QUOTED.finditer(expression):
            text = found["text"].lstrip("/") if found["own"] else found["text"]
            self._text(_MADE_WITHIN.sub("\0", text), into)
            if found["more"]:
                self._text(text + "\0", into)

    def _text(self, text: str, into: set[str]) -> None:
        """Take the names in a text, in which a NUL stands for what is made at run time."""
        for piece in {text.strip(), *_PIECE.findall(text)}:
            if "\0" in piece:
                folder = piece.partition("\0")[0].rpartition("/")[0]
                self.prefixes.update([folder] if folder.strip("./") else ())
            elif piece.strip("./") and not piece.startswith(("/", "~")) and len(piece) < 500 and "\n" not in piece:
                into.add(piece)


def _children(node: yaml.Node, folder: bool) -> Iterator[tuple[yaml.Node, bool]]:
    """What lies in a node, each with whether its words may be names of folders, as those of the node are."""
    if isinstance(node, yaml.MappingNode):
        yield from ((value, key in _FOLDERS) for key, value in entries(node))
    else:
        yield from ((item, folder) for item in items(node))


def _named(node: yaml.Node) -> Iterator[str]:
    """What an include names: itself, its ``file`` or ``name``, or each item of a list."""
    if isinstance(node, yaml.ScalarNode):
        yield node.value
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _named(item)
    else:
        yield from fields(node, "file", "name", "role", "dir", "tasks_from", "vars_from")
