"""Entries of ``validation`` to rules. Scenarios share many rules, so each distinct one is looked at once."""

import posixpath
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from reconciler.core.model import Rule, Scope, Validator
from reconciler.core.scoring import TARGETS
from reconciler.definitions.files.conditions import FITTING
from reconciler.definitions.files.findings import nearest, shown
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.definitions.files.schemas import OLD_STATUSES, STATUSES, RuleFile

_SCOPES: Mapping[str, Scope] = {where: scope for scope, targets in TARGETS.items() for where in targets}
"""The scope of each ``where`` target."""


class FieldProblem(NamedTuple):
    """What is wrong with a rule; ``field`` is empty where it is the rule as a whole."""

    field: str
    rule: RuleId
    message: str
    hint: str


class Judged(NamedTuple):
    """A rule, what is wrong with it, and whether it stands where it is never decided."""

    rule: Rule
    problems: tuple[FieldProblem, ...]
    ignored: bool


class _Written(NamedTuple):
    """A rule as it is written, hashable at little cost."""

    scope: Scope
    label: str
    validator: Validator
    required: bool
    negate: bool
    pattern: str | None
    where: str | None
    min: int | None
    max: int | None
    ansiblePath: str | None  # noqa: N815 - the format's own spelling


def judge(scope: Scope, file: RuleFile) -> Judged:
    """A rule of a scope, with everything that is wrong with its fields. Whether its pattern compiles is not asked here."""
    return _judge(
        _Written(
            scope,
            file.label,
            file.validator,
            file.required,
            file.negate,
            file.pattern,
            file.where,
            file.min,
            file.max,
            file.ansiblePath,
        )
    )


@lru_cache(maxsize=8192)
def _judge(written: _Written) -> Judged:
    rule = Rule(
        scope=written.scope,
        label=written.label,
        validator=written.validator,
        required=written.required,
        negate=written.negate,
        pattern=_newest(written) or "",
        where=written.where or "",
        minimum=written.min,
        maximum=written.max,
        playbook=posixpath.normpath(written.ansiblePath) if written.ansiblePath else "",
    )
    ignored = written.validator == "ansible" and written.scope == "gateway"
    return Judged(rule, (*_field_problems(written), *_value_problems(written)), ignored)


def _newest(written: _Written) -> str | None:
    """The pattern; a resolution status by its newest name, so that every version's file says the same."""
    if written.validator != "job_resolution_status" or written.pattern is None:
        return written.pattern
    status = written.pattern.strip().lower()
    return OLD_STATUSES.get(status, status)


def _field_problems(rule: _Written) -> Iterator[FieldProblem]:
    fitting = FITTING[rule.validator]
    taken = " and ".join(sorted(fitting))
    given = {f for f in ("pattern", "where", "min", "max", "ansiblePath") if getattr(rule, f) is not None}
    for name in sorted(given - fitting):
        yield FieldProblem(
            name, "misplaced-field", f"{name} says nothing to {rule.validator}", f"{rule.validator} takes {taken}"
        )
    if rule.validator == "task_count":
        if not given & fitting:
            yield FieldProblem(
                "", "missing-field", f"rule {shown(rule.label)}: min or max is missing", "write at least one"
            )
        return
    for name in sorted(fitting - given):
        message = f"rule {shown(rule.label)}: {name} is missing"
        yield FieldProblem("", "missing-field", message, f"{rule.validator} needs {taken}")


def _value_problems(rule: _Written) -> Iterator[FieldProblem]:
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        yield FieldProblem("min", "wrong-value", f"min {rule.min} is more than max {rule.max}", "no count can be both")
    if rule.validator == "job_resolution_status" and rule.pattern is not None:
        status = rule.pattern.strip().lower()
        if status not in STATUSES:
            message = f"there is no resolution status {shown(rule.pattern)}"
            yield FieldProblem("pattern", "unknown-value", message, nearest(status, STATUSES))
    if rule.validator == "pattern_match" and rule.where is not None and rule.where not in TARGETS[rule.scope]:
        message = f"{rule.where} is not known in scope {rule.scope}"
        yield FieldProblem("where", "misplaced-field", message, f"move the rule to validation.{_SCOPES[rule.where]}")
