"""Valid definitions of every kind and version, as values; each stands alone, so what is done to one is no other's matter."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

PLAY = [
    {
        "name": "Break it",
        "hosts": "all",
        "vars_files": ["vars.yml"],
        "roles": [{"role": "../../roles/base"}],
        "tasks": [
            {"name": "Copy", "ansible.builtin.copy": {"src": "data.txt", "dest": "/srv/x", "mode": "0644"}},
            {"ansible.builtin.include_tasks": "more.yml", "when": ["x is defined", True]},
        ],
    }
]
HOSTS = [{"host_name": "web-01", "template": "fuzzed"}, {"host_name": "db-01", "template": "fuzzed"}]
AGENTS = [
    {"agent_name": "web", "host_name": "web-01", "specialty_key": "FUZZED"},
    {"agent_name": "db", "host_name": "db-01", "specialty_key": "FUZZED"},
]


def rules(*, old: bool) -> dict[str, Any]:
    """Rules with every validator, in the scopes of every version."""
    status = "no_tasks_created" if old else "no_action"
    return {
        "gateway": [
            {"label": "ticket", "validator": "ticket_status", "pattern": "resolved"},
            {"label": "told", "validator": "pattern_match", "where": "gateway_summary", "pattern": "a|b", "required": False},
        ],
        "job": [
            {"label": "status", "validator": "job_resolution_status", "pattern": status, "negate": True},
            {"label": "count", "validator": "task_count", "min": 1, "max": 3},
            {"label": "truth", "validator": "ansible", "ansiblePath": "validate.yml"},
        ],
        "tasks": [
            {"label": "test", "validator": "pattern_match", "where": "executed_commands", "pattern": "nginx\\s+-t"},
        ],
    }  # fmt: skip


SCENARIOS: Mapping[str, dict[str, Any]] = {
    "0.3": {
        "key": "fuzzed",
        "name": "Nginx",
        "description": "@2501 nginx is down.",
        "tags": ["nginx"],
        "hosts": [{"host_id": "hst_web"}],
        "agents": [{"agent_id": "agt_web", "host_id": "hst_web", "specialty_key": "FUZZED"}],
        "validation": {**rules(old=True), "allowedAgents": ["agt_web"], "allowedHosts": ["hst_web"]},
    },
    "0.4": {
        "key": "fuzzed",
        "name": "Nginx",
        "description": "nginx is down.",
        "tags": ["nginx"],
        "hosts": HOSTS,
        "agents": AGENTS,
        "validation": rules(old=True),
    },
    "0.8": {
        "key": "fuzzed",
        "title": "Nginx",
        "description": "internal",
        "ticket_title": "Website down",
        "ticket_body": "At {{schedule_time}} restart nginx.",
        "tags": ["nginx", "web"],
        "hosts": HOSTS,
        "agents": AGENTS,
        "validation": {**rules(old=False), "forbiddenCommands": ["rm\\s+-rf\\s+/"]},
    },
}
FRONT: Mapping[str, dict[str, Any]] = {
    "config/specialties/fuzzed.mdx": {"name": "fuzzed", "description": "d", "execution_mode": "investigate_only"},
    "config/operational_rules/fuzzed.mdx": {"name": "fuzzed", "org": "o", "tags": ["os:linux", "procedure:restart"]},
    "config/hosts/fuzzed.mdx": {"name": "fuzzed", "public_ip": "10.0.0.1", "target_port": 22, "tags": ["os:linux"]},
    "config/credentials/fuzzed.mdx": {"name": "fuzzed", "type": "VAULT_PATH", "vault_path": "kv/fuzzed"},
    "config/blacklist/fuzzed.mdx": {"pattern": "rm -rf *"},
    "config/gateways/fuzzed.mdx": {"org": "o", "type": "servicenow", "metadata": {"dedup_window_minutes": 5}},
    "config/agents/fuzzed.mdx": {
        "name": "fuzzed", "specialty": "fuzzed", "host": "fuzzed", "main_engine": "fuzzed", "secondary_engine": "fuzzed",
    },
}  # fmt: skip
YAML: Mapping[str, object] = {
    "config/templates/fuzzed/template.yaml": {
        "image": {"incus": "debian/12"}, "cpus": 2, "memory": "1GiB", "disk": "10GiB", "packages": ["git"], "provision": ["p.yml"],
    },
    "config/templates/fuzzed/p.yml": PLAY,
    "config/engines/fuzzed.yaml": {"adapter": "command", "model": "m", "limits": {"tokens": 1000, "cost": 0.5}},
    "config/benchmarks/fuzzed.yaml": {
        "name": "fuzzed", "scenarios": ["fuzzed", "nginx"], "mode": "incus", "iterations": 3, "on_change": True,
        "variants": [{"specialty": "fuzzed", "main_engine": "fuzzed"}, {"main_engine": "fuzzed"}],
        "schedule": "0 2 * * *", "timezone": "Europe/Paris", "gate": {"pass_rate": 0.9, "compliance": 100},
    },
    "scenarios/fuzzed/prepare.yml": PLAY,
    "scenarios/fuzzed/validate.yml": PLAY,
    "scenarios/fuzzed/solution.yml": PLAY,
    "scenarios/fuzzed/more.yml": [{"ansible.builtin.command": {"cmd": "true"}}],
    "scenarios/fuzzed/vars.yml": {"a": 1},
    "roles/base/tasks/main.yml": [{"ansible.builtin.command": {"cmd": "true"}}],
}  # fmt: skip
SCENARIO = "scenarios/fuzzed/scenario.json"

VALUES: Mapping[str, object] = {**{f"{SCENARIO} {v}": s for v, s in SCENARIOS.items()}, **FRONT, **YAML}
"""Every valid file: its path, with the version where there are several, and what it says."""


HUGE = "@huge@"
"""Stands for a number of more digits than Python reads."""


def written(path: str, value: object) -> bytes:
    """A value as its file holds it, however strange it is."""
    if path.endswith(".json"):
        return json.dumps(value, indent=1).encode().replace(b'"@huge@"', b"7" * 5000)
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=False).encode().replace(b"'@huge@'", b"7" * 5000)
    if not path.endswith(".mdx"):
        return text
    body = b"## Always\n\n```bash\ntrue\n```\n" if "specialties" in path or "rules" in path else b""
    return b"---\n" + text + b"---\n" + body


GOOD: Mapping[str, bytes] = {
    "scenarios/good/scenario.json": json.dumps(
        {
            **SCENARIOS["0.8"],
            "key": "good",
            "tags": ["fine"],
            "hosts": [{"host_name": "web-01", "template": "good"}],
            "agents": [{"agent_name": "a", "host_name": "web-01", "specialty_key": "GOOD"}],
        }
    ).encode(),
    "scenarios/good/prepare.yml": b"- hosts: all\n",
    "scenarios/good/validate.yml": b"- hosts: all\n- hosts: all\n  tasks: [{command: a, command: b}]\n",
    "config/specialties/good.mdx": b"---\nname: good\n---\n## Always\n\n```bash\ntrue\n```\n",
    "config/templates/good/template.yaml": b"image: {incus: debian/12}\n",
    "config/engines/good.yaml": b"adapter: runbook\n",
    "config/benchmarks/good.yaml": b"name: good\nscenarios: [good]\nmode: incus\nvariants: [{main_engine: good}]\n",
}
"""A scenario with everything that it needs, and one finding of its own."""
