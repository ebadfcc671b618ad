"""The whole list of what linting finds, row by row: rule, file, line, column, and what to write instead."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.definitions.files.lint_rules import LINT_RULES, RuleId, Severity
from tests.definitions import benchmark, lint, repository, scenario

SCENARIO = "scenarios/nginx/scenario.json"
PREPARE = "scenarios/nginx/prepare.yml"
VALIDATE = "scenarios/nginx/validate.yml"
BENCHMARK = "config/benchmarks/all.yaml"
TEMPLATE = "config/templates/debian-base/template.yaml"
SPECIALTY = "config/specialties/linux-administration.mdx"
ENGINE = "config/engines/runbook.yaml"
HOST = {"host_name": "web-01", "template": "debian-base"}
AGENT = {"agent_name": "a", "host_name": "web-01", "specialty_key": "LINUX_ADMINISTRATION"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is wrong, in the words of the list; the file that holds it, and the text that the finding points at."""

    says: str
    rule: RuleId
    path: str = SCENARIO
    text: str | bytes
    at: str | None
    """None: the whole file."""
    write: str = ""
    severity: Severity = "error"
    files: Mapping[str, str] = field(default_factory=dict)
    link: bool = False


def tasks(**rule: Any) -> str:
    return scenario(validation={"tasks": [{"label": "r", **rule}]})


def job(**rule: Any) -> str:
    return scenario(validation={"job": [{"label": "r", **rule}]})


def pattern(text: str, **rule: Any) -> str:
    return tasks(validator="pattern_match", where="task_summary", pattern=text, **rule)


def old(**changes: Any) -> str:
    return json.dumps({"key": "nginx", "name": "Old", "description": "Fix it.", **changes}, indent=1)


ROWS = [
    # ---- unknown fields (nearest name)
    Row(says="unknown field", rule="unknown-field", text=scenario(tittle="x"), at='"tittle"', write="title"),
    Row(says="unknown field of 0.3", rule="unknown-field", text=old(tag=[]), at='"tag"', write="tags"),
    Row(says="unknown field of a rule", rule="unknown-field", text=pattern("x", negated=True), at='"negated"', write="negate"),
    Row(says="unknown field of a host", rule="unknown-field", text=scenario(hosts=[{**HOST, "tmplate": "x"}]), at='"tmplate"', write="template"),
    Row(says="unknown field of a benchmark", rule="unknown-field", path=BENCHMARK, text=benchmark(iteration=3), at='"iteration"', write="iterations"),
    Row(says="unknown field of a template", rule="unknown-field", path=TEMPLATE, text="image: {incus: a}\ncpu: 1\n", at="cpu", write="cpus"),
    Row(says="unknown field of a specialty", rule="unknown-field", path=SPECIALTY, text="---\nname: linux-administration\nexecution-mode: x\n---\np\n", at="execution-mode", write="execution_mode"),
    Row(says="unknown setting of an engine", rule="unknown-field", path=ENGINE, text="adapter: runbook\ncomand_timeout: 3\n", at="comand_timeout", write="did you mean command_timeout?"),
    # ---- shapes
    Row(says="fields of two shapes", rule="mixed-shapes", text=old(ticket_body="x"), at='"Old"', write="title and ticket_title instead of name"),
    Row(says="old key that is not the path", rule="key-path", text=old(key="other"), at='"other"', severity="warning", write="move the folder"),
    Row(says="id that may be either host of the inventory", rule="unnamed-host", text=old(hosts=[{"host_id": "hst_1"}]), at='"hst_1"', severity="warning", files={"scenarios/nginx/inventory.ini": "a\nb\n"}, write="host_name"),
    # ---- missing fields, wrong types and values
    Row(says="missing field", rule="missing-field", text=scenario(ticket_body=None), at="{", write="ticket_body"),
    Row(says="wrong type", rule="wrong-type", text=scenario(title=5), at="5", write="quotes"),
    Row(says="wrong type in YAML", rule="wrong-type", path=BENCHMARK, text="name: all\nscenarios: '*'\nmode: incus\niterations: many\n", at="many"),
    Row(says="wrong value", rule="wrong-value", path=BENCHMARK, text=benchmark(iterations=0), at="0"),
    Row(says="wrong value of an engine's setting", rule="wrong-value", path=ENGINE, text="adapter: runbook\ncommand_timeout: 3\n", at="3", write="90s"),
    Row(says="unknown value", rule="unknown-value", text=tasks(validator="patern_match"), at='"patern_match"', write="pattern_match"),
    Row(says="a status that no version has", rule="unknown-value", text=job(validator="job_resolution_status", pattern="sucess"), at='"sucess"', write="success"),
    # ---- duplicate keys, in JSON and YAML
    Row(says="duplicate key in JSON", rule="duplicate-field", text='{"key": "nginx",\n "key" : 1, ' + scenario()[1:].replace('"key"', '"$schema"'), at='"key" ', write="keep one"),
    Row(says="duplicate key in YAML", rule="duplicate-field", path=ENGINE, text="adapter: runbook\nmodel: a\nmodel: b\n", at="model: b", write="keep one"),
    Row(says="duplicate key in front matter", rule="duplicate-field", path=SPECIALTY, text="---\nname: linux-administration\nname: b\n---\np\n", at="name: b", write="keep one"),
    Row(says="duplicate key in a playbook", rule="duplicate-field", path=PREPARE, text="- hosts: all\n  tasks:\n    - command: a\n      when: b\n      when: c\n", at="when: c", write="keep one"),
    # ---- missing playbooks, playbooks that do not parse
    Row(says="missing playbook", rule="playbook-path", text=job(validator="ansible", ansiblePath="valdate.yml"), at='"valdate.yml"', write="validate.yml"),
    Row(says="missing playbook of a template", rule="playbook-path", path=TEMPLATE, text="image: {incus: a}\nprovision: [p.yml]\n", at="p.yml"),
    Row(says="duplicate key in quotes that merges nothing", rule="duplicate-field", path=PREPARE, text="- hosts: all\n  vars: {'<<': 1, \"<<\": 2}\n", at='"<<"', write="keep one"),
    Row(says="missing import", rule="missing-include", path=PREPARE, text="- hosts: all\n- import_playbook: mor.yml\n", at="mor.yml", files={"scenarios/nginx/more.yml": "- hosts: all\n"}, write="more.yml"),
    Row(says="import from a folder that is not looked at", rule="missing-include", path=PREPARE, text="- hosts: all\n  tasks:\n    - import_tasks: ../../shared/x.yml\n", at="../../shared", write="nothing of shared/ is seen unless source.shared names it"),
    Row(says="missing import from a folder that is looked at", rule="missing-include", path=PREPARE, text="- hosts: all\n  tasks:\n    - import_tasks: ../../shared/x.yml\n", at="../../shared", files={"shared/y.yml": "[]"}, write="known: prepare.yml"),
    Row(says="missing include", rule="missing-include", path=PREPARE, text="- hosts: all\n  tasks:\n    - include_tasks: gone.yml\n", at="gone.yml", severity="warning"),
    Row(says="missing import as an argument", rule="missing-include", path=PREPARE, text="- hosts: all\n  tasks:\n    - import_tasks: file=mor.yml\n", at="file=", files={"scenarios/nginx/more.yml": "[]"}, write="more.yml"),
    Row(says="missing role as an argument", rule="missing-include", path=PREPARE, text="- hosts: all\n  tasks:\n    - action: include_role name=../roles/bas\n", at="include_role", files={"scenarios/roles/base/tasks/main.yml": "[]"}, write="did you mean ../roles/base?"),
    Row(says="missing role by its path", rule="missing-include", path=PREPARE, text="- hosts: all\n  tasks:\n    - include_role: {name: ../../roles/nosuch}\n", at="../../roles/nosuch", write="roles/"),
    Row(says="missing role by its path, misspelt", rule="missing-include", path=PREPARE, text="- hosts: all\n  roles: [{role: ../roles/bas}]\n", at="../roles/bas", files={"scenarios/roles/base/tasks/main.yml": "[]"}, write="did you mean ../roles/base?"),
    Row(says="missing role by its path from roles/, misspelt", rule="missing-include", path=PREPARE, text="- hosts: all\n  roles: [../../../roles/comon]\n", at="../../../roles/comon", files={"roles/common/tasks/main.yml": "[]"}, write="there is no role '../../../roles/comon' (did you mean ../../../roles/common?)"),
    Row(says="role that may be installed", rule="missing-include", path=PREPARE, text="- hosts: all\n  roles: [bas]\n", at="bas", severity="warning", files={"scenarios/nginx/roles/base/tasks/main.yml": "[]"}, write="did you mean base?"),
    Row(says="playbook that does not parse", rule="not-yaml", path=PREPARE, text="- hosts: all\n  tasks: a: b\n", at=": b"),
    Row(says="playbook of two documents", rule="not-yaml", path=VALIDATE, text="- hosts: all\n---\n- hosts: all\n", at="---"),
    Row(says="solution that does not parse", rule="not-yaml", path="scenarios/nginx/solution.yml", text="- [\n", at=""),
    Row(says="mutant that does not parse", rule="not-yaml", path="scenarios/nginx/mutants/a.yml", text="- [\n", at=""),
    Row(says="playbook that is none", rule="not-a-playbook", path=PREPARE, text="hosts: all\n", at="hosts", write="- hosts: all"),
    Row(says="play without hosts", rule="not-a-playbook", path=PREPARE, text="- hosts: all\n- tasks: []\n", at="tasks", write="hosts: all"),
    Row(says="playbook for another host", rule="unknown-host", path=PREPARE, text="- hosts: web-02\n  tasks: []\n", at="web-02", write="web-01"),
    Row(says="empty playbook", rule="not-a-playbook", path=PREPARE, text="# nothing\n", at="#", write="- hosts: all"),
    # ---- patterns and rules
    Row(says="pattern that does not compile", rule="bad-pattern", text=pattern("a(b"), at='"a(b"', write="JavaScript"),
    *[
        Row(says="pattern that can never match", rule="never-matches", text=pattern(p), at=json.dumps(p), severity="warning")
        for p in ("$a", "a^", "[]", r"\b\B", r"ok$\n", "(?!)", "^a.*^b")
    ],
    Row(says="pattern of another dialect", rule="odd-pattern", text=pattern(r"\Anginx"), at=r'"\\Anginx"', write="the start of the text is ^", severity="warning"),
    Row(says="pattern that may run out of time", rule="slow-pattern", text=pattern("(?!x)(a+)+$"), at='"(?!x)(a+)+$"', write="(?!x)", severity="warning"),
    Row(says="rule that can never fail: its text is always there", rule="never-fails", text=job(validator="pattern_match", where="job_resolution", pattern=".*"), at='".*"', severity="warning"),
    Row(says="rule that can never fail: what it forbids cannot be", rule="never-fails", text=pattern("$a", negate=True), at='"$a"', severity="warning"),
    Row(says="rule that can never fail: any number of tasks", rule="never-fails", text=job(validator="task_count", min=0), at='{\n        "label"', severity="warning"),
    Row(says="rule that can never pass", rule="never-passes", text=job(validator="pattern_match", where="job_plan", pattern="", negate=True), at='"",\n        "neg', severity="warning"),
    Row(says="rule that can never pass: bounds", rule="wrong-value", text=job(validator="task_count", min=3, max=1), at="3"),
    Row(says="rule without bounds", rule="missing-field", text=job(validator="task_count"), at='{\n        "label"', write="at least one"),
    # ---- targets that their scope does not have
    Row(says="target of another scope", rule="misplaced-field", text=tasks(validator="pattern_match", where="gateway_summary", pattern="x"), at='"gateway_summary"', write="validation.gateway"),
    Row(says="ansible in gateway", rule="ignored-rule", text=scenario(validation={"gateway": [{"label": "r", "validator": "ansible", "ansiblePath": "validate.yml"}]}), at='{\n        "label"', write="validation.job", severity="warning"),
    # ---- guards
    Row(says="guard that names nobody", rule="guard-names-nobody", text=scenario(validation={"allowedHosts": ["web1"]}), at='"web1"', write="web-01", severity="warning"),
    Row(says="guard that is empty", rule="wrong-value", text=scenario(validation={"allowedAgents": []}), at="[]", write="at least one"),
    Row(says="forbidden pattern that does not compile", rule="bad-pattern", text=scenario(validation={"forbiddenCommands": ["a(b"]}), at='"a(b"', write="JavaScript"),
    # ---- hosts, templates, specialties, engines, names
    Row(says="host that no agent uses", rule="unused-host", text=scenario(hosts=[HOST, {"host_name": "db-01", "template": "debian-base"}]), at='{\n      "host_name": "db-01"', severity="warning"),
    Row(says="agent on a host that is not there", rule="unknown-host", text=scenario(agents=[{**AGENT, "host_name": "web-1"}]), at='"web-1"', write="web-01"),
    Row(says="two hosts of one name", rule="duplicate-host", text=scenario(hosts=[HOST, {**HOST, "template": "x"}]), at='"web-01",\n      "template": "x"'),
    Row(says="template that does not exist", rule="unknown-template", text=scenario(hosts=[{**HOST, "template": "debian-bas"}]), at='"debian-bas"', write="debian-base"),
    Row(says="parent that does not exist", rule="unknown-template", path="config/templates/x/template.yaml", text="parent: debian\n", at="debian", write="debian-base"),
    Row(says="template that is its own ancestor", rule="template-loop", path=TEMPLATE, text="parent: debian-base\n", at="debian-base"),
    Row(says="specialty that does not exist", rule="unknown-specialty", path=BENCHMARK, text=benchmark(variants=[{"specialty": "linux-admin"}]), at='"linux-admin"', write="LINUX_ADMINISTRATION"),
    Row(says="an agent's specialty that does not exist", rule="unknown-specialty", text=scenario(agents=[{**AGENT, "specialty_key": "LINUX"}]), at='"LINUX"', severity="warning"),
    Row(says="engine that does not exist", rule="unknown-engine", path=BENCHMARK, text=benchmark(variants=[{"main_engine": "runbok"}]), at='"runbok"', write="runbook"),
    Row(says="adapter that does not exist", rule="unknown-adapter", path=ENGINE, text="adapter: runbok\n", at="runbok", write="runbook"),
    Row(says="tag selected that nothing bears", rule="unknown-scenario", path=BENCHMARK, text=benchmark(scenarios=["nginx", "wob"]), at='"wob"', write="web"),
    Row(says="tag of no known kind", rule="unknown-tag", path="config/operational_rules/reload.mdx", text="---\nname: reload\ntags: [tecj:nginx]\n---\nx\n", at="tecj", write="tech:nginx"),
    Row(says="two files of one name", rule="duplicate-name", path="config/specialties/again.mdx", text="---\nname: Linux Administration\n---\np\n", at="Linux", write=SPECIALTY),
    Row(says="no hosts in a mode that needs them", rule="no-hosts", text=scenario(hosts=[], agents=[]), at="{", write="hosts"),
    Row(says="no agents where they are needed", rule="no-agents", text=scenario(agents=[]), at="{", write="add agents", files={BENCHMARK: benchmark(variants=[{}])}),
    Row(says="no image for the mode", rule="no-image", text=scenario(), at='"debian-base"', write="lima", files={BENCHMARK: benchmark(mode="lima")}),
    Row(says="systemd in mode namespace", rule="needs-init", text=scenario(), at="{", files={BENCHMARK: benchmark(mode="namespace"), PREPARE: "- hosts: all\n  tasks: [{systemd: {name: x}}]\n"}),
    Row(says="misspelt folder", rule="misplaced-file", path="config/operational-rules/x.mdx", text="---\nname: x\n---\nx\n", at=None, write="operational_rules/", severity="warning"),
    Row(says="folder for one", rule="misplaced-file", path="config/benchmark/x.yaml", text=benchmark("x"), at=None, write="benchmarks/", severity="warning"),
    Row(says="a folder too deep", rule="misplaced-file", path="config/specialties/linux/x.mdx", text="---\nname: x\n---\nx\n", at=None, write="config/specialties/", severity="warning"),
    # ---- inventories
    Row(says="two inventories", rule="two-inventories", path="scenarios/nginx/inventory.ini", text="web-01\n", at=None, write="keep one", files={"scenarios/nginx/inventory.yml": "all: {hosts: {web-01: }}\n"}),
    Row(says="inventory that is none", rule="not-an-inventory", path="scenarios/nginx/inventory.ini", text="[web]\nweb-01 x\n", at="web-01 x", write="name=value"),
    Row(says="host of another scenario", rule="unknown-host", path="scenarios/nginx/inventory.ini", text="[web]\nweb-1\n", at="web-1", write="web-01", severity="warning"),
    Row(says="group named as a host", rule="duplicate-host", path="scenarios/nginx/inventory.ini", text="[web-01]\nweb-01\n", at="[web-01]", write="another name"),
    Row(says="inventory that says how a host is reached", rule="connection-variable", path="scenarios/nginx/inventory.ini", text="web-01 ansible_host=10.0.0.1\n", at="web-01", write="take it out", severity="warning"),
    Row(says="variables that lead out of the sandbox", rule="connection-variable", path="scenarios/nginx/host_vars/web-01.yml", text="ansible_connection: local\n", at="ansible", write="take it out"),
    # ---- resources of the platform
    Row(says="credential that is not there", rule="unknown-credential", path="config/hosts/h.mdx", text="---\nname: h\npublic_ip: a\njump_host_credential: kez\n---\n", at="kez", write="key", files={"config/credentials/key.mdx": "---\nname: key\ntype: SECRET\n---\n"}),
    Row(says="jump host that is none", rule="jump-host", path="config/hosts/h.mdx", text="---\nname: h\npublic_ip: a\njump_host: i\n---\n", at="i\n---", write="is_jump_host: true", files={"config/hosts/i.mdx": "---\nname: i\npublic_ip: a\n---\n"}),
    Row(says="variable that nothing replaces", rule="misplaced-variable", path=SPECIALTY, text="---\nname: linux-administration\ndescription: ${X}\n---\np\n", at="${X}", write="write the value out"),
    Row(says="secret in the file", rule="secret", path="config/credentials/key.mdx", text="---\nname: key\ntype: SECRET\nvalue: hunter2\n---\n", at="hunter2", write="${NAME}", severity="warning"),
    # ---- symbolic links, paths that leave the repository
    Row(says="symbolic link", rule="symbolic-link", path=PREPARE, text="/etc/shadow", at=None, link=True, write="copy"),
    Row(says="playbook that leaves its folder", rule="playbook-path", text=job(validator="ansible", ansiblePath="../b/v.yml"), at='"../b/v.yml"', write="folder"),
    Row(says="include that leaves the repository", rule="leaves-repository", path=PREPARE, text="- hosts: all\n  vars_files: [../../../x.yml]\n", at="../../../x.yml", write="copy"),
    Row(says="copy that leaves the repository", rule="leaves-repository", path=PREPARE, text="- hosts: all\n  tasks:\n    - copy: {src: ../../../../../etc/shadow, dest: /x}\n", at="../../../../../etc", write="copy"),
    Row(says="role that leaves the repository", rule="leaves-repository", path=PREPARE, text="- hosts: all\n  roles: [{role: ../../../../r}]\n", at="../../../../r", write="copy"),
    Row(
        says="more problems than anybody reads", rule="more-problems", text=scenario(tags=[1] * 101), at=None, write="mend",
    ),
    # ---- files
    Row(says="comma before the end of a list", rule="not-json", text='{"key": "nginx", "tags": ["web",\n  ]}', at="]", write="the comma"),
    Row(says="comma before the end of an object", rule="not-json", text='{"key": "nginx",}', at="}", write="the comma"),
    Row(says="not JSON", rule="not-json", text='{"key": "nginx",\n  oops}', at="oops"),
    Row(says="not UTF-8", rule="not-utf8", text=b'{"key": "\xff"}', at="\ufffd", write="UTF-8"),
    Row(says="too big", rule="too-big", text=scenario(description="x" * 1024 * 1024), at=None),
    Row(says="nothing in it", rule="empty-file", path=ENGINE, text="# nothing\n", at="#", write="adapter"),
    Row(says="no front matter", rule="no-front-matter", path=SPECIALTY, text="name: x\n", at="name", write="---"),
    Row(says="an engine's name that could be two", rule="misnamed-file", path="config/engines/a--b.yaml", text="adapter: runbook\n", at="adapter", write="one -"),
    Row(says="a name that is not read", rule="misnamed-file", path="config/specialties/x.md", text="---\nname: x\n---\np\n", at=None, write="x.mdx"),
    # ---- benchmarks, prompts
    Row(says="schedule", rule="bad-schedule", path=BENCHMARK, text=benchmark(schedule="0 2 * *"), at='"0 2 * *"', write="0 2 * * *"),
    Row(says="time zone", rule="bad-timezone", path=BENCHMARK, text=benchmark(timezone="Europe/Pariss"), at='"Europe/Pariss"', write="Europe/Paris"),
    Row(says="nothing starts it", rule="idle-benchmark", path=BENCHMARK, text=benchmark(on_change=False), at="{", write="schedule", severity="warning"),
    Row(says="no prompt", rule="empty-prompt", path=SPECIALTY, text="---\nname: linux-administration\n---\n", at="name", severity="warning"),
    Row(says="text that is not read", rule="unread-body", path="config/agents/a.mdx", text="---\nspecialty: linux-administration\nhost: h\nmain_engine: m\nsecondary_engine: m\n---\ntext\n", at="specialty", severity="warning", files={"config/hosts/h.mdx": "---\nname: h\npublic_ip: 10.0.0.1\n---\n"}),
    Row(says="prompt that the engine refuses", rule="runbook", path=SPECIALTY, text="---\nname: linux-administration\n---\n## When `a(`\n", at="## When", severity="warning"),
]  # fmt: skip


def spot(text: str | bytes, at: str | None) -> tuple[int, int]:
    """Line and column, from 1, of the first ``at``; (0, 0) for the whole file, the end of the text for an empty ``at``."""
    if at is None:
        return 0, 0
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    where = text.index(at) if at else len(text)
    return text.count("\n", 0, where) + 1, where - text.rfind("\n", 0, where)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.says}-{row.rule}")
def test_one_finding_says_where_and_what_to_write(row: Row) -> None:
    files = {**repository(), **row.files, row.path: row.text}
    found = [f for f in lint(files, links=[row.path] if row.link else []) if f.rule == row.rule]
    assert [(f.path, (f.line, f.column), f.severity) for f in found if f.path == row.path] == [
        (row.path, spot(row.text, row.at), row.severity)
    ]
    assert all(row.write in f"{f.message} ({f.hint})" for f in found if f.path == row.path)
    assert all(f.message and "\n" not in f.line_of_text for f in found)


def test_every_rule_is_in_the_list() -> None:
    assert LINT_RULES.keys() == {row.rule for row in ROWS}


ROLE = "scenarios/nginx/roles/x/"


@pytest.mark.parametrize(
    "files",
    [
        {ROLE + "tasks/main.yml": "- import_tasks: a/b/c.yml\n", ROLE + "tasks/a/b/c.yml": "- import_tasks: helper.yml\n", ROLE + "tasks/helper.yml": "[]"},
        {ROLE + "tasks/main.yml": "- import_tasks: a/b/c.yml\n", ROLE + "tasks/a/b/c.yml": "- include_vars: d.yml\n", ROLE + "vars/d.yml": "{}"},
        {ROLE + "tasks/a/b.yml": "- include_role: {name: y}\n", "scenarios/nginx/roles/y/tasks/main.yml": "[]"},
        {PREPARE: "- hosts: all\n  roles: [my.col.x, /srv/roles/x, '{{ x }}', {role: 'a/{{ x }}'}]\n  vars: {roles: [admin]}\n"},
        {PREPARE: "- hosts: all\n  tasks: [{mysql_role: {roles: [admin, ../x]}}, {include_role: {name: my.col.x}}]\n"},
        {PREPARE: "- hosts: all\n  tasks:\n    - import_tasks: file=t.yml\n    - include_tasks: \"file='t.yml'\"\n    - include_vars:\n      args: {file: v.yml}\n", "scenarios/nginx/t.yml": "[]", "scenarios/nginx/v.yml": "{}"},
        {PREPARE: "- hosts: all\n  tasks:\n    - script: t.sh src=../../../x\n    - copy: src=../../../x dest=/x remote_src=true\n", "scenarios/nginx/t.sh": ""},
        {PREPARE: "- hosts: all\n  vars:\n    a: &a {x: 1}\n    b: &b {y: 2}\n    c:\n      <<: *a\n      <<: *b\n  tasks: []\n"},
        {PREPARE: "- hosts: all\n  vars: {users: [{name: app, hosts: ['%'], roles: [readWrite, ../x]}]}\n  tasks: []\n"},
        {ROLE + "tasks/main.yml": "[]", PREPARE: "- import_playbook: my.col.play\n- import_playbook: my.col.sub.play\n"},
    ],
)  # fmt: skip
def test_what_ansible_finds_elsewhere_is_not_missing(files: Mapping[str, str]) -> None:
    role = {
        PREPARE: "- hosts: all\n  roles: [x]\n",
        ROLE + "tasks/main.yml": "- import_tasks: a/b.yml\n",
        ROLE + "tasks/a/b.yml": "[]",
    }
    assert lint({**repository(), **role, **files}) == []


@pytest.mark.parametrize(
    "hosts",
    ["localhost", "[db, web-01]", "'db:web-01'", "web*", "'!db'", "'{{ group }}'", "~db", "db\n- hosts: web-01"],
)
def test_a_playbook_that_plays_on_some_host_of_the_scenario_or_may_is_right(hosts: str) -> None:
    assert lint({**repository(), PREPARE: f"- hosts: {hosts}\n"}) == []


def test_groups_of_a_shipped_inventory_are_no_strangers() -> None:
    shipped = {"scenarios/nginx/inventory.ini": "[db]\nweb-01\n", PREPARE: "- hosts: db\n"}
    assert lint({**repository(), **shipped}) == []


@pytest.mark.parametrize("name", ["my.col.yml", "my.play", "my.col.play.yaml", "a/my.col.play", "helper.yml"])
def test_what_only_looks_like_a_playbook_of_a_collection_is_missing(name: str) -> None:
    (found,) = lint({**repository(), PREPARE: f"- import_playbook: {name}\n"})
    assert (found.rule, found.severity) == ("missing-include", "error")


def test_what_is_right_is_not_told_of() -> None:
    files = repository() | {
        PREPARE: "- hosts: all\n  vars_files: ['{{ x }}.yml', [a.yml, b.yml], more.yml]\n"
        "  tasks:\n    - include_tasks: '{{ playbook_dir }}/more.yml'\n    - copy: {src: ../../../x, dest: /x, remote_src: true}\n"
        "    - import_tasks: /srv/{{ name }}.yml\n    - file: {src: ../../../../x, dest: /y, state: link}\n",
        "scenarios/nginx/more.yml": "a: &a {b: 1}\nc: *a\n",
        SCENARIO: scenario(
            hosts=[HOST, {"host_name": "db-01", "template": "debian-base"}],
            agents=[AGENT, {**AGENT, "host_name": "db-01"}],
            validation={
                "job": [{"label": "r", "validator": "task_count", "min": 0, "max": 9}],
                "tasks": [
                    {"label": str(n), "validator": "pattern_match", "where": "task_summary", "pattern": p}
                    for n, p in enumerate((".*", "^$", "(^|\n)a$", r"\bno\b", "a|[]", "(?!x)y", r"^\s*$", "[^]"))
                ],
            },
        ),
    }  # fmt: skip
    assert lint(files) == []
