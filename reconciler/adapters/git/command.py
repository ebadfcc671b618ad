"""The git program, hardened: private configuration, own process group, a time limit, errors as one line."""

import asyncio
import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from typing import Any, TypeVar

from reconciler.core.errors import Unavailable

_T = TypeVar("_T")

_CONFIGURATION = {
    "core.hooksPath": "/dev/null",
    "core.symlinks": "false",
    "core.fsmonitor": "false",
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fastimport.unpackLimit": "1",
    "transfer.unpackLimit": "1",
    "transfer.advertiseSID": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "protocol.allow": "never",
    **{f"protocol.{name}.allow": "always" for name in ("file", "https", "http", "ssh", "git")},
}
"""Given to each process and not written to a file: the git at the other end of a local path must run *its* hooks."""

_PASSED_ON = ("PATH", "TMPDIR", "TZ")
_PASSED_ON_TO_REMOTES = (
    "HOME",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    *(name for low in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (low, low.upper())),
)
_SSH_OPTIONS = "-oBatchMode=yes -oStrictHostKeyChecking=yes -oConnectTimeout=15 -oServerAliveInterval=15"
_ADVICE = {
    "Host key verification failed.": " Add the server's key to ~/.ssh/known_hosts of the user that runs this",
    "terminal prompts disabled": ": write a login for it into ~/.netrc of the user that runs this",
}
"""What to do about an error of git or ssh that ends so."""
_LITERALLY = {"GIT_LITERAL_PATHSPECS": "1"}
"""A path is a path, whatever stars are in it."""
_STOPPED = "stopped by who waited for it"
_GRACE = 2.0
"""Seconds between SIGTERM, at which git removes its locks, and SIGKILL."""


class GitFailed(Unavailable):
    """Git ended with an error. The message is one line without passwords."""

    def __init__(self, message: str, *, stdout: bytes = b"", said: str = "") -> None:
        """``stdout`` is what git printed before, ``said`` the first line of what a remote's hooks printed."""
        super().__init__(redact_url(message))
        self.stdout, self.said = stdout, said


class GitTimedOut(GitFailed):
    """Git did not end in time. That says nothing about the repositories: a link may be slow."""


class GitStopped(GitTimedOut):
    """Who waited for git waits no more."""


class GitCommand:
    """Runs git on the bare repository ``folder``, which need not exist yet. Safe to share between threads."""

    def __init__(self, folder: Path, *, timeout: float = 60, durable: bool = False) -> None:
        """``timeout`` bounds each command, in seconds. ``durable`` has git wait for the disk after each write."""
        try:
            from git import Git  # costs a tenth of a second, and runs git
        except ImportError as error:
            raise Unavailable("the program git is not here: install it (on Debian: apt install git)") from error
        self._git = Git(os.sep)
        self._timeout = timeout
        self._environment = _environment(folder.absolute(), durable=durable)

    def run(
        self, *args: str, stdin: bytes = b"", timeout: float | None = None, env: Mapping[str, str] | None = None
    ) -> bytes:
        """What ``git ARGS`` prints. Raises ``GitFailed`` when it fails, ``GitTimedOut`` when it does not end in time."""
        process = self._start(args, {**_LITERALLY, **(env or {})})
        return self._communicate(process, args[0], stdin, timeout or self._timeout)

    def run_long(self, *args: str, timeout: float) -> bytes:
        """Like ``run``, for what takes long and may end in the middle: who stops waiting ``in_thread`` ends it."""
        return self._run_for_caller(args, _LITERALLY, timeout)

    def text(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """What ``git ARGS`` prints, as text without the white space around it."""
        return self.run(*args, stdin=stdin, env=env).decode("utf-8", "surrogateescape").strip()

    def remote(self, *args: str, timeout: float | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """Like ``run``, for commands that talk to another repository: with the user's ssh keys, certificates and proxies.

        Nobody is ever asked for a password, and the host key of an ssh server must be known. The user's own
        ``GIT_SSH_COMMAND`` may name another key, or another file of known hosts.
        """
        users = {name: os.environ[name] for name in _PASSED_ON_TO_REMOTES if name in os.environ}
        ssh = f"{os.environ.get('GIT_SSH_COMMAND', 'ssh')} {_SSH_OPTIONS}"
        whole = {**users, "GIT_SSH_COMMAND": ssh, **(env or {})}
        return self._run_for_caller(args, whole, timeout or self._timeout)

    def _run_for_caller(self, args: tuple[str, ...], env: Mapping[str, str], timeout: float) -> bytes:
        with _CALL.get(_Call()).started(lambda: self._start(args, env)) as process:
            return self._communicate(process, args[0], b"", timeout)

    def _start(self, args: tuple[str, ...], env: Mapping[str, str]) -> Any:
        env = {**self._environment, **env}
        # GitPython passes the whole environment on: what is not ours (secrets, GIT_DIR of a hook ...) is taken out again
        strangers = [f"-u{name}" for name in os.environ if name not in env]
        return self._git.execute(
            ["env", *strangers, "git", *args],
            istream=PIPE,
            as_process=True,
            env=env,
            start_new_session=True,
        )

    def _communicate(self, process: Any, verb: str, stdin: bytes, timeout: float) -> bytes:
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except TimeoutExpired as error:
            _end_group(process)
            raise GitTimedOut(f"git {verb} did not end within {timeout:g} s") from error
        if process.returncode:
            why, said = _explain(stderr)
            raise GitFailed(why or f"git {verb} failed ({process.returncode})", stdout=stdout, said=said)
        return bytes(stdout)


_THREADS = ThreadPoolExecutor(32, "remote")
"""Of what may wait for a remote: where that hangs, what works on this machine alone has threads left."""


async def in_thread(work: Callable[[], _T]) -> _T:
    """Run ``work`` in a thread apart. Being cancelled ends what takes long in it, talk with remotes above all: the thread ends soon."""
    call = _Call()
    token = _CALL.set(call)
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, copy_context().run, work)
    except asyncio.CancelledError:
        call.end()
        raise
    finally:
        _CALL.reset(token)


class _Call:
    """The one process at a time that takes long for a caller who may lose patience."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._process: Any = None
        self._over = False

    @contextlib.contextmanager
    def started(self, start: Callable[[], Any]) -> Iterator[Any]:
        with self._guard:
            if self._over:
                raise GitStopped(_STOPPED)
            self._process = start()
        try:
            yield self._process
        except GitFailed as error:
            if self._over:
                raise GitStopped(_STOPPED) from error
            raise
        finally:
            with self._guard:
                self._process = None

    def end(self) -> None:
        with self._guard:
            self._over = True
            if self._process is not None:
                _signal(self._process.pid, signal.SIGTERM)


_CALL: ContextVar[_Call] = ContextVar("_CALL")


def redact_url(text: str) -> str:
    """``text`` with passwords and tokens in its URLs replaced by ``***``; the user of an ssh address stays."""
    text = re.sub(r"\b(https?|ftps?)://[^/\s]*@", r"\1://***@", text, flags=re.IGNORECASE)
    return re.sub(r"\b([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s]*@", r"\1:***@", text, flags=re.IGNORECASE)


def local_path(repository: str) -> Path | None:
    """The absolute path of a repository on this machine, ``None`` for one that git would ask a server for."""
    if repository.startswith("file://"):
        return Path(repository.removeprefix("file://"))
    if "://" in repository or re.match(r"[^/]+:", repository):  # the second is git's rule for host:path
        return None
    return Path(repository).expanduser().absolute()


def address(repository: str) -> str:
    """``repository`` as git takes it from any working directory."""
    path = local_path(repository)
    return repository if path is None or "://" in repository else str(path)


def _environment(folder: Path, *, durable: bool) -> dict[str, str]:
    settings = _CONFIGURATION | {"core.fsync": "all" if durable else "none"}
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "LANGUAGE": "C",
        "GIT_DIR": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(Path(__file__).with_name("gitconfig")),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_CONFIG_COUNT": str(len(settings)),
        **{f"GIT_CONFIG_KEY_{i}": key for i, key in enumerate(settings)},
        **{f"GIT_CONFIG_VALUE_{i}": value for i, value in enumerate(settings.values())},
    }


def _explain(stderr: bytes) -> tuple[str, str]:
    """The line that says why git failed, and the first line that the other side said, if any."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    at = next((n for n, line in enumerate(lines) if line.startswith(("fatal:", "error:"))), len(lines) - 1)
    why = "".join(lines[at : at + 1]).removeprefix("fatal:").removeprefix("error:").strip()
    before = [line for line in lines[:at] if not line.startswith("remote:")]
    if before and why.startswith("Could not read from remote repository"):
        why = before[-1]  # what ssh said: git knows no more than that it failed
    why += next((advice for end, advice in _ADVICE.items() if why.endswith(end)), "")
    return why[:500], "".join(list(filter(None, said))[:1])[:200]


def _end_group(process: Any) -> None:
    _signal(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutExpired):
        process.communicate(timeout=_GRACE)
    _signal(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutExpired):
        process.communicate(timeout=_GRACE)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
