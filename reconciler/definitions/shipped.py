"""The JSON Schemas that editors get, generated from the types that read."""

from typing import Any, Literal

from pydantic import TypeAdapter

from reconciler.definitions.files.conditions import add_conditions
from reconciler.definitions.files.schemas import (
    STATUSES,
    BenchmarkFile,
    EngineFile,
    OldScenarioFile,
    ScenarioFile,
    TemplateFile,
)
from reconciler.formats.proof import ProofRecord
from reconciler.formats.record import TrialRecord

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_documents() -> dict[str, dict[str, Any]]:
    """File name to JSON Schema, as shipped in ``reconciler/schemas``."""
    kinds: dict[str, tuple[str, Any, Literal["validation", "serialization"]]] = {
        "scenario.schema.json": ("scenario.json", ScenarioFile | OldScenarioFile, "validation"),
        "benchmark.schema.json": ("A benchmark", BenchmarkFile, "validation"),
        "template.schema.json": ("A sandbox template", TemplateFile, "validation"),
        "engine.schema.json": ("An engine", EngineFile, "validation"),
        "trial.schema.json": ("The record of a trial", TrialRecord, "serialization"),
        "proof.schema.json": ("The record of a scenario's proof", ProofRecord, "serialization"),
    }
    return {
        name: add_conditions(TypeAdapter(kind).json_schema(by_alias=True, mode=mode), STATUSES)
        | {"$schema": _DIALECT, "title": title}
        for name, (title, kind, mode) in kinds.items()
    }
