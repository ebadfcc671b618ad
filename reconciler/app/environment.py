"""``--env-file``: variables for this process alone, read from lines ``KEY=VALUE`` as shells and systemd write them."""

import os
import re
from pathlib import Path

from reconciler.core.errors import Invalid

MOST = 65_536
"""Bytes; a longer file holds something else."""
_LINE = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Z_]\w*)\s*=
    (?: \s*"(?P<double>(?:[^"\\]|\\.)*)" | \s*'(?P<single>[^']*)' | (?!\s*["'])(?P<bare>.*?) )
    (?:\s+\#.*)?""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_ESCAPED = re.compile(r'\\(["\\$`])')


def load_environment(path: Path) -> None:
    """Set what the file says and the environment does not. Raises ``Invalid`` with the line, never with a value."""
    for name, value in parse_environment(_text(path), str(path)).items():
        os.environb.setdefault(name.encode(), value.encode())


def parse_environment(text: str, path: str) -> dict[str, str]:
    """The variables of a file; of one that is there twice, the last. Raises ``Invalid`` as ``path:line``.

    A value may be in quotes, with backslashes in double ones as shells know them. Nothing is expanded.
    """
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        matched = _LINE.fullmatch(stripped)
        if matched is None or "\0" in stripped:
            hint = "write KEY=VALUE, KEY='VALUE' or a # comment"
            raise Invalid("this line sets no variable", path=path, line=number, hint=hint)
        found[matched["name"]] = _value(matched)
    return found


def _value(matched: re.Match[str]) -> str:
    if matched["double"] is not None:
        return _ESCAPED.sub(r"\1", matched["double"])
    return matched["single"] if matched["single"] is not None else matched["bare"].strip()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except OSError as error:
        raise Invalid(f"--env-file cannot be read: {error.strerror}", path=str(path)) from error
    if len(data) > MOST:
        raise Invalid(f"--env-file is longer than {MOST} bytes", path=str(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # which would quote the bytes
        raise Invalid("--env-file is not UTF-8", path=str(path)) from None
