"""Which sections of whose runbook apply to a ticket, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.adapters.runbook.sections import Block, Section, runbook_problems, sections
from reconciler.core.errors import Invalid
from reconciler.core.model import Specialty, Ticket
from reconciler.ports import Assignment, Patterns, Seat


@dataclass(frozen=True, kw_only=True)
class Step:
    """One section in one seat's hands. ``reason`` says in words why it applies; empty: it does not."""

    seat: Seat
    section: Section
    reason: str

    @property
    def blocks(self) -> Sequence[Block]:
        """What is run: everything, or what only reads where the specialty may only investigate."""
        investigates = self.seat.specialty.execution_mode == "investigate_only"
        return [b for b in self.section.blocks if b.read_only or not investigates]

    @property
    def left_out(self) -> int:
        """How many blocks the specialty's execution mode keeps from being run."""
        return len(self.section.blocks) - len(self.blocks)


def decide(assignment: Assignment, patterns: Patterns) -> list[Step]:
    """Every section of every seat, in the order of seats and document. Blocks: call it in a thread.

    Raises ``Invalid`` where a body cannot be carried out as it is written, or a pattern takes too long.
    """
    return [
        Step(seat=seat, section=section, reason=_reason(patterns, seat.specialty, section, assignment.ticket))
        for seat in assignment.seats
        for section in _checked(seat.specialty, patterns)
    ]


def _checked(specialty: Specialty, patterns: Patterns) -> Iterator[Section]:
    for line, message in runbook_problems(specialty.prompt, patterns.error):
        raise Invalid(f"specialty {specialty.name}, line {line} of its body: {message}")
    yield from sections(specialty.prompt)


def _reason(patterns: Patterns, specialty: Specialty, section: Section, ticket: Ticket) -> str:
    if section.pattern is None:
        return "it always does"
    for where, text in (("title", ticket.title), ("body", ticket.body)):
        try:
            span = patterns.search(section.pattern, text)
        except TimeoutError as error:
            raise Invalid(
                f"specialty {specialty.name}, line {section.line} of its body: {error}", hint="write a simpler pattern"
            ) from error
        if span:
            return f'its pattern finds "{text[slice(*span)]}" in the ticket\'s {where}'
    return ""
