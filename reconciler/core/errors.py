"""The two words for what can go wrong. Anything else is a bug, and ends the trial or the process."""

import contextlib
import errno
from collections.abc import Iterator
from typing import Literal

Cause = Literal["sandbox", "provider", "playbook", "evidence", "harness", "cancelled"]
"""Why a trial gave no result."""


class Transient(Exception):
    """The world failed, not the agent: counted as an attempt, tried again later."""

    def __init__(self, cause: Cause, message: str) -> None:
        """``message`` is one line that a person can act on."""
        super().__init__(message)
        self.cause: Cause = cause


class Unavailable(Exception):
    """A whole mode or server does not answer: its trials are held, and no attempt is burnt."""


_LACKS = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there, or raise the quota",
    errno.EROFS: "mount it writable again",
    errno.EIO: "look at the disk: dmesg",
    errno.EACCES: "give the user that runs this the right to it, or choose another place",
    errno.EPERM: "give the user that runs this the right to it, or choose another place",
    errno.EMFILE: "raise the limit of open files (ulimit -n, LimitNOFILE=)",
    errno.ENFILE: "raise the machine's limit of open files (sysctl fs.file-max)",
    errno.EAGAIN: "raise the limit of processes (ulimit -u, TasksMax=)",
    errno.ENOMEM: "free memory",
}
"""What a machine can lack, by the error that it gives, and what heals it."""

_NO_THREAD = "can't start new thread"
"""How Python says that a thread, which counts as a process, could not be started: no error number is told."""


@contextlib.contextmanager
def what_the_machine_lacks(where: str = "") -> Iterator[None]:
    """Raise ``Unavailable`` instead of an error for want of room, rights, handles or processes. Others pass: they are bugs.

    ``where`` is said where the error names no file.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _LACKS:
            raise
        place = error.filename if isinstance(error.filename, str) else where
        raise Unavailable(f"{place and f'{place}: '}{error.strerror}: {_LACKS[error.errno]}") from error
    except RuntimeError as error:
        if str(error) != _NO_THREAD:
            raise
        raise Unavailable(f"{error}: {_LACKS[errno.EAGAIN]}") from error


class Invalid(Exception):
    """A definition or a setting is wrong: it stalls until a new revision (or a restart) heals it."""

    def __init__(self, message: str, *, path: str = "", line: int = 0, hint: str = "") -> None:
        """``path`` and ``line`` say where (line 0: the whole file), ``hint`` what to write instead."""
        where = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(where + message + (f" ({hint})" if hint else ""))
        self.message, self.path, self.line, self.hint = message, path, line, hint
