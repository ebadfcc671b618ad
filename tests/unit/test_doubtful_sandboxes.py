"""A sandbox that does not vouch for what was seen in it gives no result, whatever that was."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.adapters.memory.platform import MemorySandbox
from reconciler.core.errors import Transient
from reconciler.core.model import Job, PlaybookResult
from reconciler.core.planning import Limits
from reconciler.ports import Assignment
from tests.shell_world import Script, ShellWorld, definitions, works

FULL = "the disk was full"


@pytest.fixture
def world(tmp_path: Path) -> ShellWorld:
    return ShellWorld(folder=tmp_path, limits=Limits(parallel=3, memory_mib=8192, attempts=2))


def doubted(times: int) -> Script:
    """An agent in whose sandbox the disk is full, in its first so many trials."""
    left = iter(range(times))

    async def work(assignment: Assignment) -> AsyncIterator[Job]:
        sandbox = assignment.seats[0].sandbox
        assert isinstance(sandbox, MemorySandbox)
        if next(left, None) is not None:
            sandbox.doubt = FULL
        async for job in works(assignment):
            yield job

    return work


@pytest.mark.parametrize(
    "truth",
    [
        PlaybookResult(passed=True),
        PlaybookResult(passed=False),
        Transient("playbook", "No usable temporary directory found"),
    ],
    ids=["mended", "not mended", "not to be told"],
)
async def test_a_trial_in_a_doubtful_sandbox_has_no_result_and_says_why(
    world: ShellWorld, truth: PlaybookResult | Exception
) -> None:
    world.playbooks["scenarios/alpha/validate.yml"] = truth
    world.script = doubted(2)
    world.commit(definitions("alpha", iterations=1))
    [stalled] = (await world.settle()).stalled
    assert stalled.reason == f"2 attempts failed, the last: {FULL}"
    assert world.records() == {}
    assert world.platform.sandboxes == {}


async def test_it_is_tried_again_and_then_counts(world: ShellWorld) -> None:
    world.script = doubted(1)
    world.commit(definitions("alpha", iterations=1))
    assert (await world.settle()).stalled == ()
    assert [record["passed"] for record in world.records().values()] == [True]
