"""What is hardly meant by a pattern that compiles, and what may make its searches run out of time."""

from collections.abc import Iterator

from reconciler.adapters.patterns.backtracking import dividing_repetition
from reconciler.adapters.patterns.choice import program
from reconciler.adapters.patterns.parser import parse
from reconciler.definitions.files.findings import shown
from reconciler.definitions.files.values import PatternDoubt

_SWALLOWED = {"b": ("\b", "the edge of a word"), "f": ("\f", "a form feed")}
"""What a string of a file makes of a backslash that its author forgot to double, and nobody means."""


def pattern_doubts(pattern: str) -> Iterator[PatternDoubt]:
    """The doubts about a pattern that compiles. Raises ``NotAPattern`` where it does not."""
    for written, (control, means) in _SWALLOWED.items():
        if control in pattern:
            told = (
                f"the pattern holds the control character U+{ord(control):04X}, which a single \\{written} in quotes is"
            )
            yield "odd-pattern", told, f"write \\\\{written} for {means}"
    for told, instead in parse(pattern).surprises:
        yield "odd-pattern", f"in the pattern {shown(pattern)}, {told}: patterns are JavaScript's", instead
    chosen = program(pattern)
    if chosen.engine == "regress" and (found := dividing_repetition(parse(pattern).root)):
        message = f"the pattern {shown(pattern)} may run out of time: {found.source} can divide one text in many ways"
        begin = "let each part of it begin with a character that the part before cannot hold"
        yield "slow-pattern", message, f"{begin}, or do without {chosen.because}, which needs every way tried"
