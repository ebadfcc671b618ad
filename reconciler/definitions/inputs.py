"""The components of a batch's inputs: ``world`` and ``agent``; the rest follows from the scenario alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from reconciler.core.digests import digest
from reconciler.core.guards import guarded
from reconciler.core.model import Agent, Component, Mode, OperationalRule, Specialty, Variant
from reconciler.definitions.ansible.dependencies import path_of_file
from reconciler.definitions.files.matching import Facts, matches, may_match
from reconciler.definitions.files.values import HostResource, Parsed
from reconciler.definitions.records import ScenarioRecord, text_id
from reconciler.definitions.shelf import Shelf
from reconciler.definitions.templates import ResolvedTemplate
from reconciler.definitions.wants import Lineup

Specialties = tuple[Parsed[Specialty], ...]
Rules = tuple[Parsed[OperationalRule], ...]
Images = Mapping[tuple[Mode, str], str]
"""(mode, template name) to the fingerprint of what its sandboxes start from."""


class Briefing(NamedTuple):
    """The operational rules that match: all of them, and per host its own where hosts differ."""

    rules: Rules
    shares: tuple[tuple[str, Rules], ...] = ()

    def on(self, host: str) -> Rules:
        """The rules that get into the context of an agent on a host."""
        return dict(self.shares).get(host, self.rules)


def briefing(record: ScenarioRecord, rules: Rules, declared: Mapping[str, Parsed[HostResource]]) -> Briefing:
    """Which ``rules`` match on the scenario's hosts; ``declared`` are hosts of the platform, by name."""

    def matching(known: Facts) -> Rules:
        return tuple(r for r in rules if r.value is not None and matches(r.value, known))

    names = [h.name for h in record.scenario.hosts]
    found = {name: host.value for name in names if (host := declared.get(name)) is not None and host.value is not None}
    if not found:
        return Briefing(rules=matching(record.facts))
    shares = tuple((n, matching(record.facts.on(found[n]) if n in found else record.facts)) for n in names)
    everybody = {rule for _, share in shares for rule in share}
    alike = len({share for _, share in shares}) == 1
    return Briefing(rules=tuple(r for r in rules if r in everybody), shares=() if alike else shares)


def unbriefed(record: ScenarioRecord, rules: Shelf[Parsed[OperationalRule]], hosts: Shelf[Parsed[HostResource]]) -> str:
    """Why nobody can say which rules match: a wrong file declares one of the scenario's hosts, or could be a rule that does. Else empty."""
    if not rules.wrong and not hosts.wrong:
        return ""
    names = [h.name for h in record.scenario.hosts]
    if wrong := next((n for n in names if n in hosts.wrong), None):
        return hosts.stalled_by(wrong)
    declared = [host.value for n in names if (host := hosts.usable.get(n)) is not None and host.value is not None]
    known = [record.facts.on(d) for d in declared] + [record.facts] * (len(declared) < len(names))
    doubtful = (n for n, files in rules.wrong.items() if any(may_match(f.drawn, k) for f in files for k in known))
    return next(map(rules.stalled_by, doubtful), "")


def world(record: ScenarioRecord, mode: Mode, templates: Sequence[ResolvedTemplate], images: Images) -> Component:
    """Template and image, files, hosts and who sits on them, mode, limits; the guards, whose order says nothing."""
    scenario, parts = record.scenario, dict(record.dependencies.world)
    parts["mode"] = mode
    parts["hosts"] = _rows_id((h.name, h.template, h.host_id) for h in scenario.hosts)
    parts["agents"] = _rows_id((a.name, a.host, a.agent_id) for a in scenario.agents)
    for template in templates:
        parts[f"template {template.name}"] = template.digests[mode]
        parts[f"image {template.name}"] = images.get((mode, template.name), "")
    parts["limits"] = "; ".join(f"{t.name}: {t.limits}" for t in templates)
    if guarded(scenario):
        lists = (scenario.allowed_agents, scenario.allowed_hosts, scenario.forbidden_commands)
        parts["guards"] = digest([sorted({*each}) for each in lists])
    return Component.of(parts)


def variant_of(record: ScenarioRecord, lineup: Lineup) -> Variant:
    """The variant's name for a scenario: its own specialties, joined, where the lineup leaves them out."""
    specialty = lineup.specialty.claim if lineup.specialty else "+".join(record.specialties)
    return _variant(specialty, lineup.main.claim, lineup.secondary.claim if lineup.secondary else "")


@lru_cache(maxsize=4096)
def _variant(specialty: str, main: str, secondary: str) -> Variant:
    return Variant(specialty=specialty, main_engine=main, secondary_engine=secondary)


def seats(record: ScenarioRecord, specialty: str | None) -> tuple[Agent, ...]:
    """Who works where, under which specialty (None: their own). Without agents, one per host."""
    scenario = record.scenario
    if specialty is None:
        return scenario.agents
    if scenario.agents:
        return tuple(replace(a, specialty=specialty) for a in scenario.agents)
    return tuple(Agent(name=f"agent-{h.name}", host=h.name, specialty=specialty) for h in scenario.hosts)


class AgentDigests:
    """The component ``agent``, computed once for all scenarios."""

    def __init__(self, versions: Mapping[str, str]) -> None:
        """``versions``: engine adapter to its version."""
        self._versions = versions
        self._known: dict[object, Component] = {}

    def of(self, record: ScenarioRecord, lineup: Lineup, own: Specialties, briefing: Briefing) -> Component:
        """``own`` are the specialties of the scenario's agents."""
        specialties = (lineup.specialty,) if lineup.specialty else own
        who = () if len(specialties) == 1 else tuple((a.name, a.specialty) for a in record.scenario.agents)
        key = (specialties, lineup, briefing, who)
        if key not in self._known:
            parts = self._parts(specialties, lineup, briefing.rules)
            if who:
                parts["specialties"] = _rows_id(who)
            if briefing.shares:
                parts["rules by host"] = _rows_id((host, *(r.claim for r in rules)) for host, rules in briefing.shares)
            self._known[key] = Component.of(parts)
        return self._known[key]

    def _parts(self, specialties: Specialties, lineup: Lineup, rules: Rules) -> dict[str, str]:
        parts = {}
        for found in specialties:
            assert found.value is not None
            parts[specialty_part(found.claim)] = _specialty_digest(found.value)
        for rule in rules:
            assert rule.value is not None
            parts[f"rule {rule.claim}"] = digest([rule.value.text, sorted(rule.value.tags)])
        for role, engine in zip(("engine", "secondary engine"), lineup.engines, strict=False):
            assert engine.value is not None
            settings = engine.value
            version = self._versions.get(settings.adapter, "")
            parts[f"{role} {engine.claim}"] = digest([settings.adapter, settings.settings, version])
        return parts


def specialty_part(key: str) -> str:
    """The part's name, as people write the specialty: ``specialty linux-administration``."""
    return "specialty " + key.lower().replace("_", "-")


def _specialty_digest(specialty: Specialty) -> str:
    return digest([specialty.key, specialty.execution_mode, specialty.prompt])


def _rows_id(rows: Iterable[tuple[str, ...]]) -> str:
    """Names hold no control characters, so these can separate rows and columns."""
    return text_id(*("\x1f".join(row) for row in rows))


def paths_of_world(record: ScenarioRecord, part: str, templates: Mapping[str, ResolvedTemplate]) -> list[str]:
    """Repository paths in which a part of ``world`` is written."""
    if part in ("hosts", "agents", "guards"):
        return [record.path]
    kind, _, name = part.partition(" ")
    if kind in ("template", "image") and name in templates:
        template = templates[name]
        return [*template.declared_in, *(path_of_file(template.folder, f) for f, _ in template.files)]
    if part == "limits":
        named = (templates.get(h.starts_from) for h in record.scenario.hosts)
        return [path for t in named if t is not None for path in t.declared_in]
    return [] if part == "mode" else [path_of_file(record.folder, part)]
