"""Commands inside an instance, through the `incus` client: exact output, exact exit code, nothing left running.

incusd closes a command's streams the moment it ends, and a client that still has a keep-alive ping to answer then loses
what was printed (Incus 6.0.4, eight at once: 13 % of short commands; pylxd's ``execute`` likewise). So the end is told in
the streams themselves, by a mark on each, and the command's shell stays until we have read both and close its stdin.

Only the standard library, and no asyncio: the Ansible connection plugin runs every task through this module too.
"""

import contextlib
import os
import re
import secrets
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SHELL = """
exec 3>&2 2>/dev/null
read -r mark
export RECONCILER_SCRIPT="$(head -c "$1")"
if [ "$2" = 0 ]; then exec 4</dev/null
else
    file=$(mktemp /run/.stdin.XXXXXX) && head -c "$2" >"$file" || exit 125
    exec 4<"$file"; rm -f "$file"
fi
setsid env --default-signal=INT,QUIT sh -c 'eval "$RECONCILER_SCRIPT"' <&4 2>&3 3>&- 4<&- &
trap 'kill -s KILL -- $! -$!; wait $!; code=$?' HUP INT TERM
wait $!
end=$(printf '%s%03d' "$mark" ${code:-$?})
trap exit HUP INT TERM
printf %s "$end"; printf %s "$end" >&3
read -r _
"""
"""Arguments: the sizes in bytes of script and stdin.

Both come through stdin, after a line with the mark: so the pipe stays open to the end, the command is in no command line of ours, where
a ``pkill -f`` in it would find us, and the mark in none that the command could print. It has a process group of its own, so that what it
sends to its group does not reach those that wait for it; that group is killed by a signal to us, such as ``timeout`` sends. What is
started with ``&`` ignores INT and QUIT; ``env`` (coreutils 8.31) gives them back.
"""

_PASSED_ON = ("PATH", "RECONCILER_PLAY")
"""All that the client gets of our environment; the second names the play that it belongs to."""
_KILLED = 137
_NOT_STARTED = (126, 127)
"""What the client ends with where the instance has no shell, or none that can be run; for its own failures it is 1."""
_GRACE = 10.0
"""Seconds past its time limit after which a command that tells nothing is given up."""
_FAREWELL = 0.2
"""Seconds that the client gets to end by itself; a background child with our streams would hold it for one."""


class Lost(Exception):
    """The client or the server failed: nothing is known about the command. The message is the client's own, one line."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance of a project behind a local socket."""

    name: str
    project: str
    socket: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command's end. ``timed_out``: it and its process group were killed.

    ``told`` is False where the shell around it died as well, or cannot be run there, so that only the client says how it ended: a
    ``kill -9 -1`` inside does that, but so does the end of the instance.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    told: bool = True


class Execution:
    """One command in an instance. ``run`` it in one thread, ``stop`` or ``kill`` it from any."""

    def __init__(
        self,
        instance: Instance,
        argv: Sequence[str],
        *,
        seconds: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        limit: int = 262_144,
    ) -> None:
        """``limit`` bounds each of stdout and stderr in bytes: the middle is left out, and says so."""
        exports = "".join(f"export {name}={shlex.quote(value)}; " for name, value in (env or {}).items())
        self._script = f"unset RECONCILER_SCRIPT; {exports}exec {shlex.join(argv)}".encode()
        self._instance, self._seconds, self._stdin, self._limit = instance, seconds, stdin, limit
        self._process: subprocess.Popen[bytes] | None = None
        self._signal: signal.Signals | None = None

    def run(self) -> Ended:
        """Run it to its end, or for ``seconds``. Raises ``Lost``."""
        mark, began = secrets.token_hex(8), time.monotonic()
        out, err = _Stream(mark, self._limit), _Stream(mark, self._limit)
        stdin = f"{mark}\n".encode() + self._script + self._stdin
        try:
            self._process = process = self._start()
        except OSError as error:
            raise Lost(f"the incus client cannot be started: {error}") from error
        if self._signal:
            process.send_signal(self._signal)
        with process:
            try:
                _pump(process, stdin, out, err, until=began + self._seconds + _GRACE)
                code = _farewell(process)
            finally:
                process.kill()
        late = time.monotonic() - began >= self._seconds
        if late and out.exit_code in (None, _KILLED):
            return Ended(exit_code=124, stdout=out.value(), stderr=err.value(), timed_out=True)
        if out.exit_code is not None:
            return Ended(exit_code=out.exit_code, stdout=out.value(), stderr=err.value())
        if code < 0 or (code not in _NOT_STARTED and b"Error: " in err.value()):
            raise Lost(" ".join(err.value().decode(errors="replace").split()) or f"incus exec ended with {code}")
        return Ended(exit_code=code, stdout=out.value(), stderr=err.value(), told=False)

    def stop(self) -> None:
        """Kill the command with its group; ``run`` then ends."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the client, which may hang with its server; ``run`` then ends, and nobody knows whether the command did."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        self._signal = number
        if self._process is not None:
            self._process.send_signal(number)

    def _start(self) -> subprocess.Popen[bytes]:
        where = self._instance
        sizes = [str(len(self._script)), str(len(self._stdin))]
        shell = ["timeout", "--foreground", f"{self._seconds:.3f}", "sh", "-c", _SHELL, "sh", *sizes]
        return subprocess.Popen(
            ["incus", "--force-local", "--project", where.project, "exec", "-T", where.name, "--", *shell],
            env={n: os.environ[n] for n in _PASSED_ON if n in os.environ}
            | {"HOME": "/nonexistent", "INCUS_SOCKET": where.socket},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


class _Stream:
    """What came before the mark, bounded, and the exit code behind it."""

    def __init__(self, mark: str, limit: int) -> None:
        self._end = re.compile(re.escape(mark.encode()) + rb"(\d{3})")
        self._half, self._data, self._cut = limit // 2, bytearray(), 0
        self._whole = len(mark) + 3
        self.exit_code: int | None = None

    def feed(self, chunk: bytes) -> None:
        if self.exit_code is not None:
            return
        self._data += chunk
        spare = self._whole
        if end := self._end.search(self._data, max(0, len(self._data) - len(chunk) - self._whole)):
            self.exit_code, spare = int(end[1]), 0
            del self._data[end.start() :]
        if (over := len(self._data) - 2 * self._half - spare) > 0:
            del self._data[self._half : self._half + over]
            self._cut += over

    def value(self) -> bytes:
        middle = b"\n[... %d bytes left out ...]\n" % self._cut if self._cut else b""
        return bytes(self._data[: self._half] + middle + self._data[self._half :])


def _pump(process: subprocess.Popen[bytes], stdin: bytes, out: _Stream, err: _Stream, *, until: float) -> None:
    """Feed stdin and read both streams until each has shown its mark or its end. stdin stays open."""
    assert process.stdin
    assert process.stdout
    assert process.stderr
    rest = memoryview(stdin)
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, err)
        if rest:
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while (out.exit_code is None or err.exit_code is None) and (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if key.data is None:
                    rest = _write(key.fd, rest)
                    done = not rest
                else:
                    chunk = os.read(key.fd, 65_536)
                    key.data.feed(chunk)
                    done = not chunk
                if done:
                    selector.unregister(key.fileobj)
            if not any(key.data for key in selector.get_map().values()):
                return


def _write(pipe: int, rest: memoryview) -> memoryview:
    """What is left of ``rest``: nothing where nobody reads any more."""
    try:
        return rest[os.write(pipe, rest[:65_536]) :]
    except BrokenPipeError:
        return rest[:0]


def _farewell(process: subprocess.Popen[bytes]) -> int:
    """Close stdin, which ends the command's shell, and return the client's exit code."""
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    try:
        return process.wait(_FAREWELL)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
