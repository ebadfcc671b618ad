"""What linting asks of fields that hang together, in the words of JSON Schema: for the schemas that editors get."""

from collections.abc import Collection, Mapping
from typing import Any

from reconciler.core.scoring import TARGETS

FITTING: Mapping[str, frozenset[str]] = {
    "pattern_match": frozenset({"pattern", "where"}),
    "job_resolution_status": frozenset({"pattern"}),
    "ticket_status": frozenset({"pattern"}),
    "task_count": frozenset({"min", "max"}),
    "ansible": frozenset({"ansiblePath"}),
}
"""The fields that say something to a validator."""
_NOTHING = {"type": "null"}


def add_conditions(document: dict[str, Any], statuses: Collection[str]) -> dict[str, Any]:
    """The schema of a kind of file with what its definitions ask for beyond the types of their fields."""
    known: dict[str, Any] = document.get("$defs", {})
    if "RuleFile" in known:
        known["RuleFile"]["allOf"] = [_fitting(v, fields, statuses) for v, fields in FITTING.items()]
        for scope, targets in TARGETS.items():
            known["ValidationFile"]["properties"][scope]["items"] = _in_scope(targets)
        known["HostFile"]["anyOf"] = _one_of("host_name", "host_id")
        known["AgentFile"]["anyOf"] = _one_of("agent_name", "agent_id")
    if "parent" in document.get("properties", {}):
        document["anyOf"] = _one_of("image", "parent")
    return document


def _one_of(*names: str) -> list[dict[str, Any]]:
    """At least one of these fields is there."""
    return [{"required": [name], "properties": {name: {"not": _NOTHING}}} for name in names]


def _fitting(validator: str, fields: Collection[str], statuses: Collection[str]) -> dict[str, Any]:
    """What a rule of one validator holds: its own fields, and no other's."""
    others = {name: _NOTHING for f in FITTING.values() for name in f if name not in fields}
    then: dict[str, Any] = {"properties": dict(sorted(others.items()))}
    if validator == "task_count":
        then["anyOf"] = _one_of("min", "max")
    else:
        then["required"] = sorted(fields)
        then["properties"] |= {name: {"not": _NOTHING} for name in sorted(fields)}
    if validator == "job_resolution_status":
        then["properties"]["pattern"] = {
            "type": "string",
            "pattern": rf"^\s*(?:{'|'.join(map(_any_case, statuses))})\s*$",
        }
    return {"if": {"properties": {"validator": {"const": validator}}, "required": ["validator"]}, "then": then}


def _any_case(word: str) -> str:
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in word)


def _in_scope(targets: Collection[str]) -> dict[str, Any]:
    """A rule whose target is one of its scope's."""
    return {"$ref": "#/$defs/RuleFile", "properties": {"where": {"enum": [None, *sorted(targets)]}}}
