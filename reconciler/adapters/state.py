"""The state directory: one daemon at a time, and its notes."""

import contextlib
import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.adapters.locking import is_locked, locked_within
from reconciler.adapters.notefile import read_note, replace, sweep, write_note
from reconciler.core.errors import Invalid, what_the_machine_lacks

_ASKED = 1.0
"""Seconds for which the lock is tried: who only asks whether somebody works here has it for a moment."""


class StateDirectory:
    """``state`` of the configuration: clones, checkouts, lock, notes. Implements port ``Notes``."""

    def __init__(self, path: Path) -> None:
        """Makes the directory, readable by its owner alone. Raises ``Invalid`` when that cannot be, or it is somebody else's."""
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            owner = path.stat().st_uid
        except OSError as error:
            raise Invalid(f"cannot make the state directory {path}: {error.strerror}", hint="set `state:`") from error
        if owner != os.geteuid():  # root too: what it leaves here would lock the owner out
            name, me = _user(owner), _user(os.geteuid())
            hint = f"run it as its owner, `sudo -u {name} …`, or set another `state:`"
            raise Invalid(f"the state directory {path} belongs to {name}, and this is {me}", hint=hint)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory; the kernel gives it back when the process ends. Raises ``Invalid`` when another has it."""
        fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not locked_within(fd, _ASKED):
                holder = os.pread(fd, 20, 0).decode(errors="replace").strip() or "unknown"
                raise Invalid(
                    f"another reconciler (pid {holder}) works in {self.path}",
                    hint="stop it first, or use another `state:`",
                )
            with what_the_machine_lacks(str(self.path)):
                os.truncate(fd, 0)
                os.pwrite(fd, str(os.getpid()).encode(), 0)
            sweep(self.path)
            yield
        finally:
            os.close(fd)

    def locked(self) -> bool:
        """Whether a daemon works here. Asking keeps nobody from starting."""
        try:
            fd = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return is_locked(fd)
        finally:
            os.close(fd)

    def get(self, name: str) -> Mapping[str, object] | None:
        """The note, or None where there is none that can be read."""
        return read_note(self.path / f"{name}.json")

    def put(self, name: str, value: Mapping[str, object]) -> None:
        """Written beside, then renamed over. Raises ``Unavailable``."""
        write_note(self.path / f"{name}.json", value)

    def load(self, name: str) -> bytes | None:
        """The bytes kept under a name, or None."""
        try:
            return (self.path / f"{name}.bin").read_bytes()
        except OSError:
            return None

    def save(self, name: str, data: bytes) -> None:
        """On the disk before it gets its name. Raises ``Unavailable``."""
        replace(self.path / f"{name}.bin", data, durable=True)


def _user(uid: int) -> str:
    """The name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
