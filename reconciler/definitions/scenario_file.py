"""``scenario.json`` to a ``Scenario``, in every documented shape, or to everything that is wrong with it."""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping

from reconciler.core.model import Agent, Host, Rule, Scenario, Scope
from reconciler.definitions.explain import validated
from reconciler.definitions.findings import Finding, nearest, shown
from reconciler.definitions.guards import guard_doubts, guard_problems, pattern_problems
from reconciler.definitions.lint_rules import RuleId
from reconciler.definitions.parse import Problem, document, located, specialty_key
from reconciler.definitions.pointless import pointless
from reconciler.definitions.positions import Path, read_json
from reconciler.definitions.rules import Judged, judge
from reconciler.definitions.schemas import AgentFile, OldScenarioFile, RuleFile, ScenarioFile
from reconciler.definitions.values import Parsed

_SCOPES: tuple[Scope, ...] = ("gateway", "job", "tasks")


def parse_scenario(path: str, data: bytes, compiles: Callable[[str], str | None]) -> Parsed[Scenario]:
    """Read one ``scenario.json``. Its claim is its key, or the name of its folder where the key cannot be read."""
    folder = posixpath.dirname(path)
    leaf = posixpath.basename(folder)
    read = document(path, data, read_json)
    if isinstance(read, Finding):
        return Parsed(path=path, claim=leaf, findings=(read,))
    file: ScenarioFile | OldScenarioFile | None
    if _is_old(read.value):
        file, findings = validated(OldScenarioFile, read, path)
    else:
        file, findings = validated(ScenarioFile, read, path)
    if file is None:
        key = read.value.get("key") if isinstance(read.value, Mapping) else None
        return Parsed(path=path, claim=key if isinstance(key, str) and key else leaf, findings=tuple(findings))
    rules = list(_rules(file))
    if problems := [*_rule_problems(rules, compiles), *guard_problems(file, compiles), *_host_problems(file)]:
        findings += located(path, read, problems)
    elif doubts := [*_rule_doubts(rules), *guard_doubts(file), *_unused_hosts(file)]:
        findings += located(path, read, doubts, warning=True)
    wrong = any(f.severity == "error" for f in findings)
    value = None if wrong else _scenario(file, folder, tuple(judged.rule for _, _, judged in rules))
    return Parsed(path=path, claim=file.key, value=value, findings=tuple(findings))


def _is_old(value: object) -> bool:
    """Whether this is the shape of 0.3 and 0.4: newer files have a ticket, and a title for a name."""
    return (
        isinstance(value, Mapping) and "name" in value and not value.keys() & {"title", "ticket_title", "ticket_body"}
    )


# ---------------------------------------------------------------- to the core's values


def _scenario(file: ScenarioFile | OldScenarioFile, folder: str, rules: tuple[Rule, ...]) -> Scenario:
    if isinstance(file, OldScenarioFile):
        title, ticket_title, body, description = file.name, file.name, file.description, ""
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
        hosts=tuple(
            Host(name=h.host_name or "", template=h.template or "", host_id=h.host_id or "") for h in file.hosts
        ),
        agents=tuple(_agent(a, file) for a in file.agents),
        rules=rules,
        allowed_agents=tuple(validation.allowedAgents),
        allowed_hosts=tuple(validation.allowedHosts),
        forbidden_commands=tuple(validation.forbiddenCommands),
        folder=folder,
    )


def _agent(agent: AgentFile, file: ScenarioFile | OldScenarioFile) -> Agent:
    """An agent, on the only host when it names none."""
    host = agent.host_name or next((h.host_name for h in file.hosts if h.host_id and h.host_id == agent.host_id), None)
    if not host and not agent.host_id and len(file.hosts) == 1:
        host = file.hosts[0].host_name or file.hosts[0].host_id
    return Agent(
        name=agent.agent_name or agent.agent_id or "",
        host=host or agent.host_id or "",
        specialty=specialty_key(agent.specialty_key or ""),
        agent_id=agent.agent_id or "",
    )


# ---------------------------------------------------------------- what the types cannot say

_IGNORED: tuple[RuleId, str, str] = (
    "ignored-rule",
    "an ansible rule in scope gateway is not run",
    "move it to validation.job",
)


_Entry = tuple[Path, RuleFile, Judged]
"""Where a rule is written, how, and what it comes to."""


def _rules(file: ScenarioFile | OldScenarioFile) -> Iterator[_Entry]:
    for scope in _SCOPES:
        for index, rule in enumerate(getattr(file.validation, scope)):
            yield ("validation", scope, index), rule, judge(scope, rule)


def _rule_problems(rules: Iterable[_Entry], compiles: Callable[[str], str | None]) -> Iterator[Problem]:
    for where, file, judged in rules:
        for field, rule, message, hint in judged.problems:
            yield ((*where, field) if field else where), rule, message, hint
        if file.validator == "pattern_match" and file.pattern is not None:
            yield from pattern_problems((*where, "pattern"), file.pattern, compiles)


def _rule_doubts(rules: Iterable[_Entry]) -> Iterator[Problem]:
    for where, file, judged in rules:
        if judged.ignored:
            yield where, *_IGNORED
        if doubt := pointless(judged.rule.scope, file):
            yield ((*where, doubt.field) if doubt.field else where), doubt.rule, doubt.message, doubt.hint


def _host_problems(file: ScenarioFile | OldScenarioFile) -> Iterator[Problem]:
    names: list[str] = []
    for index, host in enumerate(file.hosts):
        if not host.host_name and not host.host_id:
            yield ("hosts", index), "missing-field", f"hosts[{index}]: host_name is missing", 'write "host_name": "…"'
        if host.host_name and host.host_name in names:
            message = f"there are two hosts named {shown(host.host_name)}"
            yield ("hosts", index, "host_name"), "duplicate-host", message, "give each host its own name"
        names += [host.host_name] if host.host_name else []
    for index, agent in enumerate(file.agents):
        yield from _agent_problems(("agents", index), agent, names, [h.host_id for h in file.hosts if h.host_id])
        if not agent.host_name and not agent.host_id and len(file.hosts) > 1:
            message = f"agents[{index}]: host_name is missing, and there are {len(file.hosts)} hosts"
            yield ("agents", index), "missing-field", message, f"known: {', '.join(names)}"


def _unused_hosts(file: ScenarioFile | OldScenarioFile) -> Iterator[Problem]:
    """Hosts that are made, and that no agent works on; without agents, a variant's works on each."""
    used = {name for agent in file.agents for name in (agent.host_name, agent.host_id)}
    for index, host in enumerate(file.hosts if file.agents and len(file.hosts) > 1 else ()):
        if used.isdisjoint({host.host_name, host.host_id} - {None}):
            message = f"no agent works on host {shown(host.host_name or host.host_id)}"
            yield ("hosts", index), "unused-host", message, "give it an agent, or take it out"


def _agent_problems(where: Path, agent: AgentFile, names: list[str], ids: list[str]) -> Iterator[Problem]:
    if not agent.agent_name and not agent.agent_id:
        yield where, "missing-field", f"agents[{where[1]}]: agent_name is missing", 'write "agent_name": "…"'
    if agent.host_name and agent.host_name not in names:
        message = f"the agent's host {shown(agent.host_name)} is none of the scenario's hosts"
        yield (*where, "host_name"), "unknown-host", message, nearest(agent.host_name, names)
    elif agent.host_id and not agent.host_name and ids and agent.host_id not in ids:
        message = f"the agent's host {shown(agent.host_id)} is none of the scenario's hosts"
        yield (*where, "host_id"), "unknown-host", message, nearest(agent.host_id, ids)
