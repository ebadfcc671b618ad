"""The edge of the process: runs the command line, and turns what goes wrong into one line and an exit code."""

import io
import os
import select
import sys
from typing import NoReturn

from reconciler.cli.commands import app
from reconciler.cli.exits import INFRASTRUCTURE, INTERRUPTED, USAGE, complain
from reconciler.core.errors import Invalid, Unavailable, what_the_machine_lacks


def main() -> NoReturn:
    """Run the command line; a wrong setting or a missing part is one line, never a traceback."""
    try:
        _run()
    except BrokenPipeError:
        if not _nobody_reads():
            raise
    except SystemExit as stop:  # rich and click make an exit code of it
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
    except BaseException as error:
        if not _was_interrupted(error):
            raise
        sys.exit(INTERRUPTED)
    _print_no_more()
    sys.exit(0)  # whoever read our output has seen enough, and that is no failure


def _print_no_more() -> None:
    """Let go of what could not be written: some interpreters try once more at their end, and complain in their own way."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: a library that was being loaded makes another one of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or KeyboardInterrupt.__name__ in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _nobody_reads() -> bool:
    """Whether our output goes to a pipe that is closed at its other end."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _run() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files may be no text, and terminals lack letters
            stream.reconfigure(errors="backslashreplace")
    try:
        with what_the_machine_lacks():
            try:
                app(prog_name="reconciler")
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()  # what cannot be written is told here, and not by the interpreter's end
    except Invalid as error:
        sys.exit(complain(str(error), USAGE))
    except Unavailable as error:
        _print_no_more()  # all is written, or cannot be
        sys.exit(complain(str(error), INFRASTRUCTURE))
