"""The thread in which every process of a sandbox is born, so that each inherits what this thread gave up.

Keys and some system calls know no namespaces. A thread can give them up for itself and its children, and never takes them
back; that is why it is a thread of its own, with its own event loop: the daemon and its git, ssh and Incus keep theirs.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import functools
import os
import platform
import shutil
import struct
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from reconciler.core.errors import Unavailable

T = TypeVar("T")

# Numbers of linux/audit.h and of each architecture's table: (architecture, socket, io_setup add_key request_key keyctl).
_SYSTEM_CALLS = {
    "x86_64": (0xC000003E, 41, (206, 248, 249, 250)),
    "aarch64": (0xC00000B7, 198, (0, 217, 218, 219)),
}
_IO_URING = (425, 426, 427)
_X32 = 0x40000000
_AF_VSOCK = 40
_EPERM = 1
_KEYCTL_JOIN_SESSION_KEYRING = 1
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_NOBODY_INSIDE = 2**32 - 2
"""An owner that the identity map 0-65535 leaves out."""


class Nursery:
    """Runs coroutines in the guarded thread. Raises ``Unavailable`` where the thread cannot be guarded."""

    nsenter: str
    """The program that enters a sandbox, as a path that any child of this process can execute."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._program = _sealed("nsenter")
        guarded: Future[None] = Future()
        threading.Thread(target=self._serve, args=(guarded,), name="sandboxes", daemon=True).start()
        try:
            guarded.result()
        except Unavailable:  # every pass tries again, and must leave nothing
            os.close(self._program)
            self._loop.close()
            raise
        self.nsenter = f"/proc/{os.getpid()}/fd/{self._program}"

    def _serve(self, guarded: "Future[None]") -> None:
        try:
            _give_up()
        except Unavailable as error:
            guarded.set_exception(error)
            return
        guarded.set_result(None)
        self._loop.run_forever()

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``. Cancelled, it first waits until ``work`` has cleaned up behind itself."""
        ended: Future[asyncio.Task[T]] = Future()
        begun: list[asyncio.Task[T]] = []

        def begin() -> None:
            begun.append(self._loop.create_task(work))
            begun[0].add_done_callback(ended.set_result)

        def cancel() -> None:
            begun[0].cancel()

        self._loop.call_soon_threadsafe(begin)
        waiting = asyncio.wrap_future(ended)
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            self._loop.call_soon_threadsafe(cancel)
            while not waiting.done():
                with contextlib.suppress(asyncio.CancelledError):  # cancelled once more: there is no more to be done
                    await asyncio.wait([waiting])
            raise
        return ended.result().result()


@functools.cache
def nursery() -> Nursery:
    """The one of this process, started when first needed; it ends with the process."""
    return Nursery()


def _give_up() -> None:
    """Let this thread and its children have no key of ours, no AF_VSOCK, no io_uring and no io_setup. There is no way back."""
    machine = platform.machine()
    if machine not in _SYSTEM_CALLS:
        raise Unavailable(f"mode namespace runs on {' and '.join(_SYSTEM_CALLS)}, not on {machine}: choose mode incus")
    _, _, (*_, keyctl) = _SYSTEM_CALLS[machine]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(keyctl, _KEYCTL_JOIN_SESSION_KEYRING, None) < 0:
        raise _refused("join a new session keyring")
    rules = ctypes.create_string_buffer(_filter(machine))
    program = struct.pack("HxxxxxxP", len(rules) // 8, ctypes.addressof(rules))
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program) < 0:
        raise _refused("filter system calls")


def _refused(what: str) -> Unavailable:
    reason = os.strerror(ctypes.get_errno())
    return Unavailable(f"mode namespace may not {what} here ({reason}): loosen the service unit or choose mode incus")


def _filter(machine: str) -> bytes:
    """A seccomp program (linux/filter.h) that answers EPERM to what has no namespaces, and lets the rest pass.

    Foreign system call tables (32 bit, x32) are refused whole, or they would be the way around it. io_uring is refused because it makes
    sockets without the call ``socket``, io_setup because all of the machine has one quota of what it makes.
    """
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    audit, socket, others = _SYSTEM_CALLS[machine]
    number_at, architecture_at, first_argument_at = 0, 4, 16
    refused = (*others, *_IO_URING)
    then = 4 + len(refused)
    allow, deny = then + 3, then + 4

    def step(code: int, value: int, position: int = 0, *, yes: int | None = None, no: int | None = None) -> bytes:
        skip = [0 if target is None else target - position - 1 for target in (yes, no)]
        return struct.pack("HBBI", code, *skip, value)

    return b"".join(
        [
            step(load, architecture_at),
            step(equal, audit, 1, no=deny),
            step(load, number_at),
            step(at_least, _X32, 3, yes=deny),
            *(step(equal, call, 4 + i, yes=deny) for i, call in enumerate(refused)),
            step(equal, socket, then, no=allow),
            step(load, first_argument_at),
            step(equal, _AF_VSOCK, then + 2, yes=deny, no=allow),
            step(answer, 0x7FFF0000),
            step(answer, 0x00050000 | _EPERM),
        ]
    )


def _sealed(program: str) -> int:
    """A descriptor of a copy of ``program`` in memory that nobody can change, nor open for writing inside.

    A process inside can reach the file of the program that brought it in through /proc/PID/exe. With the identity map the
    host's own file would then be root's to overwrite; the copy is sealed, and its owner does not exist inside.
    """
    path = shutil.which(program)
    if path is None:
        raise Unavailable(f"mode namespace needs {program}: install util-linux")
    written = os.memfd_create(program, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(path, "rb") as source, open(written, "wb") as copy:  # noqa: PTH123 - one of them is a descriptor
        shutil.copyfileobj(source, copy)
        copy.flush()
        try:
            os.fchown(written, _NOBODY_INSIDE, _NOBODY_INSIDE)
        except OSError as error:
            told = f"mode namespace may not use every user id here ({error.strerror}), as in a container"
            raise Unavailable(f"{told}: run it on the machine itself or choose mode incus") from error
        os.fchmod(written, 0o555)
        fcntl.fcntl(written, fcntl.F_ADD_SEALS, 0xF)  # against sealing, shrinking, growing, writing
        # While a descriptor can write, nothing can execute the file: only this one stays.
        return os.open(f"/proc/self/fd/{written}", os.O_RDONLY | os.O_CLOEXEC)
