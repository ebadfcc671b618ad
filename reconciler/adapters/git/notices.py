"""What a person should know of the results branch for a while, over restarts."""

import json
from datetime import datetime, timedelta
from pathlib import Path

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
        try:
            notices: dict[str, dict[str, str]] = json.loads(self._file.read_bytes())
        except (FileNotFoundError, ValueError):  # none yet, or cut short by a power failure
            return {}
        return notices

    def _write(self, notices: dict[str, dict[str, str]]) -> None:
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps(notices))
        draft.replace(self._file)
