"""What a person should know of the results branch for a while, over restarts."""

from datetime import datetime, timedelta
from pathlib import Path

from reconciler.adapters.notefile import read_note, write_note

_SHOWN = timedelta(days=1)


class Notices:
    """One message per subject, in a small file. Losing the file loses no result."""

    def __init__(self, file: Path) -> None:
        """``file`` is made with the first notice."""
        self._file = file

    def put(self, subject: str, message: str, now: datetime) -> None:
        """Say ``message`` for a day, instead of what was said on ``subject``."""
        self._write(self._read() | {subject: {"message": message, "at": now.isoformat()}})

    def drop(self, subject: str) -> None:
        """Say nothing more on ``subject``. Absent is success."""
        notices = self._read()
        if notices.pop(subject, None) is not None:
            self._write(notices)

    def current(self, now: datetime) -> list[str]:
        """The messages of the last day."""
        notices = self._read().values()
        return [n["message"] for n in notices if now - datetime.fromisoformat(n["at"]) < _SHOWN]

    def _read(self) -> dict[str, dict[str, str]]:
        return {subject: notice for subject, notice in (read_note(self._file) or {}).items() if _is_notice(notice)}

    def _write(self, notices: dict[str, dict[str, str]]) -> None:
        write_note(self._file, notices)


def _is_notice(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("message"), str):
        return False
    try:
        return datetime.fromisoformat(value["at"]).tzinfo is not None
    except (KeyError, TypeError, ValueError):
        return False
