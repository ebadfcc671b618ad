"""User patterns, searched in a child process that can be given up on."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import reconciler
from reconciler.adapters.child import plain_environment
from reconciler.adapters.patterns.characters import NotAPattern
from reconciler.adapters.patterns.choice import program
from reconciler.core.errors import Invalid
from reconciler.definitions.files.findings import shown

_GIBIBYTES = 2
"""Address space of the child: a search that piles up states to come back to ends before the machine does."""


def pattern_error(pattern: str) -> str | None:
    """Why ``pattern`` does not compile, in a few words; ``None`` when it does."""
    try:
        program(pattern)
    except NotAPattern as error:
        return str(error)
    return None


class EcmaPatterns:
    """The port ``Patterns``. The child starts with the first search, and anew after a search that was given up.

    Searches from several threads take turns. The time limit is the child's own processor time, so a busy machine
    changes no answer.
    """

    def __init__(self, *, seconds: float = 2.0) -> None:
        """``seconds`` of processor time is what one search gets."""
        self._seconds = seconds
        self._child: subprocess.Popen[str] | None = None
        self._died_of = 0
        self._turn = threading.Lock()

    def search(self, pattern: str, text: str) -> tuple[int, int] | None:
        """First match in code points. Raises ``Invalid``, or ``TimeoutError`` when time or memory ran out."""
        try:
            found = program(pattern)
        except NotAPattern as error:
            message = f"the pattern {shown(pattern)} does not compile: {error}"
            raise Invalid(message, hint="write it as a JavaScript pattern") from None
        with self._turn:
            answer = self._answer(json.dumps({"engine": found.engine, "source": found.source, "text": text}))
        if not answer:
            limits = f"{self._seconds:g} s of computing and {_GIBIBYTES} GiB of memory"
            raise TimeoutError(f"the pattern {shown(pattern)} found no answer within {limits}")
        span = json.loads(answer)
        return None if span is None else (span[0], span[1])

    def error(self, pattern: str) -> str | None:
        """Why a pattern does not compile, or None."""
        return pattern_error(pattern)

    def close(self) -> None:
        """End the child; absent is success. A later search would start it again."""
        with self._turn:
            self._end()

    def _answer(self, request: str) -> str:
        """The child's answer, or nothing. A child that died of anything but its time had perhaps kept too much: ask a new one."""
        answer = self._ask(request)
        return answer if answer or self._died_of == -signal.SIGPROF else self._ask(request)

    def _ask(self, request: str) -> str:
        """The child's answer, or nothing when the child died of it."""
        if self._child is not None and self._child.poll() is not None:
            self._end()
        child = self._child or self._start()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(request + "\n")
            child.stdin.flush()
            answer = child.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._end()
        return answer

    def _start(self) -> subprocess.Popen[str]:
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "reconciler.adapters.patterns.worker", str(self._seconds), str(_GIBIBYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=plain_environment(PYTHONPATH=str(Path(reconciler.__file__).parents[1])),
            start_new_session=True,
        )
        return self._child

    def _end(self) -> None:
        if (child := self._child) is None:
            return
        self._child = None
        child.kill()
        child.communicate()
        self._died_of = child.returncode
