"""Every problem of every file, with file, line and what to write instead; one wrong file stalls what depends on it alone."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.definitions.catalogue import Catalogue
from tests.definitions import Files, batches, benchmark, errors, lint, load, repository, scenario

SCENARIO = "scenarios/nginx/scenario.json"
BENCHMARK = "config/benchmarks/all.yaml"
TEMPLATE = "config/templates/debian-base/template.yaml"


def rule(**fields: Any) -> dict[str, Any]:
    return {"validation": {"tasks": [{"label": "r", **fields}]}}


def only_error(files: Files, path: str) -> tuple[int, str, str, str]:
    """(line, rule, message, hint) of the one error, which must be in ``path``."""
    (found,) = errors(load(files))
    assert found.path == path
    assert found.line >= 1
    assert found.column >= 1
    return found.line, found.rule, found.message, found.hint


def test_a_right_repository_has_no_findings_and_one_batch() -> None:
    catalogue = load(repository())
    assert list(catalogue.findings) == []
    assert list(batches(catalogue)) == ["nginx/linux-administration--runbook"]


@pytest.mark.parametrize(
    ("text", "line", "name", "message", "hint"),
    [
        ('{"key": "x",\n  oops}', 2, "not-json", "not JSON", ""),
        ('{"key": NaN}', None, "not-json", "NaN", ""),
        ("[" * 3000, None, "not-json", "nested", ""),
        (b'{"key": "\xff"}', 1, "not-utf8", "not UTF-8", "save it as UTF-8"),
        ("[]", 1, "wrong-type", "must be an object", ""),
        ("null", 1, "empty-file", "nothing in this file", "ticket_body"),
        (scenario(ticket_body=None), 1, "missing-field", "ticket_body is missing", "ticket_body"),
        (scenario(ticket_body=5), 6, "wrong-type", "ticket_body must be text", "quotes"),
        (scenario(tag=["x"]), None, "unknown-field", "'tag' is not a field", "did you mean tags?"),
        (scenario(key=""), 2, "wrong-value", "key is empty", ""),
        (scenario(key="a\nb", title="t"), 2, "wrong-value", "key holds a line break", "one line"),
        (scenario(tags="web"), 7, "wrong-type", "tags must be a list", ""),
        ('{"key": "x", ' + scenario()[1:], 2, "duplicate-field", "'key' is written twice", "keep one"),
        (
            scenario(**rule(validator="patern_match", where="task_plan", pattern="x")),
            27,
            "unknown-value",
            "patern_match",
            "did you mean pattern_match?",
        ),
        (
            scenario(**rule(validator="pattern_match", where="executed_command", pattern="x")),
            28,
            "unknown-value",
            "executed_command",
            "did you mean executed_commands?",
        ),
        (
            scenario(**rule(validator="job_resolution_status", pattern="sucess")),
            28,
            "unknown-value",
            "no resolution status 'sucess'",
            "did you mean success?",
        ),
        (
            scenario(**rule(validator="pattern_match", where="task_plan", pattern="a(")),
            29,
            "bad-pattern",
            "does not compile",
            "JavaScript",
        ),
        (
            scenario(**rule(validator="pattern_match", pattern="a")),
            25,
            "missing-field",
            "where is missing",
            "pattern and where",
        ),
        (scenario(**rule(validator="task_count")), 25, "missing-field", "min or max", ""),
        (scenario(**rule(validator="task_count", min=3, max=1)), 28, "wrong-value", "more than max", ""),
        (
            scenario(**rule(validator="task_count", min=1, pattern="x")),
            29,
            "misplaced-field",
            "pattern says nothing",
            "min",
        ),
        (
            scenario(**rule(validator="pattern_match", where="gateway_summary", pattern="x")),
            28,
            "misplaced-field",
            "not known in scope tasks",
            "validation.gateway",
        ),
        (scenario(**rule(validator="ansible", ansiblePath="../other/v.yml")), 28, "playbook-path", "leaves", "folder"),
        (scenario(**rule(validator="ansible", ansiblePath="/etc/v.yml")), 28, "playbook-path", "leaves", "folder"),
        (
            scenario(**rule(validator="ansible", ansiblePath="valdate.yml")),
            28,
            "playbook-path",
            "does not exist",
            "did you mean validate.yml?",
        ),
        (
            scenario(agents=[{"agent_name": "a", "host_name": "web-1", "specialty_key": "LINUX_ADMINISTRATION"}]),
            19,
            "unknown-host",
            "'web-1' is none of the scenario's hosts",
            "did you mean web-01?",
        ),
        (
            scenario(hosts=[{"host_name": "w", "template": "debian-base"}] * 2, agents=[]),
            16,
            "duplicate-host",
            "two hosts",
            "",
        ),
        (scenario(hosts=[], agents=[]), 1, "no-hosts", "has no hosts, and mode incus needs one", "host_name"),
        (scenario(hosts=[{"host_name": "web-01"}]), 11, "missing-field", "host web-01 has no template", "debian-base"),
        (
            scenario(hosts=[{"host_name": "web-01", "template": "debian-bas"}]),
            13,
            "unknown-template",
            "no template 'debian-bas'",
            "did you mean debian-base?",
        ),
    ],
)
def test_a_wrong_scenario_is_told_with_its_line_and_stalls(
    text: str | bytes, line: int | None, name: str, message: str, hint: str
) -> None:
    files = repository() | {SCENARIO: text, "scenarios/other/scenario.json": scenario("other", validation=None)}
    (found,) = errors(load(files))
    assert (found.path, found.rule) == (SCENARIO, name)
    assert message in found.message
    assert hint in found.hint
    assert line is None or found.line == line
    catalogue = load(files)
    assert list(batches(catalogue)) == ["other/linux-administration--runbook"]
    assert [(b.benchmark, b.scenario in ("nginx", "x", "y", "a\nb")) for b in catalogue.demands({}).blocked] == [
        ("all", True)
    ]


def test_all_problems_of_a_file_are_told_at_once() -> None:
    text = scenario(titel="x", ticket_title=None, tags=[1], validation={"job": [{"label": "", "validator": "x"}]})
    found = errors(load(repository() | {SCENARIO: text}))
    assert {f.rule for f in found} == {"unknown-field", "missing-field", "wrong-type", "wrong-value", "unknown-value"}


def test_a_scenario_file_bigger_than_one_mebibyte_is_not_read() -> None:
    text = scenario(description="x" * (1024 * 1024))
    (found,) = errors(load(repository() | {SCENARIO: text}))
    assert found.rule == "too-big"


def test_two_scenarios_with_one_key_name_each_other_and_both_stall() -> None:
    files = repository() | {"scenarios/copy/scenario.json": scenario(validation=None)}
    catalogue = load(files)
    assert [(f.path, f.line, f.rule) for f in errors(catalogue)] == [
        ("scenarios/copy/scenario.json", 2, "duplicate-name"),
        (SCENARIO, 2, "duplicate-name"),
    ]
    assert SCENARIO in errors(catalogue)[0].hint
    assert batches(catalogue) == {}
    (blocked,) = catalogue.demands({}).blocked
    assert "scenarios/copy/scenario.json" in blocked.reason
    assert SCENARIO in blocked.reason


@pytest.mark.parametrize(
    ("changes", "name", "message", "hint"),
    [
        ({"scenarios": ["ngnix"]}, "unknown-scenario", "key or tag 'ngnix'", "did you mean nginx?"),
        (
            {"variants": [{"specialty": "linux-admin"}]},
            "unknown-specialty",
            "LINUX_ADMIN",
            "did you mean LINUX_ADMINISTRATION?",
        ),
        ({"variants": [{"main_engine": "runbok"}]}, "unknown-engine", "no engine 'runbok'", "did you mean runbook?"),
        ({"variants": [{"secondary_engine": "x"}]}, "unknown-engine", "no engine 'x'", "known: runbook"),
        ({"schedule": "0 2 * *"}, "bad-schedule", "five fields, and this has 4", "every night"),
        ({"schedule": "0 99 * * *"}, "bad-schedule", "0 99", "every night"),
        ({"schedule": "0 0 30 2 *"}, "bad-schedule", "no date is ever day 30 of month 2", ""),
        ({"schedule": "0 2 * * *", "timezone": "Europe/Pariss"}, "bad-timezone", "Europe/Pariss", "Europe/Paris"),
        ({"timezone": "x" * 300}, "bad-timezone", "xxx", "Europe/Paris"),
        ({"mode": "docker"}, "unknown-value", "docker", "incus"),
        ({"mode": None}, "missing-field", "mode is missing", "mode"),
        ({"iterations": 0}, "wrong-value", "iterations", ""),
        ({"gate": {"pass_rate": 2}}, "wrong-value", "gate.pass_rate", ""),
        ({"iteration": 3}, "unknown-field", "'iteration'", "did you mean iterations?"),
        ({"name": 5}, "wrong-type", "name must be text", "quotes"),
        ({"mode": "lima"}, "no-image", "no image for mode lima", "lima"),
    ],
)
def test_a_wrong_benchmark_is_told_and_demands_nothing(
    changes: dict[str, Any], name: str, message: str, hint: str
) -> None:
    catalogue = load(repository() | {BENCHMARK: benchmark(**changes)})
    (found,) = errors(catalogue)
    assert (found.path, found.rule) == (SCENARIO if name == "no-image" else BENCHMARK, name)
    assert found.line >= 1
    assert message in found.message
    assert hint in found.hint
    demands = catalogue.demands({})
    assert demands.demands == ()
    assert len(demands.blocked) == 1


def test_a_wrong_name_in_a_benchmark_stalls_its_own_row_alone() -> None:
    wrong = benchmark(
        scenarios=["nope", "nginx"], variants=[{"specialty": "nope"}, {"specialty": "linux-administration"}]
    )
    catalogue = load(repository() | {BENCHMARK: wrong})
    assert list(batches(catalogue)) == ["nginx/linux-administration--runbook"]
    assert [(b.scenario, b.variant and b.variant.specialty) for b in catalogue.demands({}).blocked] == [
        ("nope", None),
        ("", "NOPE"),
    ]


@pytest.mark.parametrize(
    ("path", "text", "line", "name", "message"),
    [
        ("config/specialties/x.mdx", "no front matter", 1, "no-front-matter", "front matter"),
        ("config/specialties/x.mdx", "---\nname: [\n---\n", 3, "not-yaml", "not YAML"),
        ("config/specialties/x.mdx", "---\nname: x\nmodel: y\n---\np", 3, "unknown-field", "'model'"),
        ("config/specialties/x.mdx", "---\nname: x\nexecution_mode: read\n---\np", 3, "unknown-value", "'read'"),
        ("config/specialties/x.mdx", "---\nname: x\nname: y\n---\np", 3, "duplicate-field", "'name' is written twice"),
        ("config/specialties/x.mdx", "---\nname: &a x\ndescription: *a\n---\np", 2, "not-yaml", "aliases"),
        ("config/specialties/x.md", "---\nname: x\n---\np", 0, "misnamed-file", "not read"),
        (
            "config/operational_rules/x.mdx",
            "---\nname: x\ntags: [tech:apache, tecj:nginx]\n---\np",
            3,
            "unknown-tag",
            "'tecj:nginx'",
        ),
        ("config/hosts/x.mdx", "---\nname: x\n---\n", 2, "missing-field", "no address"),
        (
            "config/agents/x.mdx",
            "---\nspecialty: x\nhost: y\nmain_engine: m\n---\n",
            2,
            "missing-field",
            "secondary_engine",
        ),
        ("config/engines/x.yaml", "adapter: runbok\n", 1, "unknown-adapter", "no adapter 'runbok'"),
        ("config/engines/x.yaml", "adapter: command\nsince: 2026-01-01\n", 1, "wrong-value", "no JSON value"),
        ("config/engines/x.yaml", "", 1, "empty-file", "nothing in this file"),
        ("config/templates/x/template.yaml", "cpus: 1\n", 1, "missing-field", "neither image nor parent"),
        ("config/templates/x/template.yaml", "image: {incus: a}\nmemory: 1GB\n", 2, "wrong-value", "'1GB'"),
        ("config/templates/x/template.yaml", "parent: y\n", 1, "unknown-template", "no template 'y'"),
        ("config/templates/x/template.yaml", "parent: x\n", 1, "template-loop", "x → x"),
        (
            "config/templates/x/template.yaml",
            "image: {incus: a}\nprovision: [p.yml]\n",
            2,
            "playbook-path",
            "does not exist",
        ),
        (
            "config/templates/x/template.yaml",
            "image: {incus: a}\nprovision: [../p.yml]\n",
            2,
            "playbook-path",
            "leaves",
        ),
    ],
)
def test_a_wrong_file_that_nothing_uses_stalls_nothing(
    path: str, text: str, line: int, name: str, message: str
) -> None:
    catalogue = load(repository() | {path: text})
    found = [f for f in errors(catalogue) if f.path == path]
    assert name in {f.rule for f in found}
    told = next(f for f in found if f.rule == name)
    assert message in told.message
    assert told.line == line
    assert list(batches(catalogue)) == ["nginx/linux-administration--runbook"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("config/specialties/linux-administration.mdx", "---\nname: linux-administration\nx: y\n---\np"),
        ("config/specialties/again.mdx", "---\nname: Linux Administration\n---\np"),
        ("config/engines/runbook.yaml", "adapter: nope\n"),
        (TEMPLATE, "image: {incus: a}\ncpus: many\n"),
        (TEMPLATE, "parent: debian-base\n"),
        (BENCHMARK, "- not a benchmark"),
        ("config/benchmarks/again.yaml", benchmark()),
        ("scenarios/nginx/prepare.yml", "- hosts: [\n"),
        ("scenarios/nginx/validate.yml", "a: b: c\n"),
        ("scenarios/nginx/validate.yml", "[" * 50_000),
    ],
)
def test_a_wrong_file_that_is_needed_stalls_what_needs_it_with_the_reason(path: str, text: str) -> None:
    catalogue = load(repository() | {path: text})
    assert path in {f.path for f in errors(catalogue)}
    demands = catalogue.demands({})
    assert demands.demands == ()
    assert demands.blocked
    assert all(b.reason for b in demands.blocked)


@pytest.mark.parametrize(
    ("link", "stalls"),
    [
        ("scenarios/nginx/extra", True),
        ("scenarios/nginx/prepare.yml", True),
        (SCENARIO, True),
        (TEMPLATE, True),
        ("config/templates/debian-base/setup.sh", True),
        ("config/specialties/linux-administration.mdx", True),
        ("scenarios/elsewhere", False),
        ("config/specialties/unused.mdx", False),
    ],
)
def test_a_symbolic_link_is_an_error_and_stalls_what_depends_on_it(link: str, stalls: bool) -> None:
    catalogue = load(repository() | {link: "/etc/passwd"}, links=[link])
    assert (link, "symbolic-link") in {(f.path, f.rule) for f in errors(catalogue)}
    assert (catalogue.demands({}).demands == ()) is stalls


def test_a_symbolic_link_outside_stalls_the_scenario_that_reaches_it() -> None:
    files = repository() | {
        "scenarios/nginx/prepare.yml": "- hosts: all\n  vars_files: [../common/vars.yml]\n",
        "scenarios/common": "/etc",
        "scenarios/other/scenario.json": scenario("other", validation=None),
    }
    catalogue = load(files, links=["scenarios/common"])
    assert list(batches(catalogue)) == ["other/linux-administration--runbook"]


@pytest.mark.parametrize(
    "module", ["systemd", "ansible.builtin.systemd", "ansible.legacy.systemd_service", "systemd_service"]
)
def test_a_scenario_that_needs_an_init_system_says_so_in_namespace_mode(module: str) -> None:
    files = repository() | {
        "scenarios/nginx/prepare.yml": f"- hosts: all\n  tasks:\n    - {module}: {{name: x, state: stopped}}\n",
        BENCHMARK: benchmark(mode="namespace"),
    }
    _, name, message, hint = only_error(files, SCENARIO)
    assert (name, hint) == ("needs-init", "run this scenario in mode incus")
    assert message == "scenarios/nginx/prepare.yml needs an init system (systemd), and mode namespace has none"
    assert load(files).demands({}).demands == ()
    assert errors(load(files | {BENCHMARK: benchmark()})) == []


def test_systemd_in_a_comment_or_a_text_needs_no_init_system() -> None:
    playbook = "# systemd: no\n- hosts: all\n  tasks:\n    - shell: |\n        systemd: no\n"
    files = repository() | {"scenarios/nginx/prepare.yml": playbook, BENCHMARK: benchmark(mode="namespace")}
    assert errors(load(files)) == []


@pytest.mark.parametrize("name", ["prepare", "restore"])
def test_a_playbook_that_is_named_almost_right_is_told(name: str) -> None:
    right, wrong = f"scenarios/nginx/{name}.yml", f"scenarios/nginx/{name}.yaml"
    files: Files = {p: t for p, t in repository().items() if p != right} | {wrong: "- hosts: all\n"}
    assert [(f.path, f.severity, f.rule, f.hint) for f in load(files).findings] == [
        (wrong, "error", "misnamed-file", f"name it {name}.yml")
    ]
    assert list(load(files | {right: f"- import_playbook: {name}.yaml\n"}).findings) == []
    rule = {"label": "truth", "validator": "ansible", "ansiblePath": f"{name}.yaml"}
    assert list(load(files | {SCENARIO: scenario(validation={"job": [rule]})}).findings) == []


@pytest.mark.parametrize("where", ["scenarios/nginx/", "scenarios/common/"])
def test_a_playbook_of_almost_the_right_name_that_another_imports_is_read(where: str) -> None:
    files: Files = {p: t for p, t in repository().items() if p != "scenarios/nginx/prepare.yml"} | {
        "scenarios/nginx/prepare.yaml": "- hosts: all\n",
        "scenarios/nginx/validate.yml": "- import_playbook: ../common/more.yml\n- import_playbook: more.yml\n",
        "scenarios/nginx/more.yml": "- hosts: all\n",
        "scenarios/common/more.yml": "- hosts: all\n",
    }
    assert [f.rule for f in load(files).findings] == ["misnamed-file"]
    assert list(load(files | {where + "more.yml": "- import_playbook: ../nginx/prepare.yaml\n"}).findings) == []


def needing_init(files: Files) -> list[str]:
    """The files that are told to need an init system."""
    found = errors(load(repository() | {BENCHMARK: benchmark(mode="namespace")} | files))
    return [f.message.partition(" needs")[0] for f in found if f.rule == "needs-init"]


PREPARE = "scenarios/nginx/prepare.yml"
TASK = "{systemd: {name: x, state: stopped}}"


@pytest.mark.parametrize(
    "tasks",
    [
        f"pre_tasks: [{TASK}]",
        f"tasks: [{{block: [{{block: [{TASK}], always: []}}]}}]",
        f"tasks: [{{block: [{{command: x}}], rescue: [], always: [{TASK}]}}]",
        "tasks: [{systemd: {name: '{{ item }}'}, loop: [a, b], tags: [always]}]",
        f"tasks: [{TASK}, {{meta: end_play, when: x}}]",
        f"tasks: [{{block: [{{command: x}}], rescue: [{{debug: }}]}}, {TASK}]",
        f"tasks: [{{meta: flush_handlers}}, {TASK}]",
        f"tasks: [{{meta: end_play, when: x}}]\n- hosts: all\n  tasks: [{TASK}]",
        "tasks: [{action: systemd name=x}]",
        "tasks: [{local_action: {module: ansible.builtin.systemd, name: x}}]",
    ],
)
def test_a_task_that_talks_to_systemd_is_found_wherever_tasks_are(tasks: str) -> None:
    assert needing_init({PREPARE: f"- hosts: all\n  {tasks}\n"}) == [PREPARE]


@pytest.mark.parametrize(
    ("play", "files"),
    [
        ("tasks: [{import_tasks: more.yml}]", {"more.yml": f"[{TASK}]"}),
        ("tasks: [{include_tasks: {file: '{{ playbook_dir }}/tasks/more.yml'}}]", {"tasks/more.yml": f"[{TASK}]"}),
        ("roles: [r]", {"roles/r/tasks/main.yml": f"[{TASK}]"}),
        ("tasks: [{import_role: {name: r}}]", {"roles/r/tasks/main.yml": f"[{TASK}]"}),
        ("tasks: [import_role: name=r]", {"roles/r/tasks/main.yml": f"[{TASK}]"}),
        ("tasks: [action: include_role name=r]", {"roles/r/tasks/main.yml": f"[{TASK}]"}),
        ("tasks: [import_tasks: file=more.yml]", {"more.yml": f"[{TASK}]"}),
        ("tasks: [{include_tasks: , args: {file: more.yml}}]", {"more.yml": f"[{TASK}]"}),
        (
            "roles: [r]",
            {"roles/r/meta/main.yml": "dependencies: [{role: ../../s}]", "s/tasks/main.yml": f"[{TASK}]"},
        ),
    ],
)
def test_a_file_that_is_brought_in_without_a_condition_is_looked_at(play: str, files: Mapping[str, str]) -> None:
    added = {f"scenarios/nginx/{p}": t for p, t in files.items()}
    assert needing_init({PREPARE: f"- hosts: all\n  {play}\n", **added}) == [list(added)[-1]]


@pytest.mark.parametrize(
    ("play", "files"),
    [
        ("vars: {services: {systemd: nginx}}", {}),
        ("tasks: [{set_fact: {x: {systemd: 1}}}, {debug: {msg: x}, vars: {systemd: 1}}]", {}),
        ("vars_files: [v.yml]", {"v.yml": "systemd: 1\ntasks: [{systemd: 1}]\n"}),
        ("gather_facts: false", {"group_vars/all.yml": "systemd: {enabled: true}\n"}),
        ("gather_facts: false", {"values.yml": "- systemd: {enabled: true}\n"}),
        ("tasks: [{systemd: {name: x}, when: ansible_service_mgr == 'systemd'}]", {}),
        (f"tasks: [{{block: [{TASK}], when: ansible_service_mgr == 'systemd'}}]", {}),
        (
            "tasks: [{include_tasks: more.yml, when: x}]",
            {"more.yml": f"[{TASK}, {{import_tasks: m.yml}}]", "m.yml": f"[{TASK}]"},
        ),
        ("roles: [{role: r, when: x}]", {"roles/r/tasks/main.yml": f"[{TASK}]"}),
        ("roles: [r]", {"roles/r/tasks/main.yml": "[]", "roles/r/tasks/other.yml": f"[{TASK}]"}),
        (f"handlers: [{TASK}]", {}),
        ("roles: [r]", {"roles/r/handlers/main.yml": f"[{TASK}]"}),
        (f"tasks: [{{block: [{{command: x}}], rescue: [{TASK}]}}]", {}),
        (f"tasks: [{{block: [{TASK}], rescue: [{{debug: }}]}}]", {}),
        ("tasks: [{systemd: {name: x}, tags: [never, debug]}]", {}),
        ("tasks: [{systemd: {name: x}, tags: 'never, debug'}]", {}),
        ("roles: [{role: r, tags: never}]", {"roles/r/tasks/main.yml": f"[{TASK}]"}),
        ("tasks: [{systemd: {name: x}, ignore_errors: true}]", {}),
        (f"ignore_errors: true\n  tasks: [{TASK}]", {}),
        ("tasks: [{systemd: {name: x}, failed_when: false}]", {}),
        ("tasks: [{systemd: {name: '{{ item }}'}, loop: '{{ units | default([]) }}'}]", {}),
        ("tasks: [{systemd: {name: '{{ item }}'}, with_items: ['{{ units }}']}]", {}),
        ("tasks: [{systemd: {name: '{{ item }}'}, loop: []}]", {}),
        (f"tasks: [{{meta: end_play, when: x}}, {TASK}]", {}),
        (f"tasks: [{{block: [{{ansible.builtin.meta: end_host, when: x}}]}}, {{block: [{TASK}]}}]", {}),
        (f"tasks: [{{block: [{{meta: end_host}}], when: x}}, {TASK}]", {}),
        (f"tasks: [{{block: [{{command: x}}], rescue: [{{meta: end_host}}]}}, {TASK}]", {}),
        (f"pre_tasks: [{{action: meta end_batch, when: x}}]\n  tasks: [{TASK}]", {}),
        ("roles: [r]\n  pre_tasks: [{meta: end_play, when: x}]", {"roles/r/tasks/main.yml": f"[{TASK}]"}),
        ("tasks: [import_role: name=r tasks_from=other]", {"roles/r/tasks/main.yml": f"[{TASK}]"}),
    ],
)
def test_what_may_never_talk_to_systemd_needs_no_init_system(play: str, files: Mapping[str, str]) -> None:
    added = {f"scenarios/nginx/{p}": t for p, t in files.items()}
    assert needing_init({PREPARE: f"- hosts: all\n  {play}\n", **added}) == []


def test_a_playbook_that_is_imported_on_a_condition_needs_no_init_system() -> None:
    more = {"scenarios/nginx/more.yml": f"- hosts: all\n  tasks: [{TASK}]\n"}
    assert needing_init({PREPARE: "- import_playbook: more.yml\n", **more}) == ["scenarios/nginx/more.yml"]
    assert needing_init({PREPARE: "- import_playbook: more.yml\n  when: x\n", **more}) == []


def test_names_that_no_benchmark_needs_are_warnings() -> None:
    strange = [{"agent_name": "a", "host_name": "web-01", "specialty_key": "SERVICES_MANAGER"}]
    catalogue = load(repository() | {SCENARIO: scenario(agents=strange)})
    assert [(f.severity, f.rule) for f in catalogue.findings] == [("warning", "unknown-specialty")]
    assert len(catalogue.demands({}).demands) == 1


def test_a_specialty_left_to_an_agent_without_one_stalls_that_variant_alone() -> None:
    files = repository() | {
        SCENARIO: scenario(agents=[{"agent_name": "a", "host_name": "web-01"}]),
        BENCHMARK: benchmark(variants=[{}, {"specialty": "linux-administration"}]),
    }
    catalogue = load(files)
    assert only_error(files, SCENARIO)[1] == "missing-field"
    assert list(batches(catalogue)) == ["nginx/linux-administration--runbook"]
    (blocked,) = catalogue.demands({}).blocked
    assert blocked.scenario == "nginx"
    assert blocked.variant is not None


def test_solutions_and_mutants_are_linted_on_request_and_stall_nothing() -> None:
    files = repository() | {"scenarios/nginx/solution.yml": "- [", "scenarios/nginx/mutants/a.yml": "- ["}
    assert list(load(files).findings) == []
    assert [f.path for f in lint(files)] == ["scenarios/nginx/mutants/a.yml", "scenarios/nginx/solution.yml"]


def test_reference_scenarios_of_both_shapes_are_read() -> None:
    old = {
        "key": "nginx/001-broken-config",
        "name": "Nginx broken configuration",
        "description": "@2501 nginx is down.",
        "hosts": [{"host_id": "hst_web01"}],
        "agents": [{"agent_id": "agt_web", "host_id": "hst_web01"}],
        "validation": {
            "allowedAgents": ["agt_web"],
            "job": [
                {"label": "w", "validator": "job_resolution_status", "pattern": "no_tasks_created", "negate": True}
            ],
        },
    }
    catalogue: Catalogue = load({"scenarios/a/scenario.json": json.dumps(old)})
    assert errors(catalogue) == []
    found = catalogue.scenarios["nginx/001-broken-config"]
    assert (found.title, found.ticket_title, found.ticket_body, found.description) == (
        "Nginx broken configuration",
        "Nginx broken configuration",
        "@2501 nginx is down.",
        "Nginx broken configuration",
    )
    assert found.allowed_agents == ("agt_web",)
    assert found.hosts[0].host_id == "hst_web01"


def test_a_byte_order_mark_is_read_over() -> None:
    assert errors(load(repository() | {SCENARIO: b"\xef\xbb\xbf" + scenario().encode()})) == []
