"""Every pattern of a corpus gives the answer that Node gives. ``tests/data/javascript_patterns.mjs`` makes the corpus."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.patterns.choice import program
from reconciler.adapters.patterns.search import EcmaPatterns, pattern_error
from reconciler.adapters.patterns.worker import find

CORPUS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "javascript_patterns.json").read_text())
COMPILING = [entry for entry in CORPUS["patterns"] if entry["compiles"]]


@pytest.fixture(scope="module")
def patterns() -> Iterator[EcmaPatterns]:
    engine = EcmaPatterns()
    yield engine
    engine.close()


def _code_points(text: str, span: list[int] | None) -> tuple[int, int] | None:
    """Node's span, which counts UTF-16 code units; a half of a pair is the whole character."""
    if span is None:
        return None
    owners = [n for n, character in enumerate(text) for _ in range(2 if ord(character) > 0xFFFF else 1)]
    start, end = span
    return owners[start] if start < len(owners) else len(text), owners[end - 1] + 1 if end else 0


def test_the_corpus_has_many_patterns_of_every_kind() -> None:
    assert len(CORPUS["patterns"]) > 1000
    assert {program(entry["pattern"]).engine for entry in COMPILING} == {"re2", "regress"}
    assert sum(not entry["compiles"] for entry in CORPUS["patterns"]) > 50


def test_a_pattern_compiles_exactly_when_node_compiles_it() -> None:
    differing = [e["pattern"] for e in CORPUS["patterns"] if (pattern_error(e["pattern"]) is None) != e["compiles"]]
    assert differing == []


def test_every_pattern_finds_what_node_finds_in_every_text(patterns: EcmaPatterns) -> None:
    differing = []
    for entry in COMPILING:
        for index, text in enumerate(CORPUS["texts"]):
            wanted = _code_points(text, entry["found"].get(str(index)))
            if (found := patterns.search(entry["pattern"], text)) != wanted:
                differing.append((entry["pattern"], text, found, wanted))
    assert differing == []


def test_two_characters_are_the_same_letter_exactly_when_they_are_to_node() -> None:
    same = {unit: frozenset(letters) for letters in CORPUS["letters"] for unit in letters}
    cased = [c for c in map(chr, range(0x10000)) if c in same or c.lower() != c or c.upper() != c or c.casefold() != c]
    differing = []
    for character in cased:
        found = program(f"\\u{ord(character):04x}")
        others = "".join(c for c in cased if c not in same.get(character, character))
        if find(found.engine, found.source, others) is not None:
            differing.append((character, "too many"))
        differing += [
            (character, other)
            for other in same.get(character, character)
            if find(found.engine, found.source, other) != (0, 1)
        ]
    assert len(cased) > 2000
    assert differing == []
