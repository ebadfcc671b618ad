"""``scenario.json`` of every documented version, each table of its documentation row by row."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.core.model import Agent, Host, Job, Rule, Scenario, Ticket
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.shipped import schema_documents
from reconciler.ports import Assignment
from reconciler.shell.trial import ticket
from tests import shell_world
from tests.definitions import Files, benchmark, errors, load, repository
from tests.reference import LEGACY, RESOURCES, RULES, SANDBOX, SANDBOX_PLAYBOOKS, SCENARIOS, TWO_HOSTS, validation
from tests.shell_world import ShellWorld

NEW = {
    "key": "nginx-broken-config",
    "title": "Nginx refuses to start",
    "description": "A semicolon is gone.",
    "ticket_title": "Website down",
    "ticket_body": "Please restore service.",
}
OLD = {"key": "nginx/001-broken-config", "name": "Nginx broken", "description": "@2501 nginx is down."}
HOSTS = [{"host_name": "web-01", "template": "debian-base"}, {"host_id": "hst_db"}]
AGENTS = [
    {"agent_name": "w", "host_name": "web-01", "specialty_key": "SERVICES_MANAGER"},
    {"agent_id": "agt_db", "host_id": "hst_db"},
]
RULE = {"label": "few", "validator": "task_count", "max": 3}


def only(fields: object, folder: str = "nginx/001-broken-config") -> Files:
    """A repository with this scenario, and nothing else."""
    text = fields if isinstance(fields, str) else json.dumps(fields, indent=1)
    return {f"scenarios/{folder}/scenario.json": text}


def read(fields: object, folder: str = "nginx/001-broken-config", **beside: str) -> Scenario:
    """The one scenario, which has no error."""
    files = only(fields, folder) | {f"scenarios/{folder}/{name}": text for name, text in beside.items()}
    catalogue = load(files)
    assert errors(catalogue) == []
    (found,) = catalogue.scenarios.values()
    return found


def findings(fields: object, folder: str = "nginx/001-broken-config") -> list[Finding]:
    return list(load(only(fields, folder)).findings)


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("field", "written", "attribute", "value"),
    [
        ("key", "a/b c", "key", "a/b c"),
        ("title", "T", "title", "T"),
        ("description", "for us", "description", "for us"),
        ("ticket_title", "TT", "ticket_title", "TT"),
        ("ticket_body", "TB\n{{x}}", "ticket_body", "TB\n{{x}}"),
        ("tags", ["a", "b"], "tags", ("a", "b")),
        ("hosts", HOSTS, "hosts", (Host(name="web-01", template="debian-base"), Host(name="hst_db", host_id="hst_db"))),
        (
            "validation",
            {"job": [RULE]},
            "rules",
            (Rule(scope="job", label="few", validator="task_count", maximum=3),),
        ),
    ],
)
def test_every_field_of_the_newest_shape_is_read(field: str, written: object, attribute: str, value: object) -> None:
    assert getattr(read({**NEW, field: written}), attribute) == value


@pytest.mark.parametrize(
    ("field", "written", "attribute", "value"),
    [
        ("key", "nginx/001-broken-config", "key", "nginx/001-broken-config"),
        ("name", "N", "title", "N"),
        ("name", "N", "ticket_title", "N"),
        ("name", "N", "description", "N"),
        ("description", "@2501 mend it", "ticket_body", "@2501 mend it"),
        ("tags", ["a", "b"], "tags", ("a", "b")),
        ("hosts", HOSTS, "hosts", (Host(name="web-01", template="debian-base"), Host(name="hst_db", host_id="hst_db"))),
        ("validation", {"allowedAgents": ["agt_web"]}, "allowed_agents", ("agt_web",)),
        ("validation", {"allowedHosts": ["hst_web01"]}, "allowed_hosts", ("hst_web01",)),
    ],
)
def test_every_field_of_the_oldest_shapes_is_read(field: str, written: object, attribute: str, value: object) -> None:
    assert getattr(read({**OLD, field: written}), attribute) == value


@pytest.mark.parametrize("shape", [NEW, OLD], ids=["newest", "oldest"])
def test_agents_are_read_alike_in_every_shape(shape: Mapping[str, str]) -> None:
    assert read({**shape, "hosts": HOSTS, "agents": AGENTS}).agents == (
        Agent(name="w", host="web-01", specialty="SERVICES_MANAGER"),
        Agent(name="agt_db", host="hst_db", agent_id="agt_db"),
    )


@pytest.mark.parametrize(
    ("shape", "field"), [*((NEW, f) for f in NEW), *((OLD, f) for f in OLD if f != "name")], ids=lambda v: str(v)[:12]
)
def test_a_required_field_that_is_missing_is_told(shape: Mapping[str, str], field: str) -> None:
    found = findings({f: v for f, v in shape.items() if f != field})
    assert [(f.rule, f.severity) for f in found] == [("missing-field", "error")]
    assert found[0].message == f"{field} is missing"


@pytest.mark.parametrize("shape", [NEW, OLD], ids=["newest", "oldest"])
def test_the_optional_fields_are_empty_when_left_out(shape: Mapping[str, str]) -> None:
    found = read(shape)
    assert (found.tags, found.hosts, found.agents, found.rules) == ((), (), (), ())
    assert (found.allowed_agents, found.allowed_hosts) == ((), ())


@pytest.mark.parametrize(
    ("status", "newest"),
    [
        ("success", "success"),
        ("agentic_failure", "agentic_failure"),
        ("hard_failure", "hard_failure"),
        ("no_tasks_created", "no_action"),
        ("No_Tasks_Created", "no_action"),
        ("partial", "partial"),
        ("no_action", "no_action"),
    ],
)
@pytest.mark.parametrize("shape", [NEW, OLD], ids=["newest", "oldest"])
def test_every_version_s_statuses_are_read_in_every_shape(shape: Mapping[str, str], status: str, newest: str) -> None:
    rule = {"label": "s", "validator": "job_resolution_status", "pattern": status}
    assert [r.pattern for r in read({**shape, "validation": {"job": [rule]}}).rules] == [newest]


# ---------------------------------------------------------------- which shape


@pytest.mark.parametrize(
    ("fields", "newer", "hint"),
    [
        ({**NEW, "name": "n"}, "title and ticket_title and ticket_body", "remove name"),
        ({**OLD, "ticket_body": "b"}, "ticket_body", "title and ticket_title instead of name"),
        ({**OLD, "title": "t"}, "title", "ticket_title instead of name"),
        ({**OLD, "ticket_title": "t", "ticket_body": "b"}, "ticket_title and ticket_body", "title instead of name"),
    ],
)
def test_a_file_with_fields_of_two_shapes_is_told_so_and_stalls(
    fields: Mapping[str, str], newer: str, hint: str
) -> None:
    found = [f for f in findings(fields) if f.rule == "mixed-shapes"]
    assert [f.severity for f in found] == ["error"]
    assert f"name is a field of versions 0.3 and 0.4, {newer} of 0.7 and 0.8" in found[0].message
    assert hint in found[0].hint
    assert load(only(fields)).scenarios == {}


def test_a_file_of_neither_shape_is_told_what_the_newest_needs() -> None:
    found = findings({"key": "a", "description": "d"})
    assert {f.message for f in found} == {"title is missing", "ticket_title is missing", "ticket_body is missing"}


@pytest.mark.parametrize(
    ("shape", "folder", "told"),
    [
        (OLD, "nginx/001-broken-config", False),
        (OLD, "nginx/002-other", True),
        ({**OLD, "key": "001-broken-config"}, "nginx/001-broken-config", True),
        (NEW, "nginx-broken-config", False),
        (NEW, "web/anywhere", False),
        ({**NEW, "key": "nginx/001-broken-config"}, "elsewhere", False),
    ],
)
def test_a_key_that_is_not_the_path_is_told_in_the_oldest_shapes_alone_and_counts_all_the_same(
    shape: Mapping[str, str], folder: str, told: bool
) -> None:
    found = findings(shape, folder)
    assert [(f.rule, f.severity, f.line) for f in found] == ([("key-path", "warning", 2)] if told else [])
    assert read(shape, folder).key == shape["key"]


def test_the_path_is_that_below_the_scenarios_root() -> None:
    (found,) = findings({**OLD, "key": "x"}, "nginx/001")
    assert "the key 'x' is not 'nginx/001'" in found.message
    assert "free" in found.hint


# ---------------------------------------------------------------- the folder


def test_the_scenario_file_is_the_only_one_that_is_required() -> None:
    assert read(NEW).key == "nginx-broken-config"


@pytest.mark.parametrize("folder", ["a", "a/b", "a/b/c/d"])
def test_scenarios_are_found_at_every_depth(folder: str) -> None:
    assert read(NEW, folder).folder == f"scenarios/{folder}"


@pytest.mark.parametrize("key", ["nginx/001-broken-config", "a b", "Ω", "a:b", "..", "*x"])
def test_a_free_form_key_is_any_text_on_one_line(key: str) -> None:
    assert read({**NEW, "key": key}).key == key


# ---------------------------------------------------------------- hosts and agents


@pytest.mark.parametrize(
    ("host", "known_as"),
    [
        ({"host_id": "hst_1"}, Host(name="hst_1", host_id="hst_1")),
        ({"host_name": "w"}, Host(name="w")),
        ({"host_name": "w", "template": "t"}, Host(name="w", template="t")),
        ({"host_name": "w", "template": "t", "host_id": "hst_1"}, Host(name="w", template="t", host_id="hst_1")),
    ],
)
def test_a_host_is_known_by_its_name_else_by_its_id(host: Mapping[str, str], known_as: Host) -> None:
    assert read({**NEW, "hosts": [host]}).hosts == (known_as,)


@pytest.mark.parametrize(
    ("host", "template"),
    [
        ({"host_id": "hst_1"}, "debian-base"),
        ({"host_id": "hst_1", "host_name": "w"}, "debian-base"),
        ({"host_id": "hst_1", "template": "debian-k3s"}, "debian-k3s"),
        ({"host_name": "w", "template": "debian-k3s"}, "debian-k3s"),
    ],
)
def test_an_existing_machine_without_a_template_starts_from_the_plain_one(
    host: Mapping[str, str], template: str
) -> None:
    (found,) = read({**NEW, "hosts": [host]}).hosts
    assert found.starts_from == template


@pytest.mark.parametrize(
    ("agent", "hosts", "sits_at"),
    [
        ({"agent_name": "a", "host_name": "w"}, [{"host_name": "w"}, {"host_name": "v"}], "w"),
        ({"agent_name": "a", "host_id": "hst_1"}, [{"host_name": "w", "host_id": "hst_1"}], "w"),
        ({"agent_id": "agt_1", "host_id": "hst_1"}, [{"host_id": "hst_1"}], "hst_1"),
        ({"agent_id": "agt_1", "host_id": "hst_1"}, [], "hst_1"),
        ({"agent_id": "agt_1"}, [{"host_id": "hst_1"}], "hst_1"),
        ({"agent_id": "agt_1"}, [], ""),
    ],
)
def test_an_agent_sits_at_the_host_that_it_names_by_name_or_id_else_at_the_only_one(
    agent: Mapping[str, str], hosts: list[dict[str, str]], sits_at: str
) -> None:
    (found,) = read({**NEW, "hosts": hosts, "agents": [agent]}).agents
    assert found.host == sits_at


@pytest.mark.parametrize(
    ("fields", "rule", "message"),
    [
        ({"hosts": [{}]}, "missing-field", "hosts[0]: host_name is missing"),
        ({"hosts": [{"template": "t"}]}, "missing-field", "hosts[0]: host_name is missing"),
        ({"hosts": [{"host_id": "h"}, {"host_id": "h"}]}, "duplicate-host", "two hosts named 'h'"),
        ({"hosts": [{"host_name": "h"}, {"host_id": "h"}]}, "duplicate-host", "two hosts named 'h'"),
        ({"hosts": [{"host_id": "a\nb"}]}, "wrong-value", "hosts[0].host_id holds a line break"),
        ({"agents": [{"host_name": "web-01"}], "hosts": HOSTS}, "missing-field", "agents[0]: agent_name is missing"),
        ({"agents": [{"agent_name": "a", "host_name": "w"}], "hosts": HOSTS}, "unknown-host", "'w' is none of"),
        ({"agents": [{"agent_id": "a", "host_id": "x"}], "hosts": HOSTS}, "unknown-host", "'x' is none of"),
        ({"agents": [{"agent_id": "a", "host_id": "x"}], "hosts": HOSTS[:1]}, "unknown-host", "'x' is none of"),
        ({"agents": [{"agent_name": "a"}], "hosts": HOSTS}, "missing-field", "host_name is missing, and there are 2"),
        ({"hosts": [{"host_name": "w", "ram": 4}]}, "unknown-field", "'ram' is not a field of hosts[0]"),
        ({"agents": [{"agent_name": "w", "engine": "x"}]}, "unknown-field", "'engine' is not a field of agents[0]"),
    ],
)
@pytest.mark.parametrize("shape", [NEW, OLD], ids=["newest", "oldest"])
def test_what_is_wrong_with_hosts_and_agents_is_told(
    shape: Mapping[str, str], fields: Mapping[str, Any], rule: str, message: str
) -> None:
    (found,) = [f for f in findings({**shape, **fields}) if f.severity == "error"]
    assert found.rule == rule
    assert message in found.message


# ---------------------------------------------------------------- existing machines where machines are made


def made(hosts: list[dict[str, str]], **beside: str) -> Files:
    """A scenario with these hosts that a benchmark wants in mode incus."""
    folder = "scenarios/nginx"
    agents = [{"agent_id": "agt_web", **({"host_id": hosts[0]["host_id"]} if "host_id" in hosts[0] else {})}]
    old = {**OLD, "key": "nginx", "hosts": hosts, "agents": agents}
    files = {p: t for p, t in repository().items() if not p.startswith(folder)}
    return files | {f"{folder}/scenario.json": json.dumps(old)} | {f"{folder}/{n}": t for n, t in beside.items()}


def test_a_host_given_by_its_id_is_made_from_the_plain_template() -> None:
    catalogue = load(made([{"host_id": "hst_web01"}]))
    assert errors(catalogue) == []
    (demand,) = catalogue.demands({("incus", "debian-base"): "abc"}).demands
    assert demand.memory_mib == 1024
    assert demand.batch.inputs.world.parts["image debian-base"] == "abc"
    assert [(s.agent.name, s.host.name) for s in catalogue.seating(demand.batch)] == [("agt_web", "hst_web01")]


def test_without_a_plain_template_it_is_told_what_to_add() -> None:
    files = made([{"host_id": "hst_web01"}])
    files["config/templates/other/template.yaml"] = files.pop("config/templates/debian-base/template.yaml")
    (found,) = errors(load(files))
    assert found.rule == "unknown-template"
    assert found.message == (
        "hst_web01 is an existing machine, for which a new one starts from debian-base: it is not there"
    )
    assert "config/templates/debian-base" in found.hint


@pytest.mark.parametrize(
    ("inventory", "text", "name"),
    [
        ("inventory.ini", "[web]\nweb01 ansible_host=10.0.0.5 # the one\n[web:vars]\nansible_user=debian\n", "web01"),
        ("inventory.ini", "# one\n; two\nweb01\n\n[all:children]\nweb\n[web]\nweb01 x=1\n", "web01"),
        ("inventory.ini", "[web]\nweb[01:09]\n", "hst_web01"),
        ("inventory.ini", "[web]\nhst_web01\n", "hst_web01"),
        ("inventory.ini", "", "hst_web01"),
        ("inventory.yml", "all: {children: {web: {hosts: {web01: {ansible_host: 10.0.0.5}}}}}\n", "web01"),
        ("inventory.yml", "web: {hosts: {web01: }}\n", "web01"),
    ],
)
def test_the_one_host_given_by_its_id_is_the_one_host_of_the_inventory(inventory: str, text: str, name: str) -> None:
    catalogue = load(made([{"host_id": "hst_web01"}], **{inventory: text}))
    found = catalogue.scenarios["nginx"]
    assert found.hosts == (Host(name=name, host_id="hst_web01"),)
    assert [a.host for a in found.agents] == [name]


def test_which_host_of_the_inventory_an_id_means_is_not_guessed() -> None:
    files = made([{"host_id": "hst_1"}, {"host_id": "hst_2"}], **{"inventory.ini": "[web]\nweb01\ndb01\n"})
    catalogue = load(files)
    (found,) = [f for f in catalogue.findings if f.rule == "unnamed-host"]
    assert (found.severity, found.path) == ("warning", "scenarios/nginx/scenario.json")
    assert "hst_1 is given by its id alone, and the inventory lists 'web01, db01'" in found.message
    assert [h.name for h in catalogue.scenarios["nginx"].hosts] == ["hst_1", "hst_2"]


def test_a_named_host_keeps_its_name_whatever_the_inventory_lists() -> None:
    named = [{"host_id": "hst_1", "host_name": "w"}]
    assert load(made(named, **{"inventory.ini": "other\n"})).scenarios["nginx"].hosts[0].name == "w"


# ---------------------------------------------------------------- the time in a ticket


@pytest.mark.parametrize("shape", [NEW, OLD], ids=["newest", "oldest"])
def test_the_scheduled_time_is_five_minutes_from_now_in_utc(shape: Mapping[str, str]) -> None:
    instruction = "ticket_body" if "ticket_body" in shape else "description"
    found = read({**shape, instruction: "At {{schedule_time}}, or {{schedule_time}}; not {{ schedule_time }}."})
    east = datetime(2026, 12, 31, 23, 57, 8, 999_999, tzinfo=timezone(timedelta(hours=-1)))
    assert ticket(found, east).body == ("At 2027-01-01T01:02:08Z, or 2027-01-01T01:02:08Z; not {{ schedule_time }}.")


def test_what_a_ticket_says_besides_is_sent_as_it_is() -> None:
    found = read({**NEW, "ticket_title": "{{schedule_time}}", "ticket_body": "{{secret:name}} {x} %s \\n"})
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert ticket(found, now) == Ticket(title="{{schedule_time}}", body="{{secret:name}} {x} %s \\n")


async def test_an_agent_is_told_a_time_five_minutes_after_its_ticket_is_filed(tmp_path: Path) -> None:
    told: list[str] = []

    async def listens(assignment: Assignment) -> AsyncIterator[Job]:
        told.append(assignment.ticket.body)
        yield Job(id=assignment.trial, status="success")

    world = ShellWorld(folder=tmp_path, script=listens)
    fields = {**shell_world.scenario("alpha"), "ticket_body": "{{schedule_time}}"}
    files = shell_world.definitions("alpha", iterations=1)
    world.commit(files | {"scenarios/alpha/scenario.json": json.dumps(fields).encode()})
    await world.settle()
    (record,) = world.records().values()
    began, ended = (datetime.fromisoformat(str(record[name])) for name in ("started_at", "finished_at"))
    assert began <= datetime.fromisoformat(told[0]) - timedelta(minutes=5) <= ended


# ---------------------------------------------------------------- the documented examples


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_documented_scenario_is_read(name: str) -> None:
    fields = json.loads(SCENARIOS[name])
    found = read(SCENARIOS[name], **SANDBOX_PLAYBOOKS)
    assert (found.key, found.ticket_body) == (fields["key"], fields.get("ticket_body", fields["description"]))
    assert [r.label for r in found.rules] == [
        r["label"] for scope in ("gateway", "job", "tasks") for r in fields.get("validation", {}).get(scope, [])
    ]


def test_the_documented_legacy_scenario_comes_out_as_the_newest_would() -> None:
    assert read(LEGACY) == Scenario(
        key="nginx/001-broken-config",
        title="Nginx broken configuration",
        description="Nginx broken configuration",
        ticket_title="Nginx broken configuration",
        ticket_body="@2501 nginx on the web server is down since the last change. Investigate and restore service.",
        tags=("nginx",),
        hosts=(Host(name="hst_web01", host_id="hst_web01"),),
        agents=(Agent(name="agt_web", host="hst_web01", agent_id="agt_web"),),
        rules=(
            Rule(
                scope="job",
                label="Some work happened",
                validator="job_resolution_status",
                pattern="no_action",
                negate=True,
            ),
            Rule(
                scope="tasks",
                label="Config tested",
                validator="pattern_match",
                where="executed_commands",
                pattern="nginx\\s+-t",
            ),
        ),
        allowed_agents=("agt_web",),
        allowed_hosts=("hst_web01",),
        folder="scenarios/nginx/001-broken-config",
    )


def test_the_documented_sandbox_scenario_is_wanted_on_its_machine_with_its_rule() -> None:
    files = RESOURCES | {
        "scenarios/web/nginx-broken-config/scenario.json": SANDBOX,
        **{f"scenarios/web/nginx-broken-config/{name}": text for name, text in SANDBOX_PLAYBOOKS.items()},
        "config/templates/debian-base/template.yaml": "image: {incus: debian/12}\nmemory: 1GiB\n",
        "config/engines/runbook.yaml": "adapter: runbook\n",
        "config/benchmarks/all.yaml": benchmark(),
    }
    catalogue = load(files)
    assert [(f.severity, f.rule) for f in catalogue.findings] == [("warning", "unknown-specialty")]
    (demand,) = catalogue.demands({}).demands
    (seat,) = catalogue.seating(demand.batch)
    assert (seat.agent.name, seat.host.name, seat.specialty.name) == ("web-agent", "web-01", "linux-administration")
    assert seat.rules == (), "its procedure is no word of the ticket"
    assert set(demand.batch.inputs.truth.parts) == {"validate.yml"}
    assert {"prepare.yml", "restore.yml", "template debian-base"} <= set(demand.batch.inputs.world.parts)


def test_the_documented_maintenance_scenario_seats_an_agent_at_each_host() -> None:
    found = read(TWO_HOSTS)
    assert [(a.name, a.host, a.specialty) for a in found.agents] == [
        ("web-agent", "web-01", "SERVICES_MANAGER"),
        ("db-agent", "db-01", "SQL_SERVER_MANAGER"),
    ]
    assert [h.starts_from for h in found.hosts] == ["debian-docker", "debian-base"]


@pytest.mark.parametrize("shape", [NEW, OLD], ids=["newest", "oldest"])
def test_every_rule_of_the_documented_pages_is_read(shape: Mapping[str, str]) -> None:
    found = read({**shape, "validation": validation()}, **{"validate.yml": "- hosts: all\n  tasks: []\n"})
    assert [r.label for r in found.rules] == [
        json.loads(text)["label"] for scope in ("gateway", "job", "tasks") for text in RULES[scope]
    ]
    assert all(r.required and not r.negate for r in found.rules)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        *((text, True) for text in SCENARIOS.values()),
        (json.dumps({**NEW, "name": "n"}), False),
        (json.dumps({**OLD, "title": "t"}), False),
        (json.dumps({**NEW, "hosts": [{"host_id": "a\nb"}]}), False),
        (json.dumps({**OLD, "key": ""}), False),
    ],
)
def test_the_shipped_schema_reads_what_the_program_reads(text: str, right: bool) -> None:
    schema = jsonschema.Draft202012Validator(schema_documents()["scenario.schema.json"])
    beside = {f"scenarios/x/{name}": playbook for name, playbook in SANDBOX_PLAYBOOKS.items()}
    assert schema.is_valid(json.loads(text)) is right
    assert (errors(load(only(text, "x") | beside)) == []) is right
