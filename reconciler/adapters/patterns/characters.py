"""Escapes and classes of characters, as ECMA-262 with Annex B reads them without the flag ``u``."""

import re
from dataclasses import dataclass
from functools import lru_cache

from reconciler.adapters.patterns.surprises import Surprise, strange_class, strange_control, strange_escape
from reconciler.adapters.patterns.syntax import DIGITS, SPACES, WORD, Ranges, Units, outside

_ESCAPE = re.compile(
    r"\\(?:x(?P<hex>[0-9a-fA-F]{2})|u(?P<unit>[0-9a-fA-F]{4})|c(?P<control>[a-zA-Z])"
    r"|(?P<octal>[0-3][0-7]{0,2}|[4-7][0-7]?)|(?P<other>.))",
    re.DOTALL,
)
_CONTROL_IN_CLASS = re.compile(r"\\c([0-9_])")
_CONTROLS = {"f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}
_SETS: dict[str, Ranges] = {"d": DIGITS, "s": SPACES, "w": WORD}
_SETS |= {name.upper(): outside(ranges) for name, ranges in _SETS.items()}


class NotAPattern(ValueError):
    """It does not compile; the message says why, in a few words."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """What was read, up to ``end``."""

    units: Units
    end: int
    surprise: Surprise | None = None

    @property
    def single(self) -> int | None:
        """The code unit, where it is one and no set."""
        first, last = self.units.ranges[0]
        return first if first == last and len(self.units.ranges) == 1 else None


@lru_cache(maxsize=4096)
def one(unit: int) -> Units:
    """Just this code unit."""
    return Units(ranges=((unit, unit),))


def read_escape(source: str, at: int, *, has_names: bool) -> Read:
    """The character or the set that a backslash begins. Raises ``NotAPattern``."""
    if (found := _ESCAPE.match(source, at)) is None:
        raise NotAPattern("it ends in a backslash")
    if digits := found["hex"] or found["unit"]:
        return Read(units=one(int(digits, 16)), end=found.end())
    if found["control"]:
        return Read(units=one(ord(found["control"]) % 32), end=found.end())
    if found["octal"]:
        return Read(units=one(int(found["octal"], 8)), end=found.end())
    return _read_other(source, at, found["other"], has_names=has_names)


def _read_other(source: str, at: int, letter: str, *, has_names: bool) -> Read:
    if letter in _SETS:
        return Read(units=Units(ranges=_SETS[letter]), end=at + 2)
    if letter in _CONTROLS:
        return Read(units=one(_CONTROLS[letter]), end=at + 2)
    if letter == "c":
        return Read(units=one(ord("\\")), end=at + 1, surprise=strange_control())
    if letter == "k" and has_names:
        raise NotAPattern(r"\k names no group: write \k<name>")
    return Read(units=one(ord(letter)), end=at + 2, surprise=strange_escape(source[at : at + 80]))


def read_class(source: str, at: int, *, has_names: bool) -> tuple[Read, list[Surprise]]:
    """The class that ``[`` begins, and what is odd in it. Raises ``NotAPattern``."""
    negated = source.startswith("^", at + 1)
    here, found, odd = at + 1 + negated, list[tuple[int, int]](), list[Surprise | None]()
    while not source.startswith("]", here):
        first = _member(source, here, has_names=has_names)
        here, members = first.end, [first]
        if source.startswith("-", here) and not source.startswith("-]", here):
            members.append(last := _member(source, here + 1, has_names=has_names))
            here = last.end
            found += _range(first, last)
        else:
            found += first.units.ranges
        odd += [m.surprise for m in members]
    odd.append(strange_class(source[at : here + 1], source[here + 1 : here + 80]))
    units = Units(ranges=_tidy(found), negated=negated)
    return Read(units=units, end=here + 1), [o for o in odd if o]


def _member(source: str, at: int, *, has_names: bool) -> Read:
    if at >= len(source):
        raise NotAPattern("a class `[` is never closed")
    if source[at] != "\\":
        return Read(units=one(ord(source[at])), end=at + 1)
    if found := _CONTROL_IN_CLASS.match(source, at):
        return Read(units=one(ord(found[1]) % 32), end=found.end())
    if source.startswith(r"\b", at):
        return Read(units=one(0x08), end=at + 2)
    return read_escape(source, at, has_names=has_names)


def _range(first: Read, last: Read) -> Ranges:
    """What two members with a hyphen between them stand for; with a set it is no range, and the hyphen a member."""
    if first.single is None or last.single is None:
        return (*first.units.ranges, (0x2D, 0x2D), *last.units.ranges)
    if first.single > last.single:
        raise NotAPattern(f"the range {_shown(first.single)}-{_shown(last.single)} in a class is out of order")
    return ((first.single, last.single),)


def _shown(unit: int) -> str:
    return chr(unit) if 0x20 < unit < 0x7F else f"\\u{unit:04x}"


def _tidy(ranges: list[tuple[int, int]]) -> Ranges:
    """Sorted, and without overlaps."""
    tidy: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if tidy and first <= tidy[-1][1] + 1:
            tidy[-1] = (tidy[-1][0], max(last, tidy[-1][1]))
        else:
            tidy.append((first, last))
    return tuple(tidy)
