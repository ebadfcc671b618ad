"""Stored trials, read back to be graded again: the record, and the evidence in its transcript."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from reconciler.core.errors import Transient
from reconciler.core.model import Scenario
from reconciler.definitions.ansible.dependencies import ansible_playbooks
from reconciler.formats.record import TrialRecord
from reconciler.formats.transcript import Evidence, evidence
from reconciler.ports import ResultsStore

PORTION = 16 * 1024 * 1024
"""Bytes of transcripts that are in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A recorded trial with what it showed."""

    record: TrialRecord
    evidence: Evidence


def read_stored(results: ResultsStore, paths: Collection[str]) -> Iterator[Mapping[str, Stored | str]]:
    """The stored trials whose records lie at ``paths``, some at a time; a text says why one cannot be graded again."""
    records, problems = _records(results, paths)
    yield problems
    for portion in _portions(records):
        transcripts = results.read({records[path].transcript.path for path in portion})
        yield {path: _stored(records[path], transcripts.get(records[path].transcript.path)) for path in portion}


def lacks(seen: Evidence, scenario: Scenario) -> str | None:
    """What the scenario's rules need and the evidence does not hold; None when it will do."""
    if seen.guard is not None:  # no playbook was run: the guard decides
        return None
    missing = next((p for p in ansible_playbooks(scenario) if p not in seen.truth), None)
    return f"{missing} was not run in this trial: only a new one can tell how it ends" if missing else None


def _records(results: ResultsStore, paths: Collection[str]) -> tuple[dict[str, TrialRecord], dict[str, str]]:
    found = results.read(paths)
    records, problems = dict[str, TrialRecord](), dict[str, str]()
    for path in paths:
        try:
            records[path] = TrialRecord.model_validate_json(found[path])
        except KeyError:
            problems[path] = "its record is gone"
        except ValidationError:
            problems[path] = "its record cannot be read"
    return records, problems


def _portions(records: Mapping[str, TrialRecord]) -> Iterator[Sequence[str]]:
    portion: list[str] = []
    size = 0
    for path, record in records.items():
        if portion and size + record.transcript.bytes > PORTION:
            yield portion
            portion, size = [], 0
        portion.append(path)
        size += record.transcript.bytes
    yield portion


def _stored(record: TrialRecord, transcript: bytes | None) -> Stored | str:
    try:
        return Stored(record=record, evidence=evidence(record, transcript))
    except Transient as error:
        return str(error)
