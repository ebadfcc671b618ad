"""What a process read of large definitions is kept for the next one, and taken over only where it is good."""

import pickle
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.memory.source import MemorySource
from reconciler.adapters.state import StateDirectory
from reconciler.core.errors import Unavailable
from reconciler.definitions.snapshot import Unreadable, dump, load
from reconciler.ports import Entry
from reconciler.shell.observe import Observer
from tests.shell_world import ShellWorld, definitions

MANY = {f"scenarios/alpha/data/{n}": b"x" for n in range(5_000)}


class Told(MemorySource):
    """A source that notes which blobs were read, and may have lost its history."""

    read_oids: set[str]
    history_lost = False

    def read(self, oids: Collection[str]) -> Mapping[str, bytes]:
        self.read_oids.update(oids)
        return super().read(oids)

    def changed(self, old: str, new: str) -> Mapping[str, Entry | None]:
        if self.history_lost:
            raise Unavailable("no such commit")
        return super().changed(old, new)


@pytest.fixture
def source(tmp_path: Path) -> Told:
    source = Told(folders=("scenarios", "config"), state=tmp_path / "source")
    source.read_oids = set()
    source.commit({**definitions("alpha", "beta"), **MANY}, "first")
    return source


def process(source: Told, folder: Path, edition: str = "one") -> Observer:
    """The observer of a process that begins, over the state directory of the one before."""
    source.read_oids = set()
    made = ShellWorld(folder=folder).daemon().observer
    made.source, definitions = source, made.definitions
    notes = StateDirectory(folder / "state")
    made.definitions = replace(definitions, source=source, notes=notes, edition=lambda: edition)
    return made


async def look(observer: Observer) -> list[str]:
    """The ids of all trials that are wanted."""
    await observer.fetch()
    return [missing.trial.id for missing in (await observer.look()).todo.missing]


async def test_the_next_process_plans_the_same_and_reads_nothing_again(source: Told, tmp_path: Path) -> None:
    first = process(source, tmp_path)
    planned = await look(first)
    first.definitions.keep()
    assert await look(process(source, tmp_path)) == planned
    assert source.read_oids == set()


async def test_what_changed_meanwhile_is_all_that_the_next_process_reads(source: Told, tmp_path: Path) -> None:
    first = process(source, tmp_path)
    await look(first)
    first.definitions.keep()
    source.commit(
        {"config/specialties/mender.mdx": definitions(specialty="Mend it well.")["config/specialties/mender.mdx"]},
        "edit",
    )
    taken_over = await look(process(source, tmp_path))
    assert len(source.read_oids) == 1
    assert taken_over == await look(process(source, tmp_path, edition="another"))


@pytest.mark.parametrize("edition", ["another", ""])
async def test_a_catalogue_of_other_code_is_not_taken_over(source: Told, tmp_path: Path, edition: str) -> None:
    first = process(source, tmp_path)
    planned = await look(first)
    first.definitions.keep()
    assert await look(process(source, tmp_path, edition)) == planned
    assert source.read_oids


async def test_a_catalogue_of_a_history_that_was_rewritten_is_not_taken_over(source: Told, tmp_path: Path) -> None:
    first = process(source, tmp_path)
    await look(first)
    first.definitions.keep()
    source.commit({"scenarios/beta/scenario.json": None}, "gone")
    source.history_lost = True
    assert len(await look(process(source, tmp_path))) == 2


DAMAGES: list[Callable[[bytes], bytes]] = [lambda d: d[:-100], lambda d: d[:80] + bytes(80) + d[160:], lambda d: b""]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_catalogue_costs_time_and_nothing_else(
    source: Told, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    first = process(source, tmp_path)
    planned = await look(first)
    first.definitions.keep()
    file = tmp_path / "state" / "catalogue.bin"
    file.write_bytes(damage(file.read_bytes()))
    assert await look(process(source, tmp_path)) == planned


async def test_definitions_without_their_demand_are_not_kept(source: Told, tmp_path: Path) -> None:
    first = process(source, tmp_path)
    assert len((await first.catalogue()).scenarios) == 2
    first.definitions.keep()
    assert not (tmp_path / "state" / "catalogue.bin").exists()


async def test_small_definitions_are_not_kept(source: Told, tmp_path: Path) -> None:
    source.commit(dict.fromkeys(list(MANY)[1_000:]), "smaller")
    first = process(source, tmp_path)
    await look(first)
    first.definitions.keep()
    assert not (tmp_path / "state" / "catalogue.bin").exists()


def test_a_snapshot_names_no_function_and_no_class_but_our_own(tmp_path: Path) -> None:
    for foreign in (Path.unlink, tmp_path, print, pickle.Unpickler):
        with pytest.raises(Unreadable, match="not a value of ours"):
            load(pickle.dumps(foreign))


def test_what_was_one_object_stays_one() -> None:
    entry = Entry(mode="100644", oid="1")
    one, other = load(dump([entry, entry]))
    assert one == entry
    assert one is other
