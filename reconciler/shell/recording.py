"""From what was seen to what is committed: the record, its transcript, the series' trend, the dashboard."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from pydantic import ValidationError

from reconciler.core.dashboard import Row, percent, readme, sparkline
from reconciler.core.errors import Transient
from reconciler.core.model import PlaybookResult
from reconciler.core.scoring import RuleResult, Score
from reconciler.core.trends import KEPT_BATCHES, Trend, fold, verdict
from reconciler.formats.record import TranscriptPart, TrialRecord
from reconciler.formats.transcript import Evidence, trajectory
from reconciler.formats.trend import batch_of, dump_json, empty_trend, parse_trend, trend_document
from reconciler.ports import Results, ResultsStore
from reconciler.shell.past import trend_path
from reconciler.shell.trial import Seen
from reconciler.shell.work import Work

TRANSCRIPT_LIMIT = 4 * 1024 * 1024
"""Bytes of a transcript that are kept; outputs are shortened until it fits, commands never."""


class Recorder:
    """Appends finished trials to the results branch, one after the other, and keeps what is derived in step."""

    def __init__(self, *, results: ResultsStore) -> None:
        """``results`` is where everything goes."""
        self._results = results
        self._lock = asyncio.Lock()

    async def record(self, record: TrialRecord, transcript: bytes | None) -> str:
        """Commit a trial, durable on return; returns the commit. Recording twice changes nothing."""
        files = {} if transcript is None else {record.transcript.path: transcript}
        return await self.record_all([record], files)

    async def record_all(self, records: Sequence[TrialRecord], transcripts: Mapping[str, bytes] | None = None) -> str:
        """Commit trials, all of them or none; the trend of each series is derived once. Else like ``record``."""
        async with self._lock:
            files, why = await asyncio.to_thread(self._to_append, records)
            return await self._results.append({**files, **(transcripts or {})}, why)

    def _to_append(self, records: Sequence[TrialRecord]) -> tuple[dict[str, bytes], str]:
        """The files of a commit that records ``records``, and its message."""
        stored = self._results.read({trend_path(series_of(r.path)) for r in records})
        trends: dict[str, Trend] = {}
        files: dict[str, bytes] = {}
        for record in records:
            path, series = record.path, series_of(record.path)
            trend = trends.get(series) or parse_trend(stored.get(trend_path(series), b"")) or empty_trend(record)
            trends[series] = fold(trend, batch_of(record, path))
            files[path] = dump_json(record.document())
        for series, trend in trends.items():
            files |= derived(trend, series)
        return files, message(records, trends)

    async def publish(self, rows: Iterable[Row], stalled: Iterable[str], why: str) -> bool:
        """Commit the dashboard where it differs; True when it did. ``stalled``: see ``readme``."""
        async with self._lock:
            before = (await self._results.view()).tip
            return await self._results.append({"README.md": readme(rows, stalled).encode()}, why) != before

    async def heal(self, since: str) -> tuple[str | None, bool]:
        """Derive anew each trend that does not hold the records of its series: others write, and trends get lost.

        Looks at the series that changed from the tip ``since``, which was healed ("": not known), to the present one; at all where that cannot
        be told. Returns the tip that is healed now, and whether something was committed.
        """
        async with self._lock:
            at = await self._results.view()
            files = await asyncio.to_thread(self._derived_anew, since, at)
            if files:
                series = sum(path.endswith(".json") for path in files)
                await self._results.append(files, f"Derive {series} trends anew from their records\n")
            return at.tip, bool(files)

    def _derived_anew(self, since: str | None, at: Results) -> dict[str, bytes]:
        changed = self._results.changed(since, at.tip) if since and at.tip else at.trials
        suspects = {
            series_of(path) if path.startswith("trials/") else path.removeprefix("trends/").rpartition(".")[0]
            for path in (at.trials if changed is None else changed)
        }
        recorded: dict[str, set[str]] = {}
        for path in at.trials if suspects else ():
            if (series := series_of(path)) in suspects:
                recorded.setdefault(series, set()).add(path)
        stored = self._results.read([trend_path(series) for series in recorded])
        files: dict[str, bytes] = {}
        for series, paths in recorded.items():
            trend = parse_trend(stored.get(trend_path(series), b""))
            if trend is None or not holds(trend, paths):
                files |= rebuild(series, self._results.read(sorted(paths)))
        return files


def holds(trend: Trend, paths: set[str]) -> bool:
    """Whether a trend has exactly these records; one that shows its newest batches alone may lack older ones."""
    shown = {r.path for b in trend.batches for r in b.results}
    return shown == paths or (len(trend.batches) >= KEPT_BATCHES and shown <= paths)


def series_of(path: str) -> str:
    """``<scenario>/<variant>`` of a path below ``trials/``."""
    return "/".join(path.split("/", 3)[1:3])


def derived(trend: Trend, series: str) -> dict[str, bytes]:
    """The derived files of a series."""
    return {
        trend_path(series): dump_json(trend_document(trend)),
        f"trends/{series}.svg": sparkline(trend).encode(),
    }


def rebuild(series: str, records: Mapping[str, bytes]) -> dict[str, bytes]:
    """The derived files of a series from its records alone; unreadable ones are passed over."""
    trend: Trend | None = None
    for path, data in records.items():
        try:
            record = TrialRecord.model_validate_json(data)
        except ValidationError:
            continue
        trend = fold(trend or empty_trend(record), batch_of(record, path))
    return derived(trend, series) if trend else {}


def message(records: Sequence[TrialRecord], trends: Mapping[str, Trend]) -> str:
    """The commit message: what became of each batch, a line each, and trailers for programs.

    One batch is the subject; of several the subject says how many trials they are. ``trends`` by series.
    """
    batches = {(r.batch, r.epoch): r for r in records}
    told = [(r, _told(r, trends[series_of(r.path)])) for r in batches.values()]
    regraded = sum(r.regrades is not None for r in records)
    note = f" ({'graded' if len(records) == 1 else f'{regraded} graded'} again)" if regraded else ""
    if len(told) == 1:
        subject, lines = told[0][1][0] + note, []
    else:
        passed = sum(r.passed for r in records)
        subject = f"{len(records)} trials of {len(told)} batches: {passed}/{len(records)} passed{note}"
        lines = [line for _, (line, _) in told]
    trailers = [("Source-Commit", records[0].source.commit)]
    for record, (_, verdict_) in told:
        trailers += [
            ("Scenario", record.scenario.key),
            ("Variant", series_of(record.path).split("/")[1]),
            ("Batch", record.batch),
            ("Verdict", verdict_),
        ]
    body = "".join(f"{line}\n" for line in ["", *lines] if lines)
    return f"{subject}\n{body}\n" + "".join(f"{name}: {value}\n" for name, value in trailers)


def _told(record: TrialRecord, trend: Trend) -> tuple[str, str]:
    """The record's batch so far in a line, and its verdict."""
    batch = trend.batch(record.batch, record.epoch)
    assert batch is not None
    label = record.variant.label
    line = f"{record.scenario.key} × {label}: {batch.passed}/{batch.measured} passed, compliance {percent(batch.compliance)}"
    violated = f", {record.violation}" if record.violation else ""
    return " ".join(f"{line}{violated}".split()), verdict(trend, batch)


def transcribed(work: Work, seen: Seen) -> tuple[TranscriptPart, bytes]:
    """A trial's transcript, and what the record says of it."""
    transcript = _transcript(work, seen)
    path = work.trial.path.replace("trials/", "transcripts/", 1)
    digest = hashlib.sha256(transcript).hexdigest()
    return TranscriptPart(path=path, sha256=digest, bytes=len(transcript)), transcript


def build(work: Work, seen: Seen, score: Score, transcript: TranscriptPart) -> TrialRecord:
    """The record of a trial that gave a result."""
    trial, variant = work.trial, work.trial.batch.variant
    template = next(iter(work.stage.templates.values()), None)
    truth = _ground_truth(seen.truth)
    document = {
        "schema": "reconciler.trial/1",
        "trial": trial.id,
        "batch": trial.batch.id,
        "epoch": trial.epoch,
        "iteration": trial.iteration,
        "regrades": work.regrades,
        "scenario": {"key": work.scenario.key, "title": work.scenario.title, "tags": list(work.scenario.tags)},
        "variant": asdict(variant) | {"secondary_engine": variant.secondary_engine or None},
        "benchmark": {"name": work.benchmark, "iterations": work.iterations, "gate": asdict(work.gate)},
        "source": asdict(work.origin),
        "digests": dict(trial.batch.inputs.digests),
        "parts": {name: dict(parts) for name, parts in trial.batch.inputs.parts.items()},
        "mode": trial.batch.mode,
        "sandbox": {
            "template": template.name if template else "",
            "image": seen.image,
            "cpus": template.cpus if template else 0,
            "memory_mib": template.memory_mib if template else 0,
        },
        "started_at": seen.started_at,
        "finished_at": seen.finished_at,
        "phases": dict(seen.phases),
        "outcome": seen.job.outcome,
        "guard": asdict(seen.guard) if seen.guard else None,
        "job": {
            "resolution_status": seen.job.status,
            "tasks": [
                {"id": t.id, "agent": t.agent, "host": t.host, "summary": t.summary, "commands": len(t.commands)}
                for t in seen.job.tasks
            ],
        },
        "usage": asdict(seen.job.usage),
        **grades(score),
        "ground_truth": truth,
        "transcript": transcript,
    }
    return TrialRecord.model_validate(document)


def grades(score: Score) -> dict[str, object]:
    """The fields of a record that grading decides."""
    return {
        "rules": [_rule(r) for r in score.rules],
        "compliance": {"score": score.compliance, "gate": score.compliance_gate},
        "resolution": {"gate": score.resolution_gate},
        "passed": score.passed,
    }


def _rule(result: RuleResult) -> dict[str, object]:
    rule = result.rule
    return {
        "scope": rule.scope,
        "label": rule.label,
        "validator": rule.validator,
        "required": rule.required,
        "negate": rule.negate,
        "passed": result.passed,
        "evidence": asdict(result.evidence),
        "applies": result.applies,
        "digest": rule.digest,
    }


def _ground_truth(truth: Mapping[str, PlaybookResult]) -> dict[str, object]:
    failed = [t for t in truth.values() if not t.passed]
    answered = [t for t in failed if not t.broken]
    first = next(iter([*answered, *failed]), None)
    return {
        "passed": False if answered else None if failed or not truth else True,
        "failed_task": first.failed_task if first else None,
        "message": first.message if first else None,
    }


def _transcript(work: Work, seen: Seen) -> bytes:
    """The trajectory as JSON; while it is too big, outputs are cut shorter and shorter."""
    for output in (262_144, 16_384, 1_024, 0):
        held = Evidence(job=seen.job, truth=seen.truth, guard=seen.guard)
        document = trajectory(work.trial, work.scenario, held, output=output)
        data = json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        if len(data) <= TRANSCRIPT_LIMIT:
            return data
    raise Transient("evidence", f"the transcript has {len(data)} bytes without any output; {TRANSCRIPT_LIMIT} are kept")
