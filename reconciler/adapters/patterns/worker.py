"""ECMAScript regular expressions with flag ``i``: one compile function, and the child program that searches.

The child reads ``{"pattern", "text"}`` per line on stdin and answers ``[start, end]`` (code points) or ``null`` per line on
stdout. It ends with its parent (end of input). The matcher backtracks and cannot be interrupted, so each search runs
under a timer whose signal ends the process: the limit holds even for a child whose parent is gone.
"""

import json
import re
import resource
import signal
import sys

import regress

_MEMORY = 2 * 1024**3
"""Bytes of address space that the child may use: a search that piles up backtracking states ends before the machine does."""
_UNICODE_ESCAPE = re.compile(r"\\(u\{|[\s\S])")


def compile_pattern(pattern: str) -> regress.Regex:
    r"""The pattern compiled. Raises ``regress.RegressError``, or ``UnicodeEncodeError`` for half a surrogate pair.

    Without the flag ``u``, ``\u{61}`` is the letter u, 61 times (ECMA-262, Annex B, IdentityEscape); the library reads a
    code point, so the escape is taken off first.
    """
    plain = _UNICODE_ESCAPE.sub(lambda m: "u{" if m[1] == "u{" else m[0], pattern)
    return regress.Regex(plain, "i")


def find(pattern: str, text: str) -> tuple[int, int] | None:
    """Start and end of the first match in code points; the library counts bytes of UTF-8."""
    if (match := compile_pattern(pattern).find(text)) is None:
        return None
    data, span = text.encode(), match.range()
    start = len(data[: span.start].decode())
    return start, start + len(data[span.start : span.stop].decode())


def main(seconds: float) -> None:
    """Answer searches until stdin ends; ``seconds`` is what each may compute for."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = find(request["pattern"], request["text"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(answer), flush=True)  # noqa: T201 - stdout is the pipe to the parent


if __name__ == "__main__":
    main(float(sys.argv[1]))
