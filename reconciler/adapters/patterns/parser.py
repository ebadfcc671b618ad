r"""Reads a pattern as JavaScript does without the flags ``u`` and ``v`` (ECMA-262, section 22.2.1 with Annex B.1.2).

What Node 20 refuses is refused: also the newer ``(?i:x)``, and one name for two groups. Beside the tree come the *surprises*:
places that JavaScript reads in another way than the dialect where they are at home.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

from reconciler.adapters.patterns.characters import NotAPattern, one, read_class, read_escape
from reconciler.adapters.patterns.surprises import (
    Surprise,
    refused_group,
    refused_quantifier,
    strange_brace,
    strange_reference,
)
from reconciler.adapters.patterns.syntax import (
    EMPTY,
    LINE_ENDS,
    Back,
    Choice,
    Edge,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
    Sign,
    Units,
)

LONGEST = 20_000
"""Characters of a pattern."""
DEEPEST = 100
"""Groups in groups."""
_MOST = 2**31 - 1
"""V8 counts no further."""

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_SKIPPED_OR_CAPTURE = re.compile(r"\\.|\[(?:[^\]\\]|\\.)*\]|\((?!\?)|\(\?<(?![=!])([^>]*)>", re.DOTALL)
_OPENING = re.compile(r"\((?:\?(?:(<?[=!]|:)|<([^>]*)>)|(?!\?))", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:([*+?])|\{([0-9]+)(?:(,)([0-9]*))?\})(\??)")
_NAME_ESCAPE = re.compile(r"\\u(?:([0-9a-fA-F]{4})|\{0*([0-9a-fA-F]{1,6})\})")
_PLAIN = re.compile(r"[\w /:;,<>=!@#%&~`'\"-]+(?![*+?{])")
_EDGE = re.compile(r"[\^$]|\\[bB]")
_REFERENCE = re.compile(r"\\([1-9][0-9]*)")
_NAMED_REFERENCE = re.compile(r"\\k<([^>]*)>")


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A pattern that compiles."""

    root: Node
    surprises: tuple[Surprise, ...]


@lru_cache(maxsize=4096)
def parse(pattern: str) -> Pattern:
    """Raises ``NotAPattern``."""
    if len(pattern) > LONGEST:
        raise NotAPattern(f"it is longer than {LONGEST:,} characters")
    parser = _Parser(_ASTRAL.sub(lambda m: _halves(ord(m[0])), pattern))
    return Pattern(root=parser.whole(), surprises=tuple(dict.fromkeys(s for s in parser.surprises if s)))


def _halves(point: int) -> str:
    """The two code units that JavaScript sees for a character beyond U+FFFF."""
    return chr(0xD7C0 + (point >> 10)) + chr(0xDC00 + (point & 0x3FF))


@dataclass(kw_only=True)
class _Open:
    """A group that is not closed yet; the whole pattern is the first."""

    start: int = 0
    kind: str = ""
    """``(``, ``:``, ``=``, ``!``, ``<=``, ``<!``."""
    number: int = 0
    options: list[Node] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    def end_option(self) -> None:
        """At ``|`` or the end."""
        self.options.append(self.items[0] if len(self.items) == 1 else Sequence(items=tuple(self.items)))
        self.items = []

    def node(self, source: str) -> Node:
        """The closed group."""
        self.end_option()
        body = self.options[0] if len(self.options) == 1 else Choice(options=tuple(self.options))
        if self.kind[-1:] in ("=", "!"):
            return Look(body=body, behind=self.kind[0] == "<", negated=self.kind[-1] == "!", source=source)
        return Group(body=body, number=self.number or None)


class _Parser:
    def __init__(self, source: str) -> None:
        self._source, self._at = source, 0
        self._open = [_Open()]
        self._names = [
            _name(m[1]) if m[1] is not None else None for m in _SKIPPED_OR_CAPTURE.finditer(source) if m[0][0] == "("
        ]
        self._count = 0
        self.surprises: list[Surprise | None] = []

    def whole(self) -> Node:
        """The pattern's tree."""
        named = [n for n in self._names if n is not None]
        if len(set(named)) < len(named):
            raise NotAPattern("two groups have the same name")
        while self._at < len(self._source):
            self._term()
        if len(self._open) > 1:
            raise NotAPattern("a group `(` is never closed")
        return self._open[0].node("")

    @property
    def _has_names(self) -> bool:
        return any(self._names)

    def _term(self) -> None:
        start = self._at
        if plain := _PLAIN.match(self._source, start):
            self._open[-1].items += [one(ord(character)) for character in plain[0]]
            self._at = plain.end()
            return
        match self._source[start]:
            case "|":
                self._open[-1].end_option()
                self._at += 1
            case "(":
                self._open_group()
            case ")":
                self._close_group()
            case "*" | "+" | "?":
                self._refuse_quantifier()
            case "{" if _QUANTIFIER.match(self._source, start):
                self._refuse_quantifier()
            case _ if edge := _EDGE.match(self._source, start):
                self._at = edge.end()
                self._open[-1].items.append(Edge(sign=cast("Sign", edge[0])))
            case _:
                self._quantified(self._atom(), start)

    def _refuse_quantifier(self) -> None:
        items = self._open[-1].items
        after = bool(items) and isinstance(items[-1], Repeat)
        raise NotAPattern(refused_quantifier(self._source[self._at :], after_quantifier=after))

    def _atom(self) -> Node:
        """A character, a class, or a backreference."""
        source, at = self._source, self._at
        match source[at]:
            case ".":
                self._at += 1
                return Units(ranges=LINE_ENDS, negated=True)
            case "[":
                read, odd = read_class(source, at, has_names=self._has_names)
                self.surprises += odd
            case "\\":
                if (reference := self._reference()) is not None:
                    return reference
                read = read_escape(source, at, has_names=self._has_names)
                self.surprises.append(read.surprise)
            case sign:
                self._at += 1
                self.surprises.append(strange_brace(source[at : at + 80]) if sign == "{" else None)
                return one(ord(sign))
        self._at = read.end
        return read.units

    def _reference(self) -> Node | None:
        """A backreference; None where the digits name no group, and so are a character."""
        if found := _NAMED_REFERENCE.match(self._source, self._at):
            if not self._has_names:
                return None
            if (name := _name(found[1])) not in self._names:
                raise NotAPattern(f"no group is named {found[1]}")
            number = self._names.index(name) + 1
        elif found := _REFERENCE.match(self._source, self._at):
            number = int(found[1][:6])
            if number > len(self._names):
                self.surprises.append(strange_reference(found[0]) if number < 10 else None)
                return None
        else:
            return None
        self._at = found.end()
        inside = any(o.number == number for o in self._open)
        return EMPTY if inside else Back(group=number, source=found[0])

    def _open_group(self) -> None:
        if (found := _OPENING.match(self._source, self._at)) is None:
            raise NotAPattern(refused_group(self._source[self._at : self._at + 80]))
        if len(self._open) > DEEPEST:
            raise NotAPattern(f"groups are nested more than {DEEPEST} deep")
        number = 0
        if found[1] is None:
            self._count += 1
            number = self._count
        self._open.append(_Open(start=self._at, kind=found[1] or "(", number=number))
        self._at = found.end()

    def _close_group(self) -> None:
        if len(self._open) == 1:
            raise NotAPattern("a `)` closes no group")
        self._at += 1
        closed = self._open.pop()
        node = closed.node(self._source[closed.start : self._at])
        if isinstance(node, Look) and node.behind:
            self._open[-1].items.append(node)
        else:
            self._quantified(node, closed.start)

    def _quantified(self, node: Node, start: int) -> None:
        """Put ``node`` down, repeated as the quantifier after it says."""
        if found := _QUANTIFIER.match(self._source, self._at):
            self._at = found.end()
            least, most = _bounds(found)
            if most is not None and least > most:
                raise NotAPattern(f"the numbers in {found[0]} are out of order")
            node = Repeat(body=node, least=least, most=most, lazy=bool(found[5]), source=self._source[start : self._at])
        self._open[-1].items.append(node)


def _bounds(quantifier: re.Match[str]) -> tuple[int, int | None]:
    sign, least, comma, most, _ = quantifier.groups()
    if sign:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
    first = _number(least)
    return first, (_number(most) if most else None) if comma else first


def _number(digits: str) -> int:
    return min(int(digits.lstrip("0")[:11] or "0"), _MOST)


def _name(written: str) -> str:
    """A group's name, its escapes resolved. Raises ``NotAPattern``."""
    plain = _NAME_ESCAPE.sub(lambda m: chr(min(int(m[1] or m[2], 16), 0x10FFFF)), written)
    whole = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if not re.sub("[$\u200c\u200d]", "_", whole).isidentifier() or whole[0] in "\u200c\u200d":
        raise NotAPattern(f"{written or 'nothing'} is no name for a group")
    return whole
