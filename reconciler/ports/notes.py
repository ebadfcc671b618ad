"""What a process leaves for the next one; losing it costs time alone."""

from collections.abc import Mapping
from typing import Protocol


class Notes(Protocol):
    """Small derived facts that outlive the process and may be deleted while it is stopped."""

    def get(self, name: str) -> Mapping[str, object] | None:
        """The note, or None where there is none that can be read."""
        ...

    def put(self, name: str, value: Mapping[str, object]) -> None:
        """Keep a note, whole or not at all. Raises ``Unavailable``."""
        ...

    def load(self, name: str) -> bytes | None:
        """The bytes kept under a name, or None."""
        ...

    def save(self, name: str, data: bytes) -> None:
        """Keep many bytes, whole or not at all, also where the machine loses its power. Raises ``Unavailable``."""
        ...
