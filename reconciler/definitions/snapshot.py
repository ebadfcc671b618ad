"""Values as bytes for this program's next process: Python's pickle, read by a reader that makes nothing but our own values.

A pickle can name any function to call; this one can only name the classes that a catalogue is made of, so that whoever
may write the file can make a plan wrong, as with the clone beside it, and nothing else.
"""

import io
import pickle
from typing import Any

_OURS = ("reconciler.core.model", "reconciler.definitions.", "reconciler.ports")
_BUILTINS = frozenset({"frozenset", "set"})


class Unreadable(Exception):
    """These bytes are no snapshot that this program can read."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """One of our classes, or a set. Raises ``UnpicklingError`` for anything else."""
        found = super().find_class(module, name) if module.startswith(_OURS) or name in _BUILTINS else None
        if isinstance(found, type) and found.__module__ == module:
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is not a value of ours")


def dump(value: object) -> bytes:
    """What ``load`` reads. Objects that are one object stay one."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def load(data: bytes) -> Any:
    """What was dumped. Raises ``Unreadable``."""
    try:
        return _Reader(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
        raise Unreadable(str(error)) from error
