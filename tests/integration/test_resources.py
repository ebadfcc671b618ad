"""Resources and inventories through the whole program: two hosts, a shipped inventory, rules by host, and a secret that stays where it is."""

import json
from pathlib import Path

import pytest

from tests.git_world import git
from tests.world import World, definitions, scenario

SECRET = "hunter2-in-the-clear"
HOSTS = [{"host_name": "web-01", "template": "base"}, {"host_name": "db-01", "template": "base"}]
AGENTS = [
    {"agent_name": f"{name}-agent", "host_name": f"{name}-01", "specialty_key": "MENDER"} for name in ("web", "db")
]
VALIDATION = {
    "job": [{"label": "it is mended", "validator": "ansible", "ansiblePath": "validate.yml"}],
    "tasks": [
        {"label": f"{name} rule", "validator": "pattern_match", "where": "operational_rules", "pattern": f"^{name}: "}
        for name in ("vacuum", "reload")
    ],
}
FILES = {
    "scenarios/site/inventory.ini": "[web]\nweb-01 port=8080\n[db]\ndb-01\ndb-77\n[site:children]\nweb\ndb\n",
    "scenarios/site/prepare.yml": """
- hosts: web
  tasks: [{ansible.builtin.copy: {content: "web {{ port }}", dest: /etc/fault}}]
- hosts: db
  tasks: [{ansible.builtin.copy: {content: "db beside {{ groups.web | join }}", dest: /etc/fault}}]
""",
    "scenarios/site/validate.yml": """
- hosts: web
  tasks: [{ansible.builtin.command: grep -qx 'web 8080' /etc/state}]
- hosts: db
  tasks: [{ansible.builtin.command: grep -qx 'db beside web-01' /etc/state}]
""",
    "config/specialties/mender.mdx": "---\nname: mender\n---\n## Always\n\n```bash\ncp /etc/fault /etc/state\n```\n",
    "config/operational_rules/vacuum.mdx": "---\nname: vacuum\ntags: [tech:postgres]\n---\nVacuum first.\n",
    "config/operational_rules/reload.mdx": "---\nname: reload\ntags: [tech:nginx]\n---\nReload first.\n",
    "config/hosts/db.mdx": "---\nname: db-01\nprivate_ip: 10.0.0.2\ntags: [tech:postgres]\n---\n",
    "config/hosts/web.mdx": "---\nname: web-01\nprivate_ip: 10.0.0.3\ntags: [tech:nginx]\n---\n",
    "config/credentials/key.mdx": f"---\nname: key\ntype: SECRET\nvalue: {SECRET}\n---\n",
}


@pytest.mark.real("namespace", "ansible")
def test_two_hosts_with_groups_get_their_own_rules_and_no_secret_leaves_its_file(tmp_path: Path) -> None:
    site = scenario("site", playbooks=False, hosts=HOSTS, agents=AGENTS, validation=VALIDATION)
    world = World(tmp_path, definitions() | site | FILES)
    lint = world.run("validate", "--json")
    assert [(f["severity"], f["rule"]) for f in lint.json["findings"]] == [
        ("warning", "secret"),
        ("warning", "unknown-host"),
    ]
    once = world.run("once", "--json", "-v")
    assert once.code == 0, once.err
    (path,) = [
        p for p in git(world.remote, "ls-tree", "-r", "--name-only", "results").split() if p.startswith("trials/")
    ]
    record = json.loads(git(world.remote, "show", f"results:{path}"))
    assert record["passed"]
    evidence = {r["label"]: r["evidence"]["task"] for r in record["rules"] if r["scope"] == "tasks"}
    assert evidence["vacuum rule"] != evidence["reload rule"]
    told = [s.out + s.err for s in (lint, once, world.run("plan", "--json"), world.run("status", "--json"))]
    kept = [f.read_bytes() for f in world.state.rglob("*") if f.is_file()]
    assert SECRET not in "".join(told) + git(world.remote, "log", "-p", "results")
    assert not any(SECRET.encode() in data for data in kept)
