"""The results' remote is slow, or takes the call and says nothing: who waits for it waits once, and ends when told."""

import asyncio
import contextlib
import os
import select
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.git import remote as remotes
from reconciler.adapters.git import repository
from tests.fake_clock import FakeClock
from tests.git_world import bare, git_that_first, record, trial_path
from tests.integration.test_remote_moved import results
from tests.processes import PATIENCE

A, B, C = (trial_path(name) for name in "abc")


async def recorded(tmp_path: Path) -> Path:
    """A remote in which somebody recorded a trial."""
    remote = bare(tmp_path / "remote.git")
    theirs = results(remote, tmp_path / "theirs")
    await theirs.append({A: record("a")}, "a")
    assert await theirs.push() is None
    return remote


class Lingering:
    """A git command that says when it has begun, and then never ends by itself."""

    def __init__(self, folder: Path) -> None:
        self._began = folder / "began"
        os.mkfifo(self._began)
        self.command = f"echo $$ >{self._began}; exec sleep 1000000"

    async def ends_with(self, asking: asyncio.Task[Any]) -> None:
        """Stop asking in the middle of it, and see it end."""
        process = os.pidfd_open(int(await asyncio.to_thread(self._began.read_text)))
        try:
            asking.cancel()
            ended, _, _ = await asyncio.to_thread(select.select, [process], [], [], PATIENCE)
            assert ended
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
            os.close(process)
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_branch_that_takes_long_to_fetch_is_given_time(tmp_path: Path) -> None:
    remote = await recorded(tmp_path)
    seen = await results(remote, tmp_path / "state", patience=0.001).refresh()
    assert (list(seen.trials), seen.unknown, seen.warnings) == ([A], "", [])


async def test_a_fetch_that_does_not_end_in_time_is_no_reason_to_look_for_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, looked = await recorded(tmp_path), tmp_path / "looked"
    monkeypatch.setenv("PATH", git_that_first(tmp_path / "bin", {"fsck": f"touch {looked}"}))
    monkeypatch.setattr(remotes, "_FETCH_SLOWLY", 0.001)
    seen = await results(remote, tmp_path / "state", patience=0.001).refresh()
    assert "cannot be fetched within 0.001 s" in seen.unknown
    assert not looked.exists()


async def test_who_waits_no_more_ends_the_look_for_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote, look = await recorded(tmp_path), Lingering(tmp_path)
    monkeypatch.setenv("PATH", git_that_first(tmp_path / "bin", {"fetch": "exit 1", "fsck": look.command}))
    await look.ends_with(asyncio.create_task(results(remote, tmp_path / "theirs").refresh()))


async def test_a_stop_while_a_damaged_clone_is_made_again_leaves_what_waits_to_be_pushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, saving = await recorded(tmp_path), Lingering(tmp_path)
    await results(remote, tmp_path / "theirs").append({B: record("b")}, "b waits")
    first = f'case "$*" in *:refs/heads/results) {saving.command};; esac; exit 1'
    monkeypatch.setenv("PATH", git_that_first(tmp_path / "bin", {"fetch": first, "fsck": "exit 1"}))
    await saving.ends_with(asyncio.create_task(results(remote, tmp_path / "theirs").refresh()))
    monkeypatch.undo()
    assert sorted((await results(remote, tmp_path / "theirs").refresh()).trials) == [A, B]


async def test_a_sound_clone_is_searched_for_damage_once_an_hour_while_the_same_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, looked, clock = await recorded(tmp_path), tmp_path / "looked", FakeClock()
    monkeypatch.setenv("PATH", git_that_first(tmp_path / "bin", {"fetch": "exit 1", "fsck": f"echo >> {looked}"}))
    ours = results(remote, tmp_path / "theirs", clock=clock)
    for looks in (1, 2):
        for _ in range(3):
            assert "cannot be fetched" in (await ours.refresh()).warnings[0]
        assert len(looked.read_text().splitlines()) == looks
        clock.advance(timedelta(hours=1))


async def test_all_who_ask_what_is_recorded_share_a_fetch_and_wait_without_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = await recorded(tmp_path)
    fetches, began, gate = (tmp_path / name for name in ("fetches", "began", "gate"))
    os.mkfifo(began)
    os.mkfifo(gate)
    held = f"echo >> {fetches}; mkdir {tmp_path}/first 2>&- && echo >{began} && cat {gate}"
    monkeypatch.setenv("PATH", git_that_first(tmp_path / "bin", {"fetch": held}))
    ours = results(remote, tmp_path / "state")
    first = asyncio.create_task(ours.refresh())
    await asyncio.to_thread(began.read_text)
    others = [asyncio.create_task(ours.refresh()) for _ in range(40)]
    try:
        assert list((await asyncio.wait_for(ours.view(), PATIENCE)).trials) == []
    finally:
        gate.write_text("")
    assert [list(seen.trials) for seen in await asyncio.gather(first, *others)] == [[A]] * 41
    assert len(fetches.read_text().splitlines()) == 2


async def test_a_remote_that_took_too_long_is_not_asked_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, asked, clock = await recorded(tmp_path), tmp_path / "asked", FakeClock()
    does = {"fetch": f"echo >> {asked}; exit 1", "ls-remote": "exec sleep 1000000"}
    monkeypatch.setenv("PATH", git_that_first(tmp_path / "bin", does))
    monkeypatch.setattr(repository, "_ASK", 0.001)
    ours = results(remote, tmp_path / "theirs", clock=clock)
    for times in (1, 2):
        for _ in range(3):
            seen = await ours.refresh()
            assert (list(seen.trials), "does not answer" in seen.warnings[0]) == ([A], True)
        assert len(asked.read_text().splitlines()) == times
        clock.advance(timedelta(seconds=30))
