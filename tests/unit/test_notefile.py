"""Clearing up in folders in which others work as well. A link to nowhere is a file that is gone once it is looked at."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reconciler.adapters.notefile import read_note, remove_old, write_note
from reconciler.adapters.state import StateDirectory


def old(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    os.utime(file, (1_000, 1_000))
    return file


def test_what_is_old_goes_and_what_is_new_or_of_another_name_stays(tmp_path: Path) -> None:
    for name in ("a.lock", "deep/down/b.lock"):
        old(tmp_path / name)
    stays = [old(tmp_path / "deep/c"), tmp_path / "new.lock"]
    stays[1].touch()
    remove_old(tmp_path, "**/*.lock", before=2_000)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(stays)


def test_a_file_that_vanishes_while_it_is_looked_at_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.lock").symlink_to("nowhere")
    gone = [old(tmp_path / name) for name in ("b.lock", "c.lock", "d.tmp")]
    remove_old(tmp_path, "*.lock", "*.tmp", before=2_000)
    assert [path for path in gone if path.exists()] == []


def test_a_draft_that_vanishes_while_a_daemon_starts_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "status.new-123").symlink_to("nowhere")
    with StateDirectory(tmp_path).lock():
        pass


def test_threads_that_write_the_same_note_at_once_all_get_it_written(tmp_path: Path) -> None:
    def write(writer: int) -> None:
        for _ in range(500):
            write_note(tmp_path / "note.json", {"writer": writer})

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(write, range(4))) == [None] * 4
    assert read_note(tmp_path / "note.json") is not None
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]
