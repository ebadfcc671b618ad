"""Find recorded trials: by id, by batch, by their path on the results branch, or as files. Nothing is written here."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from reconciler.core.errors import Invalid
from reconciler.core.model import trial_id
from reconciler.formats.record import TranscriptPart, TrialRecord
from reconciler.ports import ResultsStore

_LARGEST = 16 * 1024 * 1024
"""Bytes of a file that are read: records have some thousands, transcripts at most 4 MiB."""
_SHOWN = 5
_MARK = b'"reconciler.trial/'
"""Near the beginning of every record."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A recorded trial, and how to read its transcript: None where that is not there."""

    path: str
    record: TrialRecord
    transcript: Callable[[], bytes | None]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a name stands for: one trial, or the trials of a batch."""

    trials: Sequence[Recorded]
    whole_batch: bool


# ---------------------------------------------------------------- on the results branch


async def on_branch(results: Sequence[ResultsStore], name: str) -> Found | None:
    """What ``name`` stands for: an id or its beginning, or a path. None: nothing here. Raises ``Invalid`` where it is ambiguous."""
    places = {path: store for store in results for path in (await store.view()).trials}
    batches, trials = _matching(list(places), name)
    if len(batches) + len(trials) > 1:
        some = ", ".join([*batches, *trials][:_SHOWN])
        raise Invalid(f"{name} is the beginning of several ids: {some}", hint="write more of it")
    paths = next(iter({**batches, **trials}.values()), [])
    if not paths:
        return None
    return Found(trials=[_recorded(places[path], path) for path in paths], whole_batch=bool(batches))


def _matching(paths: Sequence[str], name: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Batch id to its paths, and trial id to its path, of all that ``name`` can mean."""
    name = name.rstrip("/")
    batches: dict[str, list[str]] = {}
    trials: dict[str, list[str]] = {}
    for path in sorted(paths):
        batch, trial = _ids(path)
        if batch.startswith(name) or name == str(PurePosixPath(path).parent):
            batches.setdefault(batch, []).append(path)
        if name == path or trial.startswith(name):
            trials[trial] = [path]
    return batches, trials


def _ids(path: str) -> tuple[str, str]:
    """The ids of the batch and of the trial whose record lies at ``path``; a trial's is empty where the name is no record's."""
    place = PurePosixPath(path)
    epoch, _, iteration = place.stem.rpartition("-")
    trial = (
        trial_id(place.parent.name, "" if epoch == "change" else epoch, int(iteration)) if iteration.isdecimal() else ""
    )
    return place.parent.name, trial


def _recorded(results: ResultsStore, path: str) -> Recorded:
    record = _parsed(results.read([path])[path], path)
    where = record.transcript.path
    return Recorded(path=path, record=record, transcript=lambda: results.read([where]).get(where))


# ---------------------------------------------------------------- as files


def on_disk(place: Path) -> Found | None:
    """The record in a file, or the records that lie in a directory. None: no such path. Raises ``Invalid`` for one without a record."""
    try:
        if not place.exists():
            return None
        if place.is_file():
            return Found(trials=[_file(place, _read(place))], whole_batch=False)
        files = ((file, _read(file)) for file in sorted(place.glob("*.json")) if file.is_file())
        trials = [_file(file, data) for file, data in files if _MARK in data[:200]]
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}", path=str(place)) from error
    if not trials:
        hint = "name a directory that holds scenarios/ and config/, or one of records"
        raise Invalid(f"{place} holds neither definitions nor records of trials", hint=hint)
    return Found(trials=trials, whole_batch=True)


def _file(file: Path, data: bytes) -> Recorded:
    record = _parsed(data, str(file))
    return Recorded(path=str(file), record=record, transcript=lambda: _beside(file, record.transcript))


def _beside(file: Path, named: TranscriptPart) -> bytes | None:
    """The transcript of a record in a file: where the record says, from some folder above; or a file beside it with its digest."""
    places = [folder / named.path for folder in file.absolute().parents] if _is_inside(named.path) else []
    for place in places:
        if place.is_file():
            return _read(place)
    for place in _siblings(file):
        if place.stat().st_size == named.bytes and hashlib.sha256(data := _read(place)).hexdigest() == named.sha256:
            return data
    return None


def _is_inside(path: str) -> bool:
    place = PurePosixPath(path)
    return not place.is_absolute() and ".." not in place.parts


def _siblings(file: Path) -> Iterator[Path]:
    return (f for f in file.absolute().parent.iterdir() if f.is_file() and f != file.absolute())


def _read(file: Path) -> bytes:
    """What a file holds, or the beginning of one that is too long to be ours."""
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except OSError as error:
        raise Invalid(f"cannot be read: {error.strerror}", path=str(file)) from error


def _parsed(data: bytes, path: str) -> TrialRecord:
    try:
        return TrialRecord.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Invalid(
            f"is not the record of a trial: {where + ': ' if where else ''}{first['msg']}", path=path
        ) from error
