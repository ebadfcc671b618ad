"""A results branch with a past: records, transcripts and trends, as the daemon would have left them."""

import json
from collections.abc import Iterable, Iterator

from reconciler.core.model import Trial
from reconciler.core.trends import fold
from reconciler.formats.record import TrialRecord
from reconciler.formats.trend import batch_of, dump_json, empty_trend
from reconciler.shell.recording import derived, series_of
from tests.builders import batch

_MOMENT = "2026-01-01T00:00:00+00:00"
_RULE = {"scope": "tasks", "validator": "pattern_match", "required": True, "negate": False, "passed": True}


def record(trial: Trial) -> TrialRecord:
    """A passed trial's record, with eight rules."""
    inputs, variant = trial.batch.inputs, trial.batch.variant
    document = {
        "schema": "reconciler.trial/1",
        "trial": trial.id,
        "batch": trial.batch.id,
        "epoch": trial.epoch,
        "iteration": trial.iteration,
        "regrades": None,
        "scenario": {"key": trial.batch.scenario, "title": trial.batch.scenario, "tags": ["linux"]},
        "variant": {"specialty": variant.specialty, "main_engine": variant.main_engine, "secondary_engine": None},
        "benchmark": {"name": "all", "iterations": 5, "gate": {"pass_rate": 1.0, "compliance": 0.0}},
        "source": {"repository": "/srv/definitions.git", "ref": "main", "commit": "0" * 40},
        "digests": dict(inputs.digests),
        "parts": {name: dict(parts) for name, parts in inputs.parts.items()},
        "mode": trial.batch.mode,
        "sandbox": {"template": "debian-base", "image": "host", "cpus": 1, "memory_mib": 256},
        "started_at": _MOMENT,
        "finished_at": _MOMENT,
        "phases": {"provision": 0.1, "prepare": 1.5, "execute": 2.0, "validate": 1.5},
        "outcome": "completed",
        "job": {"resolution_status": "success", "tasks": []},
        "usage": {"input_tokens": None, "output_tokens": None, "cost_usd": None},
        "rules": [_RULE | {"label": f"rule {n}", "evidence": {"text": "x" * 80, "task": "t1"}} for n in range(8)],
        "ground_truth": {"passed": True},
        "compliance": {"score": 100.0, "gate": True},
        "resolution": {"gate": True},
        "passed": True,
        "transcript": {"path": trial.path.replace("trials/", "transcripts/", 1), "sha256": "0" * 64, "bytes": 20_000},
    }
    return TrialRecord.model_validate(document)


def transcript(trial: Trial) -> bytes:
    """20 kB that no other trial has."""
    return json.dumps({"trial": trial.id, "output": [f"{trial.id} line {n}" for n in range(500)]}).encode()


def series(pair: tuple[str, str], trials: int) -> list[Trial]:
    """Trials of one series, a scenario under a specialty; five to a batch."""
    scenario, specialty = pair
    batches = [batch(scenario, specialty=specialty, agent=str(number)) for number in range(-(-trials // 5))]
    return [Trial(batch=batches[number // 5], iteration=number % 5 + 1) for number in range(trials)]


def past(trials: Iterable[Trial]) -> Iterator[tuple[str, bytes]]:
    """Records, transcripts (short ones) and derived files of one series."""
    trend, path = None, ""
    for trial in trials:
        document, path = record(trial), trial.path
        trend = fold(trend or empty_trend(document), batch_of(document, path))
        yield path, dump_json(document.document())
        yield document.transcript.path, b"{}"
    if trend is not None:
        yield from derived(trend, series_of(path)).items()
