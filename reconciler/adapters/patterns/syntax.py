"""The tree of a pattern. Characters are UTF-16 code units, as JavaScript counts them without the flag ``u``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Ranges = tuple[tuple[int, int], ...]
"""First and last code unit of each range."""
Sign = Literal["^", "$", r"\b", r"\B"]

LAST_UNIT = 0xFFFF
DIGITS: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
SPACES: Ranges = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)


def apart(ranges: Ranges, others: Ranges) -> Ranges:
    """The parts of ``ranges`` that are outside of ``others``, which are sorted."""
    left: list[tuple[int, int]] = []
    for first, last in ranges:
        start = first
        for low, high in others:
            if low > last or high < start:
                continue
            if low > start:
                left.append((start, low - 1))
            start = high + 1
        if start <= last:
            left.append((start, last))
    return tuple(left)


def outside(ranges: Ranges) -> Ranges:
    """Every code unit that is in none of ``ranges``, which are sorted."""
    return apart(((0, LAST_UNIT),), ranges)


@dataclass(frozen=True, kw_only=True)
class Units:
    """One code unit, in ``ranges`` or (``negated``) in none of them; which are the same letter is the engines' matter."""

    ranges: Ranges
    negated: bool = False


@dataclass(frozen=True, kw_only=True)
class Edge:
    r"""``^``, ``$``, ``\b`` or ``\B``."""

    sign: Sign


@dataclass(frozen=True, kw_only=True)
class Back:
    """What capturing group ``group`` holds."""

    group: int
    source: str


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """One after the other."""

    items: tuple["Node", ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The first that lets the whole match."""

    options: tuple["Node", ...]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group; ``number`` counts the capturing ones from 1."""

    body: "Node"
    number: int | None = None


@dataclass(frozen=True, kw_only=True)
class Look:
    """Lookahead or lookbehind."""

    body: "Node"
    behind: bool
    negated: bool
    source: str


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """``body`` from ``least`` to ``most`` times (None: without end)."""

    body: "Node"
    least: int
    most: int | None
    lazy: bool
    source: str

    @property
    def quantifier(self) -> str:
        """``{least,most}``, and ``?`` where it prefers fewer."""
        return f"{{{self.least},{'' if self.most is None else self.most}}}{'?' * self.lazy}"


Node = Units | Edge | Back | Sequence | Choice | Group | Look | Repeat
EMPTY = Sequence(items=())


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    match node:
        case Sequence(items=nodes) | Choice(options=nodes):
            return nodes
        case Group(body=body) | Look(body=body) | Repeat(body=body):
            return (body,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, those inside before those around them."""
    for child in children(node):
        yield from walk(child)
    yield node


def can_be_empty(node: Node) -> bool:
    """Whether it can match without taking a character. A backreference can: its group may not have taken part."""
    match node:
        case Units():
            return False
        case Sequence(items=items):
            return all(map(can_be_empty, items))
        case Choice(options=options):
            return any(map(can_be_empty, options))
        case Group(body=body):
            return can_be_empty(body)
        case Repeat(body=body, least=least):
            return least == 0 or can_be_empty(body)
        case _:
            return True
