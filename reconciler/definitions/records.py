"""A scenario with what follows from its files alone, computed once per content: everything a batch needs but the variant."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.model import Component, Scenario
from reconciler.definitions.ansible.dependencies import Dependencies
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.holes import NO_HOLES, Holes
from reconciler.definitions.files.matching import Facts, facts


def text_id(*texts: str) -> str:
    """Content of a part that is nothing but texts: cheaper than canonical JSON, and as sure."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:20]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScenarioRecord:
    """One ``scenario.json`` and its folder. ``value`` is None when something in it is wrong; ``claim`` is its key all the same.

    ``sketch`` is what a wrong one would be but for its ``holes``: it is looked at for more problems, and never used.
    """

    path: str
    folder: str
    claim: str
    value: Scenario | None
    findings: tuple[Finding, ...]
    dependencies: Dependencies
    sketch: Scenario | None = None
    holes: Holes = NO_HOLES

    @property
    def error(self) -> Finding | None:
        """The first problem that stalls the scenario."""
        return next((f for f in self.findings if f.severity == "error"), None) if self.findings else None

    @property
    def drawn(self) -> Scenario | None:
        """The scenario, or its sketch."""
        return self.sketch if self.value is None else self.value

    @property
    def scenario(self) -> Scenario:
        """The scenario of a record that is right."""
        assert self.value is not None
        return self.value

    @cached_property
    def task(self) -> Component:
        """Ticket title and body."""
        scenario = self.scenario
        return Component.of(
            {"ticket title": text_id(scenario.ticket_title), "ticket body": text_id(scenario.ticket_body)}
        )

    @cached_property
    def truth(self) -> Component:
        """The ansible rules' playbooks and what they reach."""
        return Component.of(self.dependencies.truth)

    @cached_property
    def rules(self) -> Component:
        """Each rule, under its label."""
        parts: dict[str, str] = {}
        for rule in self.scenario.rules:
            name, count = f"rule {rule.label}", 2
            while name in parts:
                name, count = f"rule {rule.label} ({count})", count + 1
            parts[name] = rule.digest
        return Component.of(parts)

    @cached_property
    def facts(self) -> Facts:
        """What the tags of operational rules are held against."""
        return facts(self.scenario)

    @cached_property
    def specialties(self) -> tuple[str, ...]:
        """The keys of its agents' specialties, each once, sorted; "" for an agent without one."""
        return tuple(sorted({a.specialty for a in self.scenario.agents}))
