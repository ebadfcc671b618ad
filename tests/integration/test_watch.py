"""What wakes the loop, and what does not."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from reconciler.adapters.git.source import GitSource
from reconciler.adapters.git.watch import DirectoryWatch, RefWatch
from reconciler.ports import Watch
from tests.git_world import bare, commit, git, work_tree
from tests.processes import PATIENCE


class Bell:
    """Hears a watch. ``quiet`` ends when nothing rang for a while."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._loop.call_soon_threadsafe(self._rung.set)

    async def heard(self) -> bool:
        try:
            await asyncio.wait_for(self._rung.wait(), PATIENCE)
        except TimeoutError:
            return False
        return True

    async def quiet(self, seconds: float = 0.7) -> bool:
        """Whether nothing rings for that long."""
        try:
            await asyncio.wait_for(self._rung.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def settle(self) -> None:
        """Wait for what is still under way, and begin to listen anew."""
        self._rung.clear()
        while not await self.quiet():
            self._rung.clear()


@asynccontextmanager
async def listening(watch: Watch) -> AsyncIterator[Bell]:
    bell = Bell()
    watch.start(bell.ring)
    try:
        yield bell
    finally:
        watch.close()


async def test_a_commit_is_heard(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    async with listening(RefWatch(str(theirs))) as bell:
        commit(theirs, {"a": b"1"})
        assert await bell.heard()


async def test_a_push_to_a_bare_repository_is_heard(tmp_path: Path) -> None:
    remote, theirs = bare(tmp_path / "remote.git"), work_tree(tmp_path / "theirs")
    async with listening(RefWatch(f"file://{remote}", branch="main")) as bell:
        commit(theirs, {"a": b"1"})
        git(theirs, "push", "--quiet", str(remote), "main")
        assert await bell.heard()
    async with listening(RefWatch(f"file://{remote}", branch="main")) as bell:  # to whom the push before is not told
        git(theirs, "push", "--quiet", str(remote), "main:results")
        assert await bell.quiet(), "another branch is not ours to hear"
        git(remote, "branch", "--delete", "--force", "main")
        assert await bell.heard()


async def test_packing_refs_and_a_commit_in_a_linked_work_tree_are_heard(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"a": b"1"})
    git(theirs, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    async with listening(RefWatch(str(tmp_path / "linked"))) as bell:
        git(theirs, "pack-refs", "--all")
        assert await bell.heard()
        await bell.settle()
        commit(tmp_path / "linked", {"a": b"2"})
        assert await bell.heard()


async def test_looking_and_our_own_fetch_are_not_heard(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    source = GitSource(repository=str(theirs), branch="main", folders=["scenarios"], state=tmp_path / "state")
    async with listening(RefWatch(str(theirs))) as bell:
        await source.fetch()
        (theirs / "scenarios/a").write_bytes(b"edited")
        git(theirs, "status")
        git(theirs, "log")
        git(theirs, "add", "--all")
        assert await bell.quiet()


async def test_a_repository_that_comes_goes_and_comes_back_is_heard(tmp_path: Path) -> None:
    theirs = tmp_path / "deep/down/theirs"
    async with listening(RefWatch(str(theirs))) as bell:
        for _ in range(2):
            work_tree(theirs)
            assert await bell.heard()
            await bell.settle()
            commit(theirs, {"a": b"1"})
            assert await bell.heard()
            await bell.settle()
            shutil.rmtree(tmp_path / "deep")
            assert await bell.heard()
            await bell.settle()


async def test_what_a_server_has_is_left_to_polling(tmp_path: Path) -> None:
    for repository in ("https://example.org/x.git", "git@example.org:x.git", "ssh://example.org/x"):
        async with listening(RefWatch(repository)) as bell:
            assert await bell.quiet(0.05)


async def test_a_change_in_our_folders_is_heard_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "plain/scenarios").mkdir(parents=True)
    async with listening(DirectoryWatch(tmp_path / "plain", ["scenarios", "config/deep"])) as bell:
        (tmp_path / "plain/README.md").write_text("x")
        (tmp_path / "plain/scenarios/.git").mkdir()
        assert await bell.quiet()
        (tmp_path / "plain/scenarios/new").mkdir()
        assert await bell.heard()
        await bell.settle()
        (tmp_path / "plain/scenarios/new/a").write_text("1")
        assert await bell.heard()
        await bell.settle()
        (tmp_path / "plain/config/deep").mkdir(parents=True)
        assert await bell.heard()
        await bell.settle()
        (tmp_path / "plain/config/deep/x.yaml").write_text("x")
        assert await bell.heard()


async def test_a_directory_that_comes_later_is_heard(tmp_path: Path) -> None:
    async with listening(DirectoryWatch(tmp_path / "plain", ["."])) as bell:
        (tmp_path / "plain/scenarios").mkdir(parents=True)
        assert await bell.heard()
        await bell.settle()
        (tmp_path / "plain/scenarios/a").write_text("1")
        assert await bell.heard()


def test_without_an_inotify_instance_left_it_is_left_to_polling(tmp_path: Path) -> None:
    git_work_tree = work_tree(tmp_path / "theirs")
    commit(git_work_tree, {"a": b"1"})
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\nwatch.start(lambda: None)\nwatch.close()"
    )
    code = f"from pathlib import Path\nfrom reconciler.adapters.git.watch import RefWatch\nwatch = RefWatch({str(git_work_tree)!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", code + script], capture_output=True, text=True, check=False, timeout=60
    )
    assert "cannot watch, polling instead" in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
