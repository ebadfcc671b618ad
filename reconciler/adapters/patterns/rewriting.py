r"""Patterns written anew for the two engines, and the choice between them.

google-re2 runs in time proportional to the text, and regress, an engine of JavaScript's dialect, backtracks. re2 gets every pattern
that it reads alike, which its tree tells: no lookaround, no backreference, no repetition of what can be empty (the engines
disagree on when to stop), and no set that parts the characters beyond ASCII otherwise than re2's *text* does:

re2 sees each code unit as one byte. ASCII is itself; a line end beyond ASCII (U+2028, U+2029) is 0x82, another white space 0x81, and all
else 0x80: a pattern cannot tell apart what ``.``, ``\s`` and its ASCII characters do not, since without the flag ``u`` no character
beyond ASCII is the same letter as one of ASCII. So the choice depends on the pattern alone.

regress sees each code unit as one character. Those that it would read otherwise than JavaScript (halves of pairs, which it cannot hold, and
letters such as ſ and K, which it takes for S and K) are moved to plane 16, in pattern and text.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from reconciler.adapters.patterns.parser import parse
from reconciler.adapters.patterns.syntax import (
    LAST_UNIT,
    SPACES,
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
    can_be_empty,
    children,
    outside,
)

_PLANE = 0x100000
_UNLIKE = "\u00df\u0131\u017f\u0390\u03b0\u03f4\u1e9e\u1f80-\u1faf\u1fb3\u1fbc\u1fc3\u1fcc\u1fd3\u1fe3\u1ff3\u1ffc\u2126\u212a-\u212b\ud800-\udfff\ufb05-\ufb06"
"""What regress reads otherwise than JavaScript: to JavaScript, each is a letter of its own (ECMA-262, Canonicalize)."""
_MOVED: Ranges = tuple((ord(r[0]), ord(r[-1])) for r in re.findall("(?s:.-.|.)", _UNLIKE))
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_TO_MOVE = re.compile(f"[{_UNLIKE}\U00010000-\U0010ffff]")
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff]")
_LINE_END = re.compile("[\u2028\u2029]")
_OTHER = re.compile("[^\x00-\x7f\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]")

_LINE_ENDS: Ranges = ((0x2028, 0x2029),)
_SPACES: Ranges = tuple(r for r in SPACES if r[0] > 0x7F and r not in _LINE_ENDS)
_OTHERS: Ranges = tuple(r for r in outside(SPACES) if r[1] > 0x7F)
_KINDS = ((r"\x80", ((0x80, 0x9F), *_OTHERS[1:])), (r"\x81", _SPACES), (r"\x82", _LINE_ENDS))
"""Each byte of re2's text beyond ASCII, and the code units that it stands for."""

_LONGEST, _LONGEST_REPEAT = 10_000, 1_000
"""Characters of what re2 is given, with repetitions written out; it refuses more than 1,000 repetitions within each other."""

Engine = Literal["re2", "regress"]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A pattern for the engine that searches it. ``source`` of re2 is Latin-1. ``because`` says why it is not re2."""

    engine: Engine
    source: str
    because: str = ""


class _NotAlike(Exception):
    """re2 would read it otherwise, or not at all."""


@lru_cache(maxsize=4096)
def program(pattern: str) -> Program:
    """The choice. Raises ``NotAPattern``."""
    root = parse(pattern).root
    try:
        if _length(root) > _LONGEST:
            raise _NotAlike("its length")
        return Program(engine="re2", source="(?i)" + re2_source(root))
    except _NotAlike as reason:
        return Program(engine="regress", source=regress_source(root), because=str(reason))


# ---------------------------------------------------------------- patterns


def re2_source(node: Node) -> str:
    match node:
        case Units():
            return _bytes(node)
        case Edge(sign=sign):
            return {"^": r"\A", "$": r"\z"}.get(sign, sign)
        case Sequence(items=items):
            return "".join(map(re2_source, items))
        case Choice(options=options):
            return "|".join(map(re2_source, options))
        case Group(body=body):
            return f"(?:{re2_source(body)})"
        case Repeat():
            return _re2_repeat(node)
        case Look(source=source) | Back(source=source):
            raise _NotAlike(f"the {'lookaround' if isinstance(node, Look) else 'backreference'} {source}")


def _re2_repeat(node: Repeat) -> str:
    if can_be_empty(node.body):
        raise _NotAlike(f"the repetition {node.source} of what can be empty")
    if _length(node) > _LONGEST_REPEAT:
        raise _NotAlike(f"the long repetition {node.source}")
    return f"(?:{re2_source(node.body)}){_quantifier(node)}"


def _length(node: Node) -> int:
    """How many characters it has with every counted repetition written out."""
    match node:
        case Repeat(body=body, least=least, most=most):
            return max(1, least, most or 0) * _length(body)
        case _:
            return isinstance(node, Units) + sum(map(_length, children(node)))


def regress_source(node: Node) -> str:
    match node:
        case Units(ranges=ranges, negated=negated):
            return f"[{'^' * negated}{''.join(map(_characters, _moved(ranges)))}]"
        case Edge(sign=sign):
            return sign
        case Back(group=group):
            return f"(?:\\{group})"
        case Sequence(items=items):
            return "".join(map(regress_source, items))
        case Choice(options=options):
            return "|".join(map(regress_source, options))
        case Group(body=body, number=number):
            return f"({'' if number else '?:'}{regress_source(body)})"
        case Look(body=body, behind=behind, negated=negated):
            return f"(?{'<' * behind}{'!' if negated else '='}{regress_source(body)})"
        case Repeat(body=body):
            return f"(?:{regress_source(body)}){_quantifier(node)}"


def _quantifier(node: Repeat) -> str:
    most = "" if node.most is None else node.most
    return f"{{{node.least},{most}}}{'?' * node.lazy}"


def _bytes(units: Units) -> str:
    """The class for re2's text. Raises ``_NotAlike`` when it parts what that text does not."""
    written = []
    for stand_in, kind in _KINDS:
        left = tuple(_apart(kind, units.ranges))
        if left not in ((), kind):
            raise _NotAlike("a character beyond ASCII")
        written += [] if left else [stand_in]
    written += [_byte_range(first, min(last, 0x7F)) for first, last in units.ranges if first <= 0x7F]
    if not written:
        return r"[\x00-\xff]" if units.negated else r"[^\x00-\xff]"
    return f"[{'^' * units.negated}{''.join(written)}]"


def _byte_range(first: int, last: int) -> str:
    return f"\\x{first:02x}" if first == last else f"\\x{first:02x}-\\x{last:02x}"


def _apart(ranges: Ranges, others: Ranges) -> Iterator[tuple[int, int]]:
    """The parts of ``ranges`` that are outside of ``others``, which are sorted."""
    for first, last in ranges:
        start = first
        for low, high in others:
            if low > last or high < start:
                continue
            if low > start:
                yield start, low - 1
            start = high + 1
        if start <= last:
            yield start, last


def _moved(ranges: Ranges) -> Iterator[tuple[int, int]]:
    """``ranges`` as characters of regress's text."""
    yield from _apart(ranges, _MOVED)
    for low, high in _MOVED:
        for first, last in ranges:
            if first <= high and last >= low:
                yield max(first, low) + _PLANE, min(last, high) + _PLANE


def _characters(ends: tuple[int, int]) -> str:
    return "-".join(chr(c) if c > 0x7F else f"\\x{c:02x}" for c in dict.fromkeys(ends))


# ---------------------------------------------------------------- texts


def re2_text(text: str) -> bytes:
    """The text as re2 sees it."""
    if not text.isascii():
        text = _OTHER.sub("\x80", _ASTRAL.sub("\x80\x80", text))
        text = _LINE_END.sub("\x82", _SPACE.sub("\x81", text))
    return text.encode("latin-1")


def regress_text(text: str) -> str:
    """The text as regress sees it."""
    return text if text.isascii() else _TO_MOVE.sub(_move, text)


def _move(found: re.Match[str]) -> str:
    point = ord(found[0])
    if point <= LAST_UNIT:
        return chr(point + _PLANE)
    return chr(0xD7C0 + (point >> 10) + _PLANE) + chr(0xDC00 + (point & 0x3FF) + _PLANE)


def in_code_points(span: tuple[int, int], text: str) -> tuple[int, int]:
    """A span of code units of ``text`` in code points; one that begins or ends within a character has all of it."""
    if text.isascii():
        return span
    pairs = [found.start() + n for n, found in enumerate(_ASTRAL.finditer(text))]
    return span[0] - bisect_right(pairs, span[0] - 1), span[1] - bisect_right(pairs, span[1] - 2)
