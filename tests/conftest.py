"""What every test lives under: no user git configuration, no leaked task, real parts or a failure."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

_NEEDS = {
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


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose real part is missing fails, and says how to get it; it never skips."""
    for mark in item.iter_markers("real"):
        for part in mark.args:
            if not _NEEDS[part]():
                pytest.fail(f"this test needs {part}: {_HOW[part]}", pytrace=False)


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
def project() -> Path:
    """The project's own folder: a definitions repository of its own."""
    return Path(__file__).resolve().parent.parent
