"""The results' remote is slow, or takes the call and says nothing: who waits for it waits once, and ends when told."""

from pathlib import Path

import pytest

from reconciler.adapters.git import remote as remotes
from tests.git_world import bare, git_that_first, record, trial_path
from tests.integration.test_remote_moved import results

A, B, C = (trial_path(name) for name in "abc")


async def recorded(tmp_path: Path) -> Path:
    """A remote in which somebody recorded a trial."""
    remote = bare(tmp_path / "remote.git")
    theirs = results(remote, tmp_path / "theirs")
    await theirs.append({A: record("a")}, "a")
    assert await theirs.push() is None
    return remote


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
