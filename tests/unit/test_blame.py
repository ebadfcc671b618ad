"""Which commit a reason names: the same that asking for each file alone would name."""

from collections.abc import Collection
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.adapters.memory.source import MemorySource
from reconciler.ports import Commit
from reconciler.shell.blame import Blame

FILES = ("scenarios/a", "scenarios/b", "scenarios/c")


class CountingSource(MemorySource):
    """How often it was asked for a commit."""

    asked = 0

    def last_change(self, revision: str, paths: Collection[str]) -> Commit | None:
        self.asked += 1
        return super().last_change(revision, paths)


def test_a_commit_that_touched_many_files_is_looked_up_once(tmp_path: Path) -> None:
    source = CountingSource(folders=["scenarios"], state=tmp_path)
    source.commit(dict.fromkeys(FILES, b"1"))
    tip = source.commit(dict.fromkeys(FILES, b"2"), "all of them")
    blame = Blame(source=source)
    assert {found.subject for path in FILES if (found := blame.commit(tip, [path]))} == {"all of them"}
    assert source.asked == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.sampled_from(FILES), min_size=1), min_size=1, max_size=6), st.randoms())
def test_it_says_what_asking_for_each_says(tmp_path: Path, commits: list[set[str]], random: Random) -> None:
    source = MemorySource(folders=["scenarios"], state=tmp_path)
    source.commit(dict.fromkeys(FILES, b"start"))
    for number, files in enumerate(commits):
        tip = source.commit(dict.fromkeys(files, str(number).encode()))
    blame = Blame(source=source)
    questions = [[path] for path in FILES] + [list(FILES[:2]), list(FILES)]
    random.shuffle(questions)
    for paths in questions:
        assert blame.commit(tip, paths) == source.last_change(tip, paths)
