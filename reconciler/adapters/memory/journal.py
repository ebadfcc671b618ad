"""The journal of a single daemon: gone with it, and nothing is lost but attempts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from reconciler.adapters.plain import plain
from reconciler.ports import ATTEMPTS_LAST, Attempts, Clock, Lease


class MemoryJournal:
    """Port ``Journal`` in a dictionary."""

    shared = False

    def __init__(self, *, clock: Clock) -> None:
        """``clock`` decides when a lease has run out."""
        self._clock = clock
        self._leases: dict[str, Lease] = {}
        self._attempts: dict[str, Attempts] = {}

    async def acquire(self, trial: str, owner: str, seconds: float) -> bool:
        """Take or renew a lease."""
        now = self._clock.now()
        held = self._leases.get(trial)
        if held is not None and held.owner != owner and held.until > now:
            return False
        self._leases[trial] = Lease(trial=trial, owner=owner, until=now + timedelta(seconds=seconds))
        return True

    async def release(self, trial: str, owner: str) -> None:
        """Give one's own lease back."""
        held = self._leases.get(trial)
        if held is not None and held.owner == owner:
            del self._leases[trial]

    async def leases(self) -> Sequence[Lease]:
        """Those alive."""
        now = self._clock.now()
        return [lease for lease in self._leases.values() if lease.until > now]

    async def fail(self, trial: str, cause: str, message: str) -> None:
        """Count an attempt."""
        self._attempts = dict(await self.attempts())
        count = self._attempts[trial].count if trial in self._attempts else 0
        self._attempts[trial] = Attempts(count=count + 1, cause=cause, message=plain(message), at=self._clock.now())

    async def attempts(self) -> Mapping[str, Attempts]:
        """A snapshot."""
        begin = self._clock.now() - ATTEMPTS_LAST
        return {trial: attempts for trial, attempts in self._attempts.items() if attempts.at > begin}

    async def forget(self, trials: Collection[str]) -> None:
        """Drop attempts."""
        for trial in trials:
            self._attempts.pop(trial, None)

    async def close(self) -> None:
        """Nothing to let go of."""
