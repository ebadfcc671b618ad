"""Locks between processes: on an open file, given back by the kernel when the process ends."""

import fcntl
import time

_AGAIN = 0.005


def locked_within(descriptor: int, seconds: float) -> bool:
    """Lock an open file for this process alone; False where others hold it for all of these seconds."""
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_AGAIN)
        else:
            return True


def is_locked(descriptor: int) -> bool:
    """Whether another process has locked the file for itself alone. Those who ask at the same time do not see each other."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
