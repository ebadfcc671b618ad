"""The program as processes: a command to its end, and the daemon with its log and what it tells its service manager."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds that anything may take on a busy machine."""
PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, which is JSON."""
        return json.loads(self.out)


def reconciler(
    *args: str, env: Mapping[str, str] | None = None, cwd: Path = PROJECT, within: float = PATIENCE * 2
) -> Said:
    """Run the command line to its end, which comes within that many seconds."""
    command = [sys.executable, "-m", "reconciler", *args]
    done = subprocess.run(command, capture_output=True, env=_environment(env), cwd=cwd, timeout=within, check=False)
    return Said(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", **(more or {})}


class Daemon:
    """The daemon as a process. ``log`` is every line so far; waiting blocks on its pipe or on what it tells its manager."""

    def __init__(
        self, config: Path, *flags: str, state: Path, newest: Callable[[], str], env: Mapping[str, str] | None = None
    ) -> None:
        """``newest`` tells the newest revision of the definitions."""
        self.log: list[dict[str, Any]] = []
        self.told: list[str] = []
        self._state, self._newest = state, newest
        self._lines, self._messages = queue.SimpleQueue[bytes](), queue.SimpleQueue[str]()
        name = f"reconciler-{uuid.uuid4().hex}"
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(f"\0{name}")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "daemon", "--config", str(config), *flags],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment({"NOTIFY_SOCKET": f"@{name}", **(env or {})}),
            cwd=config.parent,
        )
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._listen)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(b"")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._manager.getsockname())

    def _listen(self) -> None:
        message = b"-"
        while message:  # the empty one says that the daemon has ended
            message = self._manager.recv(4096)
            self._messages.put(message.decode())

    def wait_for(self, event: str, *, within: float = PATIENCE, **fields: object) -> dict[str, Any]:
        """The next line of the log with this event and these fields."""
        end = time.monotonic() + within
        while (line := self._next(end - time.monotonic())) is not None:
            if line.get("event") == event and fields.items() <= line.items():
                return line
        raise AssertionError(f"no line {event!r} with {fields} came; the log:\n{self.text}")

    def _next(self, seconds: float) -> dict[str, Any] | None:
        try:
            line = self._lines.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if not line:
            self._lines.put(b"")  # for whoever asks again
            return None
        try:
            self.log.append(json.loads(line))
        except ValueError:
            self.log.append({"event": line.decode().rstrip()})
        return self.log[-1]

    @property
    def text(self) -> str:
        """The log as it was written, to its present end."""
        while self._next(0) is not None:
            pass
        return "\n".join(json.dumps(line, ensure_ascii=False) for line in self.log)

    def hear(self, *, within: float = PATIENCE) -> str:
        """The next message to the service manager; a pass ends with one."""
        try:
            message = self._messages.get(timeout=max(0.0, within))
        except queue.Empty:
            raise AssertionError(f"the daemon said nothing for {within:g} s; its log:\n{self.text}") from None
        assert message, f"the daemon has ended; its log:\n{self.text}"
        self.told.append(message)
        return message

    def settle(self, revision: str | None = None, *, within: float = PATIENCE) -> dict[str, Any]:
        """Wait until a pass over ``revision`` (default: the newest) finds nothing to do and nothing to push; its note."""
        wanted, end = revision or self._newest(), time.monotonic() + within
        while time.monotonic() < end:
            self.hear(within=end - time.monotonic())
            note = dict(json.loads((self._state / "status.json").read_bytes()))
            if note["revision"] == wanted and not note["running"] and not note["due"] and note["pushed"]:
                return note
        raise AssertionError(f"the daemon did not settle on {wanted}; its log:\n{self.text}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ended(self, *, within: float = PATIENCE) -> int:
        """Its exit code, when it has ended."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon did not end within {within:g} s; its log:\n{self.text}") from None

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def close(self) -> None:
        """Whatever happened, it does not stay."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self._manager.close()
