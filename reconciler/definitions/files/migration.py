"""Old scenario files in the newest shape: the same text but for what has a new name, and the same scenario for certain."""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from reconciler.definitions.files.holes import Path
from reconciler.definitions.files.json_text import Member, json_members, read_json, without_comments
from reconciler.definitions.files.positions import text_of
from reconciler.definitions.files.rules import Judge
from reconciler.definitions.files.scenario_file import is_old, parse_scenario
from reconciler.definitions.files.schemas import OLD_STATUSES

_REST_OF_LINE = re.compile(r"(?:[ \t]*(?://[^\r\n]*+|/\*[^*\r\n]*+\*/))*+(?=[ \t]*[\r\n])")
"""The comments that end a line."""


@dataclass(frozen=True, kw_only=True)
class Migrated:
    """A file's new contents, and what is new in it, a line each."""

    data: bytes
    changes: tuple[str, ...]


class _Edit(NamedTuple):
    begin: int
    end: int
    text: str
    says: str = ""


def migrate(path: str, data: bytes, compiles: Callable[[str], str | None]) -> Migrated | None:
    """A ``scenario.json`` in the newest shape; None for one that has it already, or that is wrong.

    Order, indentation, line endings and comments stay as they are. Both read as equal scenarios, so nothing runs again.
    """
    before = parse_scenario(path, data, Judge(compiles))
    if before.value is None:
        return None
    text = text_of(data)
    edits = sorted(_edits(text, read_json(text).value), key=lambda edit: edit[:2])
    if not edits:
        return None
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    migrated = mark + _edited(text, edits).encode()
    assert parse_scenario(path, migrated, Judge(compiles)).value == before.value
    return Migrated(data=migrated, changes=tuple(e.says for e in edits if e.says))


def _edited(text: str, edits: list[_Edit]) -> str:
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.begin], edit.text]
        at = edit.end
    return "".join((*pieces, text[at:]))


def _edits(text: str, value: Any) -> Iterator[_Edit]:
    members = json_members(text)
    if is_old(value):
        yield from _reshaped(text, {str(path[0]): m for path, m in members.items() if len(path) == 1})
    for scope, rules in value.get("validation", {}).items():
        for index, rule in enumerate(rules):
            if isinstance(rule, Mapping) and rule["validator"] == "job_resolution_status":
                yield from _renamed_status(members, ("validation", scope, index, "pattern"), rule["pattern"])


def _renamed_status(members: Mapping[Path, Member], where: Path, status: str) -> Iterator[_Edit]:
    if newest := OLD_STATUSES.get(status.strip().lower()):
        _, scope, index, field = where
        told = f"validation.{scope}[{index}].{field}: {status.strip()} is now {newest}"
        yield _Edit(*members[where].value, f'"{newest}"', told)


def _reshaped(text: str, fields: Mapping[str, Member]) -> Iterator[_Edit]:
    """``name`` becomes ``title``, ``description`` becomes ``ticket_body``; the two fields that are new say what ``name`` says."""
    name = fields["name"]
    yield _Edit(*name.key, '"title"', "name is now title")
    yield _Edit(*fields["description"].key, '"ticket_body"', "description, the instruction, is now ticket_body")
    order = sorted(member.key[0] for member in fields.values())
    gap = _gap(text, name.key[0] if name.key[0] != order[0] else order[1])
    colon = text[name.key[1] : name.value[0]]
    colon = colon if colon.strip() == ":" else ": "
    said = text[slice(*name.value)]
    added = "".join(f'{gap}"{field}"{colon}{said},' for field in ("description", "ticket_title"))
    told = "description, an internal note, and ticket_title are new: they say what name said"
    comma = re.compile(r"\s*,").match(without_comments(text), name.value[1])
    after = comma.end() if comma else name.value[1]
    at = _end_of_line(text, after) if gap.strip(" \t") else after
    if comma is None:
        yield _Edit(after, after, ",")
        added = added[:-1]
    yield _Edit(at, at, added, told)


def _gap(text: str, at: int) -> str:
    """The blanks before ``at`` in its line, with the line's beginning if there is nothing else."""
    begin = len(text[:at].rstrip(" \t"))
    for ending in ("\r\n", "\n", "\r"):
        if text.endswith(ending, 0, begin):
            return text[begin - len(ending) : at]
    return text[begin:at]


def _end_of_line(text: str, at: int) -> int:
    """Where the line ends, if nothing but comments follows; else ``at``: what follows is about the next field."""
    found = _REST_OF_LINE.match(text, at)
    return found.end() if found else at
