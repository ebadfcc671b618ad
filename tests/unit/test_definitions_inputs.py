"""What a change to a file changes: which component, which part, and nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.core.model import Batch
from reconciler.definitions.ansible.dependencies import files_of
from reconciler.definitions.ansible.playbooks import names_in_template
from reconciler.definitions.catalogue import Catalogue
from tests.definitions import CONTEXT, Files, Store, batches, benchmark, changed, load, repository, scenario

NGINX = "scenarios/nginx/"
SPECIALTY = "config/specialties/linux-administration.mdx"
TEMPLATE = "config/templates/debian-base/template.yaml"
PLAY = "- hosts: all\n"


def rich() -> Files:
    """A scenario with everything around it that a result can depend on."""
    return repository() | {
        NGINX + "prepare.yml": PLAY
        + "  roles: [../../roles/base]\n  vars_files: ['{{ playbook_dir }}/../common/vars.yml']\n"
        + "  tasks:\n    - copy: {src: conf, dest: /etc/conf}\n    - copy: src=../common/motd.txt dest=/etc/motd\n",
        NGINX + "validate.yml": PLAY
        + "  tasks:\n    - include_tasks: checks/port.yml\n    - copy: src=expected.txt dest=/tmp/x\n",
        NGINX + "checks/port.yml": "- script: probe.sh --port 80\n",
        NGINX + "checks/probe.sh": "true",
        NGINX + "files/expected.txt": "x",
        NGINX + "files/conf/a": "1",
        NGINX + "unnamed.bin": "1",
        NGINX + "solution.yml": PLAY,
        NGINX + "mutants/one.yml": PLAY,
        NGINX + "README.md": "about",
        "scenarios/roles/base/tasks/main.yml": "- include_tasks: more.yml\n- template: {src: t.j2, dest: /t}\n",
        "scenarios/roles/base/tasks/more.yml": "- include_role: {name: helper}\n",
        "scenarios/roles/base/templates/t.j2": "1",
        "scenarios/roles/helper/tasks/main.yml": "- debug: msg=x\n",
        "scenarios/roles/unused/tasks/main.yml": "- debug: msg=x\n",
        "scenarios/common/vars.yml": "a: 1\n",
        "scenarios/common/motd.txt": "hello",
        "scenarios/common/unused.txt": "hello",
    }


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (NGINX + "prepare.yml", {"world": ["prepare.yml"]}),
        (NGINX + "unnamed.bin", {"world": ["unnamed.bin"]}),
        (NGINX + "files/conf/a", {"world": ["files/conf/a"]}),
        ("scenarios/roles/base/tasks/main.yml", {"world": ["../roles/base/tasks/main.yml"]}),
        ("scenarios/roles/base/tasks/more.yml", {"world": ["../roles/base/tasks/more.yml"]}),
        ("scenarios/roles/base/templates/t.j2", {"world": ["../roles/base/templates/t.j2"]}),
        ("scenarios/roles/helper/tasks/main.yml", {"world": ["../roles/helper/tasks/main.yml"]}),
        ("scenarios/common/vars.yml", {"world": ["../common/vars.yml"]}),
        ("scenarios/common/motd.txt", {"world": ["../common/motd.txt"]}),
        (NGINX + "validate.yml", {"truth": ["validate.yml"]}),
        (NGINX + "checks/port.yml", {"truth": ["checks/port.yml"]}),
        (NGINX + "checks/probe.sh", {"truth": ["checks/probe.sh"]}),
        (NGINX + "files/expected.txt", {"truth": ["files/expected.txt"]}),
        (NGINX + "solution.yml", {}),
        (NGINX + "mutants/one.yml", {}),
        (NGINX + "README.md", {}),
        ("scenarios/roles/unused/tasks/main.yml", {}),
        ("scenarios/common/unused.txt", {}),
        (SPECIALTY, {"agent": ["specialty linux-administration"]}),
        ("config/operational_rules/reload.mdx", {"agent": ["rule reload"]}),
    ],
)
def test_an_edit_changes_the_component_that_uses_the_file(path: str, parts: Mapping[str, list[str]]) -> None:
    before = rich()
    assert changed(before, before | {path: f"{before[path]!s}\n# edited\n"}) == parts
    (old,) = batches(load(before)).values()
    for component, names in parts.items():
        for name in names:
            assert path in load(before).paths_of(old, component, name)


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"title": "new", "description": "new", "tags": ["new"]}, {}),
        ({"ticket_title": "new"}, {"task": ["ticket title"]}),
        ({"ticket_body": "new"}, {"task": ["ticket body"]}),
        ({"agents": [{"agent_name": "b", "host_name": "web-01", "specialty_key": "X"}]}, {"world": ["agents"]}),
        ({"agents": [{"agent_name": "a", "host_name": "web-01", "specialty_key": "X"}]}, {}),
        (
            {"hosts": [{"host_name": "w", "template": "debian-base"}], "agents": []},
            {"world": ["agents", "hosts"]},
        ),
        (
            {"validation": {"tasks": [{"label": "r", "validator": "task_count", "min": 1}]}},
            {"world": ["validate.yml"], "truth": ["validate.yml"], "rules": ["rule r", "rule truth"]},
        ),
        (
            {
                "validation": {
                    "job": [
                        {"label": "truth", "validator": "ansible", "ansiblePath": "validate.yml", "required": False}
                    ]
                }
            },
            {"rules": ["rule truth"]},
        ),
        (
            {
                "validation": {
                    "allowedHosts": ["h"],
                    "job": [{"label": "truth", "validator": "ansible", "ansiblePath": "validate.yml"}],
                }
            },
            {"world": ["guards"]},
        ),
    ],
)
def test_a_field_of_a_scenario_changes_its_own_component(
    fields: dict[str, Any], parts: Mapping[str, list[str]]
) -> None:
    assert changed(repository(), repository() | {NGINX + "scenario.json": scenario(**fields)}) == parts


@pytest.mark.parametrize(
    ("path", "text", "parts"),
    [
        (SPECIALTY, "---\nname: Linux Administration\ndescription: other\n---\nBe careful.\n", {}),
        (
            SPECIALTY,
            "---\nname: linux-administration\nexecution_mode: investigate_only\n---\nBe careful.\n",
            {"agent": ["specialty linux-administration"]},
        ),
        (
            SPECIALTY,
            "---\nname: linux-administration\n---\nBe careful.\n\n",
            {"agent": ["specialty linux-administration"]},
        ),
        (
            "config/operational_rules/more.mdx",
            "---\nname: more\ntags: [tech:nginx]\n---\nx\n",
            {"agent": ["rule more"]},
        ),
        ("config/operational_rules/more.mdx", "---\nname: more\ntags: [tech:apache]\n---\nx\n", {}),
        ("config/engines/runbook.yaml", "adapter: runbook\ncommand_timeout: 5s\n", {"agent": ["engine runbook"]}),
        (TEMPLATE, "image: {incus: debian/13}\nmemory: 1GiB\n", {"world": ["template debian-base"]}),
        (TEMPLATE, "# comment\nimage: {incus: debian/12, lima: x}\nmemory: 1024MiB\n", {}),
        (TEMPLATE, "image: {incus: debian/12}\nmemory: 2GiB\n", {"world": ["limits"]}),
        ("config/templates/debian-base/setup.sh", "x", {"world": ["template debian-base"]}),
        ("config/templates/debian-base/README.md", "x", {}),
        ("config/benchmarks/all.yaml", benchmark(iterations=5, gate={"pass_rate": 0.5}, schedule="0 2 * * *"), {}),
    ],
)
def test_a_file_of_the_config_folder_changes_what_it_means(
    path: str, text: str, parts: Mapping[str, list[str]]
) -> None:
    assert changed(repository(), repository() | {path: text}) == parts


def test_a_template_depends_on_its_parents_and_on_what_their_playbooks_reach() -> None:
    files = repository() | {
        TEMPLATE: "parent: root\n",
        "config/templates/root/template.yaml": "image: {incus: a}\ncpus: 2\npackages: [x]\nprovision: [setup.yml]\n",
        "config/templates/root/setup.yml": PLAY + "  vars_files: [../../shared.yml]\n",
        "config/shared.yml": "a: 1\n",
    }
    catalogue = load(files)
    template = catalogue.template("debian-base", "incus")
    assert (template.image, template.cpus, template.packages) == ("a", 2, ("x",))
    assert template.provision == ("../root/setup.yml",)
    assert template.folder == "config/templates/debian-base"
    assert set(catalogue.template_paths("debian-base")) == {"config/templates/root/setup.yml", "config/shared.yml"}
    for path, parts in (
        ("config/templates/root/template.yaml", ["limits"]),
        ("config/templates/root/setup.yml", ["template debian-base"]),
        ("config/shared.yml", ["template debian-base"]),
    ):
        text = str(files[path]).replace("cpus: 2", "cpus: 1") + "# edited\n"
        assert changed(files, files | {path: text}) == {"world": parts}


def test_a_template_depends_on_a_file_that_its_playbooks_name_whatever_its_kind() -> None:
    play = PLAY + "  tasks: [{copy: {src: README.md, dest: /x}}]\n"
    files = repository() | {TEMPLATE: "image: {incus: a}\nprovision: [setup.yml]\n"}
    files |= {"config/templates/debian-base/setup.yml": play, "config/templates/debian-base/README.md": "1"}
    assert "config/templates/debian-base/README.md" in load(files).template_paths("debian-base")
    assert changed(files, files | {"config/templates/debian-base/README.md": "2"}) == {
        "world": ["template debian-base"]
    }


def differing_world(one: Batch, other: Batch) -> set[str]:
    world = one.inputs.world.parts
    return {part for part in world if world[part] != other.inputs.world.parts[part]}


def test_an_image_and_a_mode_are_parts_of_the_world() -> None:
    catalogue = load(repository())
    one, two = (catalogue.demands({("incus", "debian-base"): f}).demands[0].batch for f in ("a", "b"))
    assert differing_world(one, two) == {"image debian-base"}
    other = load(repository() | {"config/benchmarks/all.yaml": benchmark(mode="namespace")})
    (namespace,) = other.demands({("namespace", "debian-base"): "a"}).demands
    assert differing_world(one, namespace.batch) == {"mode", "template debian-base"}


def test_moving_a_folder_changes_nothing_as_long_as_it_reaches_the_same() -> None:
    before = rich()
    moved = {p.replace("scenarios/nginx/", "scenarios/renamed/"): t for p, t in before.items()}
    assert changed(before, moved) == {}


def test_an_executable_bit_is_content() -> None:
    store, path = Store(), NGINX + "tool.sh"
    tree = store.tree(repository() | {path: "x"})
    first = Catalogue.load(tree, store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT)
    second = first.updated({path: store.entry("x", "100755")}, store.read)
    (one,), (two,) = batches(first).values(), batches(second).values()
    assert differing_world(one, two) == {"tool.sh"}


def test_an_include_with_a_name_made_at_run_time_makes_the_truth_cover_the_folder() -> None:
    files = rich() | {NGINX + "validate.yml": PLAY + "  tasks:\n    - include_tasks: '{{ kind }}.yml'\n"}
    assert changed(files, files | {NGINX + "checks/probe.sh": "false"}) == {
        "world": ["checks/probe.sh"],
        "truth": ["checks/probe.sh"],
    }
    assert changed(files, files | {NGINX + "README.md": "new"}) == {}


def test_a_glob_or_an_expression_makes_its_folder_a_dependency() -> None:
    play = (
        PLAY + "  tasks:\n    - copy: {src: '{{ item }}', dest: /x}\n      with_fileglob: ['../shared/conf/*.conf']\n"
    )
    files = repository() | {NGINX + "prepare.yml": play, "scenarios/shared/conf/a.conf": "1"}
    path = "../shared/conf/b.conf"
    assert changed(files, files | {"scenarios/shared/conf/b.conf": "1"}) == {"world": [path]}


def test_what_both_the_world_and_the_truth_name_belongs_to_both() -> None:
    play = PLAY + "  tasks:\n    - copy: {src: shared.txt, dest: /x}\n"
    files = repository() | {NGINX + "prepare.yml": play, NGINX + "validate.yml": play, NGINX + "files/shared.txt": "1"}
    both = {"world": ["files/shared.txt"], "truth": ["files/shared.txt"]}
    assert changed(files, files | {NGINX + "files/shared.txt": "2"}) == both


def test_a_markdown_file_that_a_playbook_names_is_a_dependency() -> None:
    play = PLAY + "  tasks:\n    - copy: {src: README.md, dest: /x}\n"
    files = repository() | {NGINX + "prepare.yml": play, NGINX + "README.md": "1"}
    assert changed(files, files | {NGINX + "README.md": "2"}) == {"world": ["README.md"]}


COPIES_A_FOLDER = [
    "copy: {src: site, dest: /srv/}",
    "copy: src=site dest=/srv/",
    "{copy: {dest: /srv/}, args: {src: site}}",
    "{copy: {src: '{{ item }}', dest: /srv/}, loop: [site]}",
    "{copy: {src: '{{ item.src }}', dest: /srv/}, with_filetree: site}",
    "{copy: {src: '{{ item.src }}', dest: /srv/}, with_community.general.filetree: [site]}",
    "include_vars: {dir: site}",
]
"""Tasks that name a folder by a word without a slash."""


@pytest.mark.parametrize("task", COPIES_A_FOLDER)
@pytest.mark.parametrize("where", ["", "files/"])
def test_a_folder_is_a_dependency_where_a_task_names_it_without_a_slash(task: str, where: str) -> None:
    page = where + "site/index.md"
    files = repository() | {NGINX + "prepare.yml": PLAY + f"  tasks:\n    - {task}\n", NGINX + page: "1"}
    assert changed(files, files | {NGINX + page: "2"}) == {"world": [page]}


@pytest.mark.parametrize("task", COPIES_A_FOLDER)
def test_a_folder_beside_shared_tasks_is_a_dependency_as_well(task: str) -> None:
    play, page = PLAY + "  tasks: [{import_tasks: ../common/install.yml}]\n", "scenarios/common/files/site/i.html"
    files = repository() | {NGINX + "prepare.yml": play, "scenarios/common/install.yml": f"- {task}\n"}
    found = {"world": ["../common/files/site/i.html"]}
    assert changed(files | {page: "1"}, files | {page: "2"}) == found
    assert batches(forward(files, {page: "1"})) == batches(load(files | {page: "1"}))


def test_a_word_that_is_no_source_names_no_folder() -> None:
    play = PLAY + "  tasks: [{service: {name: site}}, {command: echo site}]\n"
    files = repository() | {NGINX + "prepare.yml": play, NGINX + "site/index.md": "1"}
    assert changed(files, files | {NGINX + "site/index.md": "2"}) == {}


@pytest.mark.parametrize(
    "task",
    [
        "include_role: {name: ../../roles/app}",
        "import_role: name=../../roles/app",
        "ansible.builtin.include_role: name='../../roles/app' public=true",
        "{include_role: , args: {name: ../../roles/app}}",
        "action: include_role name=../../roles/app",
        "action: {module: ansible.builtin.include_role, name: ../../roles/app}",
    ],
)
def test_what_a_role_depends_on_is_a_dependency_however_its_name_is_written(task: str) -> None:
    base = "scenarios/roles/base/tasks/main.yml"
    files = repository() | {
        NGINX + "prepare.yml": PLAY + f"  tasks:\n    - {task}\n",
        "scenarios/roles/app/tasks/main.yml": "[]",
        "scenarios/roles/app/meta/main.yml": "dependencies: [{role: base}]\n",
        base: "[]",
    }
    assert changed(files, files | {base: "- debug: {msg: x}\n"}) == {"world": ["../roles/base/tasks/main.yml"]}


@pytest.mark.parametrize(
    "task",
    [
        "import_role: name={{ x }}",
        "{include_role: , args: {name: '{{ x }}'}}",
        "action: include_role name={{ x }}",
        "{include_tasks: , args: {file: '{{ x }}'}}",
    ],
)
def test_a_name_made_at_run_time_makes_the_truth_cover_the_folder_however_it_is_written(task: str) -> None:
    files = repository() | {NGINX + "validate.yml": PLAY + f"  tasks:\n    - {task}\n", NGINX + "a.txt": "1"}
    assert changed(files, files | {NGINX + "a.txt": "2"}) == {"world": ["a.txt"], "truth": ["a.txt"]}


def test_a_folder_above_in_a_command_is_no_dependency() -> None:
    play = PLAY + "  tasks:\n    - shell: cd .. && ls ../.. && cat ../other/none\n"
    files = repository() | {NGINX + "prepare.yml": play, "scenarios/other/x.txt": "1"}
    assert changed(files, files | {"scenarios/other/x.txt": "2"}) == {}


def test_files_of_a_scenario_below_are_not_those_of_the_scenario_above() -> None:
    below = {NGINX + "below/scenario.json": scenario("below", validation=None), NGINX + "below/data": "1"}
    before, after = (batches(load(repository() | below | more)) for more in ({}, {NGINX + "below/data": "2"}))
    differing = [name for name in before if before[name].id != after[name].id]
    assert differing == ["below/linux-administration--runbook"]


def test_a_file_named_like_a_part_of_the_world_does_not_hide_it() -> None:
    files = repository() | {NGINX + "hosts": "1"}
    assert changed(files, files | {NGINX + "hosts": "2"}) == {"world": ["./hosts"]}


def test_two_rules_with_one_label_are_two_parts() -> None:
    rules = [{"label": "r", "validator": "task_count", "min": n} for n in (1, 2)]
    files = repository() | {NGINX + "scenario.json": scenario(validation={"job": rules})}
    (batch,) = batches(load(files)).values()
    assert list(batch.inputs.rules.parts) == ["rule r", "rule r (2)"]


def test_a_checkout_holds_the_files_that_the_digests_cover_and_no_other() -> None:
    files = rich() | {NGINX + "hosts": "a file named like a part", NGINX + "below/scenario.json": scenario("below")}
    (demand,) = (d for d in load(files).demands({}).demands if d.scenario.key == "nginx")
    inputs = demand.batch.inputs
    covered = files_of(demand.scenario.folder, inputs.world.parts, inputs.truth.parts)
    assert {p.removeprefix(NGINX) for p in covered} == {
        *("prepare.yml", "validate.yml", "checks/port.yml", "checks/probe.sh", "files/expected.txt", "files/conf/a"),
        *("unnamed.bin", "hosts", "scenarios/common/motd.txt", "scenarios/common/vars.yml"),
        *("scenarios/roles/base/tasks/main.yml", "scenarios/roles/base/tasks/more.yml"),
        *("scenarios/roles/base/templates/t.j2", "scenarios/roles/helper/tasks/main.yml"),
    }


@pytest.mark.parametrize("name", ["scenario.json", "README.md", "solution.yml", "below/data"])
def test_a_file_that_is_no_input_is_checked_out_only_where_a_playbook_names_it(name: str) -> None:
    files = repository() | {NGINX + n: "x" for n in ("README.md", "solution.yml", "below/data")}
    files |= {NGINX + "below/scenario.json": scenario("below", validation=None)}

    def checkout(play: str) -> tuple[str, ...]:
        demands = load(files | {NGINX + "prepare.yml": PLAY + play}).demands({}).demands
        (demand,) = (d for d in demands if d.scenario.key == "nginx")
        inputs = demand.batch.inputs
        return files_of(demand.scenario.folder, inputs.world.parts, inputs.truth.parts)

    assert NGINX + name not in checkout("  tasks: [{copy: {src: ./, dest: /x}}, {copy: {src: '{{ x }}', dest: /x}}]\n")
    assert NGINX + name in checkout(f"  tasks: [{{copy: {{src: {name}, dest: /x}}}}]\n")


@pytest.mark.parametrize(
    "expression",
    [
        "{{ lookup('fileglob', '../common/parts/*.conf', wantlist=True) | length }}",
        "{{ lookup('first_found', ['../common/none.conf', '../common/parts/a.conf']) }}",
        '{{ lookup("ansible.builtin.file", "../common/parts/a.conf") }}',
        "{{ source | default('../common/parts/a.conf') }}",
        "{{ lookup('file', '../common/parts/' ~ name ~ '.conf') }}",
        "{{ lookup('file', '../common/parts/a' + '.conf') }}",
        "{{ lookup('file', '../common/parts/%s.conf' | format(name)) }}",
        "{{ lookup('file', playbook_dir ~ '/../common/parts/a.conf') }}",
        r"{{ 'it\'s ' ~ lookup('file', '../common/parts/a.conf') }}",
        r'{{ "a \"quoted\" text" ~ lookup("file", "../common/parts/a.conf") }}',
        r"{{ lookup('file', '../common/parts/a.conf') | replace('\\', '') }}",
        "{{ lookup('pipe', 'cat ../common/parts/a.conf') }}",
        "{% if x %}{{ {'a': {'b': 1}} }}{% else %}{% include '../common/parts/a.conf' %}{% endif %}",
        "before {{ x }} between {{ lookup(\n  'template',\n  '../common/parts/a.conf'\n) }}",
    ],
)
def test_a_file_that_an_expression_quotes_is_a_dependency(expression: str) -> None:
    play = [{"hosts": "all", "tasks": [{"debug": {"msg": expression}}]}]
    path = "scenarios/common/parts/a.conf"
    files = repository() | {NGINX + "prepare.yml": json.dumps(play), path: "1"}
    assert changed(files, files | {path: "2"}) == {"world": ["../common/parts/a.conf"]}


def test_a_file_of_the_folder_that_an_expression_quotes_is_a_dependency_of_whoever_reads_it() -> None:
    play = PLAY + "  tasks: [{assert: {that: \"{{ lookup('file', 'NOTES.md') == x }}\"}}]\n"
    files = repository() | {NGINX + "prepare.yml": play, NGINX + "validate.yml": play, NGINX + "NOTES.md": "1"}
    assert changed(files, files | {NGINX + "NOTES.md": "2"}) == {"world": ["NOTES.md"], "truth": ["NOTES.md"]}


@pytest.mark.parametrize(
    "name",
    ["filter_plugins/f.py", "library/m.py", "module_utils/deep/u.py", "group_vars/all.yml", "host_vars/web-01/a"],
)
def test_what_ansible_loads_beside_an_imported_playbook_is_a_dependency(name: str) -> None:
    files = repository() | {
        NGINX + "validate.yml": "- import_playbook: '{{ playbook_dir }}/../common/p.yml'\n",
        "scenarios/common/p.yml": PLAY + "- import_playbook: deeper/q.yml\n",
        "scenarios/common/deeper/q.yml": PLAY,
    }
    for folder in ("common", "common/deeper"):
        path = f"scenarios/{folder}/{name}"
        assert changed(files, files | {path: "1"}) == {"truth": [f"../{folder}/{name}"]}
        assert batches(forward(files, {path: "1"})) == batches(load(files | {path: "1"}))
        assert batches(forward(files | {path: "1"}, {path: "2"})) == batches(load(files | {path: "2"}))


def test_variables_beside_an_imported_playbook_name_files_as_well() -> None:
    files = repository() | {
        NGINX + "prepare.yml": "- import_playbook: ../common/p.yml\n",
        "scenarios/common/p.yml": PLAY,
        "scenarios/common/group_vars/all.yml": "motd: \"{{ lookup('file', '../shared/motd') }}\"\n",
        "scenarios/shared/motd": "1",
    }
    assert changed(files, files | {"scenarios/shared/motd": "2"}) == {"world": ["../shared/motd"]}


def forward(files: Files, change: Files) -> Catalogue:
    """The catalogue brought forward by a change."""
    store = Store()
    tree = store.tree(files)
    first = Catalogue.load(tree, store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT)
    return first.updated(store.tree(change), store.read)


@pytest.mark.parametrize(
    "text",
    [
        "{% include 'part.md' %}",
        '{%- import "part.md" as parts -%}',
        "a\n{{ lookup('file', 'part.md') }}",
        "{{ lookup('template', '../common/again.j2') }}",
    ],
)
@pytest.mark.parametrize("where", [NGINX + "templates/", "scenarios/roles/r/templates/", "scenarios/common/"])
def test_a_file_that_a_template_quotes_is_a_dependency(text: str, where: str) -> None:
    tasks = "[{import_role: {name: ../../roles/r}}, {template: {src: t.j2, dest: /t}}, {template: {src: ../common/t.j2, dest: /t}}]"
    files = repository() | {
        NGINX + "validate.yml": f"- hosts: all\n  tasks: {tasks}\n",
        "scenarios/roles/r/tasks/main.yml": "- template: {src: t.j2, dest: /t}\n",
        "scenarios/common/again.j2": "{% include '../common/part.md' %}" if "again" in text else "",
    }
    files |= {where + "t.j2": text, where + "part.md": "1", "scenarios/common/part.md": "1"}
    path = "scenarios/common/part.md" if "again" in text else where + "part.md"
    (found,) = changed(files, files | {path: "2"}).items()
    assert found[0] == "truth"
    assert batches(forward(files, {path: "2"})) == batches(load(files | {path: "2"}))


def test_a_template_names_only_what_its_expressions_quote() -> None:
    files = repository() | {NGINX + "notes.md": "1", NGINX + "t.j2": "see notes.md {{ notes.md }} {# 'notes.md' #}"}
    assert changed(files, files | {NGINX + "notes.md": "2"}) == {}


@pytest.mark.parametrize(
    "piece", ["{{", "{% ", "{{ 'a\" ", "playbook_dir ", "'\"", "}} {{ ", " ", "{{ 'a' ~ ", "\\'", "\\"]
)
def test_a_large_template_is_looked_at_once(piece: str) -> None:
    names_in_template(b"{{ " + piece.encode() * (500_000 // len(piece)))
    names_in_template(b"{{ " + piece.encode() * (500_000 // len(piece)) + b" }}")


def test_a_variable_in_an_expression_is_no_name_of_a_file() -> None:
    play = PLAY + "  tasks: [{debug: {msg: '{{ notes.md }}'}}]\n"
    files = repository() | {NGINX + "prepare.yml": play, NGINX + "notes.md": "1"}
    assert changed(files, files | {NGINX + "notes.md": "2"}) == {}
