"""Reads YAML, alone or as front matter: refuses duplicate keys, aliases and what would take the parser too long, and knows where everything is."""

import re

import yaml
from yaml._yaml import CParser

from reconciler.definitions.files.holes import Path
from reconciler.definitions.files.positions import Broken, Document, Positions

_DEEPEST = 100
_MOST_BRACKETS = 1000
_UNFIT = (ValueError, LookupError, AttributeError, ArithmeticError, TypeError)
"""What PyYAML's constructors raise for a value that its tag does not fit, such as ``!!bool maybe``."""
_INDENT = re.compile(r"^[ \t?-]*", re.MULTILINE)
"""What a line of a block begins with; a list may stand right below its key, so each column holds two levels at most."""
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


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
