import re
from collections.abc import Mapping

import pytest

from reconciler.core.model import Command, Job, PlaybookResult, Rule, Task
from reconciler.core.scoring import Score, score
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
    assert evidence is not None
    assert (evidence.task, evidence.line, evidence.text, evidence.seen) == (
        "t1",
        3,
        "systemctl reload nginx",
        "reported",
    )


def test_a_failing_playbook_is_quoted_as_evidence() -> None:
    [result] = judged(ansible(), truth={"validate.yml": BAD}).rules
    assert result.evidence is not None
    assert result.evidence.text == "port answers: refused"


@pytest.mark.parametrize(("low", "high", "holds"), [(1, 3, True), (2, None, False), (None, 1, True), (None, 0, False)])
def test_a_task_count_with_one_bound_has_one_bound(low: int | None, high: int | None, holds: bool) -> None:
    rule = Rule(scope="job", label="x", validator="task_count", minimum=low, maximum=high)
    assert judged(rule).passed is holds


def test_a_status_is_compared_whole_and_without_case_and_old_names_are_known() -> None:
    def status(pattern: str) -> bool:
        rule = Rule(scope="job", label="x", validator="job_resolution_status", pattern=pattern)
        return judged(rule, of=job(status="no_action")).passed

    assert status("no_action")
    assert status("No_Action")
    assert status("no_tasks_created")
    assert not status("no")


def test_gateway_rules_are_left_out_and_the_record_says_so() -> None:
    rule = Rule(scope="gateway", label="x", validator="ticket_status", pattern="resolved")
    scored = judged(rule, pattern_rule("nginx"))
    assert (scored.compliance, scored.passed, scored.rules[0].applies) == (100.0, True, False)


def test_a_pattern_that_runs_out_of_time_is_inconclusive_and_fails_its_gate_even_negated() -> None:
    scored = score([pattern_rule("(a+)+$", negate=True)], job(task("x")), {}, never)
    assert (scored.rules[0].passed, scored.compliance, scored.compliance_gate) == (None, 0.0, False)
