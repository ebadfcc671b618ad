"""The child program that searches. Nothing it does can be interrupted, so it ends itself when its time is up.

It reads a line of JSON ``{"engine", "source", "text"}`` at a time from stdin and answers on stdout with a line: ``[start, end]`` in code
points, or ``null``. It ends with its parent (end of input).
"""

import json
import resource
import signal
import sys
from functools import lru_cache
from typing import Any

import re2
import regress

from reconciler.adapters.patterns.choice import Engine, in_code_points
from reconciler.adapters.patterns.re2_dialect import re2_text
from reconciler.adapters.patterns.regress_dialect import regress_text


def find(engine: Engine, source: str, text: str) -> tuple[int, int] | None:
    """The first match, in code points."""
    span = _find_re2(source, text) if engine == "re2" else _find_regress(source, text)
    return None if span is None else in_code_points(span, text)


def _find_re2(source: str, text: str) -> tuple[int, int] | None:
    match = _compiled_re2(source).search(re2_text(text))
    return None if match is None else match.span()


@lru_cache(maxsize=128)
def _compiled_re2(source: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return re2.compile(source.encode("latin-1"), options)


def _find_regress(source: str, text: str) -> tuple[int, int] | None:
    """The library counts bytes of UTF-8."""
    moved = regress_text(text)
    if (match := _compiled_regress(source).find(moved)) is None:
        return None
    span = match.range()
    if moved.isascii():
        return span.start, span.stop
    data = moved.encode()
    start = len(data[: span.start].decode())
    return start, start + len(data[span.start : span.stop].decode())


@lru_cache(maxsize=128)
def _compiled_regress(source: str) -> regress.Regex:
    return regress.Regex(source, "i")


def main(seconds: float, gibibytes: int) -> None:
    """Answer searches until stdin ends; ``seconds`` is what each may compute for, ``gibibytes`` the memory for all."""
    resource.setrlimit(resource.RLIMIT_AS, (gibibytes * 1024**3,) * 2)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = find(**json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(answer), flush=True)  # noqa: T201 - stdout is the pipe to the parent


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
