"""Reads JSON, refuses duplicate keys, and knows where everything is written once that is asked for: only when something is wrong."""

import contextlib
import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from reconciler.definitions.files.holes import Path
from reconciler.definitions.files.positions import Broken, Document, Positions, Spot

_BLANK = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"""
    "(?:[^"\\]|\\.)*+"?                 # a string: what looks like a comment inside is none
    | //[^\r\n]*+
    | /\*(?:[^*]|\*(?!/))*+(?:\*/)?
""", re.VERBOSE | re.DOTALL)  # fmt: skip
_PRINTED = re.compile(r"[^\r\n]")
_SCALAR = re.compile(r"[^\s,\]}]+")


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
        hint = "take out the comma before it" if _after_a_comma(text, error.pos) else ""
        raise Broken("not-json", message, line=error.lineno, column=error.colno, hint=hint) from error
    except ValueError as error:
        raise Broken("not-json", f"this is not JSON: {error}") from error
    except RecursionError as error:
        raise Broken("not-json", "this is nested too deeply to be read") from error


def _after_a_comma(text: str, at: int) -> bool:
    """Whether a list or an object ends there behind a comma, as other languages allow."""
    return text[at : at + 1] in ("]", "}") and text[:at].rstrip().endswith(",")


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
