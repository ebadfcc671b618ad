"""A sandbox that is this machine: for harmless commands only."""

import asyncio
from collections.abc import Mapping, Sequence

from reconciler.adapters.child import run_child
from reconciler.core.errors import Transient
from reconciler.core.model import Agent, Host, OperationalRule, Scenario, Specialty, Ticket
from reconciler.ports import Assignment, Completed, Seat


class LocalSandbox:
    """Port ``Sandbox``. ``gone`` makes it behave like one that was destroyed; ``ran`` holds every argv."""

    name = "local"
    image = ""
    controller = "outside"

    def __init__(self, host: str = "app-01", *, gone: bool = False) -> None:
        self.host, self.gone = host, gone
        self.variables: Mapping[str, str] = {}
        self.ran: list[Sequence[str]] = []

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float,
        env: Mapping[str, str] | None = None,
        limit: int = 262_144,
    ) -> Completed:
        await asyncio.sleep(0)
        if self.gone:
            raise Transient("sandbox", "sandbox local is gone")
        self.ran.append(argv)
        return await run_child(argv, timeout=timeout, stdin=stdin, env=env, limit=limit)

    async def vouch(self) -> None:
        """This machine's disk is not in question."""


def make_seat(
    prompt: str,
    *,
    sandbox: LocalSandbox | None = None,
    rules: Sequence[OperationalRule] = (),
    execution_mode: str | None = None,
    specialty: str = "linux-administration",
) -> Seat:
    place = sandbox or LocalSandbox()
    key = specialty.upper().replace("-", "_")
    return Seat(
        agent=f"agent-of-{place.host}",
        host=Host(name=place.host),
        specialty=Specialty(key=key, name=specialty, prompt=prompt, execution_mode=execution_mode),
        rules=rules,
        sandbox=place,
    )


def make_assignment(*seats: Seat, title: str = "Disk full", body: str = "on app-01", seconds: float = 60) -> Assignment:
    scenario = Scenario(
        key="disk",
        title="",
        description="",
        ticket_title=title,
        ticket_body=body,
        hosts=tuple(s.host for s in seats),
        agents=tuple(Agent(name=s.agent, host=s.host.name, specialty=s.specialty.key) for s in seats),
    )
    return Assignment(
        trial="0123456789abcdef0123",
        scenario=scenario,
        ticket=Ticket(title=title, body=body),
        seats=seats,
        main_engine="runbook",
        secondary_engine="",
        seconds=seconds,
    )
