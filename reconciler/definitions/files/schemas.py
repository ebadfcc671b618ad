"""The file formats as pydantic models: strict types, unknown fields forbidden. The JSON Schemas come from here.

The scenario format is that of every documented version of the benchmark system; the rest is this program's own.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from reconciler.core.model import Mode
from reconciler.definitions.files.units import Size, split_names

Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A name that people and commit subjects show: no control characters."""

HOST_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
HostName = Annotated[str, StringConstraints(max_length=63, pattern=HOST_NAME)]
"""A machine's name, and the name of a host in an inventory, where other characters would make a pattern of it."""

ValidatorName = Literal["pattern_match", "job_resolution_status", "ticket_status", "task_count", "ansible"]
Where = Literal[
    "executed_commands",
    "task_summary",
    "task_description",
    "task_plan",
    "agent_messages",
    "operational_rules",
    "job_resolution",
    "job_plan",
    "gateway_messages",
    "gateway_summary",
]
MANY, MOST_RULES, MOST_HOSTS = 1000, 10_000, 100
"""Entries that a list may have: far more than anybody writes, and few enough to be compared with each other."""
STATUSES = ("success", "agentic_failure", "hard_failure", "partial", "no_action", "no_tasks_created")
"""Every resolution status of every documented version."""
OLD_STATUSES: Mapping[str, str] = {"no_tasks_created": "no_action"}
"""Resolution statuses of 0.3 and 0.4 by what 0.7 calls them."""


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _split(value: object) -> object:
    return split_names(value) if isinstance(value, str) else value


_Names = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f,][^\x00-\x1f\x7f]*$")]
"""At least one name, separated by commas."""
_ListedNames = Annotated[list[Name], Field(min_length=1, max_length=MANY)]
OneOrMore = Annotated[list[Name], BeforeValidator(_one_is_a_list, json_schema_input_type=list[Name] | Name)]
"""A list of names; one alone may be written without brackets."""


class Strict(BaseModel):
    """No conversions, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


# ---------------------------------------------------------------- scenario.json


class RuleFile(Strict):
    """One entry of ``validation``; which fields apply depends on the validator."""

    label: Name
    validator: ValidatorName
    required: bool = True
    negate: bool = False
    pattern: str | None = None
    where: Where | None = None
    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)
    ansiblePath: Text | None = None  # noqa: N815 - the format's own spelling


class ValidationFile(Strict):
    """Rules by scope, and the guards."""

    gateway: list[RuleFile] = Field(default_factory=list, max_length=MOST_RULES)
    job: list[RuleFile] = Field(default_factory=list, max_length=MOST_RULES)
    tasks: list[RuleFile] = Field(default_factory=list, max_length=MOST_RULES)
    allowedAgents: list[Text] = Field(default_factory=list, min_length=1, max_length=MANY)  # noqa: N815 - the format's own spelling
    allowedHosts: list[Text] = Field(default_factory=list, min_length=1, max_length=MANY)  # noqa: N815
    forbiddenCommands: list[Text] = Field(default_factory=list, max_length=MANY)  # noqa: N815


class HostFile(Strict):
    """A host of a scenario."""

    host_id: HostName | None = None
    host_name: HostName | None = None
    template: Name | None = None


class AgentFile(Strict):
    """An agent of a scenario."""

    agent_id: Name | None = None
    agent_name: Name | None = None
    host_name: Name | None = None
    host_id: Name | None = None
    specialty_key: Name | None = None


class _ScenarioBase(Strict):
    schema_: str | None = Field(default=None, alias="$schema")
    key: Name
    description: str
    tags: list[Name] = Field(default_factory=list, max_length=MANY)
    hosts: list[HostFile] = Field(default_factory=list, max_length=MOST_HOSTS)
    agents: list[AgentFile] = Field(default_factory=list, max_length=MOST_HOSTS)
    validation: ValidationFile = ValidationFile()


class ScenarioFile(_ScenarioBase):
    """``scenario.json`` of versions 0.7 and 0.8."""

    title: Name
    ticket_title: Name
    ticket_body: Text


class OldScenarioFile(_ScenarioBase):
    """``scenario.json`` of versions 0.3 and 0.4: ``description`` is what the agent gets."""

    name: Name
    description: Text


# ---------------------------------------------------------------- templates, engines, benchmarks


class ImageFile(Strict):
    """Image alias per mode."""

    incus: Text | None = None
    lima: Text | None = None


class TemplateFile(Strict):
    """``template.yaml``: what a sandbox starts from. What is left out is the parent's."""

    image: ImageFile | None = None
    parent: Name | None = None
    cpus: int | None = Field(default=None, ge=1, le=256)
    memory: Size | None = None
    disk: Size | None = None
    packages: list[Name] = Field(default=[], max_length=MANY)
    provision: list[Text] = Field(default=[], max_length=MANY)


class EngineFile(BaseModel):
    """An engine: the adapter that drives it; every other field is that adapter's setting."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    adapter: Name


class VariantFile(Strict):
    """What is under test; what is left out is the scenario's own."""

    specialty: Name | None = None
    main_engine: Name | None = None
    secondary_engine: Name | None = None


class GateFile(Strict):
    """When a batch is good enough."""

    pass_rate: float = Field(default=1.0, ge=0, le=1)
    compliance: float = Field(default=0.0, ge=0, le=100)


class BenchmarkFile(Strict):
    """Declared demand: scenarios × variants."""

    name: Name
    scenarios: Annotated[list[Name], BeforeValidator(_split, json_schema_input_type=_ListedNames | _Names)] = Field(
        min_length=1,
        max_length=MANY,
        description='Keys or tags, or "*" for every scenario: a list, or text with commas between them.',
    )
    variants: list[VariantFile] = Field(default=[VariantFile()], min_length=1, max_length=MANY)
    iterations: int = Field(default=1, ge=1, le=1000)
    on_change: bool = True
    schedule: Text | None = Field(default=None, description="Five-field cron: a sweep.")
    timezone: Text = "UTC"
    mode: Mode
    gate: GateFile = GateFile()
