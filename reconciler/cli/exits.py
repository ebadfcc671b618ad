"""The exit codes of every command; 0 is success."""

import sys

FAILED = 1
"""A scenario failed where ``--fail-on-error`` asks, or there are findings."""
USAGE = 2
"""Wrong options, or a wrong configuration."""
DUE = 2
"""Of ``plan --detailed-exitcode``, which tells errors by 1: something is due."""
INTERRUPTED = 130
"""By Ctrl-C before anything had begun, as shells tell it."""
INFRASTRUCTURE = 3
"""What is needed does not answer, or trials are left that cannot run now."""


def complain(message: str, code: int) -> int:
    """Say in one line why the program ends; the exit code to end with."""
    print(f"reconciler: {message}", file=sys.stderr)
    return code
