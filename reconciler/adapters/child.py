"""Child processes: own group, a time limit, bounded output, and an environment that is given, never inherited."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reconciler.ports import Completed

_GRACE = 0.2
"""Seconds that the pipes are read on after the child has ended: a background child may hold them open for ever."""
_PIPE = asyncio.subprocess.PIPE
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")


def plain_environment(**more: str) -> dict[str, str]:
    """The few variables that a child needs of ours, plus ``more``: no secret is passed on by accident."""
    return (
        {k: os.environ[k] for k in _PASSED_ON if k in os.environ} | {"HOME": "/nonexistent", "LC_ALL": "C.UTF-8"} | more
    )


def kill_group(pid: int) -> None:
    """Kill the process group that ``pid`` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


async def run_child(
    argv: Sequence[str],
    *,
    timeout: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    executable: str | None = None,
    limit: int = 262_144,
    keep_background: bool = False,
    stop: Sequence[tuple[signal.Signals, float]] = (),
    kill: Callable[[int], None] = kill_group,
) -> Completed:
    """Run ``argv`` to its end, or for ``timeout`` seconds, and return what it said.

    A child that cannot be started is exit 127, one that a signal ended 128 + signal, one that ran out of time 124. ``stop`` are
    the signals tried first at the time limit, each with the seconds it is given; then the group gets SIGKILL. Being
    cancelled kills the group too. What the child leaves running in its group at its own end is killed as well, unless
    ``keep_background`` says that it is a service somebody wanted. ``kill`` is for a child that is only the way to the one meant.
    """
    given = plain_environment() if env is None else dict(env)
    try:
        process, protocol = await start_child(argv, stdin=_PIPE, env=given, cwd=cwd, executable=executable)
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        return Completed(exit_code=127, stderr=str(error).encode())
    pumps, timed_out = _Pumps(process, stdin, limit), False
    try:
        if timed_out := not await _happens(protocol.exited, timeout):
            await _stop(process, protocol.exited, stop)
    finally:
        if process.returncode is None or timed_out or not keep_background:
            kill(process.pid)
        await protocol.exited.wait()
        await pumps.close()
        await protocol.close()
    return _completed(process.returncode, pumps, timed_out=timed_out)


def _completed(code: int | None, pumps: "_Pumps", *, timed_out: bool) -> Completed:
    code = -9 if code is None else code
    return Completed(
        exit_code=124 if timed_out else code if code >= 0 else 128 - code,
        stdout=pumps.out.value(),
        stderr=pumps.err.value(),
        timed_out=timed_out,
    )


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether ``event`` is set within so many seconds."""
    try:
        return await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False


class ChildProtocol(asyncio.subprocess.SubprocessStreamProtocol):
    """Tells when the child has ended: ``Process.wait`` (Python 3.11) also waits for the pipes."""

    def __init__(self) -> None:
        """Made by ``start_child``."""
        super().__init__(limit=65_536, loop=asyncio.get_running_loop())
        self.exited, self._closed = asyncio.Event(), asyncio.Event()
        self._child: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's."""
        super().connection_made(transport)
        self._child = transport

    def process_exited(self) -> None:
        """Asyncio's."""
        super().process_exited()
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's."""
        super().connection_lost(exc)
        self._closed.set()

    async def close(self) -> None:
        """Close the pipes, also those that a grandchild holds; a child that still runs is killed."""
        if self._child is not None:
            self._child.close()
            await self._closed.wait()


async def start_child(
    argv: Sequence[str],
    *,
    stdin: int,
    env: Mapping[str, str],
    cwd: str | Path | None = None,
    executable: str | None = None,
) -> tuple[asyncio.subprocess.Process, ChildProtocol]:
    """Start ``argv`` in a session of its own, stdout and stderr as pipes. Raises ``OSError`` when it cannot.

    Being cancelled meanwhile kills it with its group; left to asyncio, its pipes would stay open (Python 3.11).
    """
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(
        loop.subprocess_exec(
            ChildProtocol,
            *argv,
            stdin=stdin,
            stdout=_PIPE,
            stderr=_PIPE,
            env=dict(env),
            cwd=cwd,
            executable=executable,
            start_new_session=True,
        )
    )
    try:
        transport, protocol = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            transport, protocol = await starting
            kill_group(transport.get_pid())
            await protocol.exited.wait()
            await protocol.close()
        raise
    return asyncio.subprocess.Process(transport, protocol, loop), protocol


async def _stop(
    process: asyncio.subprocess.Process, exited: asyncio.Event, stop: Sequence[tuple[signal.Signals, float]]
) -> None:
    for number, seconds in stop:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        if await _happens(exited, seconds):
            return


class _Pumps:
    """What goes into a child and what it says, pumped while it lives."""

    def __init__(self, process: asyncio.subprocess.Process, stdin: bytes, limit: int) -> None:
        self.out, self.err = _Bounded(limit), _Bounded(limit)
        self._tasks = [
            asyncio.create_task(_feed(process.stdin, stdin)),
            asyncio.create_task(self.out.drain(process.stdout)),
            asyncio.create_task(self.err.drain(process.stderr)),
        ]

    async def close(self) -> None:
        """Read on for a moment, then no more."""
        await asyncio.wait(self._tasks, timeout=_GRACE)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _feed(pipe: asyncio.StreamWriter | None, data: bytes) -> None:
    if pipe is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        pipe.write(data)
        await pipe.drain()
    pipe.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await pipe.wait_closed()


class _Bounded:
    """Keeps the first and the last half of ``limit`` bytes, and says how much it left out."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head, self._tail, self._cut = bytearray(), bytearray(), 0

    async def drain(self, pipe: asyncio.StreamReader | None) -> None:
        while pipe is not None and (chunk := await pipe.read(65_536)):
            room = self._half - len(self._head)
            self._head += chunk[:room]
            self._tail += chunk[room:] if room > 0 else chunk
            if (over := len(self._tail) - self._half) > 0:
                self._cut += over
                del self._tail[:over]

    def value(self) -> bytes:
        middle = b"\n[... %d bytes left out ...]\n" % self._cut if self._cut else b""
        return bytes(self._head) + middle + bytes(self._tail)
