"""Port ResultsStore: one suite over the fake and over git, with and without a remote."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.git.results import GitResults
from reconciler.adapters.memory.results import MemoryBranch, MemoryResults
from reconciler.core.errors import Invalid
from reconciler.ports import ResultsStore
from tests import git_world
from tests.git_world import record, trial_path

A, B = trial_path("a"), trial_path("b")
TREND, SVG = "trends/nginx/linux--runbook.json", "trends/nginx/linux--runbook.svg"
OTHER = "trends/nginx/linux--runbook.v2.json"
Maker = Callable[[], ResultsStore]


@pytest.fixture(params=["memory", "git", "git without a remote"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ResultsStore:
    if request.param == "memory":
        return MemoryResults(MemoryBranch())
    remote = str(git_world.bare(tmp_path / "remote.git")) if request.param == "git" else None
    return git_results(remote, tmp_path / "state")


@pytest.fixture(params=["memory", "git"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    """Makes stores that share a remote."""
    if request.param == "memory":
        branch = MemoryBranch()
        return lambda: MemoryResults(branch)
    remote = str(git_world.bare(tmp_path / "remote.git"))
    numbers = iter(range(100))
    return lambda: git_results(remote, tmp_path / f"state-{next(numbers)}")


def git_results(remote: str | None, state: Path) -> GitResults:
    return GitResults(
        repository=remote,
        branch="results",
        author_name="reconciler",
        author_email="reconciler@localhost",
        state=state,
        clock=WallClock(),
    )


async def test_an_absent_branch_is_empty(store: ResultsStore) -> None:
    results = await store.refresh()
    assert (results.tip, results.trials, results.broken, results.warnings) == (None, {}, {}, [])
    assert store.read([A]) == {}
    assert await store.push() is None


async def test_what_was_appended_is_there(store: ResultsStore) -> None:
    tip = await store.append({A: record("a"), "README.md": b"# Results\n"}, "one trial")
    results = await store.refresh()
    assert results.tip == tip
    assert list(results.trials) == [A]
    assert store.read([A, "README.md", "nowhere", "trials"]) == {A: record("a"), "README.md": b"# Results\n"}


async def test_of_very_many_paths_those_that_are_there_are_read(store: ResultsStore) -> None:
    many = [f"trends/{n}.json" for n in range(2_000)]
    assert store.read(many) == {}
    await store.append({many[7]: b"7", "README.md": b"# Results\n", A: record("a")}, "some")
    assert store.read([*many, "README.md", "trends"]) == {many[7]: b"7", "README.md": b"# Results\n"}


async def test_each_append_adds_to_the_list(store: ResultsStore) -> None:
    await store.append({A: record("a")}, "a")
    before = await store.refresh()
    await store.append({B: record("b")}, "b")
    after = await store.refresh()
    assert list(before.trials) == [A]
    assert sorted(after.trials) == [A, B]


async def test_contents_that_are_there_make_no_commit(store: ResultsStore) -> None:
    first = await store.append({A: record("a"), "README.md": b"1"}, "a")
    assert await store.append({A: record("a"), "README.md": b"1"}, "again") == first
    assert await store.append({A: record("a"), "README.md": b"2"}, "a new README") != first


async def test_a_record_is_never_changed_and_the_rest_of_the_commit_is_made(store: ResultsStore) -> None:
    await store.append({A: record("a", passed=True), "transcripts/a.json": b"first"}, "a")
    await store.append({A: record("a", passed=False), "transcripts/a.json": b"second", "README.md": b"2"}, "again")
    held = {A: record("a", passed=True), "transcripts/a.json": b"first", "README.md": b"2"}
    assert store.read(held) == held


async def test_where_a_record_stays_what_was_derived_from_another_one_is_not_written(store: ResultsStore) -> None:
    await store.append({A: record("a", passed=True), TREND: b"a passed", SVG: b"up", OTHER: b"1"}, "a")
    await store.append({A: record("a", passed=False), TREND: b"a failed", SVG: b"down", OTHER: b"2"}, "again")
    assert store.read([TREND, SVG, OTHER]) == {TREND: b"a passed", SVG: b"up", OTHER: b"2"}
    await store.append({A: record("a", passed=True), TREND: b"derived anew"}, "the same record")
    assert store.read([TREND]) == {TREND: b"derived anew"}


async def test_a_proof_is_listed_and_never_changed_while_it_can_be_read(store: ResultsStore) -> None:
    path, proof = "proofs/stale-lock/0123456789abcdef0123.json", b'{"schema": "reconciler.proof/1", "proof": "a"}\n'
    await store.append({path: b"cut"}, "damaged")
    await store.append({path: proof}, "proven")
    await store.append({path: proof.replace(b'"a"', b'"b"')}, "proven otherwise")
    assert store.read([path]) == {path: proof}
    assert (await store.view()).proofs == {path}


@pytest.mark.parametrize(
    "contents",
    [
        b"not json",
        b"[]",
        b'{"schema": "other/1"}',
        b'{"schema": "reconciler.trial/1"}',
        record("a", batch=None),
        record("a", scenario="nginx"),
        record("a", passed="yes"),
        b"",
        b"\xff{}",
        b"[" * 100_000,
    ],
)
async def test_a_broken_record_does_not_count_and_can_be_written_again(store: ResultsStore, contents: bytes) -> None:
    await store.append({A: contents, B: record("b"), "transcripts/a.json": b"first"}, "a broken one")
    results = await store.refresh()
    assert list(results.trials) == [B]
    assert list(results.broken) == [A]
    assert results.broken[A].startswith("not ")
    await store.append({A: record("a"), "transcripts/a.json": b"second"}, "a good one")
    results = await store.refresh()
    assert (sorted(results.trials), results.broken) == ([A, B], {})
    assert store.read(["transcripts/a.json"]) == {"transcripts/a.json": b"second"}


@pytest.mark.parametrize(
    "path", ["../x", "/x", "trials/../x", ".git/config", "trials/.GIT/x", "a//b", "", "a\nb", "trials/a b", "x" * 256]
)
async def test_a_path_that_leads_elsewhere_is_refused(store: ResultsStore, path: str) -> None:
    with pytest.raises(Invalid):
        await store.append({A: record("a"), path: b"x"}, "a")
    assert (await store.refresh()).tip is None


async def test_what_one_pushes_another_sees(another: Maker) -> None:
    one, other = another(), another()
    await one.append({A: record("a")}, "a")
    assert (await other.refresh()).trials == {}
    assert await one.push() is None
    assert list((await other.refresh()).trials) == [A]
    assert other.read([A]) == {A: record("a")}


async def test_a_view_shows_what_is_here_and_asks_nobody(another: Maker) -> None:
    one, other = another(), another()
    assert (await other.view()).tip is None
    await one.append({A: record("a")}, "a")
    assert list((await one.view()).trials) == [A]
    await one.push()
    assert (await other.view()).trials == {}
    await other.refresh()
    assert list((await other.view()).trials) == [A]


async def test_a_lost_race_loses_no_record(another: Maker) -> None:
    one, other = another(), another()
    await one.append({A: record("a"), "README.md": b"one"}, "a")
    await other.append({B: record("b"), "README.md": b"other"}, "b")
    assert await one.push() is None
    assert await other.push() is None
    third = another()
    assert sorted((await third.refresh()).trials) == [A, B]
    assert third.read([A, B, "README.md"]) == {A: record("a"), B: record("b"), "README.md": b"other"}


async def test_of_two_records_of_one_trial_the_first_pushed_stays(another: Maker) -> None:
    one, other = another(), another()
    await one.append({A: record("a", by=1), "transcripts/a": b"1"}, "a")
    await other.append({A: record("a", by=2), "transcripts/a": b"2", B: record("b")}, "a and b")
    assert await one.push() is None
    assert await other.push() is None
    await one.refresh()
    assert one.read([A, B]) == other.read([A, B]) == {A: record("a", by=1), B: record("b")}


async def test_of_two_records_of_one_trial_the_trend_of_the_second_goes_with_it(another: Maker) -> None:
    """And what was derived after it, of which the lost one is a part. A trend that lacks a record is derived anew."""
    one, other = another(), another()
    await one.append({A: record("a", by=1), TREND: b"a by 1", SVG: b"1"}, "a")
    await other.append({A: record("a", by=2), TREND: b"a by 2", SVG: b"2", OTHER: b"theirs"}, "a")
    await other.append({B: record("b"), TREND: b"a by 2, and b", SVG: b"2 b"}, "b")
    assert await one.push() is None
    assert await other.push() is None
    await one.refresh()
    held = {A: record("a", by=1), B: record("b"), TREND: b"a by 1", SVG: b"1", OTHER: b"theirs"}
    assert one.read(held) == other.read(held) == held


async def test_unpushed_commits_survive_the_news_of_others(another: Maker) -> None:
    one, other = another(), another()
    await one.append({A: record("a")}, "a")
    await one.push()
    await other.append({B: record("b")}, "b")
    assert sorted((await other.refresh()).trials) == [A, B]
    assert (await one.refresh()).trials.keys() == {A}
    assert await other.push() is None
    assert sorted((await one.refresh()).trials) == [A, B]


async def test_what_differs_between_two_tips_is_told(store: ResultsStore) -> None:
    await store.append({A: record("a"), "README.md": b"1"}, "a")
    old = (await store.refresh()).tip
    await store.append({B: record("b"), "README.md": b"2"}, "b")
    new = (await store.refresh()).tip
    assert old is not None
    assert new is not None
    assert set(store.changed(old, new) or ()) == {B, "README.md"}
    assert list(store.changed(new, new) or ()) == []
    assert store.changed("0" * 40, new) is None
