"""Port Source: one suite over the fake, a git repository, and a plain directory."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.adapters.git.directory import DirectorySource
from reconciler.adapters.git.source import GitSource
from reconciler.adapters.memory.source import MemorySource
from reconciler.core.errors import Invalid, Unavailable
from reconciler.ports import Source
from tests import git_world

FOLDERS = ["scenarios", "config"]


class World(ABC):
    """A source and the hand that changes what it reads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source: Source

    @abstractmethod
    def change(self, files: Mapping[str, bytes | None], subject: str = "change") -> None: ...

    @abstractmethod
    def link(self, path: str, target: str) -> None: ...


class Memory(World):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.source = self.fake = MemorySource(folders=FOLDERS, state=root / "state")

    def change(self, files: Mapping[str, bytes | None], subject: str = "change") -> None:
        self.fake.commit(files, subject)

    def link(self, path: str, target: str) -> None:
        self.fake.commit({path: target.encode()}, modes={path: "120000"})


class Git(World):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.repository = git_world.work_tree(root / "definitions")
        self.source = GitSource(repository=str(self.repository), branch="main", folders=FOLDERS, state=root / "state")

    def change(self, files: Mapping[str, bytes | None], subject: str = "change") -> None:
        git_world.commit(self.repository, files, subject)

    def link(self, path: str, target: str) -> None:
        (self.repository / path).symlink_to(target)
        git_world.commit(self.repository, {})


class Directory(World):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.directory = root / "definitions"
        self.source = DirectorySource(directory=self.directory, folders=FOLDERS, state=root / "state")

    def change(self, files: Mapping[str, bytes | None], subject: str = "change") -> None:
        for path, contents in files.items():
            target = self.directory / path
            if contents is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(contents)

    def link(self, path: str, target: str) -> None:
        (self.directory / path).symlink_to(target)


@pytest.fixture(params=[Memory, Git, Directory])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    made: World = request.param(tmp_path)
    return made


async def test_what_is_not_there_yet_is_unavailable(world: World) -> None:
    with pytest.raises(Unavailable):
        await world.source.fetch()


async def test_fetching_again_without_a_change_gives_the_same_revision(world: World) -> None:
    world.change({"scenarios/a/scenario.json": b"{}"})
    assert await world.source.fetch() == await world.source.fetch()


async def test_a_tree_holds_the_files_of_our_folders_alone(world: World) -> None:
    world.change({"scenarios/a/scenario.json": b"{}", "config/x.yaml": b"x", "README.md": b"no", "scenarios.md": b"no"})
    tree = world.source.tree(await world.source.fetch())
    assert sorted(tree) == ["config/x.yaml", "scenarios/a/scenario.json"]
    assert {entry.mode for entry in tree.values()} == {"100644"}


async def test_equal_contents_have_equal_ids_wherever_they_lie(world: World) -> None:
    world.change({"scenarios/a/x": b"same", "scenarios/b/y": b"same", "scenarios/b/z": b"other"})
    tree = world.source.tree(await world.source.fetch())
    assert tree["scenarios/a/x"].oid == tree["scenarios/b/y"].oid != tree["scenarios/b/z"].oid


async def test_what_changed_is_told_path_by_path(world: World) -> None:
    world.change({"scenarios/a": b"1", "scenarios/b": b"1", "scenarios/c": b"1", "README.md": b"1"})
    old = await world.source.fetch()
    world.change({"scenarios/a": b"2", "scenarios/b": None, "scenarios/d": b"2", "README.md": b"2"})
    new = await world.source.fetch()
    tree = world.source.tree(new)
    changed = world.source.changed(old, new)
    assert changed == {"scenarios/a": tree["scenarios/a"], "scenarios/b": None, "scenarios/d": tree["scenarios/d"]}
    assert world.source.changed(new, new) == {}


async def test_the_differences_turn_one_tree_into_the_other(world: World) -> None:
    world.change({f"scenarios/{n}/f": b"%d" % n for n in range(20)})
    old = await world.source.fetch()
    world.change({f"scenarios/{n}/f": None for n in range(0, 20, 3)})
    world.change({f"scenarios/{n}/g/h": b"%d" % n for n in range(0, 20, 4)})
    new = await world.source.fetch()
    tree = dict(world.source.tree(old))
    for path, entry in world.source.changed(old, new).items():
        if entry is None:
            del tree[path]
        else:
            tree[path] = entry
    assert tree == world.source.tree(new)


async def test_an_old_revision_reads_as_it_was(world: World) -> None:
    world.change({"scenarios/a": b"before"})
    old = await world.source.fetch()
    world.change({"scenarios/a": b"after"})
    await world.source.fetch()
    oid = world.source.tree(old)["scenarios/a"].oid
    assert world.source.read([oid]) == {oid: b"before"}


async def test_contents_come_byte_by_byte(world: World) -> None:
    contents = {"scenarios/empty": b"", "scenarios/bytes": bytes(range(256)), "scenarios/crlf": b"a\r\nb\r\n"}
    world.change(contents)
    tree = world.source.tree(await world.source.fetch())
    blobs = world.source.read([tree[path].oid for path in contents])
    assert {path: blobs[tree[path].oid] for path in contents} == contents
    assert world.source.read([]) == {}


async def test_an_unknown_revision_or_object_is_unavailable(world: World) -> None:
    world.change({"scenarios/a": b"1"})
    await world.source.fetch()
    with pytest.raises(Unavailable):
        world.source.tree("1" * 40)
    with pytest.raises(Unavailable):
        world.source.read(["1" * 40])


async def test_names_that_are_not_ascii_are_taken_as_they_are(world: World) -> None:
    world.change({"scenarios/é ü/a\tb.json": b"1"})
    assert list(world.source.tree(await world.source.fetch())) == ["scenarios/é ü/a\tb.json"]


async def test_the_last_change_is_the_newest_commit_that_touched_a_path(world: World) -> None:
    world.change({"scenarios/a/f": b"1", "scenarios/b": b"1"}, "first")
    await world.source.fetch()
    world.change({"scenarios/a/f": b"2"}, "second")
    second = await world.source.fetch()
    world.change({"scenarios/b": b"2"}, "third")
    third = await world.source.fetch()
    change = world.source.last_change(third, ["scenarios/a"])
    assert change is not None
    assert change.id == second
    assert change.id.startswith(change.short)
    assert change.subject
    assert change.at.utcoffset() == timedelta(0)
    assert world.source.last_change(third, ["scenarios/nowhere"]) is None
    assert world.source.last_change(third, []) is None


async def test_a_checkout_holds_just_what_was_asked_for(world: World) -> None:
    world.change({"scenarios/a/p.yml": b"play", "scenarios/a/files/x": b"x", "scenarios/ab/y": b"y", "config/z": b"z"})
    folder = world.source.checkout(await world.source.fetch(), ["scenarios/a", "config/z"], "abc")
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {"scenarios/a/p.yml": b"play", "scenarios/a/files/x": b"x", "config/z": b"z"}


async def test_a_checkout_of_nothing_is_an_empty_folder_and_one_of_much_is_complete(world: World) -> None:
    files = {f"scenarios/a/{n}": b"%d" % n for n in range(1100)}
    world.change(files | {"scenarios/b/other": b"other"})
    revision = await world.source.fetch()
    assert list(world.source.checkout(revision, [], "nothing").iterdir()) == []
    folder = world.source.checkout(revision, list(files), "much")
    assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == files


async def test_a_checkout_of_the_same_name_is_the_folder_that_exists(world: World) -> None:
    world.change({"scenarios/a/p.yml": b"play"})
    revision = await world.source.fetch()
    first = world.source.checkout(revision, ["scenarios/a"], "abc")
    assert world.source.checkout(revision, ["scenarios/a"], "abc") == first
    assert [child.name for child in first.parent.iterdir()] == ["abc"]


async def test_many_callers_get_one_complete_checkout(world: World) -> None:
    world.change({f"scenarios/a/{n}": b"%d" % n for n in range(50)})
    revision = await world.source.fetch()
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: world.source.checkout(revision, ["scenarios/a"], "abc"), range(8)))
    assert len(set(folders)) == 1
    assert len(list((folders[0] / "scenarios/a").iterdir())) == 50
    assert [child.name for child in folders[0].parent.iterdir()] == ["abc"]


async def test_a_symbolic_link_is_seen_and_refused_where_it_would_be_checked_out(world: World) -> None:
    world.change({"scenarios/a/p.yml": b"play", "scenarios/b/p.yml": b"play"})
    world.link("scenarios/a/passwd", "/etc/passwd")
    revision = await world.source.fetch()
    assert world.source.tree(revision)["scenarios/a/passwd"].mode == "120000"
    with pytest.raises(Invalid, match="scenarios/a/passwd: is a symbolic link"):
        world.source.checkout(revision, ["scenarios/a"], "abc")
    assert not (world.root / "state/checkouts/abc").exists()
    world.source.checkout(revision, ["scenarios/b"], "def")


async def test_a_checkout_of_a_path_that_is_not_there_is_invalid(world: World) -> None:
    world.change({"scenarios/a/p.yml": b"play"})
    revision = await world.source.fetch()
    with pytest.raises(Invalid, match="scenarios/b"):
        world.source.checkout(revision, ["scenarios/a", "scenarios/b"], "abc")


@pytest.mark.parametrize("kind", [Git, Directory])
async def test_an_executable_file_stays_one_and_the_umask_does_not_matter(kind: type[World], tmp_path: Path) -> None:
    world = kind(tmp_path)
    world.change({"scenarios/a/plain": b"1", "scenarios/a/script": b"#!/bin/sh"})
    (tmp_path / "definitions/scenarios/a/script").chmod(0o700)
    world.change({"scenarios/a/plain": b"2"})
    folder = world.source.checkout(await world.source.fetch(), ["scenarios/a"], "abc")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder / "scenarios/a").iterdir()}
    assert modes == {"plain": 0o644, "script": 0o755}
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("kind", [Git, Directory])
async def test_the_state_can_be_deleted_and_comes_back(kind: type[World], tmp_path: Path) -> None:
    world = kind(tmp_path)
    world.change({"scenarios/a": b"1"})
    tree = world.source.tree(await world.source.fetch())
    shutil.rmtree(tmp_path / "state")
    assert world.source.tree(await world.source.fetch()) == tree
