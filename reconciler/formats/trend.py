"""``trends/<scenario>/<variant>.json``, ``reconciler.trend/1``: a series' batches with what they mean. Derived."""

from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from reconciler.core.model import BY_HAND, COMPONENTS, Gate
from reconciler.core.statistics import wilson
from reconciler.core.trends import BatchResults, Result, Trend, verdicts
from reconciler.formats.record import TrialRecord

SCHEMA = "reconciler.trend/1"
_TREND = TypeAdapter(Trend)


def parse_trend(data: bytes) -> Trend | None:
    """The trend in a file; None where it cannot be read: it is derived, and is derived again."""
    try:
        trend = _TREND.validate_json(data)
    except ValidationError:
        return None
    return trend if all(b.digests.keys() >= {*COMPONENTS} for b in trend.batches) else None


def trend_document(trend: Trend) -> dict[str, Any]:
    """The trend as JSON values, each batch with its rate, 95 % Wilson interval and verdict."""
    document = _TREND.dump_python(trend, mode="json")
    for values, batch, says in zip(document["batches"], trend.batches, verdicts(trend), strict=True):
        interval = wilson(batch.passed, batch.measured)
        values |= {
            "passed": batch.passed,
            "measured": batch.measured,
            "interval": [round(end, 4) for end in interval] if interval else None,
            "compliance": batch.compliance,
            "verdict": says,
        }
    return {"schema": SCHEMA, **document}


def dump_json(document: object) -> bytes:
    """A document as it is committed: indented, UTF-8, one final newline."""
    return to_json(document, indent=1) + b"\n"


def batch_of(record: TrialRecord, path: str) -> BatchResults:
    """A record as a batch with a single result, ready to be folded."""
    result = Result(
        iteration=record.iteration,
        passed=record.passed,
        compliance=record.compliance.score,
        compliance_gate=record.compliance.gate,
        resolution_gate=record.resolution.gate,
        outcome=record.outcome,
        started_at=record.started_at.isoformat(),
        finished_at=record.finished_at.isoformat(),
        commit=record.source.commit,
        path=path,
        violation=record.violation,
        graded_at=record.graded_at.isoformat() if record.graded_at else "",
    )
    gate = record.benchmark.gate
    return BatchResults(
        batch=record.batch,
        epoch=record.epoch,
        mode=record.mode,
        digests=record.digests.model_dump(),
        parts=record.parts,
        wanted=record.benchmark.iterations,
        gate=Gate(pass_rate=gate.pass_rate, compliance=gate.compliance),
        by_hand=record.benchmark.name == BY_HAND,
        results=(result,),
    )


def empty_trend(record: TrialRecord) -> Trend:
    """The trend of the record's series, before any batch."""
    variant = record.variant
    return Trend(
        scenario=record.scenario.key,
        title=record.scenario.title,
        variant={
            "specialty": variant.specialty,
            "main_engine": variant.main_engine,
            "secondary_engine": variant.secondary_engine,
        },
    )
