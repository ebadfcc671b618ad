"""Searches a text for a pattern as the documented system would."""

from typing import Protocol


class Patterns(Protocol):
    """Searches user patterns in text: JavaScript's dialect, flag ``i``, always under a time limit."""

    def search(self, pattern: str, text: str) -> tuple[int, int] | None:
        """Start and end of the first match in code points. Raises ``Invalid`` (does not compile) or ``TimeoutError``."""
        ...

    def error(self, pattern: str) -> str | None:
        """Why a pattern does not compile, or None."""
        ...

    def close(self) -> None:
        """End helper processes; the next search starts them again."""
        ...
