"""Rules that say nothing: whatever an agent does, they pass, or they fail."""

from typing import Literal

from reconciler.core.scoring import TARGETS
from reconciler.definitions.files.findings import shown
from reconciler.definitions.files.holes import FieldProblem
from reconciler.definitions.files.pattern_sense import sense
from reconciler.definitions.files.schemas import RuleFile

_DECIDING = ("negate", "pattern", "min", "max")
"""The fields by which a rule may be decided before any agent works."""
_ANCHORS = "^ and $ are the ends of the whole text, not of a line, and [] holds no character"


def pointless(rule: RuleFile) -> FieldProblem | None:
    """Why a rule that has its fields, and whose pattern compiles, is decided before any agent works; None where it is not."""
    holds = _holds(rule)
    if holds is None:
        return None
    field = "pattern" if rule.validator == "pattern_match" else ""
    what = f"the pattern {shown(rule.pattern)}" if field else f"rule {shown(rule.label)}"
    if holds == "never" and not rule.negate:
        return FieldProblem(field, "never-matches", f"{what} can never match", _ANCHORS, _DECIDING)
    how = {"never": "can never match", "always": "matches every text" if field else "allows every number of tasks"}
    if holds == "always" and rule.negate:
        message, hint = f"{what} {how[holds]}, and is negated", "ask for something else"
        return FieldProblem(field, "never-passes", message, hint, _DECIDING)
    negated = ", and is negated: the rule never fails" if rule.negate else ": the rule never fails"
    message, hint = f"{what} {how[holds]}{negated}", "ask for something that can be missing"
    return FieldProblem(field, "never-fails", message, hint, _DECIDING)


def _holds(rule: RuleFile) -> Literal["never", "always"] | None:
    """When a rule's condition holds, before ``negate``. In tasks a text that is always found still needs a task."""
    if rule.validator == "task_count":
        return "always" if rule.max is None and not rule.min else None
    if rule.validator != "pattern_match" or rule.pattern is None:
        return None
    found = sense(rule.pattern)
    return None if found == "always" and (rule.where is None or rule.where in TARGETS["tasks"]) else found
