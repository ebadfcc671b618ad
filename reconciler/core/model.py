"""The words of the program as values: what is declared, what is tried, what was seen.

Every value is frozen, and made with keywords. Parsing happens at the edge (``reconciler.definitions``); what is here is right.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal, NamedTuple

from reconciler.core.digests import digest, path_safe

Mode = Literal["incus", "lima", "host", "namespace"]
Scope = Literal["gateway", "job", "tasks"]
Validator = Literal["pattern_match", "job_resolution_status", "ticket_status", "task_count", "ansible"]
Outcome = Literal["completed", "exhausted", "refused", "killed"]
Resolution = Literal["success", "agentic_failure", "hard_failure", "partial", "no_action"]

COMPONENTS = ("world", "task", "agent", "truth", "rules")
"""The components of a trial's inputs, in the order in which a change is told."""
BY_HAND = "by-hand"
"""The name of the benchmark that trials by hand answer."""
PLAIN_TEMPLATE = "debian-base"
"""What stands for an existing machine, of which nothing is known, in modes that make machines: the documented plain Debian."""


# ---------------------------------------------------------------- definitions


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One entry of ``validation``. ``pattern``/``where`` and ``minimum``/``maximum`` apply by validator."""

    scope: Scope
    label: str
    validator: Validator
    required: bool = True
    negate: bool = False
    pattern: str = ""
    where: str = ""
    minimum: int | None = None
    maximum: int | None = None
    playbook: str = ""
    """``ansiblePath``: relative to the scenario's folder."""

    @cached_property
    def digest(self) -> str:
        """Names what is judged: every field but the label, so two equal digests are the same rule, whatever it is called."""
        said = (self.scope, self.validator, self.required, self.negate, self.where, self.pattern)
        return digest([*said, self.minimum, self.maximum, self.playbook])


@dataclass(frozen=True, kw_only=True)
class Host:
    """A machine of the scenario; ``name`` is also its name in the inventory. ``host_id`` is an existing machine's."""

    name: str
    template: str = ""
    host_id: str = ""

    @property
    def starts_from(self) -> str:
        """The template of a machine made for it: for an existing one without a template, the plain one."""
        return self.template or (PLAIN_TEMPLATE if self.host_id else "")


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Who works on which host. ``specialty`` is a key in upper snake case, or empty."""

    name: str
    host: str
    specialty: str = ""
    agent_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A machine in trouble, a ticket, and what must be true afterwards."""

    key: str
    title: str
    description: str
    ticket_title: str
    ticket_body: str
    tags: tuple[str, ...] = ()
    hosts: tuple[Host, ...] = ()
    agents: tuple[Agent, ...] = ()
    rules: tuple[Rule, ...] = ()
    allowed_agents: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    forbidden_commands: tuple[str, ...] = ()
    folder: str = ""
    """Where it lies in the definitions repository; not part of its identity."""


@dataclass(frozen=True, kw_only=True)
class Specialty:
    """An agent's prompt. ``key`` is the upper snake case form of ``name``."""

    key: str
    name: str
    prompt: str
    description: str = ""
    execution_mode: str | None = None


@dataclass(frozen=True, kw_only=True)
class OperationalRule:
    """A rule put into the agent's context where its tags match. ``org``: only there, empty is everywhere."""

    name: str
    text: str
    tags: tuple[str, ...] = ()
    org: str = ""


@dataclass(frozen=True, kw_only=True)
class Template:
    """What a sandbox starts from. Sizes in MiB; ``provision`` are playbooks in ``folder``."""

    name: str
    image: str = ""
    """The mode's image alias, resolved through ``parent``; empty in namespace mode."""
    cpus: int = 1
    memory_mib: int = 1024
    disk_mib: int = 10240
    packages: tuple[str, ...] = ()
    provision: tuple[str, ...] = ()
    folder: str = ""
    content: str = ""
    """Digest of all that is made of the image, the playbooks' contents included."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """An engine's key, the adapter that drives it, and that adapter's settings (never a secret's value)."""

    key: str
    adapter: str
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """When a batch is good enough: pass rate from 0 to 1, mean compliance from 0 to 100."""

    pass_rate: float = 1.0
    compliance: float = 0.0


# ---------------------------------------------------------------- trials


@dataclass(frozen=True, kw_only=True, order=True)
class Variant:
    """What is under test. ``specialty`` is an upper snake case key, the engines are engine keys."""

    specialty: str
    main_engine: str
    secondary_engine: str = ""

    @property
    def label(self) -> str:
        """The specialty as people write it: ``linux-administration``."""
        return self.specialty.lower().replace("_", "-")

    @cached_property
    def slug(self) -> str:
        """The variant as one path segment: ``linux-administration--runbook``."""
        return path_safe("--".join(p for p in (self.label, self.main_engine, self.secondary_engine) if p))


class Component(NamedTuple):
    """Each part's name and content id, and the digest of them all: two equal digests mean equal parts."""

    parts: Mapping[str, str]
    digest: str

    @classmethod
    def of(cls, parts: Mapping[str, str]) -> "Component":
        """Parts with their digest."""
        return cls(parts, digest(parts))


class Inputs(NamedTuple):
    """Everything that could change a trial's result. Where digests differ, the parts say what changed."""

    world: Component
    task: Component
    agent: Component
    truth: Component
    rules: Component

    @property
    def digests(self) -> Mapping[str, str]:
        """Component name to digest, in the order of ``COMPONENTS``."""
        return {name: component.digest for name, component in zip(COMPONENTS, self, strict=True)}

    @property
    def parts(self) -> Mapping[str, Mapping[str, str]]:
        """Component name to its parts, in the order of ``COMPONENTS``."""
        return {name: component.parts for name, component in zip(COMPONENTS, self, strict=True)}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The trials with equal inputs. ``id`` names it on the results branch; an epoch tells its sweeps apart."""

    scenario: str
    variant: Variant
    mode: Mode
    inputs: Inputs

    @cached_property
    def id(self) -> str:
        """Digest over scenario key, variant, mode and the component digests: 20 hex digits."""
        v = self.variant
        digests = [component.digest for component in self.inputs]
        return digest([self.scenario, v.specialty, v.main_engine, v.secondary_engine, self.mode, *digests])

    @property
    def series(self) -> str:
        """``<scenario>/<variant>``: names its series on the results branch."""
        return f"{path_safe(self.scenario)}/{self.variant.slug}"

    @cached_property
    def folder(self) -> str:
        """Where its records lie on the results branch."""
        return f"trials/{self.series}/{self.id}"


def trial_id(batch: str, epoch: str, iteration: int) -> str:
    """The id of a trial of the batch with this id."""
    return digest([batch, epoch, iteration])


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One scenario given once to one variant in one sandbox. ``iteration`` counts from 1."""

    batch: Batch
    iteration: int
    epoch: str = ""
    """The schedule's fire time that a sweep answers, as ``20261122T020000Z``; empty for on-change trials."""

    @cached_property
    def id(self) -> str:
        """Names the lease, the sandbox, the log lines and the record: 20 hex digits."""
        return trial_id(self.batch.id, self.epoch, self.iteration)

    @property
    def path(self) -> str:
        """Where its record lies on the results branch."""
        return f"{self.batch.folder}/{self.epoch or 'change'}-{self.iteration}.json"


# ---------------------------------------------------------------- evidence


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that an agent ran. ``exit_code`` None: not told. ``seen`` says who saw it."""

    text: str
    exit_code: int | None = None
    output: str = ""
    seen: Literal["reported", "observed"] = "reported"
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """One agent at work on one host."""

    id: str
    agent: str
    host: str
    description: str = ""
    plan: str = ""
    summary: str = ""
    commands: tuple[Command, ...] = ()
    messages: tuple[str, ...] = ()
    operational_rules: tuple[str, ...] = ()
    ended: bool = False
    """Its commands were delivered to their end; without it an absence proves nothing."""

    def continues(self, earlier: "Task") -> bool:
        """Whether the task may be seen so after ``earlier``: it still ran those commands first, and what had ended, ended."""
        then, now = [c.text for c in earlier.commands], [c.text for c in self.commands]
        return now == then and self.ended if earlier.ended else now[: len(then)] == then


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens and cost, ``None`` when the engine does not tell."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, kw_only=True)
class TicketState:
    """A ticket as its gateway shows it: its status there, what the gateway posted on it, and its summary of the resolution."""

    status: str
    messages: tuple[str, ...] = ()
    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What answers a ticket. ``status`` is None while it runs, ``ticket`` where the gateway has no tickets to look at."""

    id: str
    status: Resolution | None = None
    outcome: Outcome = "completed"
    plan: str = ""
    resolution: str = ""
    tasks: tuple[Task, ...] = ()
    usage: Usage = Usage()
    ticket: TicketState | None = None

    @property
    def complete(self) -> bool:
        """The job ended and every task's commands were delivered to their end."""
        return self.status is not None and all(t.ended for t in self.tasks)

    def continues(self, earlier: "Job") -> bool:
        """Whether the job may be seen so after ``earlier``: nothing that was told of it is taken back."""
        now = {t.id: t for t in self.tasks}
        told = all(t.id in now and now[t.id].continues(t) for t in earlier.tasks)
        return told and earlier.status in (None, self.status)


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What is filed: the exact text the agent gets."""

    title: str
    body: str


@dataclass(frozen=True, kw_only=True)
class PlaybookResult:
    """How a playbook ended. ``output`` is bounded; ``failed_task`` and ``message`` say why it failed."""

    passed: bool
    failed_task: str | None = None
    message: str | None = None
    changed: int = 0
    altered: tuple[str, ...] = ()
    """Tasks that reported a change, without those that only run a command: of these Ansible says so always."""
    broken: str = ""
    """The task that could not be carried out as written, where it failed: then it says nothing about the machine."""
    output: str = ""
