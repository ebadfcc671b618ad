"""Who works on what, and what went wrong so often."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

ATTEMPTS_LAST = timedelta(days=1)
"""The attempts at a trial count for so long after the last of them: then whatever was wrong may have been mended."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to work on a trial until a moment."""

    trial: str
    owner: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """How often a trial died of infrastructure, and of what last."""

    count: int
    cause: str
    message: str
    at: datetime


class Journal(Protocol):
    """Who works on what, and failed attempts. Losing it repeats work and never loses a result."""

    shared: bool
    """Whether other daemons work from the same journal: then a result is pushed before its lease is given back."""

    async def acquire(self, trial: str, owner: str, seconds: float) -> bool:
        """Take the lease, or renew one's own; False while another owner's is alive."""
        ...

    async def release(self, trial: str, owner: str) -> None:
        """Give one's own lease back. Absent, or another's, is success and changes nothing."""
        ...

    async def leases(self) -> Sequence[Lease]:
        """The leases that are alive."""
        ...

    async def fail(self, trial: str, cause: str, message: str) -> None:
        """Count an attempt. Any text is taken; what no store can hold of it is replaced."""
        ...

    async def attempts(self) -> Mapping[str, Attempts]:
        """Trial id to its failed attempts; those whose last is a day ago are forgotten."""
        ...

    async def forget(self, trials: Collection[str]) -> None:
        """Drop the attempts of trials that are recorded, or that somebody wants tried afresh."""
        ...
