"""What can be told of a pattern without a text: that it can never match, or that it matches every text.

Patterns are JavaScript's with the flag ``i`` alone. Nothing is guessed: ``None`` says that neither is certain.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

_TOKEN = re.compile(
    r"(?P<open>\((?:\?(?::|=|!|<=|<!|<[^=!>][^>]*>))?)|(?P<close>\))|(?P<bar>\|)|(?P<edge>\^|\$|\\[bB])"
    r"|(?P<times>(?:[*+?]|\{(?P<least>\d+)(?:,\d*)?\})\??)|(?P<group>\[\^?(?:\\[\s\S]|[^\]\\])*\])"
    r"|(?P<back>\\(?:[1-9]\d*|k<[^>]*>))|(?P<one>\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[\s\S])|[\s\S])"
)
_DEEPEST = 50
_WORD = re.compile(r"[A-Za-z0-9_]|\\w")
_NOT_WORD = re.compile(r"[ \t,;:=/#@%&!~'\"<>-]|\\[\s.\-/Wst]")
"""What surely is, and is not, a word character."""


@dataclass(frozen=True)
class _One:
    """Takes one character. ``word``: whether it is a word character, None where that is open. ``dead``: no character fits."""

    word: bool | None = None
    dead: bool = False


@dataclass(frozen=True)
class _Edge:
    """A place between characters: ``kind`` is how it is written."""

    kind: str


@dataclass(frozen=True)
class _Back:
    """A back reference: takes anything, or nothing."""


@dataclass(frozen=True)
class _Group:
    """Alternatives; ``look`` is ``=``, ``!``, ``<=`` or ``<!`` for one that only looks."""

    look: str
    choices: tuple["tuple[_Node, ...]", ...]


@dataclass(frozen=True)
class _Times:
    """Something, at least so often."""

    body: "_Node"
    least: int


_Node = _One | _Edge | _Back | _Group | _Times


@lru_cache(maxsize=8192)
def sense(pattern: str) -> Literal["never", "always"] | None:
    """Whether a pattern that compiles can never match any text, or matches every text."""
    tokens = list(_TOKEN.finditer(pattern))
    try:
        choices, rest = _choices(tokens, 0, 0)
    except _GivenUp:
        return None
    if rest != len(tokens):
        return None
    if all(_dead(c, 0, 0) for c in choices):
        return "never"
    return "always" if any(map(_matches_all, choices)) else None


class _GivenUp(Exception):
    pass


def _choices(tokens: Sequence[re.Match[str]], at: int, depth: int) -> tuple[tuple[tuple[_Node, ...], ...], int]:
    """The alternatives from a token on, to the bracket that closes them."""
    found: list[list[_Node]] = [[]]
    if depth > _DEEPEST:
        raise _GivenUp
    while at < len(tokens) and tokens[at].lastgroup != "close":
        token, at = tokens[at], at + 1
        if token["bar"]:
            found.append([])
        elif token["times"]:
            if not found[-1]:
                raise _GivenUp
            least = int(token["least"]) if token["least"] else int(token["times"][0] == "+")
            found[-1][-1] = _Times(found[-1][-1], least)
        elif token["open"]:
            choices, at = _choices(tokens, at, depth + 1)
            found[-1].append(_Group(_look(token["open"]), choices))
            at += 1
        else:
            found[-1].append(_leaf(token))
    return tuple(map(tuple, found)), at


def _look(opening: str) -> str:
    kind = opening.removeprefix("(").removeprefix("?")
    return kind if kind in ("=", "!", "<=", "<!") else ""


def _leaf(token: re.Match[str]) -> _Node:
    if token["edge"]:
        return _Edge(token[0])
    if token["back"]:
        return _Back()
    if token["group"]:
        return _One(dead=token[0] == "[]")
    return _One(word=True if _WORD.fullmatch(token[0]) else False if _NOT_WORD.fullmatch(token[0]) else None)


# ---------------------------------------------------------------- never


def _width(node: _Node) -> int:
    """The fewest characters that it takes."""
    match node:
        case _One():
            return 1
        case _Times(body, least):
            return min(least, 1) * _width(body)
        case _Group("", choices):
            return min(sum(map(_width, c)) for c in choices)
        case _:
            return 0


def _dead(nodes: Sequence[_Node], before: int, after: int) -> bool:
    """Whether a sequence can never match where so many characters at least stand ``before`` and ``after`` it."""
    widths = [_width(n) for n in nodes]
    return _torn(nodes) or any(
        _dead_one(node, before + sum(widths[:i]), after + sum(widths[i + 1 :])) for i, node in enumerate(nodes)
    )


def _dead_one(node: _Node, before: int, after: int) -> bool:
    match node:
        case _One(dead=dead):
            return dead
        case _Edge("^"):
            return before > 0
        case _Edge("$"):
            return after > 0
        case _Times(body, least):
            again = _width(body) if least > 1 else 0
            return least > 0 and (_dead_one(body, before, after + again) or _dead_one(body, before + again, after))
        case _Group("!" | "<!", choices):
            return any(map(_may_be_nothing, choices))
        case _Group(look, choices):
            inside = (0 if look == "<=" else before), (0 if look == "=" else after)
            return all(_dead(c, *inside) for c in choices)
        case _:
            return False


def _torn(nodes: Sequence[_Node]) -> bool:
    r"""Whether ``\b`` and ``\B`` contradict each other, or the characters around them."""
    return any(_torn_between(left, edges, right) for left, edges, right in _runs(nodes))


def _torn_between(left: _Node | None, edges: set[str], right: _Node | None) -> bool:
    if {r"\b", r"\B"} <= edges:
        return True
    sides = [n.word for n in (left, right) if isinstance(n, _One) and n.word is not None]
    return len(sides) == 2 and (r"\b" if sides[0] == sides[1] else r"\B") in edges


def _runs(nodes: Sequence[_Node]) -> Iterator[tuple[_Node | None, set[str], _Node | None]]:
    """Each run of edges, with what stands right before and after it."""
    left: _Node | None = None
    edges: set[str] = set()
    for node in (*nodes, None):
        if isinstance(node, _Edge):
            edges.add(node.kind)
            continue
        if edges:
            yield left, edges, node
        left, edges = node, set()


# ---------------------------------------------------------------- always


def _matches_all(nodes: Sequence[_Node]) -> bool:
    """Whether a sequence matches at the beginning, or at the end, of every text."""
    begun = nodes[1:] if nodes and nodes[0] == _Edge("^") else nodes
    ended = nodes[:-1] if nodes and nodes[-1] == _Edge("$") else nodes
    return _may_be_nothing(begun) or _may_be_nothing(ended)


def _may_be_nothing(nodes: Sequence[_Node]) -> bool:
    """Whether a sequence matches the empty text wherever it stands."""
    return all(
        (isinstance(n, _Times) and (n.least == 0 or _may_be_nothing([n.body])))
        or (isinstance(n, _Group) and not n.look and any(map(_may_be_nothing, n.choices)))
        for n in nodes
    )
