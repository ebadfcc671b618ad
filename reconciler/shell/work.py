"""What a trial needs to be carried out, gathered from the definitions at one revision."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.model import EngineSettings, Gate, Scenario, Template, Trial
from reconciler.definitions.values import Seating


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the definitions came from. ``repository`` without a password."""

    repository: str
    ref: str
    commit: str


@dataclass(frozen=True, kw_only=True)
class Work:
    """A trial and all that its inputs stand for. ``templates`` by host name, ``checkout`` the paths its playbooks need."""

    trial: Trial
    scenario: Scenario
    seats: tuple[Seating, ...]
    templates: Mapping[str, Template]
    checkout: tuple[str, ...]
    playbooks: frozenset[str]
    """Which of ``prepare.yml`` and ``restore.yml`` the scenario's folder holds."""
    inventory: str | None
    origin: Origin
    benchmark: str
    iterations: int
    gate: Gate
    memory_mib: int
    reason: str = ""
    regrades: str | None = None
    """The record whose transcript is to be graded again instead of a run."""
    engine: EngineSettings
    """What drives the main engine."""
