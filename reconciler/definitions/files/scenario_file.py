"""``scenario.json`` to a ``Scenario``, in every documented shape, or to everything that is wrong with it."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from reconciler.core.model import Agent, Host, Rule, Scenario, Scope
from reconciler.definitions.files.findings import Finding, nearest, shown
from reconciler.definitions.files.guards import guard_doubts, guard_problems
from reconciler.definitions.files.holes import FieldProblem, Holes, Path, Problem
from reconciler.definitions.files.json_text import read_json
from reconciler.definitions.files.parse import concluded, document, located, sketched, specialty_key
from reconciler.definitions.files.positions import Document
from reconciler.definitions.files.rules import Judge, Judged
from reconciler.definitions.files.schemas import AgentFile, HostFile, OldScenarioFile, ScenarioFile
from reconciler.definitions.files.values import Parsed

_SCOPES: tuple[Scope, ...] = ("gateway", "job", "tasks")
_NEWER = ("title", "ticket_title", "ticket_body")
"""The fields that only 0.7 and 0.8 have; ``name`` is the one that only 0.3 and 0.4 have."""


def parse_scenario(path: str, data: bytes, judge: Judge, root: str | None = None) -> Parsed[Scenario]:
    """Read one ``scenario.json``. Its claim is its key, or its folder's name where the key cannot be read.

    ``root`` is the scenarios' folder; None where it does not matter where the file lies.
    """
    folder = posixpath.dirname(path)
    leaf = posixpath.basename(folder)
    read = document(path, data, read_json)
    if isinstance(read, Finding):
        return Parsed(path=path, claim=leaf, findings=(read,))
    file, drawn, findings = _in_its_shape(read, path)
    if file is None:
        return Parsed(path=path, claim=_claim(read, leaf), findings=tuple(findings))
    rules, holes = list(_rules(file, judge)), drawn.holes
    wrong = _of_rules(((where, judged.problems) for where, judged in rules), holes)
    problems = chain(wrong, guard_problems(file, judge.compiles), _host_problems(file, holes))
    findings += located(path, drawn, problems)
    told = _of_rules(((where, judged.doubts) for where, judged in rules), holes)
    doubts = chain(told, guard_doubts(file, judge.compiles, judge.doubts, holes), _unused_hosts(file, holes))
    findings += located(path, drawn, chain(doubts, _key_doubts(file, folder, root)), warning=True)
    value = _scenario(file, folder, tuple(judged.rule for _, judged in rules))
    return concluded(path, _claim(read, leaf), value, holes, findings)


def _claim(read: Document, leaf: str) -> str:
    key = read.value.get("key") if isinstance(read.value, Mapping) else None
    return key if isinstance(key, str) and key else leaf


def is_old(value: object) -> bool:
    """Whether this is in the shape of 0.3 and 0.4: the instruction is its ``description``."""
    return isinstance(value, Mapping) and "name" in value and not value.keys() & set(_NEWER)


def _in_its_shape(read: Document, path: str) -> tuple[ScenarioFile | OldScenarioFile | None, Document, list[Finding]]:
    """The file, or its sketch, in the shape that its fields tell; one with fields of both is read as newer, and is never right."""
    value = read.value
    if is_old(value):
        return sketched(OldScenarioFile, read, path)
    if not (isinstance(value, Mapping) and "name" in value):
        return sketched(ScenarioFile, read, path)
    newer = " and ".join(name for name in _NEWER if name in value)
    message = f"name is a field of versions 0.3 and 0.4, {newer} of 0.7 and 0.8: a file has one shape"
    instead = " and ".join(name for name in ("title", "ticket_title") if name not in value)
    hint = f"write {instead} instead of name" if instead else "remove name: title and ticket_title say it"
    mixed = located(path, read, [(("name",), "mixed-shapes", message, hint)])
    rest = replace(read, value={field: given for field, given in value.items() if field != "name"})
    file, drawn, findings = sketched(ScenarioFile, rest, path)
    return file, drawn, mixed + findings


def _key_doubts(file: ScenarioFile | OldScenarioFile, folder: str, root: str | None) -> Iterator[Problem]:
    """Versions 0.3 and 0.4 know a scenario by where it lies."""
    if root is None or not isinstance(file, OldScenarioFile):
        return
    relative = folder if root == "." else posixpath.relpath(folder, root)
    if file.key != relative:
        message = f"the key {shown(file.key)} is not {shown(relative)}, its folder, as in versions 0.3 and 0.4"
        hint = "the key is what counts here; move the folder, or migrate the file: a newer key is free"
        yield ("key",), "key-path", message, hint


# ---------------------------------------------------------------- to the core's values


def _scenario(file: ScenarioFile | OldScenarioFile, folder: str, rules: tuple[Rule, ...]) -> Scenario:
    if isinstance(file, OldScenarioFile):
        title = ticket_title = description = file.name
        body = file.description
    else:
        title, ticket_title, body, description = file.title, file.ticket_title, file.ticket_body, file.description
    validation = file.validation
    return Scenario(
        key=file.key,
        title=title,
        description=description,
        ticket_title=ticket_title,
        ticket_body=body,
        tags=tuple(file.tags),
        hosts=tuple(Host(name=_host_name(h), template=h.template or "", host_id=h.host_id or "") for h in file.hosts),
        agents=tuple(_agent(a, file) for a in file.agents),
        rules=rules,
        allowed_agents=tuple(validation.allowedAgents),
        allowed_hosts=tuple(validation.allowedHosts),
        forbidden_commands=tuple(validation.forbiddenCommands),
        folder=folder,
    )


def _host_name(host: HostFile) -> str:
    """What a host is known by: one that is given by its id alone has no other name."""
    return host.host_name or host.host_id or ""


def _agent(agent: AgentFile, file: ScenarioFile | OldScenarioFile) -> Agent:
    """An agent, on the only host when it names none."""
    names = [_host_name(h) for h in file.hosts if h.host_id and h.host_id == agent.host_id]
    host = agent.host_name or next(iter(names), agent.host_id)
    if not host and len(file.hosts) == 1:
        host = _host_name(file.hosts[0])
    return Agent(
        name=agent.agent_name or agent.agent_id or "",
        host=host or "",
        specialty=specialty_key(agent.specialty_key or ""),
        agent_id=agent.agent_id or "",
    )


# ---------------------------------------------------------------- what the types cannot say

_HOST = ("host_name", "host_id")
"""The fields that tell which host is meant."""


def _rules(file: ScenarioFile | OldScenarioFile, judge: Judge) -> Iterator[tuple[Path, Judged]]:
    """Where each rule is written, and what it comes to."""
    for scope in _SCOPES:
        for index, rule in enumerate(getattr(file.validation, scope)):
            yield ("validation", scope, index), judge.rule(scope, rule)


def _of_rules(found: Iterable[tuple[Path, Iterable[FieldProblem]]], holes: Holes) -> Iterator[Problem]:
    """Problems of rules; none that is concluded from a hole."""
    for where, problems in found:
        for field, rule, message, hint, others in problems:
            if not holes.at(where, "validator", field, *others):
                yield ((*where, field) if field else where), rule, message, hint


def _host_problems(file: ScenarioFile | OldScenarioFile, holes: Holes) -> Iterator[Problem]:
    names: list[str] = []
    for index, host in enumerate(file.hosts):
        if not host.host_name and not host.host_id and not holes.at(("hosts", index), *_HOST):
            yield ("hosts", index), "missing-field", f"hosts[{index}]: host_name is missing", 'write "host_name": "…"'
        mine = [name for name in (host.host_name, host.host_id) if name]
        if twice := [name for name in mine if name in names]:
            field = "host_name" if twice[0] == host.host_name else "host_id"
            message = f"there are two hosts named {shown(twice[0])}"
            yield ("hosts", index, field), "duplicate-host", message, "give each host its own name"
        names += mine
    certain = not holes.among("hosts", _HOST, file.hosts)
    for index, agent in enumerate(file.agents):
        where = ("agents", index)
        if not agent.agent_name and not agent.agent_id and not holes.at(where, "agent_name", "agent_id"):
            yield where, "missing-field", f"agents[{index}]: agent_name is missing", 'write "agent_name": "…"'
        if certain and not holes.at(where, *_HOST):
            yield from _misplaced(where, agent, file.hosts)


def _misplaced(where: Path, agent: AgentFile, hosts: list[HostFile]) -> Iterator[Problem]:
    """Whether an agent is on one of the hosts."""
    names, ids = [h.host_name for h in hosts if h.host_name], [h.host_id for h in hosts if h.host_id]
    if agent.host_name and agent.host_name not in names:
        message = f"the agent's host {shown(agent.host_name)} is none of the scenario's hosts"
        yield (*where, "host_name"), "unknown-host", message, nearest(agent.host_name, names)
    elif agent.host_id and not agent.host_name and hosts and agent.host_id not in ids:
        message = f"the agent's host {shown(agent.host_id)} is none of the scenario's hosts"
        yield (*where, "host_id"), "unknown-host", message, nearest(agent.host_id, ids or names)
    elif not agent.host_name and not agent.host_id and len(hosts) > 1:
        message = f"agents[{where[1]}]: host_name is missing, and there are {len(hosts)} hosts"
        yield where, "missing-field", message, f"known: {', '.join(map(_host_name, hosts))}"


def _unused_hosts(file: ScenarioFile | OldScenarioFile, holes: Holes) -> Iterator[Problem]:
    """Hosts that are made, and that no agent works on; without agents, a variant's works on each."""
    uncertain = holes.among("hosts", _HOST, file.hosts) or holes.among("agents", _HOST, file.agents)
    if uncertain or not file.agents or len(file.hosts) < 2:
        return
    if any(True for n, agent in enumerate(file.agents) for _ in _misplaced(("agents", n), agent, file.hosts)):
        return  # that agent's host is the one, perhaps
    used = {name for agent in file.agents for name in (agent.host_name, agent.host_id)}
    for index, host in enumerate(file.hosts):
        if (names := {host.host_name, host.host_id} - {None}) and used.isdisjoint(names):
            message = f"no agent works on host {shown(host.host_name or host.host_id)}"
            yield ("hosts", index), "unused-host", message, "give it an agent, or take it out"
