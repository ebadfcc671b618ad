"""What other dialects mean by a thing that JavaScript refuses or reads in another way, and what to write instead."""

import re
from typing import NamedTuple


class Surprise(NamedTuple):
    """What JavaScript reads in another way than it looks, and what to write instead."""

    told: str
    instead: str = ""


_POSIX_CLASS = re.compile(r"\[:\^?\w+:\]")
_ESCAPES = {
    "A": "the start of the text is ^",
    "G": "there is no such anchor",
    "K": "use a lookbehind (?<=…)",
    "N": r"write [^\n]",
    "Q": "put a backslash before each special character",
    "R": r"write (?:\r?\n)",
    "Z": "the end of the text is $",
    "a": r"write \x07",
    "e": r"write \x1b",
    "h": r"write [ \t]",
    "p": "list the characters, as in [A-Za-zÀ-ɏ]",
    "P": "list the characters, as in [^A-Za-zÀ-ɏ]",
    "u": r"write \u and four hexadecimal digits",
    "x": r"write \x and two hexadecimal digits, or \u and four",
    "z": "the end of the text is $",
}
_QUANTIFIED_ESCAPE = re.compile(r"\\(?:[pP]\{\^?\w+\}|[ux]\{[0-9a-fA-F]+\})")
_GROUPS = (
    (re.compile(r"\(\?P<"), "a named group is (?<name>…)"),
    (re.compile(r"\(\?P="), r"a named backreference is \k<name>"),
    (re.compile(r"\(\?P>|\(\?&|\(\?R|\(\?\d"), "there is no recursion"),
    (re.compile(r"\(\?>"), "there are no atomic groups; write (?:…)"),
    (re.compile(r"\(\?#"), "there are no comments in patterns"),
    (re.compile(r"\(\?\|"), "write (?:…|…)"),
    (re.compile(r"\(\?\("), "there are no conditions; write two alternatives"),
    (re.compile(r"\(\?[a-z]*i[a-z]*(?:-[a-z]+)?[):]"), "there are no inline flags; i is always on, and no other"),
    (
        re.compile(r"\(\?-?[a-z]+(?:-[a-z]+)?[):]"),
        r"there are no inline flags; [\s\S] is any character, (?:^|\n) a line",
    ),
)


def refused_group(rest: str) -> str:
    """Why ``rest``, which begins with ``(?``, opens no group."""
    means = next((told for start, told in _GROUPS if start.match(rest)), "")
    return f"{rest[:3]} opens no group" + (f": {means}" if means else "")


def refused_quantifier(rest: str, *, after_quantifier: bool) -> str:
    """Why the quantifier at the start of ``rest`` repeats nothing."""
    told = f"nothing to repeat before {rest[:1]}"
    if after_quantifier and rest[0] == "+":
        return f"{told}: there are no possessive quantifiers"
    return told


def strange_escape(rest: str) -> Surprise | None:
    """What is odd about the escape at the start of ``rest``, which means its letter; None where it is no letter."""
    letter = rest[1]
    if not (letter.isascii() and letter.isalpha()):
        return None
    written = found[0] if (found := _QUANTIFIED_ESCAPE.match(rest)) else rest[:2]
    told = f"{written} is the letter {letter}"
    if written[2:]:
        repeated = written[2] == "{" and written[3:-1].isdigit()
        told += f", {int(written[3:-1])} times" if repeated else f", then {written[2:]}"
    return Surprise(told, _ESCAPES.get(letter, f"without the backslash it is the letter {letter} too"))


def strange_class(written: str, rest: str) -> Surprise | None:
    """What is odd about a class, followed by ``rest``."""
    if found := _POSIX_CLASS.search(written):
        return Surprise(f"{found[0]} is no class of characters", "write the characters, as in [A-Za-z] or [\\s]")
    if written in ("[]", "[^]") and re.match(r"[^\[\]]+\]", rest):
        means = "nothing" if written == "[]" else "any character"
        return Surprise(f"{written} is a whole class that matches {means}", "a ] in a class is written \\]")
    return None


def strange_brace(rest: str) -> Surprise | None:
    """What is odd about a ``{`` that stands for itself at the start of ``rest``."""
    found = re.match(r"\{,([0-9]+)\}", rest)
    return Surprise(f"{found[0]} stands for itself", f"write {{0,{found[1]}}}") if found else None


def strange_control() -> Surprise:
    r"""What is odd about ``\c`` that no letter follows."""
    return Surprise(
        "\\c without a letter after it is a backslash and the letter c", "a control character is \\x01 to \\x1f"
    )


def strange_reference(written: str) -> Surprise:
    """What is odd about a backreference to a group that is not there."""
    return Surprise(
        f"{written} names no group here, and is a character", "groups are counted from 1, by their opening ("
    )
