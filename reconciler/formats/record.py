"""The trial record, ``reconciler.trial/1``: what is committed for one trial, and never edited.

Unknown is ``null``, never 0. Fields may be added; a reader ignores what it does not know.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reconciler.core.digests import path_safe
from reconciler.core.model import Variant


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ScenarioPart(_Part):
    """The scenario as it was called then."""

    key: str
    title: str
    tags: list[str] = []


class VariantPart(_Part):
    """What was under test."""

    specialty: str
    main_engine: str
    secondary_engine: str | None = None

    @property
    def label(self) -> str:
        """The specialty as people write it: ``linux-administration``."""
        return self.specialty.lower().replace("_", "-")


class SourcePart(_Part):
    """Where the definitions came from. ``repository`` never holds a password."""

    repository: str
    ref: str
    commit: str


class DigestsPart(_Part):
    """The component digests."""

    world: str
    task: str
    agent: str
    truth: str
    rules: str


class SandboxPart(_Part):
    """What the trial ran in; of the first host where there are several."""

    template: str
    image: str | None
    cpus: int
    memory_mib: int


class TaskPart(_Part):
    """A task in short; the transcript has it whole."""

    id: str
    agent: str
    host: str
    summary: str
    commands: int


class JobPart(_Part):
    """How the job ended. ``resolution_status`` null: it was killed, and its engine told no end."""

    resolution_status: str | None
    tasks: list[TaskPart]


class GuardPart(_Part):
    """The guard that the job violated, and what shows it: the trial failed, and ``validate.yml`` was not run.

    ``value`` is the agent or host that is not allowed, or the pattern, which ran out of time where it is ``inconclusive``;
    ``line`` counts the lines of the task's commands from 1; ``message`` says it all to people.
    """

    guard: Literal["allowedAgents", "allowedHosts", "forbiddenCommands"]
    value: str
    task: str
    line: int | None = None
    text: str
    seen: str | None = None
    inconclusive: bool = False
    message: str


class UsagePart(_Part):
    """Tokens and US dollars; null when the engine does not tell."""

    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None


class EvidencePart(_Part):
    """What decided a rule."""

    text: str
    task: str | None = None
    line: int | None = None
    seen: str | None = None


class RulePart(_Part):
    """One rule's result. ``passed`` null: could not be decided. ``applies`` false: left out of score and gates.

    ``digest`` names everything of the rule but its label: equal digests are the same rule.
    """

    scope: str
    label: str
    validator: str
    required: bool
    negate: bool
    passed: bool | None
    evidence: EvidencePart | None
    applies: bool = True
    digest: str | None = None


class GroundTruthPart(_Part):
    """What the Ansible rules saw; all null where there is none, or a guard kept them from being run.

    ``passed`` alone is null where a playbook failed at a task that could not be carried out as written.
    """

    passed: bool | None
    failed_task: str | None = None
    message: str | None = None


class CompliancePart(_Part):
    """Score from 0 to 100, null without a rule to count; the gate over the required ones."""

    score: float | None
    gate: bool


class ResolutionPart(_Part):
    """The gate over the ground truth."""

    gate: bool


class TranscriptPart(_Part):
    """Where the trajectory lies on the results branch, and its digest and size."""

    path: str
    sha256: str
    bytes: int


class GatePart(_Part):
    """The benchmark's gate: pass rate from 0 to 1, mean compliance from 0 to 100."""

    pass_rate: float
    compliance: float


class BenchmarkPart(_Part):
    """Which benchmark wanted it, how many iterations, under which gate."""

    name: str
    iterations: int
    gate: GatePart


class TrialRecord(_Part):
    """One trial, as committed."""

    schema_: Literal["reconciler.trial/1"] = Field(default="reconciler.trial/1", alias="schema")
    trial: str
    batch: str
    epoch: str
    iteration: int = Field(ge=1)
    regrades: str | None = None
    """The record of the trial that ran, whose transcript was graded again; null for a trial that ran."""
    graded_at: datetime | None = None
    """When the transcript was graded again; null for a trial that ran."""
    scenario: ScenarioPart
    variant: VariantPart
    benchmark: BenchmarkPart
    source: SourcePart
    digests: DigestsPart
    parts: dict[str, dict[str, str]]
    mode: Literal["incus", "lima", "host", "namespace"]
    sandbox: SandboxPart
    started_at: datetime
    finished_at: datetime
    phases: dict[str, float]
    outcome: Literal["completed", "exhausted", "refused", "killed"]
    guard: GuardPart | None = None
    job: JobPart
    usage: UsagePart
    rules: list[RulePart]
    ground_truth: GroundTruthPart
    compliance: CompliancePart
    resolution: ResolutionPart
    passed: bool
    transcript: TranscriptPart

    @property
    def violation(self) -> str | None:
        """The guard that was violated, in words: ``killed: forbidden command `rm -rf /` (task 1, line 3)``."""
        if self.guard is None:
            return None
        return f"{'killed' if self.outcome == 'killed' else 'violated'}: {self.guard.message}"

    @property
    def path(self) -> str:
        """Where the record lies on the results branch."""
        variant = Variant(
            specialty=self.variant.specialty,
            main_engine=self.variant.main_engine,
            secondary_engine=self.variant.secondary_engine or "",
        )
        series = f"{path_safe(self.scenario.key)}/{variant.slug}"
        return f"trials/{series}/{self.batch}/{self.epoch or 'change'}-{self.iteration}.json"

    def document(self) -> dict[str, Any]:
        """The record as JSON values, ``schema`` first."""
        return self.model_dump(mode="json", by_alias=True)
