"""Which operational rules get into an agent's context, by their tags.

A rule's scope tags (``os: type: tech: shell: app:``, or without a class) must all hold for the host or the ticket; of its
``procedure:`` tags at least one. A rule without tags holds everywhere. A tag holds for a ticket when the scenario
carries it, or when its value is a word of the ticket's title or body; the platform infers the same from the ticket
with a model, so a scenario that must be certain carries the tag.
"""

import re
from collections.abc import Collection, Iterable

from reconciler.core.model import OperationalRule, Scenario
from reconciler.definitions.findings import nearest, shown

CLASSES = ("os", "type", "tech", "shell", "app", "procedure")
SANDBOX_TAGS = frozenset({"os:linux", "shell:bash"})
"""What is true of every sandbox."""

_WORD = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
_ENDINGS = ("", "s", "d", "ed", "ing")


def tag_problem(tag: str) -> tuple[str, str] | None:
    """(message, hint) when a tag is of no known class or has no value."""
    kind, colon, value = tag.partition(":")
    if colon and kind not in CLASSES:
        return f"{shown(tag)} is of no known class", nearest(kind, CLASSES)
    if colon and not value:
        return f"{shown(tag)} has no value", f"write {kind}:<value>"
    return None


def facts(scenario: Scenario, host_tags: Iterable[str] = SANDBOX_TAGS) -> frozenset[str]:
    """Everything that tags are held against: the tags of host and scenario, and the ticket's words, in lower case."""
    words = _WORD.findall(f"{scenario.ticket_title}\n{scenario.ticket_body}".lower())
    return frozenset(words).union(t.lower() for t in (*host_tags, *scenario.tags))


def matches(rule: OperationalRule, known: Collection[str]) -> bool:
    """Whether a rule applies where ``known`` (from ``facts``) is true."""
    if not rule.tags:
        return True
    procedures = [t for t in rule.tags if t.startswith("procedure:")]
    scopes = [t for t in rule.tags if not t.startswith("procedure:")]
    return all(_holds(t, known) for t in scopes) and (not procedures or any(_acts(t, known) for t in procedures))


def _holds(tag: str, known: Collection[str]) -> bool:
    tag = tag.lower()
    return (
        tag in known
        or tag.partition(":")[2] in known
        or (":" not in tag and any(f"{c}:{tag}" in known for c in CLASSES))
    )


def _acts(tag: str, known: Collection[str]) -> bool:
    action = tag.lower().partition(":")[2]
    return tag.lower() in known or any(action + ending in known for ending in _ENDINGS)
