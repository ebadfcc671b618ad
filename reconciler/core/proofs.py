"""What proves a scenario: the cases that fresh sandboxes play, and what they come to.

A scenario is proven in a mode when its rules' playbooks find the fault on the untouched machine, find it gone after the solution,
and are fooled by no mutant. A false alarm, whose solution is empty, must pass untouched instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from reconciler.core.digests import digest, path_safe
from reconciler.core.model import Job, Mode, PlaybookResult, Rule
from reconciler.core.scoring import score

Answer = Literal["pass", "fail"]
Got = Literal["pass", "fail", "broken", "missing", "unknown"]
"""``broken``: a playbook could not do its work. ``missing``: there is nothing to play. ``unknown``: the sandbox died."""

DERIVED = ("read-only", "offline")
"""Steps that follow from what others showed, without a sandbox of their own."""
SOLUTIONS = ("solution.yml", "solution.yaml")
"""A playbook that mends it; an empty list says that nothing is to be done."""
PREPARE, RESTORE = "prepare.yml", "restore.yml"
_LONGEST = 300
_SHOWN = 5


def proof_id(scenario: str, mode: Mode, *, world: str, truth: str, proof: str) -> str:
    """Names a proof: 20 hex digits over the scenario, the mode and the digests of what it holds for."""
    return digest([scenario, mode, world, truth, proof])


def proof_folder(scenario: str) -> str:
    """Where a scenario's proofs lie on the results branch."""
    return f"proofs/{path_safe(scenario)}"


def proof_path(scenario: str, proof: str) -> str:
    """Where a proof lies on the results branch."""
    return f"{proof_folder(scenario)}/{proof}.json"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is to be proven: that a scenario's ``truth`` judges its ``world`` as its ``proof`` (solution and mutants) says.

    The three map each part's name to its content, like the components of a trial's inputs.
    """

    scenario: str
    mode: Mode
    rules: tuple[Rule, ...]
    world: Mapping[str, str]
    truth: Mapping[str, str]
    proof: Mapping[str, str]
    solution: str = ""
    """Path from the scenario's folder; empty: there is none."""
    false_alarm: bool = False
    """The solution is empty: the right answer is to change nothing."""
    mutants: Mapping[str, str] = field(default_factory=dict)
    """Name to path from the scenario's folder."""
    prepares: bool = True
    restores: bool = False

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Digest by component."""
        return {name: digest(getattr(self, name)) for name in ("world", "truth", "proof")}

    @cached_property
    def id(self) -> str:
        """See ``proof_id``."""
        return proof_id(self.scenario, self.mode, **self.digests)

    @property
    def path(self) -> str:
        """See ``proof_path``."""
        return proof_path(self.scenario, self.id)

    @property
    def untouched(self) -> Answer:
        """What the rules' playbooks must say of a machine that is prepared and nothing else."""
        return "pass" if self.false_alarm else "fail"

    @property
    def playbooks(self) -> tuple[str, ...]:
        """The rules' playbooks, each once."""
        return tuple(dict.fromkeys(r.playbook for r in self.rules if r.validator == "ansible"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one fresh sandbox plays: ``playbooks`` that must succeed, then the rules' playbooks, which must come to ``expected``."""

    step: str
    expected: Answer
    playbooks: tuple[str, ...]
    watched: bool = False
    """The rules' playbooks play a second time, and what that changes is looked at."""
    restored: tuple[str, ...] = ()
    """Played first, and then compared with a machine that nobody touched."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a case showed."""

    problem: str = ""
    """Why it showed nothing: the sandbox died."""
    stopped: str = ""
    """Which playbook that had to succeed did not, and why."""
    rounds: tuple[Mapping[str, PlaybookResult], ...] = ()
    """How the rules' playbooks ended, each time that they played."""
    touched: tuple[str, ...] = ()
    """Files that the second round changed."""
    leftovers: tuple[str, ...] = ()
    """How the restored machine differs from an untouched one."""
    interfaces: tuple[str, ...] = ()
    """The sandboxes' network interfaces."""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that a proof shows, or does not."""

    step: str
    expected: Answer
    got: Got
    message: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it came out as expected."""
        return self.got == self.expected


def cases(claim: Claim) -> tuple[Case, ...]:
    """Everything to play. Each needs a sandbox of its own, and none needs another's result."""
    prepared = (PREPARE,) if claim.prepares else ()
    found = [Case(step="untouched", expected=claim.untouched, playbooks=prepared, watched=True)]
    if claim.solution and not claim.false_alarm:
        found.append(Case(step="solution", expected="pass", playbooks=(*prepared, claim.solution), watched=True))
    for name, path in claim.mutants.items():
        found.append(Case(step=f"mutant:{name}", expected="fail", playbooks=(*prepared, path)))
    if claim.prepares:
        found.append(Case(step="repeatable", expected="pass", playbooks=(PREPARE, PREPARE)))
    if claim.restores:
        found.append(Case(step="restored", expected="pass", playbooks=prepared, restored=(*prepared, RESTORE)))
    return tuple(found)


def steps(claim: Claim, outcomes: Mapping[str, Outcome]) -> tuple[Step, ...]:
    """What the outcomes (by step) come to, and what is missing for a proof."""
    played = cases(claim)
    found = [judged(claim, case, outcomes[case.step]) for case in played]
    watched = [outcomes[case.step] for case in played if case.watched]
    return (*found, *_missing(claim), _read_only(claim, watched), _offline([*outcomes.values()], found))


def _missing(claim: Claim) -> list[Step]:
    found = []
    if not any(r.validator == "ansible" and r.required and r.scope != "gateway" for r in claim.rules):
        message = "no required ansible rule looks at the machine: add one to validation.job, with a validate.yml"
        found.append(Step(step="rule", expected="pass", got="missing", message=message))
    if not claim.solution:
        message = "there is no solution.yml: write the playbook that mends it, or [] where nothing is to be done"
        found.append(Step(step="solution", expected="pass", got="missing", message=message))
    if not claim.mutants:
        message = "there is no mutants/*.yml: write a sabotage that looks like a fix, and must not pass"
        found.append(Step(step="mutant:*", expected="fail", got="missing", message=message))
    return found


def judged(claim: Claim, case: Case, outcome: Outcome) -> Step:
    """A case as a step. Where prepare is what is tried, the machine must come out as after one prepare on a fresh one."""
    (got, message), untouched = _answer(claim, outcome), claim.untouched
    if case.step in ("repeatable", "restored") and got in ("pass", "fail"):
        message = (
            "" if got == untouched else f"afterwards validation comes to {got}, and on a fresh machine to {untouched}"
        )
        got = "pass" if got == untouched else "fail"
    if outcome.leftovers and got == "pass":
        got, message = "fail", f"restore.yml leaves {_listed(outcome.leftovers)}"
    if got == "pass" and case.expected == "fail":
        message = "validation passes although nothing was mended"
        if case.step != "untouched":
            message = f"validation is fooled: it passes after {case.playbooks[-1]}"
    return Step(step=case.step, expected=case.expected, got=got, message=message, seconds=outcome.seconds)


def _answer(claim: Claim, outcome: Outcome) -> tuple[Got, str]:
    """What the rules' playbooks say together, as the resolution gate has it, and why."""
    if outcome.problem:
        return "unknown", outcome.problem
    if outcome.stopped:
        return "broken", _short(outcome.stopped)
    if not outcome.rounds or not claim.playbooks:
        return "missing", "no playbook looks at the machine"
    truth = outcome.rounds[0]
    for name, result in truth.items():
        if result.broken:
            return "broken", f"{name} could not be carried out: {_short(result.broken)}"
    rules = [r for r in claim.rules if r.validator == "ansible"]
    verdict = score(rules, Job(id="check", status="success"), truth, lambda *_: None)
    if verdict.resolution_gate:
        return "pass", ""
    failed = next((r for r in truth.values() if not r.passed), None)
    told = [failed.failed_task, failed.message] if failed else ["a negated rule's playbook passes"]
    return "fail", _short(": ".join(part for part in told if part))


def _read_only(claim: Claim, watched: Sequence[Outcome]) -> Step:
    """That the rules' playbooks only look: played again they say the same, report no change, and no file differs."""
    step = Step(step="read-only", expected="pass", got="pass")
    for outcome in watched:
        first = _answer(claim, outcome)[0]
        if first not in ("pass", "fail"):
            return Step(step=step.step, expected="pass", got="unknown", message="validation did not play")
        again = _answer(claim, Outcome(rounds=outcome.rounds[1:]))[0]
        altering = [task for truth in outcome.rounds for result in truth.values() for task in result.altered]
        problems = [
            f"played again, validation comes to {again} and not to {first}" if again != first else "",
            f"validation reports changes: {_listed(tuple(dict.fromkeys(altering)))}" if altering else "",
            f"validation changes {_listed(outcome.touched)}" if outcome.touched else "",
        ]
        if message := "; ".join(filter(None, problems)):
            return Step(step=step.step, expected="pass", got="fail", message=message)
    return step


def _offline(outcomes: Sequence[Outcome], found: Sequence[Step]) -> Step:
    """That nothing needed a network: there was none, and all that had to succeed did."""
    reached = sorted({name for outcome in outcomes for name in outcome.interfaces} - {"lo"})
    if reached:
        message = f"a sandbox has a network: {', '.join(reached)}"
        return Step(step="offline", expected="pass", got="fail", message=message)
    unplayed = [step.step for step in found if step.got not in ("pass", "fail")]
    if unplayed:
        message = f"not shown: there is no network here, and {', '.join(unplayed)} could not be played"
        return Step(step="offline", expected="pass", got="unknown", message=message)
    return Step(step="offline", expected="pass", got="pass")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
