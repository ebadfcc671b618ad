r"""Patterns and texts as google-re2 sees them, where it reads a pattern as JavaScript does.

Its time is in proportion to the text. It is given no lookaround, no backreference, no repetition of what can be empty (the engines disagree
on when to stop), and no set that parts the characters beyond ASCII otherwise than its *text* does, in which each code unit is one
byte. ASCII is itself; a line end beyond ASCII (U+2028, U+2029) is 0x82, another white space 0x81, and all else 0x80: a pattern cannot tell
apart what ``.``, ``\s`` and its ASCII characters do not, since without the flag ``u`` no character beyond ASCII is the same letter
as one of ASCII. So whether re2 reads a pattern alike depends on the pattern alone.
"""

import re
from functools import lru_cache

from reconciler.adapters.patterns.parser import LONGEST
from reconciler.adapters.patterns.syntax import (
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
    apart,
    can_be_empty,
    outside,
)

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff]")
_LINE_END = re.compile("[\u2028\u2029]")
_OTHER = re.compile("[^\x00-\x7f\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]")

_LINE_ENDS: Ranges = ((0x2028, 0x2029),)
_SPACES: Ranges = tuple(r for r in SPACES if r[0] > 0x7F and r not in _LINE_ENDS)
_OTHERS: Ranges = tuple(r for r in outside(SPACES) if r[1] > 0x7F)
_KINDS = ((r"\x80", ((0x80, 0x9F), *_OTHERS[1:])), (r"\x81", _SPACES), (r"\x82", _LINE_ENDS))
"""Each byte of re2's text beyond ASCII, and the code units that it stands for."""

_MOST = 1_000
"""re2 refuses to repeat more often, all repetitions around included."""


class NotAlike(Exception):
    """re2 would read it otherwise, or not at all; the message names the construct."""


def re2_source(root: Node) -> str:
    """The pattern in re2's syntax, Latin-1. Raises ``NotAlike``."""
    return "(?i)" + _Writer().write(root, 1)


class _Writer:
    """``times`` is how often a node is there when the counts around it are written out, which re2 does."""

    def __init__(self) -> None:
        self._length = 0

    def write(self, node: Node, times: int) -> str:
        match node:
            case Units():
                self._length += times
                if self._length > LONGEST:
                    raise NotAlike("its length")
                return _bytes(node)
            case Edge(sign=sign):
                return {"^": r"\A", "$": r"\z"}.get(sign, sign)
            case Sequence(items=items):
                return "".join([self.write(item, times) for item in items])
            case Choice(options=options):
                return "|".join([self.write(option, times) for option in options])
            case Group(body=body):
                return f"(?:{self.write(body, times)})"
            case Repeat():
                return self._repeat(node, times)
            case Look(source=source) | Back(source=source):
                raise NotAlike(f"the {'lookaround' if isinstance(node, Look) else 'backreference'} {source}")

    def _repeat(self, node: Repeat, times: int) -> str:
        if can_be_empty(node.body):
            raise NotAlike(f"the repetition {node.source} of what can be empty")
        times *= max(1, node.least, node.most or 0)
        if times > _MOST:
            raise NotAlike(f"the long repetition {node.source}")
        return f"(?:{self.write(node.body, times)}){node.quantifier}"


@lru_cache(maxsize=4096)
def _bytes(units: Units) -> str:
    """The class for re2's text. Raises ``NotAlike`` when it parts what that text does not."""
    written = []
    for stand_in, kind in _KINDS:
        left = apart(kind, units.ranges)
        if left not in ((), kind):
            raise NotAlike("a character beyond ASCII")
        written += [] if left else [stand_in]
    written += [_byte_range(first, min(last, 0x7F)) for first, last in units.ranges if first <= 0x7F]
    if not written:
        return r"[\x00-\xff]" if units.negated else r"[^\x00-\xff]"
    return f"[{'^' * units.negated}{''.join(written)}]"


def _byte_range(first: int, last: int) -> str:
    return f"\\x{first:02x}" if first == last else f"\\x{first:02x}-\\x{last:02x}"


@lru_cache(maxsize=1)
def re2_text(text: str) -> bytes:
    """The text as re2 sees it. One text after the other is searched for many patterns."""
    if not text.isascii():
        text = _OTHER.sub("\x80", _ASTRAL.sub("\x80\x80", text))
        text = _LINE_END.sub("\x82", _SPACE.sub("\x81", text))
    return text.encode("latin-1")
