"""Mode `incus` over servers that answer what a real one does only on a broken or a full machine."""

import contextlib
import http.server
import json
import os
import socketserver
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.adapters.incus.server import Server
from reconciler.core.errors import Unavailable
from reconciler.core.model import Template

GIB = 1 << 30
DISK = {"devices": {"root": {"type": "disk", "path": "/", "pool": "main"}}}


class Answers(socketserver.ThreadingUnixStreamServer):
    """An Incus that knows these answers by path; anything else is an error of its database."""

    daemon_threads = True

    def __init__(self, socket: Path, answers: Mapping[str, Any]) -> None:
        self.answers = {"/1.0": {"environment": {}, "auth": "trusted"}, **answers}
        super().__init__(str(socket), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        known = path in self.server.answers
        body = {"type": "sync", "metadata": self.server.answers.get(path)}
        if not known:
            body = {"type": "error", "error_code": 500, "error": "database is locked"}
        data = json.dumps(body).encode()
        self.send_response(200 if known else 500)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        return "a unix socket"

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def answering(folder: Path, answers: Mapping[str, Any]) -> Iterator[str]:
    with Answers(folder / "unix.socket", answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield str(folder / "unix.socket")
        finally:
            server.shutdown()
            thread.join()


def pool(driver: str, source: str) -> dict[str, Any]:
    """Five million GiB, of which one is used."""
    return {
        "/1.0/profiles/default": DISK,
        "/1.0/storage-pools/main": {"driver": driver, "config": {"source": source}},
        "/1.0/storage-pools/main/resources": {"space": {"total": 5_000_000 * GIB, "used": GIB}},
    }


@pytest.mark.parametrize(
    ("driver", "source", "where"),
    [
        pytest.param("zfs", "tank", "storage pool main", id="a pool on disks of its own"),
        pytest.param(
            "zfs", "{here}/main.img", "the disk under storage pool main", id="a file that grows as it is used"
        ),
        pytest.param("dir", "{here}/storage-pools/main", "storage pool main", id="a folder"),
    ],
)
def test_no_more_is_free_in_a_pool_than_on_the_disk_that_it_grows_on(
    tmp_path: Path, driver: str, source: str, where: str
) -> None:
    (tmp_path / "storage-pools/main").mkdir(parents=True)
    with answering(tmp_path, pool(driver, source.format(here=tmp_path))) as socket:
        server = Server(socket, "default")
        space = server.space()
        server.close()
    disk = os.statvfs(tmp_path)
    grows = source != "tank"
    assert space.where.startswith(where)
    assert space.total == (disk.f_blocks * disk.f_frsize if grows else 5_000_000 * GIB)
    assert space.free < space.total


async def test_a_server_whose_database_is_broken_is_unavailable_to_a_pass(tmp_path: Path) -> None:
    template = Template(name="web", image="debian/12")
    with answering(tmp_path, pool("zfs", "tank")) as socket:
        platform = IncusPlatform(socket=socket, instance="it", clock=WallClock())
        for asked in (platform.list(), platform.images([template])):
            with pytest.raises(Unavailable, match="database is locked"):
                await asked
        await platform.close()


async def test_without_the_incus_client_the_mode_is_unavailable_and_no_attempt_is_burnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    platform = IncusPlatform(socket=str(tmp_path / "none"), instance="tests", clock=WallClock())
    with pytest.raises(Unavailable, match="install incus-client"):
        await platform.images([Template(name="base", image="debian/12")])
    await platform.close()


def test_a_server_that_ran_out_of_time_itself_is_unavailable_and_no_attempt_is_burnt(tmp_path: Path) -> None:
    with answering(tmp_path, {}) as socket:
        server = Server(socket, "default")
        with pytest.raises(Unavailable, match="database is locked"):
            server.instance("it")
        server.close()
