"""What platform and templates share: instances that are booted and destroyed, from asyncio."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from reconciler.adapters.incus.execute import Instance
from reconciler.adapters.incus.pool import Pool
from reconciler.adapters.incus.sandbox import IncusSandbox
from reconciler.adapters.incus.server import Server
from reconciler.core.errors import Transient, Unavailable

_P = ParamSpec("_P")
_R = TypeVar("_R")

LABEL = "user.reconciler."
"""Configuration keys that start so are ours."""

_THREADS = 64
"""Commands and requests at once: each blocks a thread."""
_BOOT_S = 60.0
_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
"""Seconds to wait before each further try to destroy: an instance that is being started refuses for a moment."""

_REACH = """
until [ -S /run/systemd/private ]; do
    printf '%s\\n' "$1" >/etc/hostname
    sleep 0.02
done
state=$(systemctl is-system-running --wait)
printf '%s\\n' "$1" >/etc/hostname
hostname "$1"
grep -qwF -- "$1" /etc/hosts || printf '127.0.1.1\\t%s\\n' "$1" >>/etc/hosts
case $state in running | degraded) ;; *) echo "systemd is $state" >&2; exit 1 ;; esac
"""
"""Waits for systemd and names the machine: before systemd reads the name where we are early enough, at the latest here."""


class Machines:
    """Instances of one project behind one socket."""

    def __init__(self, socket: str, project: str) -> None:
        """Connects at the first call."""
        self.server = Server(socket, project)
        self.pool = Pool(lambda: self.call(self.server.space))
        self._socket, self._project = socket, project
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="incus")

    async def boot(self, name: str, *, host: str, image: str) -> IncusSandbox:
        """Start an instance and wait until systemd is up, for 60 s at most."""
        self.pool.watch(name)
        await self.call(self.server.start, name)
        where = Instance(name=name, project=self._project, socket=self._socket)
        fate = functools.partial(self._fate, name)
        sandbox = IncusSandbox(where, host=host, image=image, pool=self.pool, fate=fate, threads=self._threads)
        reached = await sandbox.run(["sh", "-c", _REACH, "sh", host], timeout=_BOOT_S)
        if reached.exit_code != 0:
            why = (
                f"not up after {_BOOT_S:g} s" if reached.timed_out else reached.stderr.decode(errors="replace").strip()
            )
            raise Transient("sandbox", f"sandbox {name} did not boot: {why}")
        return sandbox

    async def _fate(self, name: str) -> str:
        """What became of an instance that runs no command. The server does not tell whether memory ran out."""
        try:
            found = await self.call(self.server.instance, name)
        except (Transient, Unavailable) as error:
            return str(error)
        if found is None:
            return "it was destroyed"
        return f"it was shut down, or used up its memory ({found['config'].get('limits.memory', 'no limit')})"

    async def destroy(self, name: str) -> None:
        """Stop it by force and delete it; absent is success. Raises ``Transient``."""
        self.pool.forget(name)
        for pause in _PAUSES_S:
            try:
                return await self.call(self.server.delete, name)
            except Unavailable as error:
                raise Transient("sandbox", f"sandbox {name} cannot be destroyed: {error}") from error
            except Transient:
                await asyncio.sleep(pause)
        return await self.call(self.server.delete, name)

    async def call(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """``function`` in a thread. Being cancelled waits for its end first: what it makes can then be undone."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, lambda: function(*args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    async def close(self) -> None:
        """Let go of connections and threads."""
        await self.pool.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.server.close()
