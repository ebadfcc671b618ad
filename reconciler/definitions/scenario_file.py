"""``scenario.json`` to a ``Scenario``, in every documented shape, or to everything that is wrong with it."""

import posixpath
from collections.abc import Callable, Iterator, Mapping

from reconciler.core.model import Agent, Host, Rule, Scenario, Scope
from reconciler.definitions.explain import validated
from reconciler.definitions.findings import Finding, nearest, shown
from reconciler.definitions.parse import Problem, document, located, specialty_key
from reconciler.definitions.positions import Path, read_json
from reconciler.definitions.schemas import STATUSES, AgentFile, OldScenarioFile, RuleFile, ScenarioFile
from reconciler.definitions.values import Parsed

_FITTING: Mapping[str, frozenset[str]] = {
    "pattern_match": frozenset({"pattern", "where"}),
    "job_resolution_status": frozenset({"pattern"}),
    "ticket_status": frozenset({"pattern"}),
    "task_count": frozenset({"min", "max"}),
    "ansible": frozenset({"ansiblePath"}),
}
"""The fields that say something to a validator."""
_COMMON = frozenset({"label", "validator", "required", "negate"})
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
    findings += located(path, read, [*_rule_problems(file, compiles), *_host_problems(file)])
    findings += located(path, read, list(_out_of_place(file)), warning=True)
    wrong = any(f.severity == "error" for f in findings)
    value = None if wrong else _scenario(file, folder)
    return Parsed(path=path, claim=file.key, value=value, findings=tuple(findings))


def _is_old(value: object) -> bool:
    """Whether this is the shape of 0.3 and 0.4: newer files have a ticket, and a title for a name."""
    return (
        isinstance(value, Mapping) and "name" in value and not value.keys() & {"title", "ticket_title", "ticket_body"}
    )


# ---------------------------------------------------------------- to the core's values


def _scenario(file: ScenarioFile | OldScenarioFile, folder: str) -> Scenario:
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
        rules=tuple(_rule(r, scope) for scope in _SCOPES for r in getattr(validation, scope)),
        allowed_agents=tuple(validation.allowedAgents),
        allowed_hosts=tuple(validation.allowedHosts),
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


def _rule(rule: RuleFile, scope: Scope) -> Rule:
    return Rule(
        scope=scope,
        label=rule.label,
        validator=rule.validator,
        required=rule.required,
        negate=rule.negate,
        pattern=rule.pattern or "",
        where=rule.where or "",
        minimum=rule.min,
        maximum=rule.max,
        playbook=posixpath.normpath(rule.ansiblePath) if rule.ansiblePath else "",
    )


# ---------------------------------------------------------------- what the types cannot say


def _rules(file: ScenarioFile | OldScenarioFile) -> Iterator[tuple[Path, Scope, RuleFile]]:
    for scope in _SCOPES:
        for index, rule in enumerate(getattr(file.validation, scope)):
            yield ("validation", scope, index), scope, rule


def _rule_problems(file: ScenarioFile | OldScenarioFile, compiles: Callable[[str], str | None]) -> Iterator[Problem]:
    for where, scope, rule in _rules(file):
        given, fitting = rule.model_fields_set - _COMMON, _FITTING[rule.validator]
        if given != fitting or rule.validator == "task_count" or None in [getattr(rule, f) for f in fitting]:
            yield from _field_problems(where, rule, fitting)
        yield from _content_problems(where, scope, rule, compiles)


def _field_problems(where: Path, rule: RuleFile, fitting: frozenset[str]) -> Iterator[Problem]:
    given = {f for f in rule.model_fields_set if getattr(rule, f) is not None}
    for name in sorted(given - _COMMON - fitting):
        hint = f"{rule.validator} takes {' and '.join(sorted(fitting))}"
        yield (*where, name), "misplaced-field", f"{name} says nothing to {rule.validator}", hint
    if rule.validator == "task_count":
        yield from _count_problems(where, rule)
        return
    for name in sorted(fitting - given):
        message = f"rule {shown(rule.label)}: {name} is missing"
        yield where, "missing-field", message, f"{rule.validator} needs {' and '.join(sorted(fitting))}"


def _count_problems(where: Path, rule: RuleFile) -> Iterator[Problem]:
    if rule.min is None and rule.max is None:
        yield where, "missing-field", f"rule {shown(rule.label)}: min or max is missing", "write at least one of them"
    elif rule.min is not None and rule.max is not None and rule.min > rule.max:
        yield (*where, "min"), "wrong-value", f"min {rule.min} is more than max {rule.max}", "no count can be both"


def _content_problems(
    where: Path, scope: Scope, rule: RuleFile, compiles: Callable[[str], str | None]
) -> Iterator[Problem]:
    at = (*where, "pattern")
    if rule.validator == "pattern_match" and rule.pattern is not None and (reason := compiles(rule.pattern)):
        hint = "patterns are JavaScript's, case-insensitive; in JSON a backslash is written twice"
        yield at, "bad-pattern", f"the pattern {shown(rule.pattern)} does not compile: {reason}", hint
    if rule.validator == "job_resolution_status" and rule.pattern is not None:
        status = rule.pattern.strip().lower()
        if status not in STATUSES:
            message = f"there is no resolution status {shown(rule.pattern)}"
            yield at, "unknown-value", message, nearest(status, STATUSES)
    if rule.validator == "pattern_match" and scope != "gateway" and (rule.where or "").startswith("gateway_"):
        hint = "move the rule to validation.gateway"
        yield (*where, "where"), "misplaced-field", f"{rule.where} is not known in scope {scope}", hint


def _out_of_place(file: ScenarioFile | OldScenarioFile) -> Iterator[Problem]:
    """Rules that are never decided where they stand."""
    for where, scope, rule in _rules(file):
        if rule.validator == "ansible" and scope == "gateway":
            yield where, "ignored-rule", "an ansible rule in scope gateway is not run", "move it to validation.job"


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


def _agent_problems(where: Path, agent: AgentFile, names: list[str], ids: list[str]) -> Iterator[Problem]:
    if not agent.agent_name and not agent.agent_id:
        yield where, "missing-field", f"agents[{where[1]}]: agent_name is missing", 'write "agent_name": "…"'
    if agent.host_name and agent.host_name not in names:
        message = f"the agent's host {shown(agent.host_name)} is none of the scenario's hosts"
        yield (*where, "host_name"), "unknown-host", message, nearest(agent.host_name, names)
    elif agent.host_id and not agent.host_name and ids and agent.host_id not in ids:
        message = f"the agent's host {shown(agent.host_id)} is none of the scenario's hosts"
        yield (*where, "host_id"), "unknown-host", message, nearest(agent.host_id, ids)
