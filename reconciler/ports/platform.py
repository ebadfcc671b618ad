"""Where sandboxes come from, and what can be done in one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from reconciler.core.model import Mode, Template

MOST_PROCESSES = 2048
"""Processes and threads that one sandbox may have, so that one which forks without end ends its own trial alone."""


@dataclass(frozen=True, kw_only=True)
class SandboxSpec:
    """What to make. ``name`` comes from the trial; labels can be read back from ``Platform.list``."""

    name: str
    host: str
    template: Template
    labels: Mapping[str, str] = field(default_factory=dict)
    network: bool = True
    """False: no interface but the loopback. True promises none: mode namespace has no network at all."""


@dataclass(frozen=True, kw_only=True)
class SandboxInfo:
    """A sandbox that exists. ``trial`` and ``instance`` are read back from its labels."""

    name: str
    mode: Mode
    trial: str
    instance: str
    template: str
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A command that ended. Output is bounded: past the limit its middle is cut and says so."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False


class Sandbox(Protocol):
    """One machine, for one trial."""

    name: str
    host: str
    """Its name in the inventory."""
    image: str
    """The fingerprint of what it was made from."""
    controller: str
    """Where ansible-playbook runs for it: ``inside`` the sandbox, or ``outside`` with ``variables``."""
    variables: Mapping[str, str]
    """Inventory variables that reach it from outside (``ansible_connection`` ...)."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float,
        env: Mapping[str, str] | None = None,
        limit: int = 262_144,
    ) -> Completed:
        """Run a command as root. A failing command is a result: 127 not found, 128+n killed by signal n.

        After ``timeout`` seconds it and its process group are killed (``timed_out``, exit 124). stdin may hold
        megabytes; ``limit`` bounds each of stdout and stderr in bytes. A background child that keeps stdout open
        does not hold the call. Raises ``Transient("sandbox")`` when the sandbox itself is gone.
        """
        ...

    async def vouch(self) -> None:
        """Say that what was seen inside can be relied on. Asked when all has been seen, before it is destroyed.

        Raises ``Transient("sandbox")`` with the reason where it may be the world's doing instead of the agent's: what the sandbox
        shares with others, such as its storage, ran out while it lived.
        """
        ...


class Platform(Protocol):
    """A kind of sandbox: one per mode. What it makes is labelled and can be found again."""

    mode: Mode

    async def images(self, templates: Collection[Template]) -> Mapping[str, str]:
        """Template name to the fingerprint of what its sandboxes start from. Cheap: asked in every pass.

        A template whose image is not there yet is left out. Raises ``Unavailable`` with the reason when the mode cannot
        be used here: then its trials are held.
        """
        ...

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """Make, boot and reach a sandbox, making its template first where that is missing.

        A left-over of the same name is destroyed first. Raises ``Transient("sandbox")``, ``Invalid`` where the
        template cannot be made as it is written, or ``Unavailable``. On any failure nothing is left behind.
        """
        ...

    async def destroy(self, name: str) -> None:
        """Destroy a sandbox with all its processes. Absent is success. Raises ``Transient`` when it cannot."""
        ...

    async def list(self) -> Sequence[SandboxInfo]:
        """Every sandbox with our labels, whoever made it. Raises ``Unavailable``."""
        ...

    async def close(self) -> None:
        """Let go of connections; sandboxes stay."""
        ...
