"""What a text says, and at which line and column each path in it is written."""

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.definitions.files.holes import NO_HOLES, Holes, Path
from reconciler.definitions.files.lint_rules import RuleId

Spot = tuple[int, int]
"""Line and column, from 1."""

LARGEST = 1024 * 1024
"""Bytes of a definition; what is larger is not read."""


class Broken(Exception):
    """The text cannot be read at all. ``rule`` and ``message`` are a finding's."""

    def __init__(self, rule: RuleId, message: str, *, line: int = 0, column: int = 0, hint: str = "") -> None:
        """Line 0: somewhere in the text."""
        super().__init__(message)
        self.rule, self.message, self.line, self.column, self.hint = rule, message, line, column, hint


@dataclass(kw_only=True)
class Positions:
    """Where keys and values begin, and which keys come twice."""

    keys: dict[Path, Spot] = field(default_factory=dict)
    values: dict[Path, Spot] = field(default_factory=dict)
    duplicates: list[tuple[Path, Spot]] = field(default_factory=list)

    def of(self, path: Path, *, key: bool = False) -> Spot:
        """Where ``path`` is written (its key, if asked), else the nearest thing around it."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a text says. ``positions`` is worked out when asked for; ``body`` is what follows front matter.

    ``holes`` is where it was read as something else.
    """

    value: object
    positions: Callable[[], Positions]
    duplicated: bool = False
    body: str = ""
    holes: Holes = NO_HOLES


def text_of(data: bytes) -> str:
    """A definition's text, without a byte order mark. Raises ``Broken`` when it is too big or not UTF-8."""
    if len(data) > LARGEST:
        raise Broken("too-big", "the file is bigger than 1 MiB", hint="keep data in its own file")
    try:
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise Broken(
            "not-utf8", "the file is not UTF-8 text", line=line, column=column, hint="save it as UTF-8"
        ) from error
