"""What pydantic found, in plain words: where it is written, what is wrong, what to write instead."""

import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reconciler.definitions.files.findings import Finding, closest, first, nearest, shown
from reconciler.definitions.files.holes import Path
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.definitions.files.positions import Document, Positions
from reconciler.definitions.files.schemas import HOST_NAME

Model = TypeVar("Model", bound=BaseModel)

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object with fields",
    "model_type": "an object with fields",
    "model_attributes_type": "an object with fields",
}


class _Withheld:
    """Stands for a value that is for nobody's eyes."""

    def __repr__(self) -> str:
        return "(not shown)"


_SIZES = {
    "too_long": ("has more than {max_length} entries", "write fewer"),
    "too_short": ("is empty", "write at least one"),
    "string_too_short": ("is empty", ""),
}


def validated(
    model: type[Model], document: Document, path: str, *, secretive: bool = False
) -> tuple[Model | None, list[Finding]]:
    """The document as ``model``, or every problem that keeps it from being one. ``secretive``: no value is told."""
    findings = duplicates(document, path) if document.duplicated else []
    try:
        return model.model_validate(document.value), findings
    except ValidationError as error:
        positions, problems = document.positions(), error.errors()
        for problem in problems:
            if secretive and not isinstance(problem["input"], dict):  # of those, only names of fields are told
                problem["input"] = _Withheld()
        return None, findings + first((_finding(model, p, positions, path) for p in problems), path)


def duplicates(document: Document, path: str) -> list[Finding]:
    """A finding per field that is written twice."""
    found = (
        Finding(
            path=path, line=line, column=column, rule="duplicate-field",
            message=f"{shown(str(where[-1]))} is written twice", hint="keep one of them",
        )
        for where, (line, column) in document.positions().duplicates
    )  # fmt: skip
    return first(found, path)


def _finding(model: type[BaseModel], problem: ErrorDetails, positions: Positions, path: str) -> Finding:
    where: Path = tuple(problem["loc"])
    kind = problem["type"]
    if kind == "missing":
        field, around = str(where[-1]), where[:-1]
        line, column = positions.of(around)
        message = f"{_name(around) + ': ' if around else ''}{field} is missing"
        given = _strangers(model, around, problem["input"])
        return _at(path, line, column, "missing-field", message, _renamed(field, given))
    if kind == "extra_forbidden":
        line, column = positions.of(where, key=True)
        message = f"{shown(str(where[-1]))} is not a field {'of ' + _name(where[:-1]) if where[1:] else 'here'}"
        return _at(path, line, column, "unknown-field", message, nearest(str(where[-1]), fields(model, where[:-1])))
    line, column = positions.of(where)
    rule, message, hint = _wrong_value(model, problem, where)
    return _at(path, line, column, rule, message, hint)


def _at(path: str, line: int, column: int, rule: RuleId, message: str, hint: str) -> Finding:
    return Finding(path=path, line=line, column=column, rule=rule, message=message, hint=hint)


def _wrong_value(model: type[BaseModel], problem: ErrorDetails, where: Path) -> tuple[RuleId, str, str]:
    """(rule, message, hint) for a value that is there and does not fit."""
    name, kind, given = _name(where), problem["type"], problem["input"]
    context: dict[str, Any] = problem.get("ctx") or {}
    if not where and given is None:
        needed = sorted(f.alias or name for name, f in model.model_fields.items() if f.is_required())
        return "empty-file", "there is nothing in this file", f"it needs {', '.join(needed)}"
    if kind == "literal_error":
        known = _choices(model, where)
        return "unknown-value", f"{name} cannot be {shown(given)}", nearest(str(given), known)
    if kind in _KINDS:
        hint = 'put it in quotes: "…"' if kind == "string_type" and isinstance(given, bool | int | float) else ""
        return "wrong-type", f"{name} must be {_KINDS[kind]}, and is {_described(given)}", hint
    if kind == "value_error":
        return "wrong-value", f"{name}: {shown(given)} is not understood", str(context.get("error", ""))
    if kind == "secret":  # what was given is for nobody's eyes
        return "secret", f"{name}: {problem['msg']}", ""
    if kind in _SIZES:
        what, hint = _SIZES[kind]
        return "wrong-value", f"{name} {what.format(**context)}", hint
    if kind == "string_pattern_mismatch":
        if context["pattern"] != HOST_NAME or not str(given).isprintable():
            return "wrong-value", f"{name} holds a line break or another control character", "write it on one line"
        hint = "a host's name has letters and digits, and between them dots, dashes and underscores"
        return "wrong-value", f"{name} cannot be {shown(given)}", hint
    return "wrong-value", f"{name}: {problem['msg'][0].lower()}{problem['msg'][1:]}, and this is {shown(given)}", ""


def _described(given: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "empty"}
    return kinds.get(type(given), f"{shown(given)}")


def _name(where: Path) -> str:
    """``validation.tasks[2].pattern``."""
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in where)
    return text.removeprefix(".") or "the file"


# ---------------------------------------------------------------- what a model knows


def fields(model: type[BaseModel], where: Path) -> tuple[str, ...]:
    """The names of the fields that may be written at ``where``."""
    kind = kind_at(model, where)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return ()
    return tuple(f.alias or name for name, f in kind.model_fields.items() if f.alias != "$schema")


def _choices(model: type[BaseModel], where: Path) -> tuple[str, ...]:
    kind = kind_at(model, where)
    return tuple(str(a) for a in get_args(kind)) if get_origin(kind) is Literal else ()


def kind_at(model: type[BaseModel], where: Path) -> Any:
    """The type that is declared at ``where``: a model, a Literal or something else."""
    kind: Any = model
    for step in where:
        if isinstance(step, int):
            kind = plain(next(iter(get_args(kind)), None))
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            found = [f.annotation for name, f in kind.model_fields.items() if (f.alias or name) == step]
            kind = plain(found[0]) if found else None
    return kind


def plain(kind: Any) -> Any:
    """A type without ``Annotated`` and without ``| None``."""
    if get_origin(kind) is Annotated:
        return plain(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return plain(next(a for a in get_args(kind) if a is not type(None)))
    return kind


def _strangers(model: type[BaseModel], where: Path, given: object) -> list[str]:
    """The unknown fields beside a missing one: one of them may be it, misspelt."""
    known = fields(model, where)
    return [str(k) for k in given if k not in known] if isinstance(given, dict) else []


def _renamed(field: str, given: Iterable[str]) -> str:
    """A hint where an unknown field looks like the missing one."""
    found = closest(field, given)
    return f"is {shown(found)} meant to be it?" if found else f"write {field}: …"
