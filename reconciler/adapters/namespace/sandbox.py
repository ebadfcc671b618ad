"""One sandbox that this process holds: started, entered for each command, ended."""

import asyncio
import os
import select
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reconciler.adapters.child import kill_group, run_child, start_child
from reconciler.adapters.namespace import cgroups
from reconciler.adapters.namespace.guard import nursery
from reconciler.core.errors import Transient, Unavailable
from reconciler.ports import Completed

_SETUP = Path(__file__).with_name("box.sh")
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
"""All that a command inherits."""
_START_S = 20.0
_SETTLE_S = 2.0
_NOT_JOINED = 125
_APART = ("setsid", "--")
"""A command has a process group of its own: what it sends to its group must not reach the nsenter that waits for it."""
_SUSPICIOUS = (_NOT_JOINED, 137)
"""Exit codes that a command may owe to the end of its sandbox."""
_NAMESPACES = {"user": "user", "mount": "mnt", "net": "net", "uts": "uts", "ipc": "ipc", "pid": "pid"}
_BOUNDS = """
cd /proc/sys/user && echo 0 >max_cgroup_namespaces && echo 0 >max_user_namespaces || exit
share() { [ ! -e "$2" ] || echo $(($(cat "$1") / 16)) >"$2"; }
for what in instances watches; do share ../fs/inotify/max_user_$what max_inotify_$what || exit; done
for what in groups marks; do share ../fs/fanotify/max_user_$what max_fanotify_$what || exit; done
"""
"""In a nested user or cgroup namespace more could be mounted. What watches files is root's quota, inside and outside together: a
sandbox gets a sixteenth of it. The files of ``user`` count for the user namespace of their writer."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sandbox is made of. ``labels`` and ``view`` are environment of its setup; ``labels`` stays PID 1's."""

    name: str
    host: str
    image: str
    labels: Mapping[str, str]
    view: Mapping[str, str]
    groups: Sequence[str]


class NamespaceSandbox:
    """Port ``Sandbox``. Its processes belong to the guarded thread; ``run`` may be called from any."""

    controller = "inside"
    variables: Mapping[str, str] = {}

    def __init__(self, plan: Plan, process: Process, hold: socket.socket) -> None:
        self.name, self.host, self.image = plan.name, plan.host, plan.image
        self._groups = plan.groups
        self._process, self._hold = process, hold
        self._namespaces: dict[str, int] = {}
        self._commands: set[asyncio.Task[object]] = set()
        self._ended = asyncio.create_task(self._let_go())

    @classmethod
    async def start(cls, plan: Plan) -> "NamespaceSandbox":
        """Make it, within 20 seconds. Raises ``Unavailable`` where this machine cannot, ``Transient`` when it takes longer."""
        hold, far = socket.socketpair()
        try:
            sandbox = cls(plan, await _unshare(plan, far), hold)
        except BaseException:
            hold.close()
            raise
        finally:
            far.close()
        try:
            async with asyncio.timeout(_START_S):
                await sandbox._take_hold()
        except BaseException as error:
            await sandbox.end()
            if isinstance(error, TimeoutError):
                raise Transient(
                    "sandbox", f"sandbox {plan.name} was not ready after {_START_S:.0f} s: is the machine overloaded?"
                ) from None
            raise
        return sandbox

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float,
        env: Mapping[str, str] | None = None,
        limit: int = 262_144,
    ) -> Completed:
        """Run a command as root, in /root; what it leaves in the background stays until the sandbox ends."""
        command = partial(self._inside, argv, stdin=stdin, timeout=timeout, env=env, limit=limit)
        return await nursery().call(self._run(command))

    async def vouch(self) -> None:
        """Always: its disk and its memory are its own."""

    async def end(self) -> None:
        """Kill all its processes, and return when they are gone. In the guarded thread."""
        self._hold.close()
        with suppress(ProcessLookupError, FileNotFoundError):
            # unshare ends by itself once its child, PID 1, is gone with all the others.
            os.kill(next(iter(_children(self._process.pid)), self._process.pid), signal.SIGKILL)
        await asyncio.shield(self._ended)

    async def _take_hold(self) -> None:
        """Wait until PID 1 is ready, keep its namespaces, and forbid what only now can be forbidden."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        if await self._process.stdout.readline() != b"ready\n":
            raise _cannot(await self._process.stderr.read())
        [first] = _children(self._process.pid)
        [holder] = _children(first)
        for option, file in _NAMESPACES.items():
            self._namespaces[option] = os.open(f"/proc/{holder}/ns/{file}", os.O_RDONLY | os.O_CLOEXEC)
        done = await run_child([*self._nsenter("user"), "sh", "-c", _BOUNDS], timeout=_START_S, cwd="/")
        if done.exit_code != 0:
            raise _cannot(done.stderr)

    async def _let_go(self) -> None:
        """Wait for its end, whoever brings it about, and give back what this process holds of it."""
        await self._process.wait()
        self._hold.close()
        # A command on its way in names the descriptors by number, and must not find another sandbox's behind one.
        if self._commands:
            await asyncio.wait(self._commands)
        for descriptor in self._namespaces.values():
            os.close(descriptor)
        if self._groups:
            await cgroups.removed(self.name)

    async def _run(self, command: Callable[[], Awaitable[Completed]]) -> Completed:
        if self._process.returncode is not None:
            raise self._gone()
        task = asyncio.current_task()
        assert task is not None
        self._commands.add(task)
        try:
            done = await command()
            if done.exit_code in _SUSPICIOUS or b"fork failed" in done.stderr:
                await self._settle()
        finally:
            self._commands.discard(task)
        if self._process.returncode is not None and done.exit_code != 0:
            raise self._gone()
        return done

    async def _settle(self) -> None:
        """Where nothing more can be started inside, wait for the end to be seen: what lives inside is killed before it is."""
        if (await self._inside(["true"], timeout=_SETTLE_S)).exit_code != 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _SETTLE_S)

    async def _inside(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limit: int = 4096,
    ) -> Completed:
        return await run_child(
            ["/bin/sh", "-c", self._join, "sh", *self._nsenter(*_NAMESPACES), "--wdns=/root", "--", *_APART, *argv],
            timeout=timeout,
            stdin=stdin,
            env=_ENVIRONMENT | dict(env or {}),
            cwd="/",
            limit=limit,
            keep_background=True,
            kill=_kill_inside,
        )

    @property
    def _join(self) -> str:
        """A shell's text that joins the cgroups, which nothing inherits from a namespace, and becomes its arguments.

        These begin as on any machine: this process's umask and the signals that it was told to ignore are no business of theirs.
        """
        joined = "".join(f"echo 0 >{group}/cgroup.procs || exit {_NOT_JOINED}; " for group in self._groups)
        return f'umask 022; {joined}exec /usr/bin/env --default-signal "$@"'

    def _nsenter(self, *namespaces: str) -> list[str]:
        return [nursery().nsenter, *(f"--{n}=/proc/{os.getpid()}/fd/{self._namespaces[n]}" for n in namespaces)]

    def _gone(self) -> Transient:
        return Transient("sandbox", f"sandbox {self.name} is gone: it was destroyed, or its first process was killed")


async def _unshare(plan: Plan, far: socket.socket) -> Process:
    command = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--propagation", "private", "--", "sh"]
    process, _ = await start_child(
        [*command, str(_SETUP)],
        stdin=far.fileno(),
        cwd="/",
        env=_ENVIRONMENT | {**plan.view, **plan.labels, "HOST": plan.host, "CGROUPS": " ".join(plan.groups)},
    )
    return process


def _kill_inside(nsenter: int) -> None:
    """Kill what ``nsenter`` brought in, with its group, let it reap that and end, then kill the rest of its own group.

    Were it killed first, the process inside would be orphaned to the host's init, and where that one does not reap, the
    sandbox could never end.
    """
    with suppress(ProcessLookupError, FileNotFoundError):
        handle = os.pidfd_open(nsenter)
        try:
            if inside := _children(nsenter):
                os.kill(inside[0], signal.SIGKILL)  # also where it leads no group yet
                kill_group(inside[0])
                os.kill(nsenter, signal.SIGCONT)  # it stops itself when what it waits for is stopped
                ended = select.poll()
                ended.register(handle, select.POLLIN)
                ended.poll(1000)
        finally:
            os.close(handle)
    kill_group(nsenter)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cannot(complaint: bytes) -> Unavailable:
    why = last_complaint(complaint.decode(errors="replace")) or "its setup ended without a word"
    forks = "fork" in why or "Resource temporarily unavailable" in why
    advice = "raise the limit of processes (ulimit -u, TasksMax=)" if forks else "choose mode incus"
    return Unavailable(f"mode namespace cannot make a sandbox on this machine ({why}): {advice}")


def last_complaint(text: str) -> str:
    """What failed in the end, on one line. mount goes on in indented lines, the last of which says nothing."""
    last: list[str] = []
    for line in text.splitlines():
        if line.strip() and "dmesg(1)" not in line:
            last = [*last, line.strip()] if line[0].isspace() else [line.strip()]
    return " ".join(last)
