"""Whether a scenario can be run as a benchmark wants it: in its mode, with its own specialties."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.model import Host, Mode
from reconciler.definitions.files.holes import Problem
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.definitions.records import ScenarioRecord
from reconciler.definitions.templates import Templates
from reconciler.definitions.wants import Specialties


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """Why not. ``problem`` is to be told in ``scenario.json``; None where another file's finding says it already."""

    reason: str
    problem: Problem | None = None


def misfit(record: ScenarioRecord, mode: Mode, templates: Templates) -> Misfit | None:
    """What keeps a scenario from running in a mode."""
    return next(misfits(record, mode, templates), None)


def misfits(record: ScenarioRecord, mode: Mode, templates: Templates) -> Iterator[Misfit]:
    """Everything that keeps a scenario, or would keep its sketch, from running in a mode."""
    if mode == "host" or record.drawn is None:
        return
    if not record.drawn.hosts and not record.holes.at((), "hosts"):
        hint = 'add "hosts": [{"host_name": …, "template": …}]'
        yield _told((), "no-hosts", f"the scenario has no hosts, and mode {mode} needs one", hint)
    if mode == "namespace" and record.dependencies.needs_init:
        message = f"{record.dependencies.needs_init} needs an init system (systemd), and mode namespace has none"
        yield _told((), "needs-init", message, "run this scenario in mode incus")
    for index, host in enumerate(record.drawn.hosts):
        certain = not record.holes.at(("hosts", index), "template", "host_id", "host_name")
        if certain and (found := _host_misfit(("hosts", index), host, mode, templates)):
            yield found


def _host_misfit(where: tuple[str, int], host: Host, mode: Mode, templates: Templates) -> Misfit | None:
    if not host.starts_from:
        hint = f"known: {', '.join(sorted(templates.resolved))}"
        return _told(where, "missing-field", f"host {host.name} has no template, and mode {mode} needs it", hint)
    if host.starts_from not in templates.shelf.names:
        return _told((*where, "template"), "unknown-template", *_unknown(host, templates))
    if host.starts_from in templates.stalled:
        return Misfit(reason=templates.stalled[host.starts_from])
    if mode != "namespace" and mode not in dict(templates.resolved[host.starts_from].images):
        message = f"template {host.starts_from} has no image for mode {mode}"
        return _told((*where, "template"), "no-image", message, f"write image: {{{mode}: …}} in its template.yaml")
    return None


def _unknown(host: Host, templates: Templates) -> tuple[str, str]:
    if host.template:
        return templates.shelf.unknown(host.template)
    message = f"{host.name} is an existing machine, for which a new one starts from {host.starts_from}: it is not there"
    return message, f"add config/templates/{host.starts_from}, or give the host a host_name and a template"


def own_misfits(record: ScenarioRecord, specialties: Specialties) -> Iterator[Misfit]:
    """What keeps a variant from leaving the specialty to the agents of a scenario, or of its sketch."""
    if record.drawn is None:
        return
    if not record.drawn.agents and not record.holes.at((), "agents"):
        message = "the scenario has no agents, and a benchmark's variant leaves the specialty to them"
        yield _told((), "no-agents", message, "add agents, or name a specialty in the variant")
    for index, agent in enumerate(record.drawn.agents):
        if record.holes.at(("agents", index), "specialty_key"):
            continue
        if not agent.specialty:
            message = f"agent {agent.name} has no specialty, and a benchmark's variant leaves it to the agent"
            hint = 'write "specialty_key": "…", or name a specialty in the variant'
            yield _told(("agents", index), "missing-field", message, hint)
        elif agent.specialty not in specialties.names:
            where = ("agents", index, "specialty_key")
            yield _told(where, "unknown-specialty", *specialties.unknown(agent.specialty))
        elif agent.specialty not in specialties.usable:
            yield Misfit(reason=specialties.stalled_by(agent.specialty))


def dangling(record: ScenarioRecord, templates: Templates, specialties: Specialties) -> Iterator[Problem]:
    """Names in a scenario, or in its sketch, that mean nothing here; they matter once a benchmark needs them."""
    if record.drawn is None:
        return
    for index, host in enumerate(record.drawn.hosts):
        if host.template and host.template not in templates.shelf.names:
            yield ("hosts", index, "template"), "unknown-template", *templates.shelf.unknown(host.template)
    for index, agent in enumerate(record.drawn.agents):
        if agent.specialty and agent.specialty not in specialties.names:
            yield ("agents", index, "specialty_key"), "unknown-specialty", *specialties.unknown(agent.specialty)


def _told(where: tuple[str | int, ...], rule: RuleId, message: str, hint: str) -> Misfit:
    return Misfit(reason=message, problem=(where, rule, message, hint))
