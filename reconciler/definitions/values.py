"""What a catalogue hands out beside the core's own values: benchmarks, and the demand that follows from them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, Literal, TypeVar

from reconciler.core.model import Agent, Batch, Gate, Host, Mode, OperationalRule, Scenario, Specialty, Variant
from reconciler.core.planning import Wanted
from reconciler.definitions.findings import Finding
from reconciler.definitions.holes import NO_HOLES, Holes
from reconciler.definitions.lint_rules import RuleId
from reconciler.ports import Cron

T = TypeVar("T")


PatternDoubt = tuple[RuleId, str, str]
"""Lint rule, message and hint of what is hardly meant by a pattern that compiles."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the catalogue cannot know by itself."""

    compiles: Callable[[str], str | None]
    """Why a pattern does not compile, or None."""
    cron_error: Callable[[str, str], str | None]
    """What is wrong with a cron expression in a time zone, or None."""
    adapters: Mapping[str, str]
    """Engine adapter to its version, which is part of the agent digest."""
    pattern_doubts: Callable[[str], Iterable[PatternDoubt]] = lambda _: ()
    """What is hardly meant by a pattern that compiles."""
    prompt_problems: Callable[[str], Sequence[tuple[int, str]]] = lambda _: ()
    """Line of the prompt (from 1) and message of what an engine would refuse in it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Parsed(Generic[T]):
    """One file read; equal only to itself. ``claim`` is the name that other files know it by, kept even when the file is wrong.

    ``sketch`` is what a wrong file would be but for its ``holes``: it is looked at for more problems, and never used.
    """

    path: str
    claim: str
    value: T | None = None
    sketch: T | None = None
    holes: Holes = NO_HOLES
    findings: tuple[Finding, ...] = ()

    @property
    def drawn(self) -> T | None:
        """The value, or its sketch."""
        return self.sketch if self.value is None else self.value

    @property
    def error(self) -> Finding | None:
        """The first problem that stalls what depends on this file."""
        return next((f for f in self.findings if f.severity == "error"), None)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A variant as a benchmark writes it; None is the scenario's own. ``specialty`` is an upper snake case key."""

    specialty: str | None = None
    main_engine: str | None = None
    secondary_engine: str | None = None


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Declared demand: scenarios (keys, tags or ``*``) × candidates."""

    name: str
    scenarios: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    mode: Mode
    iterations: int = 1
    on_change: bool = True
    schedule: Cron | None = None
    gate: Gate = field(default_factory=Gate)


ReferenceKind = Literal["specialties", "hosts", "credentials"]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A name by which a resource refers to another, and where it is written."""

    where: tuple[str | int, ...]
    kind: ReferenceKind
    name: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of the platform, as far as trials care: that it is there. Never a secret's value."""

    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HostResource(Resource):
    """A host of the platform; ``tags`` in lower case."""

    name: str
    org: str = ""
    tags: frozenset[str] = frozenset()
    is_jump_host: bool = False
    jump_host: str = ""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """A batch that a benchmark wants, ``iterations`` times: on change, and in each sweep of ``schedule``.

    Benchmarks that want the same batch in the same way are one demand, under the name of the one that wants most.
    """

    batch: Batch
    iterations: int
    on_change: bool
    schedule: Cron | None
    benchmark: str
    gate: Gate
    memory_mib: int
    """What its sandboxes need together."""
    templates: tuple[str, ...]
    scenario: Scenario
    folder: str
    checkout_paths: tuple[str, ...]
    """The scenario's folder, and the files and folders outside of it that its playbooks reach."""


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """Demand that a finding stalls. ``scenario`` is a key, or a path where the key is not known; "" is every scenario."""

    scenario: str
    benchmark: str
    reason: str
    variant: Variant | None = None


@dataclass(frozen=True, kw_only=True)
class Demands:
    """Everything the benchmarks want, and what of it a finding stalls."""

    demands: tuple[Demand, ...] = ()
    blocked: tuple[Blocked, ...] = ()

    def of(self, wanted: Wanted) -> Demand:
        """The demand behind a wanted batch."""
        return self._by_batch[wanted.batch.id, wanted.benchmark]

    @cached_property
    def _by_batch(self) -> Mapping[tuple[str, str], Demand]:
        return {(d.batch.id, d.benchmark): d for d in self.demands}


@dataclass(frozen=True, kw_only=True)
class Seating:
    """Who works on which host in a batch, with the rules that get into the agent's context."""

    agent: Agent
    host: Host
    specialty: Specialty
    rules: tuple[OperationalRule, ...]
