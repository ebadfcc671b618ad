"""What a file comes to beside the core's own values: benchmarks, resources, and a file that is wrong."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from reconciler.core.model import Gate, Mode
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.holes import NO_HOLES, Holes
from reconciler.definitions.files.lint_rules import RuleId
from reconciler.ports import Cron

T = TypeVar("T")


PatternDoubt = tuple[RuleId, str, str]
"""Lint rule, message and hint of what is hardly meant by a pattern that compiles."""

EngineOptions = Mapping[str, Callable[[object], object]]
"""Setting to what reads its value, and raises ``ValueError`` that says how to write it."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the catalogue cannot know by itself."""

    compiles: Callable[[str], str | None]
    """Why a pattern does not compile, or None."""
    cron_error: Callable[[str, str], str | None]
    """What is wrong with a cron expression in a time zone, or None."""
    adapters: Mapping[str, str]
    """Engine adapter to its version, which is part of the agent digest."""
    engine_settings: Mapping[str, EngineOptions] = field(default_factory=dict)
    """Engine adapter to the settings that it takes; of one that is not here they are anybody's guess."""
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
