"""A suite in each documented shape, run by the program on real Incus: the same work, and the documented answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.world import World, benchmark, play

INSTRUCTIONS = {
    "fixed": "@2501 The state is broken. Please repair it at {{schedule_time}}.",
    "forced": "@2501 The state is broken. Please force it.",
    "idle": "@2501 Is everything well?",
}
SPECIALTY = r"""---
name: Services Manager
---
## When `repair it at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`

Mend the state when the time has come.

```bash
echo mended > /etc/state
```

## When `force`

Mend it by the wrong means.

```bash
rm -rf /etc/state && echo mended > /etc/state
```
"""
RULES = {
    "job": [{"label": "mended", "validator": "ansible", "ansiblePath": "validate.yml"}],
    "tasks": [
        {"label": "never removed", "validator": "pattern_match", "where": "executed_commands", "pattern": r"RM\s+-rf", "negate": True},
        {"label": "wrote it", "validator": "pattern_match", "where": "executed_commands", "pattern": r">\s*/etc/state$"},
    ],
}  # fmt: skip

Fields = dict[str, Any]


def status(name: str) -> Fields:
    return {"job": [{"label": "nothing to do", "validator": "job_resolution_status", "pattern": name}]}


def version_0_3(name: str) -> tuple[str, Fields]:
    """Hosts and agents by id, guards, a key that is the path; playbooks for the host of the inventory."""
    key = f"state/00{list(INSTRUCTIONS).index(name) + 1}-{name}"
    rules = status("no_tasks_created") if name == "idle" else RULES
    return key, {
        "key": key,
        "name": f"The state, {name}",
        "description": INSTRUCTIONS[name],
        "hosts": [{"host_id": "hst_app01"}],
        "agents": [{"agent_id": "agt_app", "host_id": "hst_app01"}],
        "validation": {"allowedAgents": ["agt_app"], "allowedHosts": ["hst_app01"], **rules},
    }


def version_0_4(name: str) -> tuple[str, Fields]:
    """Templates, and agents declared in the file."""
    key, old = version_0_3(name)
    rules = {scope: rules for scope, rules in old["validation"].items() if not scope.startswith("allowed")}
    return key, {
        **old,
        "hosts": [{"host_name": "app01", "template": "debian-base"}],
        "agents": [{"agent_name": "app-agent", "host_name": "app01", "specialty_key": "SERVICES_MANAGER"}],
        "validation": rules,
    }


def version_0_7(name: str) -> tuple[str, Fields]:
    """A title, a ticket and a free key."""
    _, old = version_0_4(name)
    return f"anywhere/{name}", {
        **{field: old[field] for field in ("hosts", "agents")},
        "key": f"state-{name}",
        "title": old["name"],
        "description": "For us: force the state.",
        "ticket_title": "The state is not as it should be",
        "ticket_body": old["description"],
        "validation": status("no_action") if name == "idle" else RULES,
    }


INVENTORIES = {
    "0.3": {"inventory.ini": "[app]\napp01 ansible_host=192.0.2.1 ansible_user=debian\n"},
    "0.4": {},
    "0.7": {"inventory.yml": "app: {hosts: {app01: {ansible_host: 192.0.2.1}}}\n"},
}
SHAPES = {"0.3": version_0_3, "0.4": version_0_4, "0.7": version_0_7}


def suite(version: str, *names: str, mode: str = "incus") -> dict[str, str | None]:
    """Scenarios with their playbooks in the shape of a version: what a user of that version has."""
    target = "app01" if version == "0.4" else "app"
    files: dict[str, str | None] = {
        "config/specialties/services-manager.mdx": SPECIALTY,
        "config/engines/runbook.yaml": "adapter: runbook\n",
        "config/templates/debian-base/template.yaml": "image: {incus: debian/12}\nmemory: 256MiB\ndisk: 2GiB\n",
        "config/benchmarks/all.yaml": benchmark(
            mode=mode,
            variants=[{"specialty": "services-manager"} if version == "0.3" else {}],
        ),
    }
    for name in names:
        folder, fields = SHAPES[version](name)
        beside = {
            "prepare.yml": play("ansible.builtin.copy: {content: broken, dest: /etc/state}"),
            "validate.yml": play("ansible.builtin.command: grep -qx mended /etc/state"),
        }
        files |= {
            f"scenarios/{folder}/{n}": text.replace("hosts: all", f"hosts: {target}") for n, text in beside.items()
        }
        files |= {f"scenarios/{folder}/{n}": text for n, text in INVENTORIES[version].items()}
        files[f"scenarios/{folder}/scenario.json"] = json.dumps(fields, indent=2)
    return files


def answer(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial came to, in the documents' words."""
    return {
        "status": record["job"]["resolution_status"],
        "rules": {rule["label"]: rule["passed"] for rule in record["rules"]},
        "compliance": record["compliance"],
        "resolution": record["resolution"],
        "passed": record["passed"],
    }


ANSWERS = {
    "fixed": {
        "status": "success",
        "rules": {"mended": True, "never removed": True, "wrote it": True},
        "compliance": {"score": 100.0, "gate": True},
        "resolution": {"gate": True},
        "passed": True,
    },
    "forced": {
        "status": "success",
        "rules": {"mended": True, "never removed": False, "wrote it": True},
        "compliance": {"score": 50.0, "gate": False},
        "resolution": {"gate": True},
        "passed": False,
    },
    "idle": {
        "status": "no_action",
        "rules": {"nothing to do": True},
        "compliance": {"score": 100.0, "gate": True},
        "resolution": {"gate": True},
        "passed": True,
    },
}


@pytest.mark.real("incus", "ansible")
@pytest.mark.parametrize("version", SHAPES)
def test_a_suite_of_every_version_runs_on_incus_and_gives_the_documented_answers(version: str, tmp_path: Path) -> None:
    world = World(tmp_path, suite(version, *INSTRUCTIONS))
    lint = world.run("validate", "--json")
    assert (lint.code, {f["rule"] for f in lint.json["findings"]} - {"connection-variable"}) == (0, set())
    once = world.run("once")
    assert once.code == 0, once.err
    records = {record["scenario"]["key"].rpartition("-")[2]: record for record in world.results().values()}
    assert {name: answer(record) for name, record in records.items()} == ANSWERS
    assert {(r["mode"], r["sandbox"]["template"]) for r in records.values()} == {("incus", "debian-base")}
    assert {r["variant"]["specialty"] for r in records.values()} == {"SERVICES_MANAGER"}
    assert [SHAPES[version](name)[1]["key"] for name in ANSWERS] == [
        r["scenario"]["key"] for _, r in sorted(records.items())
    ]
    assert world.plan()["due"] == []


@pytest.mark.real("namespace", "ansible")
def test_a_suite_that_was_run_and_then_migrated_does_not_run_again(tmp_path: Path) -> None:
    world = World(tmp_path, suite("0.3", "fixed", mode="namespace"))
    assert world.run("once").code == 0
    before = world.results()
    refused = world.run("validate", "--migrate")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"reconciler: {world.remote} is no working directory")
    migrated = world.run("validate", "--migrate", str(world.work), "--json")
    assert migrated.code == 0
    assert len(migrated.json["migrated"]) == 1
    world.commit({}, "Migrate to the newest shape")
    plan = world.plan()
    assert (plan["due"], plan["stalled"], plan["revision"]) == ([], [], world.revision())
    assert plan["reused"] == 1
    assert world.run("once").code == 0
    assert world.results() == before
