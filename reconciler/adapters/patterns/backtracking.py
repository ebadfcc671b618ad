r"""Repetitions that divide the same text in many ways: an engine that backtracks tries them all, twice as many for each character.

A repetition is one where two different ways of going round take the same characters and come back to the same place (exponential ambiguity
of its position automaton). Lookarounds count as nothing, and ``^``, ``$``, ``\b`` as a character of their own; so an answer is a good guess.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import product

from reconciler.adapters.patterns.syntax import (
    LAST_UNIT,
    Back,
    Choice,
    Edge,
    Group,
    Node,
    Ranges,
    Repeat,
    Sequence,
    Units,
    can_be_empty,
    outside,
    walk,
)

_MANY = 10
"""Rounds from which a repetition counts as one without end."""
_COPIES = 3
"""Rounds of a fixed number that are looked at."""
_STEPS = 50_000
"""Steps after which a repetition is taken for harmless."""
_MARKS = {"^": -1, "$": -2, r"\b": -3, r"\B": -4}


def dividing_repetition(root: Node) -> Repeat | None:
    """The innermost repetition that can divide a text in many ways, where something after it may not match."""
    last = _last(root)
    for node in walk(root):
        if isinstance(node, Repeat) and (node.most is None or node.most >= _MANY) and node is not last:
            automaton = _Automaton()
            if _varies(node.body) and automaton.ambiguous(node.body):
                return node
    return None


def _last(node: Node) -> Node | None:
    """What a pattern ends with: what it has taken there is never given back."""
    match node:
        case Sequence(items=items):
            return _last(items[-1]) if items else None
        case Group(body=body):
            return _last(body)
        case _:
            return node


def _varies(node: Node) -> bool:
    return any(isinstance(n, Choice) or (isinstance(n, Repeat) and n.least != n.most) for n in walk(node))


@dataclass(frozen=True)
class _Part:
    """Positions that a text can begin and end with."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()


@dataclass
class _Automaton:
    """A state for each character of a pattern. ``twice`` says that one follows another in two ways."""

    sets: list[Ranges] = field(default_factory=list)
    after: dict[int, set[int]] = field(default_factory=dict)
    twice: bool = False

    def ambiguous(self, body: Node) -> bool:
        """Whether two ways of going round take the same text."""
        part = self._part(body)
        self._join(part, part)
        return self.twice or self._two_ways()

    def _two_ways(self) -> bool:
        """Whether two walks from one state to one state, over the same characters, can differ in between."""
        start = [(n, n) for n in range(len(self.sets))]
        before: dict[tuple[int, int], list[tuple[int, int]]] = {}
        todo, seen, steps = deque(start), set(start), 0
        while todo:
            pair = todo.popleft()
            for following in product(self.after.get(pair[0], ()), self.after.get(pair[1], ())):
                if (steps := steps + 1) > _STEPS:
                    return False
                if _meet(self.sets[following[0]], self.sets[following[1]]):
                    before.setdefault(following, []).append(pair)
                    if following not in seen:
                        seen.add(following)
                        todo.append(following)
        return _leads_to(start, before)

    def _part(self, node: Node) -> _Part:
        match node:
            case Units(ranges=ranges, negated=negated):
                return self._state(outside(_both_cases(ranges)) if negated else _both_cases(ranges))
            case Edge(sign=sign):
                return self._state(((_MARKS[sign], _MARKS[sign]),))
            case Back():
                return self._state(((0, LAST_UNIT),))
            case Sequence(items=items):
                return self._sequence(items)
            case Choice(options=options):
                parts = [self._part(option) for option in options]
                return _Part(tuple(s for p in parts for s in p.first), tuple(s for p in parts for s in p.last))
            case Group(body=body):
                return self._part(body)
            case Repeat():
                return self._repeat(node)
            case _:
                return _Part()

    def _state(self, ranges: Ranges) -> _Part:
        if not ranges:
            return _Part()
        self.sets.append(ranges)
        return _Part((len(self.sets) - 1,), (len(self.sets) - 1,))

    def _sequence(self, items: tuple[Node, ...]) -> _Part:
        first: tuple[int, ...] = ()
        last: tuple[int, ...] = ()
        so_far_empty = True
        for item in items:
            part = self._part(item)
            self._join(_Part((), last), part)
            empty = can_be_empty(item) and not isinstance(item, Edge | Back)
            first = first + part.first if so_far_empty else first
            last = last + part.last if empty else part.last
            so_far_empty = so_far_empty and empty
        return _Part(first, last)

    def _repeat(self, node: Repeat) -> _Part:
        if node.most == 0:
            return _Part()
        if node.least == node.most:
            return self._sequence((node.body,) * min(node.least, _COPIES))
        part = self._part(node.body)
        if node.most != 1:
            self._join(part, part)
        return part

    def _join(self, before: _Part, then: _Part) -> None:
        for state, following in product(before.last, then.first):
            self.twice |= following in self.after.setdefault(state, set())
            self.after[state].add(following)


def _leads_to(ends: list[tuple[int, int]], before: dict[tuple[int, int], list[tuple[int, int]]]) -> bool:
    """Whether a pair of two different states lies on a way to one of ``ends``."""
    todo, seen = list(ends), set(ends)
    while todo:
        for pair in before.get(todo.pop(), ()):
            if pair[0] != pair[1]:
                return True
            if pair not in seen:
                seen.add(pair)
                todo.append(pair)
    return False


def _meet(one: Ranges, other: Ranges) -> bool:
    return any(first <= high and low <= last for first, last in one for low, high in other)


def _both_cases(ranges: Ranges) -> Ranges:
    """With the ASCII letters of the other case."""
    letters = ((0x41, 0x5A, 0x20), (0x61, 0x7A, -0x20))
    other = [
        (max(first, low) + shift, min(last, high) + shift)
        for first, last in ranges
        for low, high, shift in letters
        if first <= high and last >= low
    ]
    return tuple(sorted({*ranges, *other}))
