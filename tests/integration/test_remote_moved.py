"""The other side moves, breaks, refuses or goes away: what we hold stays whole, and a person is told in one line."""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.git.directory import DirectorySource
from reconciler.adapters.git.results import GitResults
from reconciler.adapters.git.source import GitSource
from reconciler.core.errors import Invalid, Unavailable
from tests.git_world import bare, commit, git, git_that_first, record, trial_path, work_tree
from tests.processes import PATIENCE

A, B, C = (trial_path(name) for name in "abc")


def source(repository: Path | str, root: Path, folders: tuple[str, ...] = ("scenarios",)) -> GitSource:
    return GitSource(repository=str(repository), branch="main", folders=folders, state=root / "state")


def results(remote: Path | str | None, state: Path, **more: Any) -> GitResults:
    return GitResults(
        repository=None if remote is None else str(remote),
        author_name="Rec <on> ciler",
        author_email="reconciler@localhost",
        state=state,
        **{"branch": "results", "clock": WallClock(), **more},
    )


def files(repository: Path) -> list[str]:
    return git(repository, "ls-tree", "-r", "--name-only", "results").splitlines()


def rewritten(remote: Path, root: Path, contents: dict[str, bytes | None], base: str | None = None) -> str:
    """Somebody replaces the results branch by one commit on ``base``, or on nothing, by force."""
    clone = root / "vandal"
    shutil.rmtree(clone, ignore_errors=True)
    git(root, "clone", "--quiet", str(remote), str(clone))
    git(clone, "checkout", "--quiet", *(["-B", "results", base] if base else ["--orphan", "other"]))
    if base is None:
        git(clone, "rm", "-r", "--quiet", "--ignore-unmatch", ".")
    tip = commit(clone, contents, "rewritten")
    git(clone, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/results")
    return tip


# ---------------------------------------------------------------- the definitions


async def test_a_force_push_is_followed_and_the_old_revision_still_reads(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    ours = source(theirs, tmp_path)
    old = await ours.fetch()
    git(theirs, "commit", "--amend", "--quiet", "--message", "another history")
    (theirs / "scenarios/a").write_bytes(b"2")
    new = commit(theirs, {})
    assert await ours.fetch() == new
    assert ours.changed(old, new) == dict(ours.tree(new))


async def test_an_unrelated_history_is_followed(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    ours = source(theirs, tmp_path)
    await ours.fetch()
    git(theirs, "checkout", "--quiet", "--orphan", "other")
    new = commit(theirs, {"scenarios/a": None, "scenarios/b": b"1"})
    git(theirs, "branch", "--move", "--force", "other", "main")
    assert await ours.fetch() == new
    assert list(ours.tree(new)) == ["scenarios/b"]


async def test_a_branch_that_is_deleted_is_missed_by_name_until_it_returns(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    tip = commit(theirs, {"scenarios/a": b"1"})
    ours = source(theirs, tmp_path)
    await ours.fetch()
    git(theirs, "branch", "--move", "main", "elsewhere")
    with pytest.raises(Unavailable, match=f"branch main is not in {theirs}"):
        await ours.fetch()
    assert list(ours.tree(tip)) == ["scenarios/a"]
    git(theirs, "branch", "--move", "elsewhere", "main")
    assert await ours.fetch() == tip


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ([], "it has no branch yet, so commit to main first"),
        (["master"], "it has master, and `source.branch` says which one is read"),
        ([f"b{n}" for n in range(7)], "it has b0, b1, b2, b3, b4 and 2 more, and `source.branch` says which"),
    ],
)
async def test_where_the_branch_is_not_there_those_that_are_and_the_setting_are_named(
    tmp_path: Path, there: list[str], instead: str
) -> None:
    theirs = work_tree(tmp_path / "theirs")
    if there:
        commit(theirs, {"scenarios/a": b"1"})
        git(theirs, "branch", "--move", "main", there[0])
        for name in there[1:]:
            git(theirs, "branch", name)
    with pytest.raises(Unavailable, match=f"branch main is not in {theirs}: {instead}"):
        await source(theirs, tmp_path).fetch()


async def test_a_repository_that_does_not_exist_yet_is_read_once_it_does(tmp_path: Path) -> None:
    ours = source(tmp_path / "theirs", tmp_path)
    with pytest.raises(Unavailable, match=r"theirs cannot be read: .*does not appear to be a git repository"):
        await ours.fetch()
    theirs = work_tree(tmp_path / "theirs")
    with pytest.raises(Unavailable, match="branch main is not in"):
        await ours.fetch()
    tip = commit(theirs, {"scenarios/a": b"1"})
    assert await ours.fetch() == tip


@pytest.mark.parametrize("path", ["theirs", "theirs/.git", "file://{root}/theirs", "bare.git"])
async def test_a_path_to_any_kind_of_repository_works(tmp_path: Path, path: str) -> None:
    tip = commit(work_tree(tmp_path / "theirs"), {"scenarios/a": b"1"})
    git(tmp_path, "clone", "--quiet", "--bare", "theirs", "bare.git")
    repository = path.format(root=tmp_path) if "://" in path else str(tmp_path / path)
    assert await source(repository, tmp_path).fetch() == tip


async def test_a_shallow_clone_works_and_its_history_ends_where_it_is_cut(tmp_path: Path) -> None:
    origin = work_tree(tmp_path / "origin")
    commit(origin, {"scenarios/a": b"1"}, "deep down")
    commit(origin, {"scenarios/b": b"1"}, "the cut")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", "theirs")
    ours = source(tmp_path / "theirs", tmp_path)
    first = await ours.fetch()
    assert ours.last_change(first, ["scenarios/a"]) is None
    second = commit(tmp_path / "theirs", {"scenarios/b": b"2"}, "on top")
    assert await ours.fetch() == second
    change = ours.last_change(second, ["scenarios/b"])
    assert change is not None
    assert change.subject == "on top"
    assert ours.last_change(second, ["scenarios/a"]) is None


async def test_a_sha256_repository_works_and_may_replace_a_sha1_one(tmp_path: Path) -> None:
    commit(work_tree(tmp_path / "theirs"), {"scenarios/a": b"1"})
    ours = source(tmp_path / "theirs", tmp_path)
    assert len(await ours.fetch()) == 40
    shutil.rmtree(tmp_path / "theirs")
    commit(work_tree(tmp_path / "theirs", "--object-format=sha256"), {"scenarios/a": b"1"})
    tip = await ours.fetch()
    assert len(tip) == 64
    entry = ours.tree(tip)["scenarios/a"]
    assert ours.read([entry.oid]) == {entry.oid: b"1"}


@pytest.mark.parametrize("damage", ["packs", "head", "refs", "config", "everything"])
async def test_a_damaged_mirror_is_made_again(tmp_path: Path, damage: str) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    ours = source(theirs, tmp_path)
    tip = await ours.fetch()
    mirror = tmp_path / "state/source.git"
    victims = {"packs": "objects/pack/*.pack", "head": "HEAD", "refs": "refs/heads/main", "config": "config"}
    for file in mirror.glob(victims.get(damage, "*")):
        if file.is_file():
            file.chmod(0o600)
            file.write_bytes(b"\x00garbage\n")
    for _ in range(2):  # the first may only find out
        try:
            assert list(ours.tree(await ours.fetch())) == ["scenarios/a"]
        except Unavailable:
            continue
    assert list(ours.tree(await ours.fetch())) == ["scenarios/a"]
    assert await ours.fetch() == tip


async def test_a_mirror_that_cannot_be_made_again_stays_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    old = await source(theirs, tmp_path).fetch()
    new = commit(theirs, {"scenarios/a": b"2"})
    full = "echo 'fatal: write error: No space left on device' >&2; exit 128"
    monkeypatch.setenv("PATH", git_that_first(tmp_path / "bin", {"fetch": full}))
    ours = source(theirs, tmp_path)
    with pytest.raises(Unavailable, match="cannot be fetched: write error: No space left on device"):
        await ours.fetch()
    assert list(ours.tree(old)) == ["scenarios/a"]
    assert not list((tmp_path / "state").glob("*.new"))
    monkeypatch.undo()
    assert await source(theirs, tmp_path).fetch() == new


async def test_locks_of_a_crash_are_removed(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    await source(theirs, tmp_path).fetch()
    for name in ("refs/heads/main.lock", "packed-refs.lock", "shallow.lock"):
        lock = tmp_path / "state/source.git" / name
        lock.touch()
        os.utime(lock, (time.time() - 5, time.time() - 5))
    new = commit(theirs, {"scenarios/a": b"2"})
    assert await source(theirs, tmp_path).fetch() == new


async def test_a_fetch_that_takes_long_is_given_time_and_what_is_here_stays(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    ours = GitSource(
        repository=str(theirs), branch="main", folders=["scenarios"], state=tmp_path / "state", patience=0.001
    )
    await ours.fetch()
    mirror = (tmp_path / "state/source.git").stat().st_ino
    new = commit(theirs, {"scenarios/a": b"2"})
    assert await ours.fetch() == new
    assert (tmp_path / "state/source.git").stat().st_ino == mirror


async def test_fetching_leaves_the_other_repository_as_it_is(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    (theirs / "scenarios/a").write_bytes(b"not committed")
    before = sorted((str(path), path.stat().st_mtime_ns) for path in theirs.rglob("*"))
    ours = source(theirs, tmp_path)
    tree = ours.tree(await ours.fetch())
    assert ours.read([tree["scenarios/a"].oid]) == {tree["scenarios/a"].oid: b"1"}
    assert sorted((str(path), path.stat().st_mtime_ns) for path in theirs.rglob("*")) == before


async def test_a_submodule_is_not_seen_and_not_checked_out(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    inner = work_tree(theirs / "scenarios/inner")
    commit(inner, {"x": b"1"})
    commit(theirs, {"scenarios/a": b"1"})
    ours = source(theirs, tmp_path)
    tip = await ours.fetch()
    assert list(ours.tree(tip)) == ["scenarios/a"]
    with pytest.raises(Invalid, match="scenarios/inner: is a submodule"):
        ours.checkout(tip, ["scenarios"], "abc")


@pytest.mark.parametrize("path", ["../escaped", ".git/config", ".GIT/config", "x/../../escaped"])
async def test_a_path_that_leads_out_of_a_checkout_is_refused(tmp_path: Path, path: str) -> None:
    theirs = bare(tmp_path / "theirs.git")
    stream = (
        f"commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 1\nx\nM 100644 inline scenarios/{path}\ndata 1\nx\n"
    )
    git(theirs, "fast-import", "--quiet", stdin=stream.encode())
    ours = source(theirs, tmp_path)
    with pytest.raises(Invalid, match="is not a path inside the repository"):
        ours.checkout(await ours.fetch(), ["scenarios"], "abc")
    assert "escaped" not in {name for _, folders, names in os.walk(tmp_path) for name in folders + names}


async def test_a_checkout_that_nobody_used_for_a_day_is_swept_away(tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    commit(theirs, {"scenarios/a": b"1"})
    ours = source(theirs, tmp_path)
    tip = await ours.fetch()
    unused, used = (ours.checkout(tip, ["scenarios/a"], name) for name in ("unused", "used"))
    for folder in (unused, used):
        os.utime(folder, (time.time() - 90_000, time.time() - 90_000))
    ours.checkout(tip, ["scenarios/a"], "used")
    await ours.fetch()
    assert [child.name for child in unused.parent.iterdir()] == ["used"]


async def test_a_plain_directory_is_taken_byte_by_byte_whatever_git_files_lie_in_it(tmp_path: Path) -> None:
    directory = tmp_path / "plain"
    inner = work_tree(directory / "scenarios/inner")
    commit(inner, {"x": b"a\r\nb\r\n"})
    commit(work_tree(directory / "other"), {"y": b"y"})
    (directory / ".git").mkdir()
    (directory / "scenarios/.gitattributes").write_text("* text=auto filter=evil ident\n")
    (directory / "scenarios/.gitignore").write_text("*\n")
    os.mkfifo(directory / "scenarios/pipe")
    ours = DirectorySource(directory=directory, folders=["."], state=tmp_path / "state")
    first = await ours.fetch()
    tree = ours.tree(first)
    assert sorted(tree) == ["other/y", "scenarios/.gitattributes", "scenarios/.gitignore", "scenarios/inner/x"]
    assert list(ours.read([tree["scenarios/inner/x"].oid]).values()) == [b"a\r\nb\r\n"]
    (directory / "scenarios/inner/x").unlink()
    (directory / "scenarios/inner/x").mkdir()
    (directory / "scenarios/inner/x/z").write_bytes(b"a folder now")
    second = await ours.fetch()
    assert sorted(ours.changed(first, second)) == ["scenarios/inner/x", "scenarios/inner/x/z"]


async def test_whoever_stops_waiting_for_a_remote_that_hangs_hangs_up(tmp_path: Path) -> None:
    dialled, hung_up = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.set()
        while await reader.read(4096):
            pass
        hung_up.set()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        fetch = asyncio.create_task(source(f"git://127.0.0.1:{port}/x", tmp_path).fetch())
        await asyncio.wait_for(dialled.wait(), PATIENCE)
        fetch.cancel()
        await asyncio.wait_for(hung_up.wait(), PATIENCE)


# ---------------------------------------------------------------- the results


async def test_a_branch_that_somebody_rewrote_gets_its_records_back_and_says_so(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")
    ours = results(remote, tmp_path / "state")
    await ours.append({A: record("a"), "transcripts/a.json": b"a", "README.md": b"ours"}, "a")
    await ours.append({B: record("b")}, "b")
    assert await ours.push() is None
    theirs = rewritten(remote, tmp_path, {B: record("b"), "NOTES.md": b"theirs"})
    await ours.append({C: record("c")}, "c, not pushed yet")
    seen = await ours.refresh()
    assert sorted(seen.trials) == [A, B, C]
    assert ["2 records put back" in warning for warning in seen.warnings] == [True]
    assert await ours.push() is None
    assert files(remote) == ["NOTES.md", "transcripts/a.json", A, B, C]
    log = git(remote, "log", "--format=%s", "results").splitlines()
    assert log == ["Restore 2 records that a rewrite of the branch dropped", "rewritten"]
    assert git(remote, "rev-parse", "results~1") == theirs
    assert len((await results(remote, tmp_path / "state").refresh()).warnings) == 1, "told by another process as well"


async def test_a_branch_that_was_set_back_gets_its_records_back(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")
    ours = results(remote, tmp_path / "state")
    first = await ours.append({A: record("a")}, "a")
    await ours.append({B: record("b")}, "b")
    await ours.push()
    git(remote, "update-ref", "refs/heads/results", first)
    assert sorted((await ours.refresh()).trials) == [A, B]
    assert await ours.push() is None
    assert git(remote, "log", "--format=%s", "results").splitlines() == [
        "Restore 1 record that a rewrite of the branch dropped",
        "a",
    ]


async def test_a_rewrite_that_is_found_by_the_push_loses_nothing_either(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")
    ours = results(remote, tmp_path / "state")
    await ours.append({A: record("a")}, "a")
    await ours.push()
    rewritten(remote, tmp_path, {"NOTES.md": b"theirs"})
    await ours.append({B: record("b")}, "b")
    assert await ours.push() is None
    assert files(remote) == ["NOTES.md", A, B]


async def test_a_record_that_somebody_reverts_is_gone_because_that_is_no_rewrite(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")
    ours = results(remote, tmp_path / "state")
    tip = await ours.append({A: record("a"), B: record("b")}, "both")
    await ours.push()
    rewritten(remote, tmp_path, {A: None}, base=tip)
    seen = await ours.refresh()
    assert (list(seen.trials), seen.warnings) == ([B], [])


async def test_a_branch_that_was_deleted_is_made_again_by_the_next_push(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")
    ours = results(remote, tmp_path / "state")
    await ours.append({A: record("a")}, "a")
    await ours.push()
    git(remote, "update-ref", "-d", "refs/heads/results")
    seen = await ours.refresh()
    assert list(seen.trials) == [A]
    assert ["deleted" in warning for warning in seen.warnings] == [True]
    assert await ours.push() is None
    assert files(remote) == [A]


async def test_a_record_that_is_not_json_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")
    ours = results(remote, tmp_path / "state")
    tip = await ours.append({A: record("a"), B: record("b")}, "both")
    await ours.push()
    rewritten(remote, tmp_path, {A: b"{cut short"}, base=tip)
    for store in (ours, results(remote, tmp_path / "state"), results(remote, tmp_path / "fresh")):
        seen = await store.refresh()
        assert (list(seen.trials), list(seen.broken)) == ([B], [A])
        assert seen.broken[A].startswith("not JSON")
    await ours.append({A: record("a")}, "mended")
    seen = await ours.refresh()
    assert (sorted(seen.trials), seen.broken) == ([A, B], {})


async def test_where_nothing_was_recorded_a_push_asks_nobody(tmp_path: Path) -> None:
    dialled = asyncio.Event()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.set()
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await results(f"git://127.0.0.1:{port}/x", tmp_path / "state").push() is None
    assert not dialled.is_set()


async def test_a_remote_that_is_not_there_yet_keeps_nothing_from_being_recorded(tmp_path: Path) -> None:
    ours = results(tmp_path / "remote.git", tmp_path / "state")
    await ours.append({A: record("a")}, "a")
    seen = await ours.refresh()
    assert list(seen.trials) == [A]
    assert ["does not answer" in warning for warning in seen.warnings] == [True]
    reason = await ours.push()
    assert reason is not None
    assert "does not appear to be a git repository" in reason
    bare(tmp_path / "remote.git")
    assert await ours.push() is None
    assert (await ours.refresh()).warnings == []
    assert files(tmp_path / "remote.git") == [A]


async def test_what_is_recorded_is_unknown_until_the_remote_of_a_new_state_directory_has_answered(
    tmp_path: Path,
) -> None:
    remote = bare(tmp_path / "remote.git")
    theirs = results(remote, tmp_path / "theirs")
    await theirs.append({A: record("a")}, "a")
    assert await theirs.push() is None
    away = remote.rename(tmp_path / "away.git")
    ours = results(remote, tmp_path / "state")
    await ours.append({B: record("b")}, "b")
    for _ in range(2):
        seen = await ours.refresh()
        assert (await ours.view()).unknown == seen.unknown == seen.warnings[0]
        assert seen.unknown.startswith(f"what is recorded is not known yet: {remote} does not answer")
    away.rename(remote)
    assert sorted((await ours.refresh()).trials) == [A, B]
    remote.rename(away)
    assert (await results(remote, tmp_path / "state").refresh()).unknown == "", "it was asked once"


async def test_that_nothing_was_recorded_yet_is_remembered_while_the_remote_is_away(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")
    assert (await results(remote, tmp_path / "state").refresh()).unknown == ""
    remote.rename(tmp_path / "away.git")
    assert (await results(remote, tmp_path / "state").refresh()).unknown == ""
    assert (await results(tmp_path / "another.git", tmp_path / "state").refresh()).unknown
    assert (await results(remote, tmp_path / "state", branch="another").refresh()).unknown


async def test_a_push_that_a_hook_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")
    hook = remote / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'the branch is frozen until monday'\nexit 1\n")
    hook.chmod(0o755)
    ours = results(remote, tmp_path / "state")
    await ours.append({A: record("a")}, "a")
    reason = await ours.push()
    assert reason == f"{remote} refuses the push: pre-receive hook declined (the branch is frozen until monday)"
    assert (await ours.refresh()).warnings == [f"results wait to be pushed: {reason}"]
    hook.unlink()
    assert await ours.push() is None
    assert (await ours.refresh()).warnings == []


async def test_a_branch_that_is_checked_out_there_refuses_the_push(tmp_path: Path) -> None:
    remote = work_tree(tmp_path / "remote")
    commit(remote, {"x": b"x"})
    git(remote, "checkout", "--quiet", "-b", "results")
    ours = results(remote, tmp_path / "state")
    await ours.refresh()
    await ours.append({A: record("a")}, "a")
    reason = await ours.push()
    assert reason is not None
    assert "branch is currently checked out" in reason


@pytest.mark.parametrize("place", [".", "objects/info", "objects/pack", "refs/remotes/origin"])
async def test_a_lock_that_vanishes_while_it_is_looked_at_costs_no_result(tmp_path: Path, place: str) -> None:
    """A link to nowhere is one: it is listed, and there is nothing behind it. Pushes take and drop such locks all the time."""
    ours = results(None, tmp_path / "state")
    await ours.append({A: record("a")}, "a")
    folder = tmp_path / "state/results.git" / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "their.lock").symlink_to("nowhere")
    await ours.append({B: record("b")}, "b")
    assert sorted((await ours.refresh()).trials) == [A, B]


async def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    remote = bare(tmp_path / "remote.git")

    async def writer(name: str) -> None:
        ours = results(remote, tmp_path / name)
        for number in range(20):
            await ours.append(
                {trial_path(f"{name}{number}"): record(name), "README.md": name.encode()}, f"{name} {number}"
            )
            if number % 3 == 0:
                await ours.push()
        while await ours.push() is not None:
            pass

    await asyncio.gather(writer("x"), writer("y"))
    wanted = sorted(trial_path(f"{name}{number}") for name, number in itertools.product("xy", range(20)))
    assert [path for path in files(remote) if path.startswith("trials/")] == wanted
    subjects = git(remote, "log", "--format=%s", "results").splitlines()
    assert sorted(subjects) == sorted(f"{name} {number}" for name, number in itertools.product("xy", range(20)))
    for repository in (remote, tmp_path / "x/results.git", tmp_path / "y/results.git"):
        assert "error" not in git(repository, "fsck", "--full", "--strict")
    seen = await results(remote, tmp_path / "third").refresh()
    assert sorted(seen.trials) == wanted


APPENDING = """
import asyncio, sys
from pathlib import Path
from tests.git_world import record, trial_path
from tests.integration.test_remote_moved import results

async def main(state, start):
    ours = results(None, Path(state))
    for number in range(start, start + 1000):
        await ours.append({trial_path(str(number)): record(str(number), x="x" * 2000)}, f"trial {number}")
        print(number, flush=True)
        if number % 20 == 0:
            await ours.push()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_a_kill_in_the_middle_of_an_append_loses_no_record_whose_append_returned(tmp_path: Path) -> None:
    returned: list[str] = []
    for turn in range(8):
        returned += await asyncio.to_thread(append_until_killed, tmp_path / "state", turn)
        seen = await results(None, tmp_path / "state").refresh()
        assert {trial_path(number) for number in returned} <= seen.trials.keys()
        assert seen.broken == {}
    await results(None, tmp_path / "state").append({A: record("a")}, "still usable")
    git(tmp_path / "state/results.git", "fsck", "--full", "--strict")


def append_until_killed(state: Path, turn: int) -> list[str]:
    """The trials whose append returned in a process that was then killed."""
    argv = [sys.executable, "-c", APPENDING, str(state), str(turn * 1000)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True, text=True) as child:
        assert child.stdout is not None
        first = [child.stdout.readline().strip() for _ in range(3 + turn)]
        os.kill(child.pid, signal.SIGKILL)
        return first + child.stdout.read().split()


async def test_many_appends_keep_few_packs(tmp_path: Path) -> None:
    ours = results(None, tmp_path / "state")
    for number in range(60):
        await ours.append({trial_path(str(number)): record(str(number))}, "one")
    await ours.push()
    assert len(list((tmp_path / "state/results.git/objects/pack").glob("*.pack"))) < 5
    assert len((await ours.refresh()).trials) == 60
    git(tmp_path / "state/results.git", "fsck", "--full", "--strict")


async def test_of_many_who_push_at_once_one_rolls_the_packs_into_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled = tmp_path / "rolled"
    monkeypatch.setenv("PATH", git_that_first(tmp_path / "bin", {"repack": f"echo >> {rolled}"}))
    ours = results(None, tmp_path / "state")
    for number in range(60):
        await ours.append({trial_path(str(number)): record(str(number))}, "one")
    await asyncio.gather(*(ours.push() for _ in range(5)))
    assert len(rolled.read_text().splitlines()) == 1
