"""The demand that follows from benchmarks: what a catalogue hands out beside the core's own values."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.model import Agent, Batch, Host, OperationalRule, Scenario, Specialty, Variant
from reconciler.core.planning import Wanted
from reconciler.definitions.files.values import Benchmark


@dataclass(frozen=True, kw_only=True)
class Demand:
    """A batch that a benchmark wants, as often and when that says. Others may want the same batch."""

    batch: Batch
    benchmark: Benchmark
    scenario: Scenario
    memory_mib: int
    """What its sandboxes need together."""


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
        return {(d.batch.id, d.benchmark.name): d for d in self.demands}


@dataclass(frozen=True, kw_only=True)
class Seating:
    """Who works on which host in a batch, with the rules that get into the agent's context."""

    agent: Agent
    host: Host
    specialty: Specialty
    rules: tuple[OperationalRule, ...]
