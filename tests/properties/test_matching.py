"""Rules match as the documented sentence says, whatever host, scenario, ticket and rule are."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import OperationalRule, Scenario
from reconciler.definitions.files.matching import SANDBOX_TAGS, SCOPE_CLASSES, facts, matches
from reconciler.definitions.files.values import HostResource

WORDS = ("linux", "windows", "bash", "nginx", "shop", "restart", "deploy")
scopes = st.builds("{}:{}".format, st.sampled_from(SCOPE_CLASSES), st.sampled_from(WORDS))
procedures = st.builds("procedure:{}".format, st.sampled_from(WORDS))
orgs = st.sampled_from(["", "ops", "apps"])
rules = st.builds(
    lambda tags, org: OperationalRule(name="r", text="x", tags=tuple(tags), org=org),
    st.lists(scopes | procedures, max_size=4),
    orgs,
)
hosts = st.none() | st.builds(
    lambda tags, org: HostResource(name="h", tags=tags, org=org), st.frozensets(scopes, max_size=3), orgs
)
scenarios = st.builds(
    lambda body, tags: Scenario(
        key="k", title="t", description="", ticket_title="", ticket_body=" ".join(body), tags=tuple(tags)
    ),
    st.lists(st.sampled_from([*WORDS, "the", "is"]), max_size=4),
    st.lists(scopes | procedures | st.sampled_from(WORDS), max_size=3),
)


def inferred(scenario: Scenario) -> set[str]:
    """All that the ticket and the scenario say, spelt out as tags."""
    words = set(scenario.ticket_body.split())
    said = {f"{kind}:{word}" for kind in ("type", "tech", "app", "procedure") for word in words}
    bare = {f"{kind}:{tag}" for kind in (*SCOPE_CLASSES, "procedure") for tag in scenario.tags if ":" not in tag}
    return said | bare | set(scenario.tags)


@given(rules, hosts, scenarios)
def test_a_rule_matches_as_the_documented_sentence_says(
    rule: OperationalRule, host: HostResource | None, scenario: Scenario
) -> None:
    declared = host.tags if host else frozenset[str]()
    sandbox = {t for t in SANDBOX_TAGS if not any(d.startswith(t[: t.index(":") + 1]) for d in declared)}
    known = {*declared, *sandbox, *inferred(scenario)}
    of_scope = {t for t in rule.tags if not t.startswith("procedure:")}
    of_procedure = set(rule.tags) - of_scope
    elsewhere = bool(rule.org and host and host.org and rule.org != host.org)
    expected = not elsewhere and of_scope <= known and (not of_procedure or bool(of_procedure & known))
    found = facts(scenario)
    assert matches(rule, found.on(host) if host else found) is expected


@given(rules, hosts, scenarios, scopes | procedures)
def test_another_scope_never_lets_a_rule_in_and_another_fact_never_keeps_it_out(
    rule: OperationalRule, host: HostResource | None, scenario: Scenario, tag: str
) -> None:
    known = facts(scenario).on(host) if host else facts(scenario)
    narrower = OperationalRule(name="r", text="x", tags=(*rule.tags, f"tech:{tag}"), org=rule.org)
    assert matches(rule, known) or not matches(narrower, known)
    richer = Scenario(**{**vars(scenario), "tags": (*scenario.tags, tag)})
    more = facts(richer).on(host) if host else facts(richer)
    assert matches(rule, more) or not matches(rule, known)
