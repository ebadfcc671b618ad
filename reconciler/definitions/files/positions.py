"""JSON and YAML readers that refuse duplicate keys and know line and column of every path in a file.

The good case is fast: positions in JSON are looked up only once something is wrong.
"""

import contextlib
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

import yaml
from yaml._yaml import CParser

from reconciler.definitions.files.holes import NO_HOLES, Holes, Path
from reconciler.definitions.files.lint_rules import RuleId

Spot = tuple[int, int]
"""Line and column, from 1."""

LARGEST = 1024 * 1024
"""Bytes of a definition; what is larger is not read."""
_DEEPEST = 100
_MOST_BRACKETS = 1000
_BLANK = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"""
    "(?:[^"\\]|\\.)*+"?                 # a string: what looks like a comment inside is none
    | //[^\r\n]*+
    | /\*(?:[^*]|\*(?!/))*+(?:\*/)?
""", re.VERBOSE | re.DOTALL)  # fmt: skip
_PRINTED = re.compile(r"[^\r\n]")
_SCALAR = re.compile(r"[^\s,\]}]+")
_UNFIT = (ValueError, LookupError, AttributeError, ArithmeticError, TypeError)
"""What PyYAML's constructors raise for a value that its tag does not fit, such as ``!!bool maybe``."""
_INDENT = re.compile(r"^[ \t?-]*", re.MULTILINE)
"""What a line of a block begins with; a list may stand right below its key, so each column holds two levels at most."""
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


class Broken(Exception):
    """The text cannot be read at all. ``rule`` and ``message`` are a finding's."""

    def __init__(self, rule: RuleId, message: str, *, line: int = 0, column: int = 0, hint: str = "") -> None:
        """Line 0: somewhere in the text."""
        super().__init__(message)
        self.rule, self.message, self.line, self.column, self.hint = rule, message, line, column, hint


@dataclass(kw_only=True)
class Positions:
    """Where keys and values begin, and which keys come twice."""

    keys: dict[Path, Spot] = field(default_factory=dict)
    values: dict[Path, Spot] = field(default_factory=dict)
    duplicates: list[tuple[Path, Spot]] = field(default_factory=list)

    def of(self, path: Path, *, key: bool = False) -> Spot:
        """Where ``path`` is written (its key, if asked), else the nearest thing around it."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a text says. ``positions`` is worked out when asked for; ``body`` is what follows front matter.

    ``holes`` is where it was read as something else.
    """

    value: object
    positions: Callable[[], Positions]
    duplicated: bool = False
    body: str = ""
    holes: Holes = NO_HOLES


def text_of(data: bytes) -> str:
    """A definition's text, without a byte order mark. Raises ``Broken`` when it is too big or not UTF-8."""
    if len(data) > LARGEST:
        raise Broken("too-big", "the file is bigger than 1 MiB", hint="keep data in its own file")
    try:
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise Broken(
            "not-utf8", "the file is not UTF-8 text", line=line, column=column, hint="save it as UTF-8"
        ) from error


# ---------------------------------------------------------------- JSON


class _Twice(Exception):
    pass


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
_ANY = json.JSONDecoder(parse_constant=_no_constant)


def read_json(text: str) -> Document:
    """Read JSON, with comments or without. Raises ``Broken``; duplicate keys are reported in the positions."""
    try:
        return _read_json(text)
    except Broken:
        if (plain := without_comments(text)) == text:
            raise
    return _read_json(plain)


def without_comments(text: str) -> str:
    """JSON with blanks in place of its comments, ``//`` to the end of a line and ``/*`` to ``*/``: all else stays where it was."""
    return _COMMENT.sub(lambda found: found[0] if found[0][0] == '"' else _PRINTED.sub(" ", found[0]), text)


def _read_json(text: str) -> Document:
    try:
        try:
            return Document(value=_STRICT.decode(text), positions=lambda: _JsonScan(text).positions)
        except _Twice:
            value = _ANY.decode(text)
            return Document(value=value, positions=lambda: _JsonScan(text).positions, duplicated=True)
    except json.JSONDecodeError as error:
        message = f"this is not JSON: {error.msg[0].lower()}{error.msg[1:]}"
        raise Broken("not-json", message, line=error.lineno, column=error.colno) from error
    except ValueError as error:
        raise Broken("not-json", f"this is not JSON: {error}") from error
    except RecursionError as error:
        raise Broken("not-json", "this is nested too deeply to be read") from error


class Member(NamedTuple):
    """A field of an object: where its key, and where its value, begins and ends in the text."""

    key: tuple[int, int]
    value: tuple[int, int]


def json_members(text: str) -> Mapping[Path, Member]:
    """Every field of every object of ``text``, which ``read_json`` has read; those of one object in their order."""
    return _JsonScan(without_comments(text)).members


class _JsonScan:
    """Walks text that is known to be JSON and notes where things begin."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self.positions = Positions()
        self.members: dict[Path, Member] = {}
        with contextlib.suppress(RecursionError):  # what is nested deeper is told by what is around it
            self._value(self._blank(0), ())

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return found.end() if found else at

    def _spot(self, at: int) -> Spot:
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    def _value(self, at: int, path: Path) -> int:
        self.positions.values[path] = self._spot(at)
        match self._text[at]:
            case "{":
                return self._object(at + 1, path)
            case "[":
                return self._array(at + 1, path)
            case '"':
                return _ANY.raw_decode(self._text, at)[1]
            case _:
                found = _SCALAR.match(self._text, at)
                return found.end() if found else at + 1

    def _object(self, at: int, path: Path) -> int:
        at = self._blank(at)
        while self._text[at] != "}":
            key, end = _ANY.raw_decode(self._text, at)
            here = (*path, key)
            if here in self.positions.keys:
                self.positions.duplicates.append((here, self._spot(at)))
            self.positions.keys.setdefault(here, self._spot(at))
            begin = self._blank(self._blank(end) + 1)
            value = (begin, self._value(begin, here))
            self.members[here] = Member((at, end), value)
            at = self._after(value[1])
        return at + 1

    def _array(self, at: int, path: Path) -> int:
        at, index = self._blank(at), 0
        while self._text[at] != "]":
            at, index = self._after(self._value(at, (*path, index))), index + 1
        return at + 1

    def _after(self, at: int) -> int:
        """Past the blanks and the comma that follow a value."""
        at = self._blank(at)
        return self._blank(at + 1) if self._text[at] == "," else at


# ---------------------------------------------------------------- YAML


def read_yaml(text: str, *, first_line: int = 1) -> Document:
    """Read one YAML document without anchors. Raises ``Broken``. ``first_line`` is the line that the text begins on."""
    node = compose(text, first_line=first_line)
    if node is None:
        return Document(value=None, positions=Positions)
    positions = Positions()
    _note(node, (), positions, first_line, set())
    loader = yaml.CSafeLoader("")
    try:
        value = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise broken(error, first_line) from error
    except _UNFIT as error:
        raise Broken("not-yaml", f"a value cannot be read: {error}", hint="put it in quotes") from error
    return Document(value=value, positions=lambda: positions, duplicated=bool(positions.duplicates))


def compose(text: str, *, first_line: int = 1, typed: bool = True) -> yaml.Node | None:
    """The nodes of one YAML document, None when there is nothing in it. Raises ``Broken``.

    Not ``typed``: no scalar is looked at for what it is; a third less work.
    """
    try:
        check_depth(text)
        loader = yaml.CSafeLoader(text) if typed else _Shapes(text)
        node: yaml.Node | None = loader.get_single_node()
    except yaml.YAMLError as error:
        raise broken(error, first_line) from error
    return node


class _Shapes(CParser):
    """Composes nodes whose tags say no more than whether a scalar could be a text."""

    def descend_resolver(self, *_: object) -> None:
        """Nothing: tags do not depend on where a node is."""

    def ascend_resolver(self) -> None:
        """Nothing."""

    def resolve(self, _: object, value: str | None, implicit: tuple[bool, bool]) -> str:
        """The tag of a node that has none."""
        return "" if not value or implicit[1] or value[0].isalpha() else "other"


def check_depth(text: str) -> None:
    """Raise ``Broken`` for text nested so deeply that the parser, which recurses without a limit, would crash."""
    if sum(text.count(mark) for mark in "[{-?:") <= _DEEPEST:
        return
    if check_brackets(text) + 2 * max(map(len, _INDENT.findall(text))) <= _DEEPEST:
        return
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise Broken("not-yaml", "this is nested too deeply to be read")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def many_brackets(data: bytes) -> bool:
    """Whether brackets could be nested too deeply: False is certain."""
    return data.count(b"[") + data.count(b"{") > _MOST_BRACKETS


def check_brackets(text: str) -> int:
    """How deep brackets are nested. Raises ``Broken`` where the parser would take minutes over them."""
    depth = deepest = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth += 1 if bracket[0] in "[{" else -1
        deepest = max(deepest, depth)
        if depth > _MOST_BRACKETS:
            raise Broken("not-yaml", "this is nested too deeply to be read")
    return deepest


def broken(error: yaml.YAMLError, first_line: int) -> Broken:
    """What the YAML parser says, with the line counted from ``first_line``."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    if mark is None:
        return Broken("not-yaml", f"this is not YAML: {problem}")
    return Broken("not-yaml", f"this is not YAML: {problem}", line=mark.line + first_line, column=mark.column + 1)


def _note(node: yaml.Node, path: Path, positions: Positions, first_line: int, seen: set[int]) -> None:
    line, column = node.start_mark.line + first_line, node.start_mark.column + 1
    if id(node) in seen:
        raise Broken("not-yaml", "aliases are not read here", line=line, column=column, hint="write the value out")
    seen.add(id(node))
    positions.values[path] = (line, column)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note(item, (*path, index), positions, first_line, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here, spot = (*path, str(key.value)), (key.start_mark.line + first_line, key.start_mark.column + 1)
            if here in positions.keys:
                positions.duplicates.append((here, spot))
            positions.keys.setdefault(here, spot)
            _note(value, here, positions, first_line, seen)


def read_front_matter(text: str) -> Document:
    """Read ``---``, YAML, ``---``, body; the body is exactly what follows the second line. Raises ``Broken``."""
    found = _FRONT.match(text)
    if found is None:
        raise Broken(
            "no-front-matter", "the file does not begin with front matter", line=1, column=1,
            hint="begin with a line ---, then name: …, then a line ---",
        )  # fmt: skip
    read = read_yaml(found[1], first_line=2)
    return Document(value=read.value, positions=read.positions, duplicated=read.duplicated, body=text[found.end() :])
