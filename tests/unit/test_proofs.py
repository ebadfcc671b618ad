"""What outcomes come to: which steps a proof has, and when each came out as it must."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.core.model import PlaybookResult, Rule
from reconciler.core.proofs import Case, Claim, Outcome, Step, cases, judged, steps

TRUTH = Rule(scope="job", label="truth", validator="ansible", playbook="validate.yml")
CLAIM = Claim(
    scenario="stale-lock",
    mode="namespace",
    rules=(TRUTH,),
    world={"prepare.yml": "1"},
    truth={"validate.yml": "1"},
    proof={"solution.yml": "1", "mutants/killed.yml": "1"},
    solution="solution.yml",
    mutants={"killed": "mutants/killed.yml"},
)
PASSES = {"validate.yml": PlaybookResult(passed=True)}
FAILS = {"validate.yml": PlaybookResult(passed=False, failed_task="It runs", message="nothing runs")}


def outcome(truth: Mapping[str, PlaybookResult], **more: object) -> Outcome:
    return replace(Outcome(rounds=(truth, truth), interfaces=("lo",)), **more)  # type: ignore[arg-type]


def good(claim: Claim = CLAIM) -> dict[str, Outcome]:
    """Outcomes that prove a claim."""
    untouched = PASSES if claim.false_alarm else FAILS
    by_step = {"untouched": untouched, "solution": PASSES, "repeatable": untouched, "restored": untouched}
    return {case.step: outcome(by_step.get(case.step, FAILS)) for case in cases(claim)}


def failed(claim: Claim, **outcomes: Outcome) -> dict[str, Step]:
    """The steps that did not come out, where some outcomes are others than the good ones."""
    named = {"mutant:killed" if step == "mutant" else step: found for step, found in outcomes.items()}
    return {s.step: s for s in steps(claim, good(claim) | named) if not s.ok}


def test_a_fault_that_is_there_a_solution_that_mends_and_a_mutant_that_is_caught_prove_a_scenario() -> None:
    found = steps(CLAIM, good())
    assert [(s.step, s.expected, s.got) for s in found] == [
        ("untouched", "fail", "fail"),
        ("solution", "pass", "pass"),
        ("mutant:killed", "fail", "fail"),
        ("repeatable", "pass", "pass"),
        ("read-only", "pass", "pass"),
        ("offline", "pass", "pass"),
    ]
    assert found[0].message == "It runs: nothing runs"


def test_each_case_gets_a_fresh_sandbox_prepared_as_for_a_trial() -> None:
    assert [(c.step, c.playbooks) for c in cases(CLAIM)] == [
        ("untouched", ("prepare.yml",)),
        ("solution", ("prepare.yml", "solution.yml")),
        ("mutant:killed", ("prepare.yml", "mutants/killed.yml")),
        ("repeatable", ("prepare.yml", "prepare.yml")),
    ]


def test_a_false_alarm_passes_untouched_and_has_no_solution_to_play() -> None:
    alarm = replace(CLAIM, false_alarm=True)
    assert [c.step for c in cases(alarm)] == ["untouched", "mutant:killed", "repeatable"]
    assert failed(alarm) == {}
    assert failed(alarm, untouched=outcome(FAILS))["untouched"].expected == "pass"
    assert set(failed(alarm, mutant=outcome(PASSES))) == {"mutant:killed"}


def test_a_fault_that_is_not_there_and_a_mutant_that_passes_are_told() -> None:
    assert (
        failed(CLAIM, untouched=outcome(PASSES))["untouched"].message == "validation passes although nothing was mended"
    )
    assert "fooled" in failed(CLAIM, mutant=outcome(PASSES))["mutant:killed"].message
    assert failed(CLAIM, solution=outcome(FAILS))["solution"].message == "It runs: nothing runs"


@pytest.mark.parametrize("step", ["untouched", "mutant"])
def test_a_playbook_that_is_wrong_is_no_failure_that_proves_anything(step: str) -> None:
    wrong = {"validate.yml": replace(FAILS["validate.yml"], broken="It runs: 'lost' is undefined")}
    found = failed(CLAIM, **{step: outcome(wrong)})
    assert {s.got for name, s in found.items() if name.startswith(step)} == {"broken"}
    assert "'lost' is undefined" in next(iter(found.values())).message
    stopped = failed(CLAIM, **{step: Outcome(stopped="prepare.yml failed", interfaces=("lo",))})
    assert {s.got for name, s in stopped.items() if name.startswith(step)} == {"broken"}
    assert stopped["offline"].got == "unknown", "what could not be played shows nothing about the network"


def test_a_sandbox_that_died_leaves_it_unknown() -> None:
    assert failed(CLAIM, solution=Outcome(problem="it is gone"))["solution"].got == "unknown"


def test_validation_must_only_look() -> None:
    altering = {"validate.yml": replace(FAILS["validate.yml"], altered=("Start it",))}
    assert "Start it" in failed(CLAIM, untouched=outcome(altering))["read-only"].message
    assert "/etc/x" in failed(CLAIM, solution=outcome(PASSES, touched=("/etc/x",)))["read-only"].message
    mends_itself = Outcome(rounds=(FAILS, PASSES), interfaces=("lo",))
    assert set(failed(CLAIM, untouched=mends_itself)) == {"read-only"}


def test_prepare_must_leave_the_same_when_it_is_played_twice() -> None:
    assert "comes to pass" in failed(CLAIM, repeatable=outcome(PASSES))["repeatable"].message
    again = Outcome(stopped="prepare.yml failed: it is there", interfaces=("lo",))
    assert failed(CLAIM, repeatable=again)["repeatable"].got == "broken"


def test_restore_must_leave_nothing_behind_and_the_fault_must_come_back() -> None:
    restoring = replace(CLAIM, restores=True)
    assert cases(restoring)[-1] == Case(
        step="restored", expected="pass", playbooks=("prepare.yml",), restored=("prepare.yml", "restore.yml")
    )
    assert failed(restoring) == {}
    left = failed(restoring, restored=outcome(FAILS, leftovers=("/etc/x behind",)))
    assert left["restored"].message == "restore.yml leaves /etc/x behind"
    assert set(failed(restoring, restored=outcome(PASSES))) == {"restored"}


def test_a_network_that_is_there_proves_nothing_about_its_absence() -> None:
    found = failed(CLAIM, solution=outcome(PASSES, interfaces=("lo", "eth0")))
    assert found["offline"].message == "a sandbox has a network: eth0"


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"solution": ""}, "solution"),
        ({"mutants": {}}, "mutant:*"),
        ({"rules": (replace(TRUTH, required=False),)}, "rule"),
    ],
)
def test_without_solution_mutants_or_a_rule_that_looks_nothing_is_proven_and_what_is_missing_is_told(
    changes: dict[str, object], missing: str
) -> None:
    found = failed(replace(CLAIM, **changes))  # type: ignore[arg-type]
    assert found[missing].got == "missing"
    assert found[missing].message


def test_a_negated_rule_counts_as_the_resolution_gate_has_it() -> None:
    negated = replace(CLAIM, rules=(replace(TRUTH, negate=True),))
    case = cases(negated)[1]
    assert judged(negated, case, outcome(FAILS)).got == "pass"
    assert judged(negated, case, outcome(PASSES)).message == "a negated rule's playbook passes"


def test_a_proof_is_named_by_all_that_it_holds_for() -> None:
    others = [
        replace(CLAIM, mode="incus"),
        replace(CLAIM, world={"prepare.yml": "2"}),
        replace(CLAIM, truth={"validate.yml": "2"}),
        replace(CLAIM, proof={"solution.yml": "1"}),
        replace(CLAIM, scenario="other"),
    ]
    assert len({CLAIM.id, *(other.id for other in others)}) == 6
    assert CLAIM.path == f"proofs/stale-lock/{CLAIM.id}.json"
