"""Git servers of the tests' own, on the loopback: a real sshd, and git's own http-backend behind TLS and a password."""

import base64
import contextlib
import os
import select
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_SSHD_CONFIG = """\
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
"""


@dataclass(frozen=True, kw_only=True)
class SshServer:
    """Serves the whole file system to whoever holds ``key``."""

    port: int
    key: Path
    known_hosts: Path

    def url(self, repository: Path) -> str:
        return f"ssh://root@127.0.0.1:{self.port}{repository}"

    def environment(self, *, known_hosts: Path | None = None, key: Path | None = None) -> dict[str, str]:
        """What a user sets whose keys are not in the home folder."""
        options = f"-oUserKnownHostsFile={known_hosts or self.known_hosts} -oIdentitiesOnly=yes"
        return {"GIT_SSH_COMMAND": f"ssh -F none -i {key or self.key} {options}"}


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """A server that has started; its keys lie in ``folder``."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.fail("this test needs sshd: apt install openssh-server", pytrace=False)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for name in ("host_key", "user_key"):
        new_key(folder / name)
    (folder / "config").write_text(_SSHD_CONFIG.format(folder=folder))
    port = _free_port()
    command = [program, "-D", "-e", "-f", str(folder / "config"), "-p", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "Server listening" in _line(process.stderr.fileno()), "sshd did not start"
            threading.Thread(target=process.stderr.read, daemon=True).start()
            host_key = (folder / "host_key.pub").read_text()
            (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
            yield SshServer(port=port, key=folder / "user_key", known_hosts=folder / "known_hosts")
        finally:
            process.terminate()


def new_key(path: Path) -> Path:
    """A new key pair; the private key's path."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, timeout=30)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _line(descriptor: int) -> str:
    ready, _, _ = select.select([descriptor], [], [], 20)
    return os.read(descriptor, 4096).decode() if ready else ""


# ---------------------------------------------------------------- https


@dataclass(frozen=True, kw_only=True)
class HttpsServer:
    """Serves the repositories below a folder to ``user`` with ``password``; its certificate is its own authority."""

    port: int
    root: Path
    certificate: Path

    def url(self, repository: Path, user: str = "") -> str:
        return f"https://{user}{'@' if user else ''}127.0.0.1:{self.port}/{repository.relative_to(self.root)}"


@contextlib.contextmanager
def https_server(folder: Path, root: Path, *, user: str, password: str) -> Iterator[HttpsServer]:
    """A server that has started; its certificate lies in ``folder``."""
    key, certificate = folder / "tls.key", folder / "tls.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2", *subject]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)

    class Handler(_Backend):
        folder = root
        login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield HttpsServer(port=server.server_port, root=root, certificate=certificate)
        finally:
            server.shutdown()
            thread.join()


class _Backend(BaseHTTPRequestHandler):
    """git-http-backend(1) as a CGI program."""

    protocol_version = "HTTP/1.1"
    folder: Path
    login: str

    def do_GET(self) -> None:
        if self.headers["Authorization"] != self.login:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers["Content-Type"] or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers["Content-Encoding"] or "",
            "REMOTE_USER": "tester",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, env=environment, timeout=60, check=True
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""
