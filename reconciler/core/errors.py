"""The two words for what can go wrong. Anything else is a bug, and ends the trial or the process."""

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


class Invalid(Exception):
    """A definition or a setting is wrong: it stalls until a new revision (or a restart) heals it."""

    def __init__(self, message: str, *, path: str = "", line: int = 0, hint: str = "") -> None:
        """``path`` and ``line`` say where (line 0: the whole file), ``hint`` what to write instead."""
        where = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(where + message + (f" ({hint})" if hint else ""))
        self.message, self.path, self.line, self.hint = message, path, line, hint
