"""What holds of every score, whatever the rules and whatever was seen."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Command, Job, PlaybookResult, Resolution, Rule, Task, TicketState
from reconciler.core.scoring import TARGETS, RuleResult, Score, score

WORDS = ("reload", "restart", "rm -rf /", "look\nagain", "")
PLAYBOOKS = ("a.yml", "b.yml")
STATUSES: tuple[Resolution, ...] = ("success", "agentic_failure", "hard_failure", "partial", "no_action")
SLOW = "endless"
"""The pattern that never comes to an answer."""

words = st.sampled_from(WORDS)
flags = st.fixed_dictionaries({"required": st.booleans(), "negate": st.booleans()})
bounds = st.none() | st.integers(0, 4)
patterns = st.builds(
    lambda scope, where, pattern, more: Rule(
        scope=scope[0], label="p", validator="pattern_match", where=where(scope[1]), pattern=pattern, **more
    ),
    st.sampled_from([(scope, sorted(targets)) for scope, targets in TARGETS.items()]),
    st.integers(0, 9).map(lambda n: lambda targets: targets[n % len(targets)]),
    st.sampled_from([*WORDS[:4], SLOW]),
    flags,
)
others = st.one_of(
    st.builds(
        Rule, scope=st.just("job"), label=words, validator=st.just("ansible"), playbook=st.sampled_from(PLAYBOOKS)
    ),
    st.builds(
        Rule,
        scope=st.just("job"),
        label=words,
        validator=st.just("job_resolution_status"),
        pattern=st.sampled_from(STATUSES),
    ),
    st.builds(Rule, scope=st.just("gateway"), label=words, validator=st.just("ticket_status"), pattern=words),
    st.builds(Rule, scope=st.just("job"), label=words, validator=st.just("task_count"), minimum=bounds, maximum=bounds),
)
rules = st.one_of(patterns, st.builds(lambda rule, more: replace(rule, **more), others, flags))
tasks = st.builds(
    Task,
    id=st.uuids().map(str),
    agent=st.just("agent"),
    host=st.just("app-01"),
    summary=words,
    description=words,
    plan=words,
    commands=st.lists(st.builds(Command, text=words, seen=st.sampled_from(["reported", "observed"])), max_size=3).map(
        tuple
    ),
    messages=st.lists(words, max_size=2).map(tuple),
    operational_rules=st.lists(words, max_size=2).map(tuple),
    ended=st.just(True),
)
jobs = st.builds(
    Job,
    id=st.just("j"),
    status=st.sampled_from(STATUSES),
    plan=words,
    resolution=words,
    tasks=st.lists(tasks, max_size=3).map(tuple),
    ticket=st.none()
    | st.builds(TicketState, status=words, messages=st.lists(words, max_size=2).map(tuple), summary=words),
)
truths = st.fixed_dictionaries({p: st.builds(PlaybookResult, passed=st.booleans()) for p in PLAYBOOKS})
some_rules = st.lists(rules, max_size=6)


def search(pattern: str, text: str) -> tuple[int, int] | None:
    if pattern == SLOW:
        raise TimeoutError
    at = text.find(pattern)
    return None if at < 0 else (at, at + len(pattern))


def judged(of: list[Rule], job: Job, truth: dict[str, PlaybookResult]) -> Score:
    return score(of, job, truth, search)


def counted(scored: Score, *, ansible: bool) -> list[RuleResult]:
    return [r for r in scored.rules if r.applies and (r.rule.validator == "ansible") is ansible]


@given(some_rules, jobs, truths)
def test_the_score_is_the_share_of_rules_that_passed_and_ansible_never_counts(
    of: list[Rule], job: Job, truth: dict[str, PlaybookResult]
) -> None:
    scored = judged(of, job, truth)
    rules = counted(scored, ansible=False)
    if not rules:
        assert (scored.compliance, scored.compliance_gate) == (None, True)
        return
    assert scored.compliance == round(100 * len([r for r in rules if r.passed is True]) / len(rules), 2)
    assert (scored.compliance == 100) is all(r.passed for r in rules)
    without = judged([r for r in of if r.validator != "ansible"], job, truth)
    assert (without.compliance, without.compliance_gate) == (scored.compliance, scored.compliance_gate)


@given(some_rules, jobs, truths)
def test_a_gate_is_shut_by_exactly_the_required_rules_that_did_not_pass(
    of: list[Rule], job: Job, truth: dict[str, PlaybookResult]
) -> None:
    scored = judged(of, job, truth)
    shut = {
        ansible: [r for r in counted(scored, ansible=ansible) if r.rule.required and r.passed is not True]
        for ansible in (True, False)
    }
    assert scored.compliance_gate is not bool(shut[False])
    mirrors = not counted(scored, ansible=True)
    assert scored.resolution_gate is (scored.compliance_gate if mirrors else not shut[True])
    assert scored.passed is (scored.compliance_gate and scored.resolution_gate)


@given(rules, jobs, truths)
def test_negating_a_rule_turns_what_was_decided_and_nothing_else(
    rule: Rule, job: Job, truth: dict[str, PlaybookResult]
) -> None:
    [one] = judged([rule], job, truth).rules
    [other] = judged([replace(rule, negate=not rule.negate)], job, truth).rules
    assert other.passed is (None if one.passed is None else not one.passed)
    assert (other.evidence, other.applies) == (one.evidence, one.applies)


@given(some_rules, jobs, truths)
def test_what_is_optional_counts_as_much_and_blocks_nothing(
    of: list[Rule], job: Job, truth: dict[str, PlaybookResult]
) -> None:
    scored, optional = judged(of, job, truth), judged([replace(r, required=False) for r in of], job, truth)
    assert optional.compliance == scored.compliance
    assert [r.passed for r in optional.rules] == [r.passed for r in scored.rules]
    assert optional.passed


@given(some_rules, jobs, truths)
def test_neither_the_order_of_the_rules_nor_that_of_the_tasks_matters(
    of: list[Rule], job: Job, truth: dict[str, PlaybookResult]
) -> None:
    scored = judged(of, job, truth)
    other = judged(of[::-1], replace(job, tasks=job.tasks[::-1]), truth)
    assert [r.passed for r in other.rules][::-1] == [r.passed for r in scored.rules]
    assert (other.compliance, other.compliance_gate, other.resolution_gate) == (
        scored.compliance,
        scored.compliance_gate,
        scored.resolution_gate,
    )


@given(patterns, jobs, tasks)
def test_one_more_task_never_undoes_a_match(rule: Rule, job: Job, more: Task) -> None:
    [before] = judged([replace(rule, negate=False)], job, {}).rules
    [after] = judged([replace(rule, negate=False)], replace(job, tasks=(*job.tasks, more)), {}).rules
    assert before.passed is not True or after.passed is True


@given(some_rules, jobs, truths)
def test_every_result_has_evidence_and_what_it_quotes_is_there(
    of: list[Rule], job: Job, truth: dict[str, PlaybookResult]
) -> None:
    named = {t.id: t for t in job.tasks}
    for result in judged(of, job, truth).rules:
        evidence = result.evidence
        if evidence.line is None:
            assert evidence.text or result.rule.validator == "ticket_status"
        elif evidence.task is not None and result.rule.where == "executed_commands":
            commands = named[evidence.task].commands
            lines = [(line, c.seen) for c in commands for line in c.text.split("\n")]
            assert lines[evidence.line - 1] == (evidence.text, evidence.seen)
            assert result.rule.pattern.split("\n")[0] in evidence.text


@given(rules, rules)
def test_two_rules_have_the_same_digest_exactly_when_only_their_labels_differ(one: Rule, other: Rule) -> None:
    assert (one.digest == other.digest) is (replace(one, label="") == replace(other, label=""))
