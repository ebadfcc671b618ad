"""What every results store agrees on: which paths it takes, what a record is, and what is never changed."""

import json
import re
from collections.abc import Collection, Iterable, Mapping

from reconciler.core.errors import Invalid

TRIALS, TRANSCRIPTS, PROOFS, TRENDS = "trials/", "transcripts/", "proofs/", "trends/"
KEPT = (TRIALS, TRANSCRIPTS, PROOFS)
"""Folders whose files are never changed, and are put back where a rewrite of the branch dropped them."""
SCHEMA = "reconciler.trial/1"
_SCHEMAS = {TRIALS: SCHEMA, PROOFS: "reconciler.proof/1"}
_FIELDS: Mapping[str, type] = {"trial": str, "batch": str, "scenario": dict, "passed": bool}
"""What a trial's record must say to count: more is not looked at, so that each new record costs little to check."""
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")


def is_record(path: str) -> bool:
    """Whether a trial's record is expected at ``path``."""
    return path.startswith(TRIALS) and path.endswith(".json")


def check_paths(paths: Iterable[str]) -> None:
    """Raise ``Invalid`` for a path that git or a file system could take for something else."""
    for path in paths:
        if not all(_SEGMENT.match(part) for part in path.split("/")):
            raise Invalid("is not a path for results", path=path, hint="letters, digits, '.', '_' and '-' between '/'")


def what_is_wrong(contents: bytes, schema: str = SCHEMA) -> str | None:
    """Why ``contents`` are not a record of that schema, by default a trial's; ``None`` when they are one."""
    try:
        record = json.loads(contents)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    if not isinstance(record, dict) or record.get("schema") != schema:
        return f'not a JSON object with "schema": "{schema}"'
    lacking = [name for name, kind in _FIELDS.items() if not isinstance(record.get(name), kind)]
    return f"not a whole record: {', '.join(lacking)} missing" if lacking and schema == SCHEMA else None


def to_write(
    files: Mapping[str, bytes], there: Mapping[str, bytes], *, contradicted: Collection[str] = ()
) -> dict[str, bytes]:
    """Which of ``files`` a commit on a tip that holds ``there`` writes: what is new, and never over a readable record.

    A transcript belongs to the record beside it: it is replaced only together with one. What is derived of a series
    that is ``contradicted``, by these files or by earlier ones, stays as it is there.
    """
    news = {path: contents for path, contents in files.items() if there.get(path) != contents}
    kept = _kept(files, there)
    recorded = any(p.startswith(TRIALS) and p not in kept for p in files)
    kept |= {p for p in files if p.startswith(TRANSCRIPTS) and p in there and not recorded}
    wrong = {*contradicted, *contradictions(files, there)}
    kept |= {p for p in files if p.startswith(TRENDS) and p.removeprefix(TRENDS).rpartition(".")[0] in wrong}
    return {path: contents for path, contents in news.items() if path not in kept}


def contradictions(files: Mapping[str, bytes], there: Mapping[str, bytes]) -> set[str]:
    """The series (``<scenario>/<variant>``) of which ``files`` hold another record than the one that is there and stays.

    A trend that was derived from ``files``, or from what follows them, holds a trial as it is recorded nowhere.
    """
    others = (p for p in _kept(files, there) if p.startswith(TRIALS) and there[p] != files[p])
    return {"/".join(path.split("/")[1:3]) for path in others}


def _kept(files: Mapping[str, bytes], there: Mapping[str, bytes]) -> set[str]:
    """The records that are there, and readable: they stay."""
    return {
        path
        for folder, schema in _SCHEMAS.items()
        for path in files
        if path.startswith(folder) and path in there and what_is_wrong(there[path], schema) is None
    }
