"""What a trial needs to be carried out, gathered from the definitions at one revision."""

from dataclasses import dataclass

from reconciler.core.model import EngineSettings, Gate, Scenario, Trial
from reconciler.definitions.values import Seating
from reconciler.shell.machines import Stage


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the definitions came from. ``repository`` without a password."""

    repository: str
    ref: str
    commit: str


@dataclass(frozen=True, kw_only=True)
class Work:
    """A trial and all that its inputs stand for. ``checkout`` are the paths its playbooks need."""

    trial: Trial
    stage: Stage
    seats: tuple[Seating, ...]
    checkout: tuple[str, ...]
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

    @property
    def scenario(self) -> Scenario:
        """What is tried."""
        return self.stage.scenario
