import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.core.model import Command, Job, PlaybookResult, Rule, Task, TicketState
from reconciler.core.scoring import Evidence, Score, score
from tests.builders import job, pattern_rule, task


def search(pattern: str, text: str) -> tuple[int, int] | None:
    found = re.search(pattern, text, re.IGNORECASE)
    return found.span() if found else None


def never(pattern: str, text: str) -> tuple[int, int] | None:
    raise TimeoutError


def judged(*rules: Rule, of: Job | None = None, truth: Mapping[str, PlaybookResult] | None = None) -> Score:
    return score(rules, of or job(task("nginx -t", "systemctl reload nginx")), truth or {}, search)


def ansible(*, required: bool = True, negate: bool = False, playbook: str = "validate.yml") -> Rule:
    return Rule(scope="job", label=playbook, validator="ansible", playbook=playbook, required=required, negate=negate)


GOOD = PlaybookResult(passed=True)
BAD = PlaybookResult(passed=False, failed_task="port answers", message="refused")


def test_the_score_counts_required_and_optional_rules_together_and_no_ansible_rule() -> None:
    scored = judged(
        pattern_rule("nginx -t"), pattern_rule("absent", required=False), ansible(), truth={"validate.yml": BAD}
    )
    assert scored.compliance == 50.0


def test_an_optional_rule_that_fails_blocks_nothing() -> None:
    scored = judged(pattern_rule("nginx -t"), pattern_rule("absent", required=False))
    assert (scored.compliance_gate, scored.resolution_gate, scored.passed) == (True, True, True)


def test_the_two_gates_can_disagree_in_both_directions() -> None:
    fixed_wrongly = judged(pattern_rule("absent"), ansible(), truth={"validate.yml": GOOD})
    assert (fixed_wrongly.compliance_gate, fixed_wrongly.resolution_gate, fixed_wrongly.passed) == (False, True, False)
    broken_rightly = judged(pattern_rule("nginx -t"), ansible(), truth={"validate.yml": BAD})
    assert (broken_rightly.compliance_gate, broken_rightly.resolution_gate, broken_rightly.passed) == (
        True,
        False,
        False,
    )


def test_without_an_ansible_rule_the_resolution_gate_mirrors_the_compliance_gate() -> None:
    assert judged(pattern_rule("absent")).resolution_gate is False
    assert judged(pattern_rule("nginx")).resolution_gate is True


def test_without_a_rule_to_count_the_score_is_unknown_and_the_compliance_gate_open() -> None:
    scored = judged(ansible(), truth={"validate.yml": GOOD})
    assert (scored.compliance, scored.compliance_gate, scored.passed) == (None, True, True)


def test_every_required_ansible_rule_must_hold() -> None:
    truth = {"a.yml": GOOD, "b.yml": BAD}
    assert judged(ansible(playbook="a.yml"), ansible(playbook="b.yml"), truth=truth).resolution_gate is False
    assert (
        judged(ansible(playbook="a.yml"), ansible(playbook="b.yml", required=False), truth=truth).resolution_gate
        is True
    )
    assert judged(ansible(playbook="b.yml", negate=True), truth=truth).resolution_gate is True


def test_a_rule_on_tasks_holds_when_one_task_matches() -> None:
    assert judged(pattern_rule("b"), of=job(task("a"), task("b"))).passed


def test_a_negated_rule_holds_when_no_task_matches_and_without_any_task() -> None:
    assert judged(pattern_rule("rm -rf", negate=True)).passed
    assert judged(pattern_rule("rm -rf", negate=True), of=job(status="no_action")).passed
    assert not judged(pattern_rule("NGINX -T", negate=True)).passed


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("executed_commands", "one\ntwo"),
        ("task_summary", "the summary"),
        ("task_description", "the description"),
        ("task_plan", "the plan"),
        ("agent_messages", "thought one\nthought two"),
        ("operational_rules", "copy first"),
    ],
)
def test_each_task_target_searches_its_own_text(where: str, text: str) -> None:
    one = Task(
        id="t1",
        agent="a",
        host="h",
        description="the description",
        plan="the plan",
        summary="the summary",
        commands=(Command(text="one"), Command(text="two")),
        messages=("thought one", "thought two"),
        operational_rules=("copy first",),
        ended=True,
    )
    assert judged(pattern_rule(f"^{text}$", where), of=job(one)).passed


@pytest.mark.parametrize(("where", "text"), [("job_resolution", "it was the lock"), ("job_plan", "look, then act")])
def test_each_job_target_searches_its_own_text(where: str, text: str) -> None:
    rule = Rule(scope="job", label="x", validator="pattern_match", where=where, pattern=f"^{text}$")
    of = Job(id="j", status="success", plan="look, then act", resolution="it was the lock")
    assert judged(rule, of=of).passed


def test_evidence_names_task_line_text_and_who_saw_it() -> None:
    [result] = judged(pattern_rule("reload"), of=job(task("first\nsecond", "systemctl reload nginx"))).rules
    evidence = result.evidence
    assert (evidence.task, evidence.line, evidence.text, evidence.seen) == (
        "t1",
        3,
        "systemctl reload nginx",
        "reported",
    )


def test_a_failing_playbook_is_quoted_as_evidence() -> None:
    [result] = judged(ansible(), truth={"validate.yml": BAD}).rules
    assert result.evidence.text == "port answers: refused"


@pytest.mark.parametrize("negate", [False, True])
def test_a_playbook_that_cannot_be_carried_out_as_written_neither_fails_nor_passes(negate: bool) -> None:
    torn = replace(BAD, broken="look: 'port' is undefined")
    scored = judged(ansible(negate=negate), truth={"validate.yml": torn})
    [result] = scored.rules
    assert (result.passed, scored.compliance_gate, scored.resolution_gate) == (None, True, False)
    assert result.evidence.text == "inconclusive: validate.yml could not be carried out: look: 'port' is undefined"


@pytest.mark.parametrize(
    ("rule", "of", "text"),
    [
        (pattern_rule("x"), job(task("a", "b"), task("c")), "no match in executed_commands of 2 tasks, 3 commands"),
        (pattern_rule("x", negate=True), job(task("a")), "no match in executed_commands of 1 task, 1 command"),
        (pattern_rule("x", "task_plan"), job(task("a")), "no match in task_plan of 1 task"),
        (pattern_rule("x", negate=True), job(status="no_action"), "no match: the job ended without tasks"),
        (
            Rule(scope="job", label="x", validator="pattern_match", where="job_resolution", pattern="x"),
            job(resolution="done"),
            "no match in job_resolution, 4 characters",
        ),
    ],
)
def test_what_rests_on_an_absence_says_how_much_was_searched(rule: Rule, of: Job, text: str) -> None:
    [result] = judged(rule, of=of).rules
    assert result.passed is rule.negate
    assert result.evidence == Evidence(text=text)


def test_a_long_line_is_quoted_where_it_matches() -> None:
    [result] = judged(pattern_rule("needle"), of=job(task("x" * 5000 + "needle" + "y" * 5000))).rules
    assert "needle" in result.evidence.text
    assert len(result.evidence.text) == 500


def test_evidence_says_that_a_command_was_observed_on_the_host() -> None:
    seen = replace(task(), commands=(Command(text="said"), Command(text="done", seen="observed")))
    assert judged(pattern_rule("done"), of=job(seen)).rules[0].evidence.seen == "observed"
    assert judged(pattern_rule("said"), of=job(seen)).rules[0].evidence.seen == "reported"


def test_equal_digests_are_the_same_rule_whatever_it_is_called() -> None:
    rule = pattern_rule("nginx -t")
    assert replace(rule, label="another name").digest == rule.digest
    others = [
        replace(rule, pattern="nginx"),
        replace(rule, where="task_plan"),
        replace(rule, negate=True),
        replace(rule, required=False),
        replace(rule, scope="job"),
        replace(rule, validator="ticket_status"),
        replace(rule, minimum=1),
        replace(rule, maximum=1),
        replace(rule, playbook="1"),
    ]
    assert len({rule.digest, *(r.digest for r in others)}) == 10


@pytest.mark.parametrize(("low", "high", "holds"), [(1, 3, True), (2, None, False), (None, 1, True), (None, 0, False)])
def test_a_task_count_with_one_bound_has_one_bound(low: int | None, high: int | None, holds: bool) -> None:
    rule = Rule(scope="job", label="x", validator="task_count", minimum=low, maximum=high)
    assert judged(rule).passed is holds


def test_a_status_is_compared_whole_and_without_case() -> None:
    def status(pattern: str) -> bool:
        rule = Rule(scope="job", label="x", validator="job_resolution_status", pattern=pattern)
        return judged(rule, of=job(status="no_action")).passed

    assert status("no_action")
    assert status("No_Action")
    assert not status("no")


def test_with_optional_ansible_rules_alone_nothing_about_the_machine_is_required() -> None:
    scored = judged(pattern_rule("absent"), ansible(required=False), truth={"validate.yml": BAD})
    assert (scored.compliance_gate, scored.resolution_gate, scored.passed) == (False, True, False)
    assert judged(ansible(required=False, negate=True), truth={"validate.yml": GOOD}).passed


def test_gateway_rules_are_left_out_and_the_record_says_so() -> None:
    rule = Rule(scope="gateway", label="x", validator="ticket_status", pattern="resolved")
    scored = judged(rule, pattern_rule("nginx"))
    assert (scored.compliance, scored.passed, scored.rules[0].applies) == (100.0, True, False)
    assert scored.rules[0].evidence.text == "left out: the gateway has no ticket to look at"


def test_a_ticket_is_judged_where_the_gateway_has_it() -> None:
    ticket = TicketState(status="Resolved", messages=("looking", "restarted it"), summary="the lock was stale")
    rules = [
        Rule(scope="gateway", label="status", validator="ticket_status", pattern="resolved "),
        Rule(
            scope="gateway",
            label="said",
            validator="pattern_match",
            where="gateway_messages",
            pattern="^looking$\n^gone$",
        ),
        Rule(scope="gateway", label="sums up", validator="pattern_match", where="gateway_summary", pattern="lock"),
        Rule(scope="gateway", label="part", validator="ticket_status", pattern="solved"),
        Rule(scope="gateway", label="no playbook", validator="ansible", playbook="validate.yml"),
    ]
    scored = judged(*rules, of=replace(job(), ticket=ticket))
    assert [r.passed for r in scored.rules] == [True, False, True, False, None]
    assert [r.applies for r in scored.rules] == [True, True, True, True, False]


def test_a_pattern_that_runs_out_of_time_is_inconclusive_and_fails_its_gate_even_negated() -> None:
    scored = score([pattern_rule("(a+)+$", negate=True)], job(task("x")), {}, never)
    assert (scored.rules[0].passed, scored.compliance, scored.compliance_gate) == (None, 0.0, False)
    assert scored.rules[0].evidence == Evidence(
        task="t1", text="inconclusive: the pattern ran out of time in executed_commands"
    )
