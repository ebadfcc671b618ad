"""Sizes, durations and names as people write them: ``1GiB`` to MiB, ``30m`` to seconds, ``a, b`` to two names."""

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_SIZE = r"([1-9][0-9]*)(MiB|GiB|TiB)"
_DURATION = r"(?=[0-9])(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?"
_MIB = {"MiB": 1, "GiB": 1024, "TiB": 1024 * 1024}
_SECONDS = (86_400, 3_600, 60, 1)


def parse_size(value: object) -> int:
    """``512MiB``, ``1GiB`` or ``2TiB`` in MiB. Raises ``ValueError`` that says how to write it."""
    if not isinstance(value, str) or (found := re.fullmatch(_SIZE, value)) is None:
        raise ValueError("a size is a whole number and a unit, such as 512MiB or 1GiB")
    return int(found[1]) * _MIB[found[2]]


def parse_duration(value: object) -> int:
    """``90s``, ``30m``, ``1h30m`` or ``2d`` in seconds. Raises ``ValueError`` that says how to write it."""
    if not isinstance(value, str) or (found := re.fullmatch(_DURATION, value)) is None:
        raise ValueError("a duration is written with its units, such as 90s, 30m or 1h30m")
    return sum(int(count or 0) * seconds for count, seconds in zip(found.groups(), _SECONDS, strict=True))


def split_names(text: str) -> list[str]:
    """The names in a comma-separated text, without the blanks around them."""
    return [name for part in text.split(",") if (name := part.strip())]


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE}$", "examples": ["512MiB", "1GiB"]}),
]
"""A field that is written as a size and read as MiB."""

Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$", "examples": ["60s", "30m"]}),
]
"""A field that is written as a duration and read as seconds."""
