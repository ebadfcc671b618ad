"""Entries of ``validation`` to rules, with what is wrong with them and what is hardly meant."""

import posixpath
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from reconciler.core.model import Rule, Scope
from reconciler.core.scoring import TARGETS
from reconciler.definitions.files.conditions import FITTING
from reconciler.definitions.files.findings import nearest, shown
from reconciler.definitions.files.guards import Compiles, Doubts, pattern_problem
from reconciler.definitions.files.holes import FieldProblem
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.definitions.files.pointless import pointless
from reconciler.definitions.files.schemas import OLD_STATUSES, STATUSES, RuleFile

_SCOPES: Mapping[str, Scope] = {where: scope for scope, targets in TARGETS.items() for where in targets}
"""The scope of each ``where`` target."""
_IGNORED: tuple[RuleId, str, str] = (
    "ignored-rule",
    "an ansible rule in scope gateway is not run",
    "move it to validation.job",
)


class Judged(NamedTuple):
    """A rule, what is wrong with it, and what in it is hardly meant."""

    rule: Rule
    problems: tuple[FieldProblem, ...]
    doubts: tuple[FieldProblem, ...]


class Judge:
    """Judges the rules of many scenarios: those that they share, and patterns, are looked at once."""

    def __init__(self, compiles: Compiles, doubts: Doubts = lambda _: ()) -> None:
        """What is said of a pattern."""
        self.compiles: Compiles = cache(compiles)
        self.doubts: Doubts = cache(lambda pattern: tuple(doubts(pattern)))
        self._known: dict[object, Judged] = {}

    def rule(self, scope: Scope, file: RuleFile) -> Judged:
        """An entry of a scope, judged."""
        how = file.required, file.negate, file.pattern, file.where, file.min, file.max, file.ansiblePath
        written = (scope, file.label, file.validator, how)
        if (known := self._known.get(written)) is None:
            known = self._known[written] = self._judged(scope, file)
        return known

    def _judged(self, scope: Scope, file: RuleFile) -> Judged:
        problems = (*_field_problems(file), *_value_problems(scope, file))
        pattern = file.pattern if file.validator == "pattern_match" else None
        if pattern is not None and (wrong := pattern_problem(pattern, self.compiles)):
            return Judged(_rule(scope, file), (*problems, FieldProblem("pattern", *wrong)), ())
        doubts = [FieldProblem("", *_IGNORED)] if file.validator == "ansible" and scope == "gateway" else []
        doubts += [FieldProblem("pattern", *doubt) for doubt in (self.doubts(pattern) if pattern is not None else ())]
        if all(p.field for p in problems) and (decided := pointless(file)):
            doubts.append(decided)
        return Judged(_rule(scope, file), problems, tuple(doubts))


def _rule(scope: Scope, file: RuleFile) -> Rule:
    return Rule(
        scope=scope,
        label=file.label,
        validator=file.validator,
        required=file.required,
        negate=file.negate,
        pattern=_newest(file) or "",
        where=file.where or "",
        minimum=file.min,
        maximum=file.max,
        playbook=posixpath.normpath(file.ansiblePath) if file.ansiblePath else "",
    )


def _newest(file: RuleFile) -> str | None:
    """The pattern; a resolution status by its newest name, so that every version's file says the same."""
    if file.validator != "job_resolution_status" or file.pattern is None:
        return file.pattern
    status = file.pattern.strip().lower()
    return OLD_STATUSES.get(status, status)


def _field_problems(rule: RuleFile) -> Iterator[FieldProblem]:
    fitting = FITTING[rule.validator]
    taken = " and ".join(sorted(fitting))
    given = {f for f in ("pattern", "where", "min", "max", "ansiblePath") if getattr(rule, f) is not None}
    for name in sorted(given - fitting):
        yield FieldProblem(
            name, "misplaced-field", f"{name} says nothing to {rule.validator}", f"{rule.validator} takes {taken}"
        )
    if rule.validator == "task_count":
        if not given & fitting:
            message = f"rule {shown(rule.label)}: min or max is missing"
            yield FieldProblem("", "missing-field", message, "write at least one", fitting)
        return
    for name in sorted(fitting - given):
        message = f"rule {shown(rule.label)}: {name} is missing"
        yield FieldProblem("", "missing-field", message, f"{rule.validator} needs {taken}", fitting)


def _value_problems(scope: Scope, rule: RuleFile) -> Iterator[FieldProblem]:
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        yield FieldProblem("min", "wrong-value", f"min {rule.min} is more than max {rule.max}", "no count can be both")
    if rule.validator == "job_resolution_status" and rule.pattern is not None:
        status = rule.pattern.strip().lower()
        if status not in STATUSES:
            message = f"there is no resolution status {shown(rule.pattern)}"
            yield FieldProblem("pattern", "unknown-value", message, nearest(status, STATUSES))
    if rule.validator == "pattern_match" and rule.where is not None and rule.where not in TARGETS[scope]:
        message = f"{rule.where} is not known in scope {scope}"
        yield FieldProblem("where", "misplaced-field", message, f"move the rule to validation.{_SCOPES[rule.where]}")
