"""Where a file was not read as it is written, because what is written there is wrong."""

from collections.abc import Collection, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from reconciler.definitions.files.lint_rules import RuleId

Path = tuple[str | int, ...]
Problem = tuple[Path, RuleId, str, str]
"""(where, rule, message, hint)."""


class FieldProblem(NamedTuple):
    """A problem of an entry of a list; ``field`` is empty where it is the entry as a whole."""

    field: str
    rule: RuleId
    message: str
    hint: str
    concluded_from: Collection[str] = ()
    """The fields beside ``field`` that it depends on."""


@dataclass(frozen=True)
class Holes:
    """The places in which something else stands, or nothing: a problem that is concluded from one of them is none of the file's."""

    spots: frozenset[Path] = frozenset()

    def at(self, where: Path, *fields: str) -> bool:
        """Whether a hole is at, around or below one of the ``fields`` of what is at ``where``."""
        return bool(self.spots) and any(p in self._around or self._within(p) for p in ((*where, f) for f in fields))

    def among(self, kind: str, fields: Sequence[str], entries: Sized) -> bool:
        """Whether a hole is at one of these fields of any entry of the list ``kind``, or is the list."""
        return bool(self.spots) and any(self.at((kind, n), *fields) for n in range(len(entries) or 1))

    def told(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems that are not within a hole."""
        return (p for p in problems if not self._within(p[0])) if self.spots else iter(problems)

    def _within(self, path: Path) -> bool:
        return any(path[:length] in self.spots for length in range(len(path) + 1))

    @cached_property
    def _around(self) -> frozenset[Path]:
        return frozenset(spot[:length] for spot in self.spots for length in range(len(spot) + 1))


NO_HOLES = Holes()
