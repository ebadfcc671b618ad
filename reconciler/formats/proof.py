"""``proofs/<scenario>/<proof>.json``, ``reconciler.proof/1``: that a scenario is proven, for the digests that it names."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reconciler.core.proofs import Step
from reconciler.formats.record import ScenarioPart, SourcePart


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StepPart(_Part):
    """One thing that was shown; every step of a proof came out as expected."""

    step: str
    expected: Literal["pass", "fail"]
    got: Literal["pass", "fail"]
    ok: Literal[True] = True
    message: str
    seconds: float

    def step_value(self) -> Step:
        """The step in the core's words."""
        return Step(step=self.step, expected=self.expected, got=self.got, message=self.message, seconds=self.seconds)


class ProofDigestsPart(_Part):
    """What the proof holds for: another world, another truth, other solution or mutants need another proof."""

    world: str
    truth: str
    proof: str


class ProofRecord(_Part):
    """One proof, as committed. There is a record only of what is proven."""

    schema_: Literal["reconciler.proof/1"] = Field(default="reconciler.proof/1", alias="schema")
    proof: str
    scenario: ScenarioPart
    mode: Literal["incus", "lima", "host", "namespace"]
    source: SourcePart
    digests: ProofDigestsPart
    parts: dict[str, dict[str, str]]
    false_alarm: bool
    started_at: datetime
    finished_at: datetime
    steps: list[StepPart]

    def document(self) -> dict[str, Any]:
        """The record as JSON values, ``schema`` first."""
        return self.model_dump(mode="json", by_alias=True)


def parse_proof(data: bytes) -> ProofRecord | None:
    """The record in a file; None where it cannot be read: then nothing is proven by it."""
    try:
        return ProofRecord.model_validate_json(data)
    except ValidationError:
        return None
