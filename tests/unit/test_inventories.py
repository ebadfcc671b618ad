"""Shipped inventories: read as Ansible reads them, and held against the hosts of their scenario."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.definitions.ansible.inventory_files import read_inventory
from reconciler.definitions.files.positions import Broken
from tests.definitions import Files, batches, changed, errors, load, repository, scenario

PLUGINS = Path(__file__).parents[2] / "reconciler" / "ansible_plugins"
FOLDER = "scenarios/nginx/"
LIST = """
import json, sys
from pathlib import Path
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
for name in sys.argv[1:]:
    try:
        found = InventoryManager(loader=DataLoader(), sources=[name])
        groups = {g: sorted(h.name for h in group.hosts) for g, group in found.groups.items()}
        print(json.dumps([name, sorted(found.hosts), sorted(groups)]))
    except AnsibleError:
        print(json.dumps([name, None, None]))
"""

READ = {
    "flat.ini": "web-01\nweb-02 port=1\n",
    "groups.ini": "lone\n[web]\nweb-01 a=1 b='x y' # said\n; no\n  web-02:2222\n[db]\ndb-01\n[web:vars]\ncolour = a = b\n",
    "children.ini": "[all:vars]\nx=1\n[site:children]\nweb\ndb\n[web]\na\n[db]\n[site:vars] # here\ny=2\n",
    "same.ini": "[web]\na\n[db]\na\n[web]\nb\n",
    "empty.ini": "\n",
    "flat.yml": "all: {hosts: {web-01: {port: 1}, web-02: }}\n",
    "groups.yml": "all:\n  hosts: {lone: {}}\n  children:\n    web: {hosts: {a: , b: {x: 1}}, vars: {y: 2}}\n    db:\nother: {hosts: c}\n",
    "nested.yml": "site: {children: {web: {children: {inner: {hosts: {a: }}}}, db: {hosts: {b: }}}}\n",
    "alias.yml": "web: {hosts: &h {a: {x: 1}, b: }}\ndb: {hosts: *h}\n",
    "merge.yml": "web: {hosts: {a: &v {x: 1}, b: {<<: *v, y: 2}}}\n",
    "empty.yml": "# nothing\n",
    "port.yml": "all: {hosts: {'web-01:2222': }}\n",
}
REFUSED = {
    "kind.ini": "[web:hosts2]\na\n",
    "section.ini": "[web site]\na\n",
    "word.ini": "[web]\na port\n",
    "quote.ini": "[web]\na x='1\n",
    "variable.ini": "[web]\na\n[web:vars]\nx\n",
    "undeclared.ini": "[web:vars]\nx=1\n",
    "child.ini": "[site:children]\nweb\n",
    "list.yml": "- web-01\n",
    "hosts.yml": "all: {hosts: [web-01]}\n",
    "variables.yml": "all: {hosts: {a: [1]}}\n",
    "broken.yml": "all: {hosts: \n",
}


@pytest.fixture(scope="module")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str] | None, list[str] | None]]:
    """What Ansible says of each inventory: hosts and groups, or None where it refuses it."""
    folder = tmp_path_factory.mktemp("inventories")
    for name, text in (READ | REFUSED).items():
        (folder / name).write_text(text)
    environment = os.environ | {"ANSIBLE_CONFIG": str(PLUGINS / "ansible.cfg")}
    command = [sys.executable, "-c", LIST, *sorted(READ | REFUSED)]
    told = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, timeout=60).stdout
    return {name: (hosts, groups) for name, hosts, groups in map(json.loads, told.splitlines())}


@pytest.mark.real("ansible")
@pytest.mark.parametrize("name", READ)
def test_an_inventory_names_what_ansible_finds_in_it(
    name: str, ansible: dict[str, tuple[list[str] | None, list[str] | None]]
) -> None:
    found = read_inventory(name, READ[name])
    hosts, groups = {host for host, _ in found.hosts}, {*found.groups, "all", "ungrouped"}
    assert (sorted(hosts), sorted(groups)) == ansible[name]


@pytest.mark.real("ansible")
@pytest.mark.parametrize("name", REFUSED)
def test_what_ansible_refuses_is_refused_with_its_line(
    name: str, ansible: dict[str, tuple[list[str] | None, list[str] | None]]
) -> None:
    assert ansible[name] == (None, None)
    with pytest.raises(Broken) as failure:
        read_inventory(name, REFUSED[name])
    assert failure.value.line >= 1


def test_a_yaml_inventory_is_not_tried_as_ini_as_ansible_would() -> None:
    with pytest.raises(Broken, match="mapping of groups"):
        read_inventory("inventory.yml", "web-01\n")


# ---------------------------------------------------------------- beside a scenario


def found(files: Files) -> list[tuple[str, int, int, str, str, str]]:
    return [
        (f.path.removeprefix(FOLDER), f.line, f.column, f.severity, f.rule, f.hint)
        for f in load(repository() | {FOLDER + path: text for path, text in files.items()}).findings
    ]


def test_an_inventory_of_the_scenarios_own_hosts_is_right() -> None:
    assert found({"inventory.ini": "[web]\nweb-01 port=80\n[web:vars]\ncolour=green\n"}) == []
    assert (
        found({"inventory.yml": "all: {children: {web: {hosts: {web-01: {port: 80}}, vars: {colour: green}}}}\n"}) == []
    )


@pytest.mark.parametrize("name", ["a", "web-01", "web_01.example.com", "9", "hst_web01", "a" * 63])
def test_a_host_is_named_as_machines_are(name: str) -> None:
    named = scenario(hosts=[{"host_name": name, "template": "debian-base"}], agents=[])
    assert found({"scenario.json": named}) == []


@pytest.mark.parametrize(
    "name",
    ["web 01", "web,db", "all:!db", "~web", "@hosts", "web[01:09]", "*", "-web", "web.", "größe", "a" * 64, "a\nb"],
)
@pytest.mark.parametrize("field", ["host_name", "host_id"])
def test_a_name_that_ansible_would_take_for_a_pattern_is_an_error(field: str, name: str) -> None:
    named = scenario(hosts=[{field: name, "template": "debian-base"}], agents=[])
    assert {row[3:5] for row in found({"scenario.json": named})} == {("error", "wrong-value")}


def test_two_inventories_are_an_error_and_stall_the_scenario() -> None:
    files: Files = {"inventory.ini": "web-01\n", "inventory.yml": "all: {hosts: {web-01: }}\n"}
    ((path, line, _, severity, rule, _),) = found(files)
    assert (path, line, severity, rule) == ("inventory.ini", 0, "error", "two-inventories")
    catalogue = load(repository() | {FOLDER + p: t for p, t in files.items()})
    assert batches(catalogue) == {}
    assert "one inventory" in catalogue.demands({}).blocked[0].reason


@pytest.mark.parametrize(
    ("name", "text"),
    [("inventory.ini", "[web\nweb-01 x\n"), ("inventory.yml", "- web-01\n"), ("inventory.yml", "a: [\n")],
)
def test_an_inventory_that_ansible_would_not_read_stalls_the_scenario(name: str, text: str) -> None:
    catalogue = load(repository() | {FOLDER + name: text})
    assert [f.path for f in errors(catalogue)] == [FOLDER + name]
    assert batches(catalogue) == {}


@pytest.mark.parametrize(
    ("name", "text", "line", "column"),
    [
        ("inventory.ini", "[web]\nweb-01\n  web-1 port=80\n", 3, 3),
        ("inventory.yml", "all:\n  hosts:\n    web-01:\n    web-1: {port: 80}\n", 4, 5),
    ],
)
def test_a_host_that_the_scenario_does_not_have_is_told_with_the_nearest(
    name: str, text: str, line: int, column: int
) -> None:
    assert found({name: text}) == [(name, line, column, "warning", "unknown-host", "did you mean web-01?")]


@pytest.mark.parametrize("text", ["[web]\nweb-[01:09]\n", "[web]\n192.168.0.[1:9]\n"])
def test_a_range_may_name_more_than_the_scenario_has(text: str) -> None:
    assert found({"inventory.ini": text}) == []


CONNECTION = ("connection", "host", "port", "user", "password", "python_interpreter", "ssh_common_args", "incus_socket")


@pytest.mark.parametrize("name", CONNECTION)
@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("inventory.ini", "[web]\nweb-01 ansible_{}=x\n", 2),
        ("inventory.ini", "[web]\nweb-01\n[web:vars]\nansible_{} = x\n", 4),
        ("inventory.yml", "all:\n  hosts:\n    web-01:\n      ansible_{}: x\n", 4),
        ("inventory.yml", "all:\n  vars:\n    ansible_{}: x\n", 3),
    ],
)
def test_how_a_host_is_reached_is_not_the_inventorys_to_say(name: str, file: str, text: str, line: int) -> None:
    ((path, where, _, severity, rule, _),) = found({file: text.format(name)})
    assert (path, where, severity, rule) == (file, line, "warning", "connection-variable")


@pytest.mark.parametrize("name", ["become", "become_user", "remote_tmp", "facts_parallel", "connections"])
def test_other_variables_of_ansible_may_be_set(name: str) -> None:
    assert found({"inventory.ini": f"web-01 ansible_{name}=x\n"}) == []


def test_a_port_behind_a_host_is_one_as_well() -> None:
    assert [row[3:5] for row in found({"inventory.ini": "web-01:2222\n"})] == [("warning", "connection-variable")]
    assert [row[3:5] for row in found({"inventory.yml": "all: {hosts: {'web-01:22': }}\n"})] == [
        ("warning", "connection-variable")
    ]


@pytest.mark.parametrize("path", ["host_vars/web-01.yml", "host_vars/web-01", "host_vars/web-01/main.yaml"])
def test_variables_of_a_host_that_lead_out_of_its_sandbox_are_an_error(path: str) -> None:
    files: Files = {path: "port: 80\nansible_connection: local\n"}
    assert [row[:5] for row in found(files)] == [(path, 2, 1, "error", "connection-variable")]
    assert batches(load(repository() | {FOLDER + path: files[path]})) == {}


@pytest.mark.parametrize("path", ["host_vars/web-02.yml", "group_vars/all.yml", "files/host_vars/web-01.yml"])
def test_variables_that_do_not_lead_out_of_it_are_right(path: str) -> None:
    assert found({path: "ansible_connection: local\n"}) == []


@pytest.mark.parametrize("text", ["[web-01]\nweb-01\n", "[site:children]\nweb-01\n[web-01]\n"])
def test_a_group_that_is_named_as_a_host_is_an_error(text: str) -> None:
    assert [row[3:5] for row in found({"inventory.ini": text})] == [("error", "duplicate-host")]


def test_a_word_that_no_group_has_is_told_with_the_nearest() -> None:
    text = "all:\n  hosts: {web-01: }\n  childern: {web: }\n"
    assert found({"inventory.yml": text}) == [
        ("inventory.yml", 3, 3, "warning", "unknown-field", "did you mean children?")
    ]


def test_an_inventory_that_is_named_almost_right_is_told() -> None:
    assert found({"inventory.yaml": "x"}) == [
        ("inventory.yaml", 0, 0, "warning", "misnamed-file", "name it inventory.yml")
    ]


def test_what_is_wrong_with_an_inventory_tells_no_password() -> None:
    wrong = ["[web:vars]\nansible_password hunter2\n", "[web]\nweb-01 hunter2\n", "[web]\nweb-01 x='hunter2\n"]
    for text in wrong:
        (told,) = errors(load(repository() | {FOLDER + "inventory.ini": text}))
        assert "hunter2" not in told.line_of_text


def test_an_inventory_is_part_of_the_world() -> None:
    before = repository() | {FOLDER + "inventory.ini": "web-01 port=80\n"}
    assert changed(before, before | {FOLDER + "inventory.ini": "web-01 port=81\n"}) == {"world": ["inventory.ini"]}


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {children: *a}\n",
        "a: &a {children: {b: *a}}\n",
        "\n".join(f"g{n}: &g{n} {{children: {{x: *g{n + 1}, y: *g{n + 1}}}}}" for n in range(3)),
        "&a [*a]\n",
        "x: " + "{children: {x: " * 60 + "{}" + "}}" * 60,
        "web-01 " + "a" * 500_000,
        "[" * 100_000,
    ],
)
def test_no_inventory_keeps_the_linter_from_its_end(text: str) -> None:
    for name in ("inventory.yml", "inventory.ini"):
        assert isinstance(load(repository() | {FOLDER + name: text}).findings, tuple)


def test_hosts_of_an_inventory_are_not_held_against_hosts_that_are_given_by_id() -> None:
    hosts = [{"host_id": "hst_1"}, {"host_id": "hst_2"}]
    agents = [{"agent_id": f"agt_{n}", "host_id": f"hst_{n}"} for n in (1, 2)]
    by_id = scenario(hosts=hosts, agents=agents, validation=None)
    rows = found({"scenario.json": by_id, "inventory.ini": "[web]\nweb-01 ansible_host=10.0.0.1\nweb-02\n"})
    assert [(row[0], row[4]) for row in rows] == [
        ("inventory.ini", "connection-variable"),
        ("scenario.json", "unnamed-host"),
    ]
