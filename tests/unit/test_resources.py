"""The documented front matter of every resource kind, field by field; references; and that no secret is told."""

from typing import Any

import pytest
import yaml

from tests.definitions import Files, batches, errors, load, repository

MINIMAL: dict[str, dict[str, Any]] = {
    "specialties": {"name": "x"},
    "operational_rules": {"name": "x"},
    "agents": {"specialty": "linux-administration", "host": "db-01", "main_engine": "a/b", "secondary_engine": "a/b"},
    "hosts": {"name": "x", "private_ip": "10.0.0.1"},
    "credentials": {"name": "x", "type": "SECRET"},
    "gateways": {"org": "ops"},
    "blacklist": {"pattern": "rm -rf /*"},
}
NEEDED = {
    "config/hosts/db-01.mdx": "---\nname: db-01\nprivate_ip: 10.0.0.9\nis_jump_host: true\n---\nThe database.\n",
    "config/credentials/key.mdx": "---\nname: key\ntype: SECRET\nvalue: ${KEY}\n---\n",
}
CREDENTIALS = [{"credential": "key", "credential_role": "ssh_password", "is_required": False}]
METADATA = {
    "servicenow_escalation_group_id": "g",
    "dedup_window_minutes": -1,
    "assignment_group_filter": ["a", "b"],
    "environment_filter": "prod",
}

FIELDS: list[tuple[str, str, list[Any], list[Any], bool]] = [
    ("specialties", "org", [None, "ops"], [5, ""], False),
    ("specialties", "name", ["Windows Administration"], [None, "", "a\nb", "!"], True),
    ("specialties", "description", ["", "any text"], [None, ["x"]], False),
    ("specialties", "execution_mode", [None, "investigate_only"], ["remediate", True], False),
    ("operational_rules", "org", [None, "ops"], [5], False),
    ("operational_rules", "name", ["x"], [None, 7], True),
    (
        "operational_rules",
        "tags",
        [[], ["os:linux", "type:vm", "tech:nginx", "shell:bash", "app:shop", "procedure:restart"]],
        ["os:linux", ["nginx"], ["oss:linux"], ["os:"], [5]],
        False,
    ),
    ("agents", "name", [None, "x"], [5], False),
    ("agents", "specialty", ["linux-administration", "LINUX_ADMINISTRATION"], [None, "nope"], True),
    ("agents", "host", ["db-01"], [None, "DB-01", "nope"], True),
    ("agents", "main_engine", ["anthropic/claude-sonnet-4-6"], [None], True),
    ("agents", "secondary_engine", ["anthropic/claude-sonnet-4-6"], [None], True),
    ("agents", "remote_execution", [True, False], ["yes"], False),
    (
        "agents",
        "credential_config",
        [
            [],
            CREDENTIALS,
            *[[{"credential": "key", "credential_role": f"ssh_{r}"}] for r in ("username", "private_key")],
        ],
        [
            [{"credential": "key"}],
            [{"credential": "kay", "credential_role": "ssh_public_key"}],
            [{"credential": "key", "credential_role": "ssh_key"}],
            [{**CREDENTIALS[0], "is_required": 1}],
        ],
        False,
    ),
    ("hosts", "org", [None, "ops"], [5], False),
    ("hosts", "name", ["web-01"], [None], True),
    ("hosts", "public_ip", [None, "203.0.113.7"], [5], False),
    ("hosts", "private_ip", ["10.0.0.1"], [None, 5], True),
    ("hosts", "additional_names", [[], ["www"]], ["www"], False),
    ("hosts", "target_type", ["ssh", "winrm"], ["telnet"], False),
    ("hosts", "target_port", [None, 22, 5985], [0, 65536, "22"], False),
    ("hosts", "skip_tls_verify", [False, True], ["no"], False),
    (
        "hosts",
        "tags",
        [[], ["os:linux", "shell:bash", "type:vm", "tech:nginx", "app:shop"]],
        [["procedure:restart"], ["web"]],
        False,
    ),
    ("hosts", "is_jump_host", [False, True], [1], False),
    ("hosts", "jump_host", [None, "db-01"], ["nope", "x"], False),
    ("hosts", "jump_host_credential", [None, "key"], ["nope"], False),
    ("hosts", "jump_host_user_credential", [None, "key"], ["nope"], False),
    ("hosts", "eligible_subnets", [[], ["10.0.0.0/8"]], ["10.0.0.0/8"], False),
    ("credentials", "org", [None, "ops"], [5], False),
    ("credentials", "name", ["x"], [None], True),
    ("credentials", "type", ["SECRET"], ["secret", None], True),
    ("credentials", "value", [None, "", "${KEY}", "user:${KEY}"], [5, "${}", "${A B}"], False),
    ("credentials", "vault_path", [None], ["kv/x", ""], False),
    ("credentials", "description", ["", "x"], [5], False),
    ("credentials", "is_agent_accessible", [True, False], ["yes"], False),
    ("gateways", "org", ["ops"], [None], True),
    ("gateways", "type", ["servicenow", "runner", "jira"], [None], False),
    ("gateways", "active", [True, False], ["yes"], False),
    ("gateways", "metadata", [{}, METADATA], [{"dedup_window_minutes": -2}, {"dedup_window": 5}, []], False),
    ("gateways", "inbound_override_enabled", [False, True], ["yes"], False),
    ("gateways", "outbound_prompt", [None, "text"], [5], False),
    ("gateways", "outbound_override_enabled", [False, True], ["yes"], False),
    ("blacklist", "org", [None, "ops"], [5], False),
    ("blacklist", "pattern", ["rm *", "reboo?"], [None, ""], True),
]
"""Kind, field, right values, wrong values, whether it must be there: the documented tables, row by row."""

BODIES = [
    ("specialties", "right"),
    ("operational_rules", "right"),
    ("hosts", "right"),
    ("gateways", "right"),
    ("agents", "warning"),
    ("blacklist", "warning"),
    ("credentials", "error"),
]


def front(kind: str, body: str = "", **changes: Any) -> str:
    fields = yaml.safe_dump(MINIMAL[kind] | changes, sort_keys=False)
    return f"---\n{fields}---\n{body}"


def judged(kind: str, text: str) -> list[tuple[str, str]]:
    """(severity, rule) of what is wrong with a file of a kind, in a repository that has what it may name."""
    path = f"config/{kind}/it.mdx"
    found = [f for f in load(repository() | NEEDED | {path: text}).findings if f.path == path]
    assert all(f.line >= 1 and f.column >= 1 for f in found)
    return [(f.severity, f.rule) for f in found if f.rule != "empty-prompt"]


@pytest.mark.parametrize("kind", MINIMAL)
def test_a_file_with_what_must_be_there_is_right(kind: str) -> None:
    assert judged(kind, front(kind)) == []


@pytest.mark.parametrize(
    ("kind", "field", "value"), [(kind, field, value) for kind, field, right, _, _ in FIELDS for value in right]
)
def test_a_documented_value_is_right(kind: str, field: str, value: Any) -> None:
    assert judged(kind, front(kind, **{field: value})) == []


@pytest.mark.parametrize(
    ("kind", "field", "value"), [(kind, field, value) for kind, field, _, wrong, _ in FIELDS for value in wrong]
)
def test_another_value_is_an_error(kind: str, field: str, value: Any) -> None:
    assert "error" in {severity for severity, _ in judged(kind, front(kind, **{field: value}))}


@pytest.mark.parametrize(("kind", "field", "needed"), [(kind, field, needed) for kind, field, _, _, needed in FIELDS])
def test_what_must_be_there_is_missed_and_the_rest_is_not(kind: str, field: str, needed: bool) -> None:
    fields = {k: v for k, v in MINIMAL[kind].items() if k != field}
    text = f"---\n{yaml.safe_dump(fields) if fields else ''}---\n"
    assert (judged(kind, text) != []) is needed


@pytest.mark.parametrize("kind", MINIMAL)
@pytest.mark.parametrize("field", ["id", "tenant_id", "key", "created_at", "updated_at"])
def test_what_the_platform_sets_cannot_be_written(kind: str, field: str) -> None:
    assert judged(kind, front(kind, **{field: "x"})) == [("error", "unknown-field")]


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, field, *_ in FIELDS if len(field) > 3])
def test_a_misspelt_field_is_told_with_the_nearest_name(kind: str, field: str) -> None:
    path = f"config/{kind}/it.mdx"
    misspelt = field[:-2] + field[-1] + field[-2]
    found = load(repository() | {path: front(kind, **{misspelt: "x"})}).findings
    (told,) = (f for f in found if f.path == path and f.rule == "unknown-field")
    assert told.hint == f"did you mean {field}?"
    assert (told.line, told.column) == (len(MINIMAL[kind]) + 2, 1)


@pytest.mark.parametrize(("kind", "judgement"), BODIES)
def test_text_below_the_front_matter_stands_where_it_is_read(kind: str, judgement: str) -> None:
    found = judged(kind, front(kind, "Some text.\n"))
    assert found == ([] if judgement == "right" else [(judgement, "unread-body")])


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({"type": "VAULT_PATH", "vault_path": "kv/x"}, []),
        ({"type": "VAULT_PATH"}, ["missing-field"]),
        ({"type": "VAULT_PATH", "vault_path": "kv/x", "value": "${KEY}"}, ["misplaced-field"]),
        ({"type": "SECRET", "vault_path": "kv/x"}, ["misplaced-field"]),
        ({"type": "SECRET", "value": "hunter2"}, ["secret"]),
    ],
)
def test_the_type_of_a_credential_decides_where_its_secret_is(fields: dict[str, Any], rules: list[str]) -> None:
    assert [rule for _, rule in judged("credentials", front("credentials", **fields))] == rules


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({"type": "runner", "metadata": {}}, []),
        ({"type": "runner", "metadata": {"a": 1}}, ["unknown-field"]),
        ({"type": "jira", "metadata": {"a": {"b": [1]}}}, []),
        ({"type": "servicenow", "metadata": {"a": 1}}, ["unknown-field"]),
    ],
)
def test_the_type_of_a_gateway_decides_what_its_metadata_holds(fields: dict[str, Any], rules: list[str]) -> None:
    assert [rule for _, rule in judged("gateways", front("gateways", **fields))] == rules


@pytest.mark.parametrize("pattern", ["*", "**", "?", " * "])
def test_a_blacklist_pattern_that_is_in_every_command_is_told(pattern: str) -> None:
    assert judged("blacklist", front("blacklist", pattern=pattern)) == [("warning", "bad-pattern")]


@pytest.mark.parametrize("pattern", ["^rm", "rm$", "rm .+", r"rm\s+-rf", "(rm|dd) /dev", "(?:rm|dd -f) x"])
def test_a_blacklist_pattern_of_the_old_kind_is_told(pattern: str) -> None:
    assert judged("blacklist", front("blacklist", pattern=pattern)) == [("warning", "bad-pattern")]


@pytest.mark.parametrize("pattern", ["rm -rf .*", "curl * | sh", "dd if=* of=/dev/sd?", "$(reboot)", "(" * 100_000])
def test_a_glob_that_only_looks_a_little_like_one_is_right(pattern: str) -> None:
    assert judged("blacklist", front("blacklist", pattern=pattern)) == []


# ---------------------------------------------------------------- references


@pytest.mark.parametrize(
    ("path", "text", "spot", "rule", "hint"),
    [
        (
            "config/agents/a.mdx",
            front("agents", specialty="Linux Adminstration"),
            (2, 12),
            "unknown-specialty",
            "LINUX_ADMINISTRATION",
        ),
        ("config/agents/a.mdx", front("agents", host="db-02"), (3, 7), "unknown-host", "did you mean db-01?"),
        (
            "config/agents/a.mdx",
            front("agents", credential_config=[{"credential": "keys", "credential_role": "ssh_password"}]),
            (7, 15),
            "unknown-credential",
            "did you mean key?",
        ),
        ("config/hosts/b.mdx", front("hosts", jump_host="db-1"), (4, 12), "unknown-host", "did you mean db-01?"),
        (
            "config/hosts/b.mdx",
            front("hosts", jump_host_credential="kei"),
            (4, 23),
            "unknown-credential",
            "did you mean key?",
        ),
    ],
)
def test_a_name_that_nothing_bears_is_told_with_the_nearest(
    path: str, text: str, spot: tuple[int, int], rule: str, hint: str
) -> None:
    (found,) = errors(load(repository() | NEEDED | {path: text}))
    assert (found.path, (found.line, found.column), found.rule) == (path, spot, rule)
    assert hint in found.hint


def test_a_wrong_credential_is_told_itself_and_not_by_those_that_name_it() -> None:
    files = repository() | NEEDED | {"config/agents/a.mdx": front("agents", credential_config=CREDENTIALS)}
    found = errors(load(files | {"config/credentials/key.mdx": front("credentials", name="key", typ="x")}))
    assert [f.path for f in found] == ["config/credentials/key.mdx"]


def host(name: str, **fields: Any) -> Files:
    return {f"config/hosts/{name}.mdx": front("hosts", **{"name": name, **fields})}


def test_a_host_is_reached_through_a_jump_host_alone() -> None:
    files = repository() | host("a", jump_host="b") | host("b")
    (found,) = errors(load(files))
    assert (found.path, found.rule, found.hint) == (
        "config/hosts/a.mdx",
        "jump-host",
        "write is_jump_host: true in config/hosts/b.mdx",
    )


def test_jump_hosts_that_lead_in_a_circle_are_told() -> None:
    circle = host("a", jump_host="b") | host("b", is_jump_host=True, jump_host="c")
    files = repository() | circle | host("c", is_jump_host=True, jump_host="b")
    assert {f.message for f in errors(load(files))} == {
        "jump hosts lead in a circle: a → b → c → b",
        "jump hosts lead in a circle: b → c → b",
        "jump hosts lead in a circle: c → b → c",
    }


def test_a_resource_that_is_wrong_and_reaches_no_agent_stalls_no_trial() -> None:
    wrong = {f"config/{kind}/it.mdx": "---\nnope: 1\n---\n" for kind in MINIMAL if kind != "operational_rules"}
    assert list(batches(load(repository() | wrong))) == ["nginx/linux-administration--runbook"]


# ---------------------------------------------------------------- ${NAME}, and what is secret


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("specialties", "description", "for ${TEAM}"),
        ("operational_rules", "tags", ["tech:${TECH}"]),
        ("hosts", "public_ip", "${IP}"),
        ("agents", "main_engine", "${MODEL}"),
        ("gateways", "metadata", {"environment_filter": "${ENVIRONMENT}"}),
        ("blacklist", "pattern", "rm ${HOME}"),
        ("credentials", "description", "${KEY}"),
        ("credentials", "vault_path", "${KEY}"),
    ],
)
def test_a_variable_is_replaced_in_the_value_of_a_credential_alone(kind: str, field: str, value: Any) -> None:
    assert ("error", "misplaced-variable") in judged(kind, front(kind, **{field: value}))


def test_a_variable_in_the_body_is_text() -> None:
    assert judged("specialties", front("specialties", 'Look at "${HOME}".\n')) == []


SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"---\nname: x\ntype: SECRET\nvalue: {SECRET}\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: ${{KEY\ndescription: '{SECRET}${{'\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: [{SECRET}]\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: {{{SECRET}: {SECRET}}}\n---\n",
        "---\nname: x\ntype: SECRET\nvalue: 220022\n---\n",
        "---\nname: x\ntype: SECRET\nvalue: 2200-22-00\n---\n",
        f"---\nname: x\ntype: {SECRET}\n---\n",
        f"---\nname: x\ntype: SECRET\nvault_path: {SECRET}\n---\n",
        f"---\nname: x\ntype: SECRET\nis_agent_accessible: {SECRET}\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: *{SECRET}\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: &{SECRET} a\ndescription: *{SECRET}\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: &{SECRET} a\ndescription: &{SECRET} b\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: !{SECRET} a\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: !!int {SECRET}\n---\n",
        f"---\nname: x\ntype: SECRET\nvalue: %{SECRET}\n---\n",
        f'---\nname: x\ntype: SECRET\nvalue: "\\{SECRET}"\n---\n',
        f"---\nname: x\ntype: SECRET\nvalue: {SECRET}: {SECRET}\n---\n",
        f'---\nname: "x\\t{SECRET}"\ntype: SECRET\n---\n',
        f"---\nname: x\ntype: SECRET\nvault_path: ''\nvalue: {SECRET * 30_000}\n---\n",
        f"---\n{SECRET}\n---\n",
        "---\n220022\n---\n",
        f"---\nname: x\ntype: SECRET\n---\n{SECRET}\n",
        f"name: x\ntype: SECRET\nvalue: {SECRET}\n",
    ],
)
def test_no_finding_tells_a_secret(text: str) -> None:
    path = "config/credentials/x.mdx"
    told = [f.line_of_text for f in load({path: text}).findings if f.path == path]
    assert told
    assert not any(secret in line for line in told for secret in (SECRET, "220022", "2200-22-00"))
