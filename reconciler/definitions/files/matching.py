"""Which operational rules get into the context of an agent on a host, by their tags and their organisation.

A rule's scope tags (``os: type: tech: shell: app:``) must all hold, and of its ``procedure:`` tags at least one. A rule without
tags always holds. A tag holds when one of these says so:

- the host: its own tags where ``hosts/`` declares it, else those of every sandbox;
- the scenario: a tag of its own, with or without the class (``tech:nginx``, ``nginx``);
- the ticket: the tag's value is a word of title or body. A procedure may end in -s, -d, -ed or -ing there. What a machine is
  (``os:``, ``shell:``) a ticket does not say: "maintenance windows" are no operating system.

The platform asks a model about the ticket; words give the same answer every time.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache

from reconciler.core.model import OperationalRule, Scenario
from reconciler.definitions.files.findings import closest, nearest, shown
from reconciler.definitions.files.values import HostResource

SCOPE_CLASSES = ("os", "type", "tech", "shell", "app")
RULE_CLASSES = (*SCOPE_CLASSES, "procedure")
SANDBOX_TAGS = frozenset({"os:linux", "shell:bash"})
"""What is true of every sandbox."""

_OF_THE_MACHINE = ("os", "shell")
_ENDINGS = "(?:s|d|ed|ing)?"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What tags are held against, in lower case: those of the host, those of the scenario, and the ticket."""

    host: frozenset[str] = SANDBOX_TAGS
    org: str = ""
    scenario: frozenset[str]
    ticket: str

    def on(self, host: HostResource) -> "Facts":
        """The facts on a declared host. A sandbox stands in for it: of each class, what is declared replaces the sandbox's own."""
        told = {_class(tag) for tag in host.tags}
        return replace(self, host=host.tags | {t for t in SANDBOX_TAGS if _class(t) not in told}, org=host.org)

    def hold(self, tag: str) -> bool:
        """Whether a rule's tag holds."""
        kind, _, value = tag.lower().partition(":")
        if f"{kind}:{value}" in self.host or not self.scenario.isdisjoint((f"{kind}:{value}", value)):
            return True
        return kind not in _OF_THE_MACHINE and self._says(value, _ENDINGS if kind == "procedure" else "")

    def _says(self, word: str, endings: str) -> bool:
        """Whether the ticket has the word, as a whole word."""
        if word not in self.ticket:
            return False
        return re.search(rf"(?<![a-z0-9]){re.escape(word)}{endings}(?![a-z0-9])", self.ticket) is not None


def _class(tag: str) -> str:
    return tag.partition(":")[0]


def tag_problem(tag: str, classes: Collection[str]) -> tuple[str, str] | None:
    """(message, hint) when a tag is of none of the ``classes``, or has no value."""
    kind, colon, value = tag.partition(":")
    if not colon:
        return f"{shown(tag)} is of no class", f"write tech:{tag}, or another of {', '.join(classes)}"
    if kind not in classes:
        meant = closest(kind, classes)
        hint = f"did you mean {meant}:{value}?" if meant else nearest(kind, classes)
        return f"{shown(tag)} is of no class that is known here", hint
    if not value.strip():
        return f"{shown(tag)} has no value", f"write {kind}:<value>"
    return None


def facts(scenario: Scenario) -> Facts:
    """What is known of a scenario in a sandbox whose host nobody declared."""
    return Facts(
        scenario=frozenset(map(str.lower, scenario.tags)),
        ticket=f"{scenario.ticket_title}\n{scenario.ticket_body}".lower(),
    )


def matches(rule: OperationalRule, known: Facts) -> bool:
    """Whether a rule gets into the context of an agent where ``known`` is true.

    A rule of an organisation is kept from the hosts of another; a host that nobody declared is of any.
    """
    if rule.org and known.org and rule.org != known.org:
        return False
    scopes, procedures = _by_kind(rule.tags)
    return all(map(known.hold, scopes)) and (not procedures or any(map(known.hold, procedures)))


def may_match(draft: OperationalRule | None, known: Facts) -> bool:
    """Whether the rule that a wrong file is meant to be could match: all that can be read of it holds."""
    if draft is None:
        return True
    return matches(replace(draft, tags=tuple(t for t in draft.tags if _class(t.lower()) in RULE_CLASSES)), known)


@lru_cache(maxsize=4096)
def _by_kind(tags: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A rule's scope tags and its procedure tags."""
    procedures = tuple(t for t in tags if _class(t.lower()) == "procedure")
    return tuple(t for t in tags if t not in procedures), procedures
