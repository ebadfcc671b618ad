"""Port ``Sandbox`` over an Incus instance."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor

from reconciler.adapters.incus.execute import Execution, Instance, Lost
from reconciler.adapters.incus.pool import Pool
from reconciler.core.errors import Transient
from reconciler.ports import Completed

_PROBE_S = 5.0
_BY_A_SIGNAL = 128
_STOP_S = 3.0
"""Seconds that a cancelled command gets to be gone; then the client is given up, or its thread would hold this process."""


class IncusSandbox:
    """A running instance, reached through the server's socket: it needs no network and no ssh."""

    controller = "outside"

    def __init__(
        self,
        instance: Instance,
        *,
        host: str,
        image: str,
        pool: Pool,
        fate: Callable[[], Awaitable[str]],
        threads: Executor,
    ) -> None:
        """``pool`` holds its disk, ``fate`` says why it is gone, ``threads`` runs its commands, one thread for each at a time."""
        self.name, self.host, self.image = instance.name, host, image
        self._instance, self._pool, self._fate, self._threads = instance, pool, fate, threads
        self._began = time.monotonic()
        self.variables: Mapping[str, str] = {
            "ansible_connection": "reconciler_incus",  # in reconciler/ansible_plugins
            "ansible_host": instance.name,
            "ansible_incus_project": instance.project,
            "ansible_incus_socket": instance.socket,
        }

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float,
        env: Mapping[str, str] | None = None,
        limit: int = 262_144,
    ) -> Completed:
        """Run a command as root, in /root. Being cancelled kills it."""
        execution = Execution(self._instance, argv, seconds=timeout, stdin=stdin, env=env, limit=limit)
        running = asyncio.get_running_loop().run_in_executor(self._threads, execution.run)
        try:
            ended = await asyncio.shield(running)
        except asyncio.CancelledError:
            execution.stop()
            try:
                await asyncio.wait([running], timeout=_STOP_S)
            finally:
                execution.kill()
            raise
        except Lost as error:
            raise Transient("sandbox", f"sandbox {self.name} does not answer: {error}") from error
        if not ended.told and not ended.timed_out and not await self._runs():
            raise Transient("sandbox", f"sandbox {self.name} is gone: {await self._fate()}")
        return Completed(exit_code=ended.exit_code, stdout=ended.stdout, stderr=ended.stderr, timed_out=ended.timed_out)

    async def vouch(self) -> None:
        """Not where the storage pool was full while it ran, whoever filled it."""
        await self._pool.vouch(self._began)

    async def _runs(self) -> bool:
        """A command tells more than the server, for whom a machine that is being killed still runs.

        One that ends by itself and tells nothing found no shell: the machine is broken, and runs.
        """
        probe = Execution(self._instance, ["true"], seconds=_PROBE_S)
        try:
            ended = await asyncio.get_running_loop().run_in_executor(self._threads, probe.run)
        except Lost:
            return False
        return ended.told or ended.exit_code < _BY_A_SIGNAL
