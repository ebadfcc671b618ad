"""A wrong file as it would be without what is wrong in it, so that everything else in it is judged at once.

A sketch is looked at for more problems, and is never used: the file stays wrong.
"""

from collections.abc import Iterable
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from reconciler.definitions.files.explain import fields, kind_at, plain
from reconciler.definitions.files.findings import closest
from reconciler.definitions.files.holes import Holes, Path

Model = TypeVar("Model", bound=BaseModel)

_ROUNDS = 5
"""A model may look at a part only once what is around it is right."""
_DEEPEST = 8
"""Levels that the models know; what is deeper is anything."""
_STAND_IN = "…"


def sketch(model: type[Model], value: object) -> tuple[Model, Holes] | None:
    """A value that does not fit ``model``, mended, and where; None where there is nothing to go by."""
    mended, spots = _copied(value), set[Path]()
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(mended), Holes(frozenset(spots))
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                if not problem["loc"]:
                    return None
                spots.update(_mend(model, mended, problem))
    return None


def _copied(value: object, depth: int = _DEEPEST) -> Any:
    """A copy to be mended, without keys that are no text."""
    if depth and isinstance(value, dict):
        return {key: _copied(item, depth - 1) for key, item in value.items() if isinstance(key, str)}
    return [_copied(item, depth - 1) for item in value] if depth and isinstance(value, list) else value


def _mend(model: type[BaseModel], whole: Any, problem: ErrorDetails) -> Iterable[Path]:
    """Mend one problem as its message says, else put something harmless there. The holes that it leaves."""
    holder, where = _reached(whole, tuple(problem["loc"]))
    kind, last = kind_at(model, where), where[-1]
    if problem["type"] == "extra_forbidden":
        del holder[last]
        return _meant(model, where, holder)
    if get_origin(kind) is Literal and (meant := closest(str(problem["input"]), get_args(kind))):
        holder[last] = meant
        return ()
    if isinstance(holder, list) or _field(kind_at(model, where[:-1]), last).is_required():
        holder[last] = _stand_in(kind)  # in a list too: the entries that follow keep their numbers
    else:
        del holder[last]
    return (where,)


def _reached(whole: Any, where: Path) -> tuple[Any, Path]:
    """The innermost list or object around a problem, and where in it the problem is: text may be read as a list."""
    holder = whole
    for depth, step in enumerate(where[:-1], 1):
        inner = holder[step] if isinstance(step, int) else holder.get(step)
        if not isinstance(inner, dict | list):
            return holder, where[:depth]
        holder = inner
    return holder, where


def _meant(model: type[BaseModel], where: Path, holder: dict[str, object]) -> Iterable[Path]:
    """What an unknown field may be, misspelt: any of those that are not there, if it is like none."""
    known = fields(model, where[:-1])
    meant = closest(str(where[-1]), known)
    return [(*where[:-1], name) for name in ([meant] if meant else known) if name not in holder]


def _field(kind: type[BaseModel], name: str | int) -> FieldInfo:
    return next(f for field, f in kind.model_fields.items() if (f.alias or field) == name)


def _stand_in(kind: Any) -> object:
    """The least that fits a type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        needed = ((f.alias or name, f) for name, f in kind.model_fields.items() if f.is_required())
        return {name: _stand_in(plain(f.annotation)) for name, f in needed}
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    return [_stand_in(plain(get_args(kind)[0]))] if get_origin(kind) is list else _STAND_IN
