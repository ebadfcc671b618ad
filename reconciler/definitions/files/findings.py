"""What is wrong with a file, said so that a person can put it right."""

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from reconciler.definitions.files.lint_rules import RuleId, Severity


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One problem. An error stalls what depends on the file; a warning stalls nothing.

    ``line`` and ``column`` count from 1; line 0 means the whole file.
    """

    path: str
    line: int = 0
    column: int = 0
    severity: Severity = "error"
    rule: RuleId
    message: str
    hint: str = ""

    @property
    def line_of_text(self) -> str:
        """The finding in one line that any terminal can show: ``path:line:column: message (hint)``."""
        where = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return printable(f"{where}: {self.message}" + (f" ({self.hint})" if self.hint else ""))


MOST = 100
"""Problems that are told of one file at a time."""


def first(found: Iterable[Finding], path: str) -> list[Finding]:
    """The first problems of a file, and whether there are more; those are not even looked for."""
    told = list(islice(found, MOST + 1))
    if len(told) <= MOST:
        return told
    message = f"there are more problems than these {MOST}"
    more = Finding(path=path, rule="more-problems", severity=told[0].severity, message=message, hint="mend these first")
    return [*told[:MOST], more]


def printable(text: str) -> str:
    """Text with control characters, line breaks and half surrogate pairs written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


_FEW = 500


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, if one does."""
    known = sorted(known)
    if len(known) > _FEW:  # comparing is slow: only with what begins alike and is as long
        known = [n for n in known if n[:1].casefold() == name[:1].casefold() and abs(len(n) - len(name)) < 3][:_FEW]
    folded = {n.casefold(): n for n in known}
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def nearest(name: str, known: Collection[str]) -> str:
    """A hint: ``did you mean X?``, else the known names where they are few, else nothing; or that there are none."""
    if found := closest(name, known):
        return f"did you mean {found}?"
    few = f"known: {', '.join(sorted(known))}" if known else "there is none at all yet"
    return few if len(known) <= 12 else ""


def shown(value: object, limit: int = 60) -> str:
    """A value quoted for a message, on one line and not too long."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split()).encode("utf-8", "backslashreplace").decode()
    return f"'{text[:limit]}…'" if len(text) > limit else f"'{text}'"
