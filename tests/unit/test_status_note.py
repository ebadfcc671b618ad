"""What a pass leaves for ``status``."""

from collections.abc import Mapping
from pathlib import Path

from reconciler.core.planning import Limits
from tests.shell_world import MemoryNotes, ShellWorld, definitions


class EveryNote(MemoryNotes):
    """Keeps each status note."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[Mapping[str, object]] = []

    def put(self, name: str, value: Mapping[str, object]) -> None:
        super().put(name, value)
        if name == "status":
            self.statuses.append(value)


async def test_a_trial_that_runs_is_not_counted_as_due_as_well(tmp_path: Path) -> None:
    world = ShellWorld(folder=tmp_path, limits=Limits(parallel=1, memory_mib=8192, attempts=1))
    notes = world.notes = EveryNote()
    world.commit(definitions("alpha", iterations=2))
    await world.settle()
    wanted = len(world.records())
    due_beside = [note["due"] for note in notes.statuses if note["running"]]
    assert due_beside
    assert wanted not in due_beside, "the pass that begins the first of them"
