"""Which operational rules get into whose context: the documented sentence, row by row, and what was decided where it is silent."""

from typing import Any

import pytest

from reconciler.core.model import OperationalRule, Scenario
from reconciler.definitions.files.matching import facts, matches
from reconciler.definitions.files.values import HostResource
from tests.definitions import Files, batches, benchmark, changed, load, repository, scenario

NGINX = "scenarios/nginx/scenario.json"
TWO = [{"host_name": "web-01", "template": "debian-base"}, {"host_name": "db-01", "template": "debian-base"}]
AGENTS = [{"agent_name": f"{n}-agent", "host_name": f"{n}-01"} for n in ("web", "db")]


def ticket(body: str, *tags: str) -> Scenario:
    return Scenario(key="k", title="t", description="", ticket_title="Help", ticket_body=body, tags=tags)


def rule_of(*tags: str, org: str = "") -> OperationalRule:
    return OperationalRule(name="r", text="x", tags=tags, org=org)


DOCUMENTED = [
    # no tags + no org = universal
    ((), "", {"scenario"}, True),
    # scope tags must all be satisfied by host tags ∪ inferred tags; no procedure tag = always on within its scope
    (("os:linux",), "", {"host"}, True),
    (("os:linux",), "", {"scenario"}, False),
    (("os:linux", "tech:nginx"), "", {"host"}, False),
    (("os:linux", "tech:nginx"), "", {"scenario"}, False),
    (("os:linux", "tech:nginx"), "", {"host", "scenario"}, True),
    (("os:linux", "tech:nginx", "app:shop"), "", {"host", "scenario"}, False),
    # procedure tags match if any equals the inferred action
    (("procedure:restart",), "", {"scenario"}, False),
    (("procedure:restart",), "", {"action"}, True),
    (("procedure:deploy", "procedure:restart"), "", {"action"}, True),
    (("procedure:deploy",), "", {"action"}, False),
    # both at once
    (("os:linux", "procedure:restart"), "", {"host"}, False),
    (("os:linux", "procedure:restart"), "", {"action"}, False),
    (("os:linux", "procedure:restart"), "", {"host", "action"}, True),
    # an organisation's own rules
    ((), "ops", {"host"}, False),
    ((), "platform", {"host"}, True),
    (("os:linux",), "platform", {"host"}, True),
    (("os:linux",), "ops", {"host"}, False),
]


@pytest.mark.parametrize(("tags", "org", "said", "applies"), DOCUMENTED)
def test_a_rule_applies_when_all_scopes_hold_and_one_procedure_does(
    tags: tuple[str, ...], org: str, said: set[str], applies: bool
) -> None:
    """The host says that it is Linux, in the organisation platform; the scenario says nginx; the action is a restart."""
    linux = HostResource(name="h", org="platform", tags=frozenset({"os:linux", "shell:bash"}))
    windows = HostResource(name="h", tags=frozenset({"os:windows", "shell:powershell"}))
    own = ({"tech:nginx"} if "scenario" in said else set()) | ({"procedure:restart"} if "action" in said else set())
    known = facts(ticket("It is broken.", *own)).on(linux if "host" in said else windows)
    assert matches(rule_of(*tags, org=org), known) is applies


@pytest.mark.parametrize(
    ("tag", "body", "own", "holds"),
    [
        ("tech:nginx", "Nginx is down.", (), True),
        ("tech:nginx", "the nginx-based site", (), True),
        ("tech:nginx", "mynginx is down", (), False),
        ("tech:nginx", "nginx2 is down", (), False),
        ("tech:nginx", "nginxes are down", (), False),
        ("TECH:Nginx", "NGINX is down", (), True),
        ("tech:sql-server", "SQL-Server is down", (), True),
        ("tech:sql-server", "the sql server is down", (), False),
        ("tech:c++", "a C++ program crashes", (), True),
        ("app:shop", "the shop is closed", (), True),
        ("type:database", "the database is slow", (), True),
        ("tech:nginx", "The site is down", ("nginx",), True),
        ("tech:nginx", "The site is down", ("Tech:Nginx",), True),
        ("tech:nginx", "The site is down", ("app:nginx",), False),
        ("os:windows", "during the maintenance windows", (), False),
        ("os:windows", "anything", ("os:windows",), True),
        ("shell:fish", "fish and chips", (), False),
        ("procedure:restart", "please restart it", (), True),
        ("procedure:restart", "it restarts all the time", (), True),
        ("procedure:restart", "it was restarted", (), True),
        ("procedure:restart", "restarting does not help", (), True),
        ("procedure:restart", "restartable", (), False),
        ("procedure:backup", "it was backed up", (), False),
        ("procedure:backup", "anything", ("procedure:backup",), True),
    ],
)
def test_what_is_inferred_are_tags_of_the_scenario_and_words_of_the_ticket(
    tag: str, body: str, own: tuple[str, ...], holds: bool
) -> None:
    assert matches(rule_of(tag), facts(ticket(body, *own))) is holds


def test_a_word_of_the_title_counts_as_one_of_the_body() -> None:
    assert matches(rule_of("tech:help"), facts(ticket("")))


@pytest.mark.parametrize(("org", "applies"), [("", True), ("platform", True)])
def test_a_host_that_nobody_declared_is_a_linux_machine_of_any_organisation(org: str, applies: bool) -> None:
    assert matches(rule_of("os:linux", "shell:bash", org=org), facts(ticket("x"))) is applies


@pytest.mark.parametrize(
    ("declared", "holding"),
    [
        (set(), {"os:linux", "shell:bash"}),
        ({"tech:nginx"}, {"os:linux", "shell:bash", "tech:nginx"}),
        ({"os:windows"}, {"os:windows", "shell:bash"}),
        ({"os:linux", "shell:zsh"}, {"os:linux", "shell:zsh"}),
    ],
)
def test_what_a_host_declares_replaces_what_is_true_of_a_sandbox_class_by_class(
    declared: set[str], holding: set[str]
) -> None:
    known = facts(ticket("x")).on(HostResource(name="h", tags=frozenset(declared)))
    everything = {"os:linux", "os:windows", "shell:bash", "shell:zsh", "tech:nginx"}
    assert {tag for tag in everything if known.hold(tag)} == holding


# ---------------------------------------------------------------- in a repository


def rule(name: str, *tags: str) -> Files:
    return {f"config/operational_rules/{name}.mdx": f"---\nname: {name}\ntags: [{', '.join(tags)}]\n---\n{name}\n"}


def host(name: str, *tags: str, org: str = "ops") -> Files:
    front = f"name: {name}\norg: {org}\nprivate_ip: 10.0.0.1\ntags: [{', '.join(tags)}]"
    return {f"config/hosts/{name}.mdx": f"---\n{front}\n---\nKnowledge.\n"}


def rules_by_host(files: Files) -> dict[str, list[str]]:
    catalogue = load(files)
    (batch,) = batches(catalogue).values()
    return {seat.host.name: [r.name for r in seat.rules] for seat in catalogue.seating(batch)}


def two_hosts(**changes: Any) -> Files:
    return repository() | {NGINX: scenario(hosts=TWO, agents=AGENTS, **changes)}


def test_each_host_gets_the_rules_of_its_own_tags() -> None:
    files = two_hosts() | rule("pg", "tech:postgres") | rule("all", "os:linux") | host("db-01", "tech:postgres")
    assert rules_by_host(files) == {"web-01": ["all", "reload"], "db-01": ["all", "pg", "reload"]}


def test_hosts_that_declare_no_difference_get_the_same_rules_under_the_same_inputs() -> None:
    files = two_hosts() | rule("pg", "tech:postgres")
    assert rules_by_host(files) == {"web-01": ["reload"], "db-01": ["reload"]}
    assert changed(files, files | host("db-01", "tech:apache")) == {}


def test_a_tag_of_a_host_changes_the_agent_where_it_lets_a_rule_in() -> None:
    files = two_hosts() | rule("pg", "tech:postgres")
    assert changed(files, files | host("db-01", "tech:postgres")) == {"agent": ["rule pg", "rules by host"]}


def test_the_commit_behind_a_rule_that_a_host_let_in_may_be_the_hosts() -> None:
    catalogue = load(two_hosts() | rule("pg", "tech:postgres") | host("db-01", "tech:postgres"))
    (batch,) = batches(catalogue).values()
    assert catalogue.paths_of(batch, "agent", "rule pg") == [
        "config/operational_rules/pg.mdx",
        "config/hosts/db-01.mdx",
    ]
    assert catalogue.paths_of(batch, "agent", "rules by host") == ["config/hosts/db-01.mdx"]


def test_a_rule_of_another_organisation_is_kept_from_a_declared_host() -> None:
    theirs: Files = {"config/operational_rules/theirs.mdx": "---\nname: theirs\norg: apps\n---\nx\n"}
    assert rules_by_host(repository() | theirs) == {"web-01": ["reload", "theirs"]}
    assert rules_by_host(repository() | theirs | host("web-01")) == {"web-01": ["reload"]}


def test_rules_that_match_come_in_the_order_of_their_names() -> None:
    files = repository() | rule("z", "os:linux") | rule("a", "shell:bash")
    assert rules_by_host(files | {"config/benchmarks/all.yaml": benchmark()}) == {"web-01": ["a", "reload", "z"]}
