"""Which operational rules get into an agent's context, by their tags.

A rule's scope tags (``os: type: tech: shell: app:``, or without a class) must all hold for the host or the ticket; of its
``procedure:`` tags at least one. A rule without tags holds everywhere. A tag holds for a ticket when the scenario
carries it, or when its value is a word of the ticket's title or body; the platform infers the same from the ticket
with a model, so a scenario that must be certain carries the tag.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.model import OperationalRule, Scenario
from reconciler.definitions.findings import nearest, shown

CLASSES = ("os", "type", "tech", "shell", "app", "procedure")
SANDBOX_TAGS = frozenset({"os:linux", "shell:bash"})
"""What is true of every sandbox."""

_ENDINGS = "(?:s|d|ed|ing)?"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What tags are held against, in lower case: the tags of host and scenario, and the ticket."""

    tags: frozenset[str]
    ticket: str

    def says(self, word: str, endings: str = "") -> bool:
        """Whether the ticket has the word, as a whole word."""
        if not word or word not in self.ticket:
            return False
        return re.search(rf"(?<![a-z0-9]){re.escape(word)}{endings}(?![a-z0-9])", self.ticket) is not None


def tag_problem(tag: str) -> tuple[str, str] | None:
    """(message, hint) when a tag is of no known class or has no value."""
    kind, colon, value = tag.partition(":")
    if colon and kind not in CLASSES:
        return f"{shown(tag)} is of no known class", nearest(kind, CLASSES)
    if colon and not value:
        return f"{shown(tag)} has no value", f"write {kind}:<value>"
    return None


def facts(scenario: Scenario, host_tags: Iterable[str] = SANDBOX_TAGS) -> Facts:
    """What is known of a scenario on a host with these tags."""
    return Facts(
        tags=frozenset(t.lower() for t in (*host_tags, *scenario.tags)),
        ticket=f"{scenario.ticket_title}\n{scenario.ticket_body}".lower(),
    )


def matches(rule: OperationalRule, known: Facts) -> bool:
    """Whether a rule gets into the context of an agent where ``known`` is true."""
    acts = None
    for tag in map(str.lower, rule.tags):
        if not tag.startswith("procedure:"):
            if not _holds(tag, known):
                return False
        elif not acts:
            acts = _acts(tag, known)
    return acts is not False


def _holds(tag: str, known: Facts) -> bool:
    value = tag.rpartition(":")[2]
    if tag in known.tags or value in known.tags or known.says(value):
        return True
    return ":" not in tag and any(f"{c}:{tag}" in known.tags for c in CLASSES)


def _acts(tag: str, known: Facts) -> bool:
    action = tag.rpartition(":")[2]
    return tag in known.tags or action in known.tags or known.says(action, _ENDINGS)
