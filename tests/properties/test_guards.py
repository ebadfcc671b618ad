"""However a job grows, looking only at what is new misses no forbidden command."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.guards import Violation, violation
from reconciler.core.model import Command, Job, Scenario, Task

SCENARIO = Scenario(
    key="k", title="", description="", ticket_title="", ticket_body="", forbidden_commands=("never", "bad")
)
TEXTS = st.sampled_from(["fine", "also fine", "bad"])
Told = list[tuple[int, int, str]]


def search(pattern: str, text: str) -> tuple[int, int] | None:
    return (0, len(text)) if text == pattern else None


def snapshots(told: Told, *, append: bool) -> list[Job]:
    """A job after each command that is told: by its task, its place in it (or its end), and its text."""
    tasks: dict[int, list[str]] = {}
    jobs = []
    for task, place, text in told:
        commands = tasks.setdefault(task, [])
        commands.insert(len(commands) if append else place, text)
        jobs.append(
            Job(
                id="j",
                tasks=tuple(
                    Task(id=str(n), agent="a", host="h", commands=tuple(Command(text=c) for c in found))
                    for n, found in tasks.items()
                ),
            )
        )
    return jobs


def watched(jobs: list[Job]) -> tuple[int, Violation | None]:
    """Which snapshot violated a guard first; the last is that of a job that has ended."""
    before: Job | None = None
    for number, job in enumerate(jobs):
        if found := violation(SCENARIO, job, search, since=before):
            return number, found
        before = job
    return len(jobs), None


@given(st.lists(st.tuples(st.integers(0, 3), st.just(0), TEXTS), min_size=1))
def test_a_forbidden_command_is_found_in_the_snapshot_that_tells_it(told: Told) -> None:
    jobs = snapshots(told, append=True)
    first = next((n for n, (_, _, text) in enumerate(told) if text == "bad"), len(told))
    number, found = watched(jobs)
    assert number == first
    if found is not None:
        assert found == violation(SCENARIO, jobs[number], search), "the same as without the snapshots before"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), TEXTS), min_size=1))
def test_in_whatever_order_it_is_told_it_is_found_at_the_end_at_the_latest(told: Told) -> None:
    jobs = snapshots(told, append=False)
    _, found = watched([*jobs, replace(jobs[-1], status="success")])
    assert (found is not None) == any(text == "bad" for _, _, text in told)
