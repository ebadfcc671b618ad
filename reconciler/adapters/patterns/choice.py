"""The one place that decides which engine searches a pattern: google-re2 wherever it reads it as JavaScript does, else regress."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from reconciler.adapters.patterns.parser import parse
from reconciler.adapters.patterns.re2_dialect import NotAlike, re2_source
from reconciler.adapters.patterns.regress_dialect import regress_source

Engine = Literal["re2", "regress"]
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A pattern in the syntax of the engine that searches it. ``because`` says what of it is not for re2."""

    engine: Engine
    source: str
    because: str = ""


@lru_cache(maxsize=4096)
def program(pattern: str) -> Program:
    """The choice; it depends on the pattern alone. Raises ``NotAPattern``."""
    root = parse(pattern).root
    try:
        return Program(engine="re2", source=re2_source(root))
    except NotAlike as reason:
        return Program(engine="regress", source=regress_source(root), because=str(reason))


def in_code_points(span: tuple[int, int], text: str) -> tuple[int, int]:
    """A span of code units of ``text`` in code points; one that begins or ends within a character has all of it."""
    if text.isascii():
        return span
    pairs = [found.start() + n for n, found in enumerate(_ASTRAL.finditer(text))]
    return span[0] - bisect_right(pairs, span[0] - 1), span[1] - bisect_right(pairs, span[1] - 2)
