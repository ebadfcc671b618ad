"""Logs: JSON lines where programs read them, short lines on a terminal. One set-up, at the start of a command."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any, TextIO

import structlog

from reconciler.core.errors import Invalid


def configure(*, verbose: int = 0, quiet: bool = False, log_file: Path | None = None) -> None:
    """Log to stderr (only warnings when ``quiet``: a progress display shows the rest), and to ``log_file`` as JSON. Raises ``Invalid``."""
    level = logging.DEBUG if verbose > 1 else logging.WARNING if quiet else logging.INFO
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    handlers = [_handler(sys.stderr, shared, level, human=sys.stderr.isatty())]
    if log_file is not None:
        handlers.append(_handler(_opened(log_file), shared, min(level, logging.INFO), human=False))
    root = logging.getLogger()
    root.handlers = handlers
    root.setLevel(min(h.level for h in handlers))
    for chatty in ("apscheduler", "git", "urllib3", "ws4py", "asyncio", "watchdog", "markdown_it"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # it warns of each connection that it does not keep
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _opened(log_file: Path) -> TextIO:
    try:
        return log_file.open("a", encoding="utf-8")
    except OSError as error:
        raise Invalid(f"--log-file cannot be written: {error.strerror}", path=str(log_file)) from error


def _handler(stream: TextIO, shared: list[structlog.typing.Processor], level: int, *, human: bool) -> logging.Handler:
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(pad_event_to=24, exception_formatter=structlog.dev.plain_traceback)
        if human
        else _for_journal
        if _is_journal(stream)
        else _JSON
    )
    tail: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    tail += [render] if human else [structlog.processors.format_exc_info, render]
    handler = logging.StreamHandler(stream)
    handler.setLevel(level)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=tail))
    return handler


_JSON = structlog.processors.JSONRenderer(ensure_ascii=False)
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


def _for_journal(logger: Any, name: str, event: structlog.typing.EventDict) -> str:
    """A line with its priority before it (sd-daemon(3)), for ``journalctl -p warning``; the journal takes it off."""
    priority = _PRIORITIES.get(str(event.get("level")), 6)
    return f"<{priority}>{_JSON(logger, name, event)!s}"


def _is_journal(stream: TextIO) -> bool:
    """Whether a stream is the one that systemd connected with its journal, by what it says in the environment."""
    with contextlib.suppress(OSError):
        found = os.fstat(stream.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return False
