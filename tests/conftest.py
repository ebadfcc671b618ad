"""What every test lives under: no user git configuration, no leaked task, real parts or a failure."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
import structlog

_NEEDS: dict[str, Callable[[], bool]] = {
    "incus": lambda: Path("/var/lib/incus/unix.socket").exists(),
    "namespace": lambda: os.geteuid() == 0 and shutil.which("unshare") is not None,
    "ansible": lambda: True,
    "systemd": lambda: shutil.which("systemd-analyze") is not None,
    "postgres": lambda: shutil.which("psql") is not None,
}
_HOW = {
    "incus": "run ./dev setup incus",
    "namespace": "run as root on Linux",
    "systemd": "apt install systemd",
    "postgres": "apt install postgresql",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the tests in ``tests/fuzz`` go on."""
    parser.addoption("--fuzz-seconds", dest="fuzz_seconds", type=float, default=60.0, help="seconds per fuzz test")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose real part is missing fails, and says how to get it; it never skips."""
    for mark in item.iter_markers("real"):
        for part in mark.args:
            if not _NEEDS[part]():
                pytest.fail(f"this test needs {part}: {_HOW[part]}", pytrace=False)


@pytest.fixture(autouse=True)
def _quiet_log() -> None:
    """What is logged in this process goes nowhere; tests of logs read those of real processes."""
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )


@pytest.fixture(autouse=True)
def _clean_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of the user's leaks in; git commands of the tests have an identity."""
    for name, value in {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Tester",
        "GIT_AUTHOR_EMAIL": "tester@localhost",
        "GIT_COMMITTER_NAME": "Tester",
        "GIT_COMMITTER_EMAIL": "tester@localhost",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RECONCILER_CONFIG", raising=False)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)


@pytest_asyncio.fixture(autouse=True)
async def _no_leaked_tasks() -> AsyncIterator[None]:
    """A test that leaves an asyncio task behind fails."""
    yield
    mine = asyncio.current_task()
    left = [t for t in asyncio.all_tasks() if t is not mine and not t.done() and "pytest" not in repr(t.get_coro())]
    assert not left, f"tasks left behind: {left}"


@pytest.fixture
def database(postgres: str) -> str:
    """A fresh database on a real PostgreSQL; its connection string."""
    return _created(postgres)


@pytest.fixture
def database_in(postgres: str) -> Callable[[str], str]:
    """Makes a fresh database in an encoding; its connection string."""
    return lambda encoding: _created(postgres, f"encoding '{encoding}' lc_collate 'C' lc_ctype 'C' template template0")


def _created(postgres: str, options: str = "") -> str:
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgres} dbname=postgres", autocommit=True) as connection:
        connection.execute(f'create database "{name}" {options}')
    return f"{postgres} dbname={name}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL of the tests' own, on a socket in a private folder; how to connect to it."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.fail("this test needs postgres: apt install postgresql", pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="reconciler-postgres-"))
    shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *args: str) -> None:
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", str(programs[-1] / program)]
        subprocess.run([*as_postgres, "-D", str(folder / "data"), *args], check=True, capture_output=True, timeout=60)

    run("initdb", "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    run("pg_ctl", "-s", "-w", "-o", options, "-l", str(folder / "log"), "start")
    yield f"host={folder} user=tester"
    run("pg_ctl", "-s", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def project() -> Path:
    """The project's own folder: a definitions repository of its own."""
    return Path(__file__).resolve().parent.parent
