"""The lock of a state directory: for whoever works there, not for those who only ask."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from reconciler.adapters.state import StateDirectory
from reconciler.core.errors import Invalid


def test_who_works_there_is_seen_and_named(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    assert not state.locked()
    with state.lock():
        assert state.locked()
        with pytest.raises(Invalid, match=f"another reconciler .pid {os.getpid()}. works in"), state.lock():
            pass
    assert not state.locked()


def test_those_who_ask_at_the_same_time_do_not_take_each_other_for_a_daemon(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    with state.lock():
        pass
    asking = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    assert not state.locked()
    os.close(asking)


def test_asking_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("the last daemon")
    assert not StateDirectory(tmp_path).locked()
    assert (tmp_path / "lock").read_text() == "the last daemon"


def test_a_daemon_starts_however_many_ask_meanwhile(tmp_path: Path) -> None:
    state, over = StateDirectory(tmp_path), threading.Event()

    def ask() -> None:
        while not over.is_set():
            state.locked()

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    try:
        for _ in range(200):
            with state.lock():
                pass
    finally:
        over.set()
        for asker in askers:
            asker.join()
