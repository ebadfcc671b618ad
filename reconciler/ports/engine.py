"""Does the agent's work: takes an assignment, tells its job, ends it."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciler.core.model import Host, Job, OperationalRule, Scenario, Specialty, Ticket
from reconciler.ports.platform import Sandbox


@dataclass(frozen=True, kw_only=True)
class Seat:
    """An agent ready to work: its specialty, the rules that its context gets, and its sandbox."""

    agent: str
    host: Host
    specialty: Specialty
    rules: Sequence[OperationalRule]
    sandbox: Sandbox


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A ticket and the agents who may answer it. ``seconds`` is what is left of the trial's time."""

    trial: str
    scenario: Scenario
    ticket: Ticket
    seats: Sequence[Seat]
    main_engine: str
    secondary_engine: str
    seconds: float


class Engine(Protocol):
    """What does the agent's work. One engine object serves many jobs."""

    version: str
    """Part of the agent digest: a new version is a new agent."""

    async def submit(self, assignment: Assignment) -> str:
        """File the ticket and return the job's id. Raises ``Transient("provider")``."""
        ...

    def watch(self, job: str) -> AsyncGenerator[Job, None]:
        """The job as it is, again on each change, last when it has ended. Raises ``Transient``.

        Nothing that was told is taken back: each snapshot ``continues`` those before it. One that does not costs the trial
        its result, since its commands prove nothing.

        An engine that runs the agent's commands itself tells each before it runs it, and runs it once everybody who
        watches has come back for more: a command that a watcher answers with ``kill`` never runs.
        """
        ...

    async def kill(self, job: str) -> Job:
        """Stop the job and its agents now; returns it as it stands, outcome ``killed`` unless it had ended."""
        ...
