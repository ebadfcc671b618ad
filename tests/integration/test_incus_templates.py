"""Templates in mode `incus` that nobody wants any more: they go by themselves, and nobody else's do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
import pytest_asyncio

from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.core.model import Template
from reconciler.ports import SandboxSpec
from tests.fake_clock import FakeClock
from tests.incus_project import incus, instances, own_project

pytestmark = pytest.mark.real("incus")

A_WEEK, TWO_WEEKS, AN_HOUR = timedelta(days=7), timedelta(days=14), timedelta(hours=1)


@pytest.fixture
def project() -> Iterator[str]:
    with own_project() as name:
        yield name


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def platform(project: str, clock: FakeClock) -> AsyncIterator[IncusPlatform]:
    async with platform_of("one", project, clock) as made:
        yield made


@contextlib.asynccontextmanager
async def platform_of(instance: str, project: str, clock: FakeClock) -> AsyncIterator[IncusPlatform]:
    made = IncusPlatform(project=project, instance=instance, clock=clock)
    yield made
    await made.close()


async def clone(platform: IncusPlatform, edition: str = "1", name: str = "it") -> None:
    """A sandbox from an edition of the template, gone again."""
    template = Template(name="web", content=edition, image="debian/12", memory_mib=256)
    await platform.create(SandboxSpec(name=name, host="app-01", template=template))
    await platform.destroy(name)


def templates(project: str) -> set[str]:
    return {name for name in instances(project) if name.startswith("template-")}


async def test_the_templates_of_earlier_editions_go_two_weeks_after_their_last_use(
    platform: IncusPlatform, project: str, clock: FakeClock
) -> None:
    await clone(platform, "1")
    first = templates(project)
    clock.advance(TWO_WEEKS - AN_HOUR)
    await clone(platform, "2")
    await platform.list()
    assert first < templates(project)
    clock.advance(2 * AN_HOUR)
    await platform.list()
    assert len(templates(project)) == 1
    assert not first & templates(project)


async def test_a_template_that_is_wanted_again_is_made_again(
    platform: IncusPlatform, project: str, clock: FakeClock
) -> None:
    await clone(platform)
    made = templates(project)
    clock.advance(TWO_WEEKS + AN_HOUR)
    await platform.list()
    assert templates(project) == set()
    await clone(platform)
    assert templates(project) == made


async def test_a_template_that_another_daemon_uses_stays(
    platform: IncusPlatform, project: str, clock: FakeClock
) -> None:
    async with platform_of("another", project, clock) as other:
        await clone(platform)
        for _ in range(3):
            clock.advance(A_WEEK)
            await clone(other)
            await platform.list()
            assert len(templates(project)) == 1


async def test_what_only_looks_like_a_template_is_never_removed(
    platform: IncusPlatform, project: str, clock: FakeClock
) -> None:
    label = "user.reconciler.template=web"
    incus("create", "-q", "--empty", "template-of-a-person", "--project", project)
    incus("create", "-q", "--empty", "web", "--project", project, "-c", label)
    incus(
        "create", "-q", "--empty", "template-x", "--project", project, "-c", label, "-c", "user.reconciler.instance=i"
    )
    clock.advance(timedelta(days=3650))
    await platform.list()
    assert set(instances(project)) == {"template-of-a-person", "web", "template-x"}


async def test_looking_for_old_templates_takes_none_away_from_who_clones_at_that_moment(
    platform: IncusPlatform, project: str, clock: FakeClock
) -> None:
    await clone(platform)
    clock.advance(TWO_WEEKS + AN_HOUR)
    await asyncio.gather(platform.list(), clone(platform, name="a"), platform.list(), clone(platform, name="b"))
    await platform.list()
    assert len(templates(project)) == 1
