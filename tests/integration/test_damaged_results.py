"""Our own clone of the results is damaged: it is made again from the remote, and nothing is taken for not recorded meanwhile."""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.git.results import GitResults
from reconciler.core.errors import Unavailable
from tests.git_world import bare, git, record, trial_path
from tests.integration.test_remote_moved import files, results

A, B, C = (trial_path(name) for name in "abc")


def cut_packs(clone: Path) -> None:
    for pack in clone.glob("objects/pack/*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:40])


def nothing_but_a_file(clone: Path) -> None:
    shutil.rmtree(clone)
    clone.write_text("what is this?")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "an empty ref": lambda clone: (clone / "refs/heads/results").write_bytes(b""),
    "a ref of noise": lambda clone: (clone / "refs/heads/results").write_bytes(bytes(range(128, 168))),
    "packed refs of noise": lambda clone: (clone / "packed-refs").write_bytes(bytes(range(128, 168))),
    "an empty HEAD": lambda clone: (clone / "HEAD").write_bytes(b""),
    "a configuration of noise": lambda clone: (clone / "config").write_bytes(bytes(range(128, 168))),
    "no objects": lambda clone: shutil.rmtree(clone / "objects"),
    "packs cut short": cut_packs,
    "a file in its place": nothing_but_a_file,
    "nothing left": shutil.rmtree,
}


async def recorded(tmp_path: Path) -> GitResults:
    """One record that is pushed."""
    ours = results(bare(tmp_path / "theirs.git"), tmp_path / "state")
    await ours.append({A: record("a")}, "a")
    assert await ours.push() is None
    return ours


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_clone_is_made_again_and_what_is_pushed_stays_recorded(
    tmp_path: Path, damage: str, restarted: bool
) -> None:
    ours, remote = await recorded(tmp_path), tmp_path / "theirs.git"
    assert list((await ours.view()).trials) == [A]
    DAMAGE[damage](tmp_path / "state/results.git")
    if restarted:
        ours = results(remote, tmp_path / "state")
    else:
        with contextlib.suppress(Unavailable):  # who does not know waits
            assert list((await ours.view()).trials) == [A]
    assert list((await ours.refresh()).trials) == [A]
    await ours.append({B: record("b")}, "b")
    assert await ours.push() is None
    assert files(remote) == [A, B]
    git(tmp_path / "state/results.git", "rev-list", "--objects", "--quiet", "results")


@pytest.mark.parametrize(
    "scribble", [b"", b"\x80\x81", b"[1]", b"{}", b"null", b'{"schema": "reconciler.ledger/2", "push": {"message": 1}}']
)
async def test_small_files_that_somebody_scribbled_in_cost_time_alone(tmp_path: Path, scribble: bytes) -> None:
    await recorded(tmp_path)
    for name in ("results-verified.json", "results-notices.json"):
        (tmp_path / "state" / name).write_bytes(scribble)
    view = await results(tmp_path / "theirs.git", tmp_path / "state").refresh()
    assert (list(view.trials), view.warnings) == ([A], [])


async def test_what_waits_to_be_pushed_is_saved_where_it_can_be_read(tmp_path: Path) -> None:
    ours, remote = await recorded(tmp_path), tmp_path / "theirs.git"
    await ours.append({B: record("b")}, "b waits")
    (tmp_path / "state/results.git/refs/remotes/origin/results").write_bytes(b"")
    again = results(remote, tmp_path / "state")
    view = await again.refresh()
    assert sorted(view.trials) == [A, B]
    assert "was damaged and is made again" in "".join(view.warnings)
    assert await again.push() is None
    assert files(remote) == [A, B]


async def test_a_damaged_clone_stays_in_place_while_the_remote_is_away(tmp_path: Path) -> None:
    ours, remote = await recorded(tmp_path), tmp_path / "theirs.git"
    (tmp_path / "state/results.git/config").write_bytes(b"[")
    remote.rename(tmp_path / "away.git")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await ours.refresh()
    assert (tmp_path / "state/results.git").is_dir()
    (tmp_path / "away.git").rename(remote)
    assert list((await ours.refresh()).trials) == [A]


async def test_a_clone_that_is_damaged_twice_a_day_is_left_to_a_person(tmp_path: Path) -> None:
    ours, clone = await recorded(tmp_path), tmp_path / "state/results.git"
    (clone / "HEAD").write_bytes(b"")
    await ours.refresh()
    (clone / "HEAD").write_bytes(b"")
    with pytest.raises(Unavailable, match=r"is damaged again, after .*: look at the disk, and remove both"):
        await ours.refresh()
