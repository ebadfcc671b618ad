r"""Patterns and texts as regress sees them, an engine of JavaScript's dialect that backtracks.

Two things it does not do as JavaScript does, and they are written otherwise for it:

- It sees each code unit as one character. It cannot hold halves of pairs, and takes letters such as ſ and K (Kelvin) for S and K. Those code
  units are moved to plane 16, in pattern and text.
- It forgets how often a repetition has been round when it comes back to one inside another repetition (``((a+)+.)+a`` does not find "aaa"; found
  in version 2026.9.1). There, only repetitions that need no count are written: ``X+`` as ``XX*``, and ``X?`` as ``X|``.

Groups capture only where a backreference asks for it.
"""

import re
from itertools import count

from reconciler.adapters.patterns.characters import NotAPattern
from reconciler.adapters.patterns.syntax import (
    LAST_UNIT,
    Back,
    Choice,
    Edge,
    Group,
    Look,
    Node,
    Ranges,
    Repeat,
    Sequence,
    Units,
    apart,
    can_be_empty,
    walk,
)

_PLANE = 0x100000
_UNLIKE = (
    "\u00df\u0131\u017f\u0390\u03b0\u03f4\u1e9e\u1f80-\u1faf\u1fb3\u1fbc\u1fc3\u1fcc\u1fd3\u1fe3\u1ff3\u1ffc\u2126\u212a-\u212b"
    "\ud800-\udfff\ufb05-\ufb06"
)
"""What regress reads otherwise than JavaScript: to JavaScript, each is a letter of its own (ECMA-262, Canonicalize)."""
_MOVED: Ranges = tuple((ord(r[0]), ord(r[-1])) for r in re.findall("(?s:.-.|.)", _UNLIKE))
_TO_MOVE = re.compile(f"[{_UNLIKE}\U00010000-\U0010ffff]")
_LONGEST = 50_000
"""Characters and classes of a written pattern."""
_MOST_OPTIONAL = 100


def regress_source(root: Node) -> str:
    """The pattern in regress's syntax. Raises ``NotAPattern`` where its repetitions come to too much."""
    return _Writer(frozenset(n.group for n in walk(root) if isinstance(n, Back))).write(root)


class _Writer:
    """``again`` says that the node is inside a repetition, ``behind`` that it is matched from its end to its start."""

    def __init__(self, wanted: frozenset[int]) -> None:
        self._wanted = wanted
        self._marks = count(1)
        self._length = 0

    def write(self, node: Node, *, again: bool = False, behind: bool = False) -> str:
        match node:
            case Units():
                return self._class(node)
            case Edge(sign=sign):
                return sign
            case Back(group=group):
                return f"\\k<g{group}>"
            case Sequence(items=items):
                return "".join(self.write(n, again=again, behind=behind) for n in items)
            case Choice(options=options):
                return "|".join(self.write(n, again=again, behind=behind) for n in options)
            case Group(body=body, number=number):
                return f"({f'?<g{number}>' if number in self._wanted else '?:'}{self.write(body, again=again, behind=behind)})"
            case Look(body=body, behind=back, negated=negated):
                return f"(?{'<' * back}{'!' if negated else '='}{self.write(body, behind=back)})"
            case Repeat():
                return self._repeat(node, again=again, behind=behind)

    def _class(self, units: Units) -> str:
        self._length += 1
        if self._length > _LONGEST:
            raise NotAPattern("its repetitions are too long when they are written out")
        return f"[{'^' * units.negated}{''.join(map(_characters, _moved(units.ranges)))}]"

    def _repeat(self, node: Repeat, *, again: bool, behind: bool) -> str:
        if isinstance(node.body, Units):
            return self.write(node.body) + node.quantifier
        if not again:
            once = node.most is not None and node.most <= 1
            return f"(?:{self.write(node.body, again=not once, behind=behind)}){node.quantifier}"
        if not any(isinstance(n, Group) and n.number in self._wanted for n in walk(node.body)):
            return self._written_out(node, behind=behind)
        if node.least == 0 and node.most in (None, 1):
            return self._tail(node, behind=behind)
        if node.least == 1 and node.most is None and not can_be_empty(node.body):
            return self._moving(self._tail(node, behind=behind), behind=behind)
        if node.least == node.most == 1:
            return self._once(node, behind=behind)
        raise NotAPattern(
            f"the repetition {node.source}, inside another, of a group that a backreference names is too much"
        )

    def _written_out(self, node: Repeat, *, behind: bool) -> str:
        """The repetitions that must be, one after the other, then those that may."""
        parts = [self._once(node, behind=behind) for _ in range(min(node.least, _LONGEST))]
        if node.least != node.most:
            parts.append(self._tail(node, behind=behind))
        return "".join(reversed(parts) if behind else parts)

    def _once(self, node: Repeat, *, behind: bool) -> str:
        self._length += 1
        return f"(?:{self.write(node.body, again=True, behind=behind)})"

    def _tail(self, node: Repeat, *, behind: bool) -> str:
        """The repetitions beyond the least; JavaScript lets none of them be empty."""
        if node.most is None:
            return f"(?:{self._not_empty(node, behind=behind)})*{'?' * node.lazy}"
        optional = node.most - node.least
        if optional > _MOST_OPTIONAL:
            raise NotAPattern(
                f"the repetition {node.source}, inside another, has more than {_MOST_OPTIONAL} that may be or not"
            )
        written = ""
        for _ in range(optional):
            one = self._not_empty(node, behind=behind)
            more = written + one if behind else one + written
            written = f"(?:|{more})" if node.lazy else f"(?:{more}|)"
        return written

    def _not_empty(self, node: Repeat, *, behind: bool) -> str:
        once = self._once(node, behind=behind)
        return self._moving(once, behind=behind) if can_be_empty(node.body) else once

    def _moving(self, written: str, *, behind: bool) -> str:
        """What is written, where it ends elsewhere than it begins: what is left of the text there is something else."""
        mark = f"r{next(self._marks)}"
        start, end = f"(?=(?<{mark}>[^]*))", f"(?!\\k<{mark}>$)"
        return f"(?:{end}{written}{start})" if behind else f"(?:{start}{written}{end})"


def _moved(ranges: Ranges) -> Ranges:
    """``ranges`` as characters of regress's text."""
    moved = [
        (max(first, low) + _PLANE, min(last, high) + _PLANE)
        for low, high in _MOVED
        for first, last in ranges
        if first <= high and last >= low
    ]
    return *apart(ranges, _MOVED), *moved


def _characters(ends: tuple[int, int]) -> str:
    return "-".join(chr(c) if c > 0x7F else f"\\x{c:02x}" for c in dict.fromkeys(ends))


def regress_text(text: str) -> str:
    """The text as regress sees it."""
    return text if text.isascii() else _TO_MOVE.sub(_move, text)


def _move(found: re.Match[str]) -> str:
    point = ord(found[0])
    if point <= LAST_UNIT:
        return chr(point + _PLANE)
    return chr(0xD7C0 + (point >> 10) + _PLANE) + chr(0xDC00 + (point & 0x3FF) + _PLANE)
