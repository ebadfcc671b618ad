"""A revision and what was read of it are never mixed with another one, whenever a fetch ends."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from reconciler.adapters.memory.platform import MemoryPlatform, MemorySandbox
from reconciler.adapters.memory.provisioner import MemoryProvisioner
from reconciler.core.digests import digest
from reconciler.core.errors import Unavailable
from reconciler.core.model import Template
from reconciler.ports import SandboxSpec
from reconciler.shell.daemon import Reconciler
from reconciler.shell.observe import Observer
from reconciler.shell.templating import TemplateMaker
from tests.shell_world import ShellWorld, definitions

PREPARE = "scenarios/alpha/prepare.yml"
ANOTHER = b"- hosts: all\n  tasks: [{name: break it otherwise, ansible.builtin.meta: noop}]\n"
PROVISION = "config/templates/base/install.yml"
BASE: dict[str, bytes | None] = {
    "config/templates/base/template.yaml": b"image: {incus: base}\nmemory: 256MiB\nprovision: [install.yml]\n",
    PROVISION: b"- hosts: all\n  tasks: [{name: install it, ansible.builtin.meta: noop}]\n",
}


class SlowPlatform(MemoryPlatform):
    """While it says what its images are, somebody commits, and the daemon fetches."""

    daemon: Reconciler
    world: ShellWorld

    async def images(self, templates: Collection[Template]) -> Mapping[str, str]:
        self.world.commit({PREPARE: ANOTHER}, "meanwhile")
        await self.daemon.observer.fetch()
        return await super().images(templates)


@pytest.fixture
def world(tmp_path: Path) -> ShellWorld:
    return ShellWorld(folder=tmp_path)


async def test_a_trial_runs_the_files_of_its_digests_when_a_fetch_ends_in_the_middle_of_a_pass(
    world: ShellWorld,
) -> None:
    world.platform = slow = SlowPlatform(clock=world.clock, images=("base",))
    slow.world, slow.daemon = world, world.daemon()
    first = world.commit(definitions("alpha"))
    await slow.daemon.observer.fetch()
    seen = await slow.daemon.observer.look()
    work = await slow.daemon.preparer.work(seen, slow.daemon.decide(seen).start[0])
    folder = world.source.checkout(work.origin.commit, work.checkout, digest([work.trial.batch.id]))
    assert seen.revision == work.origin.commit == first
    assert (folder / PREPARE).read_bytes() == definitions("alpha")[PREPARE]


async def outdated(world: ShellWorld) -> tuple[Observer, Template]:
    """An observer that has looked, the template that it saw then, and newer definitions that it has fetched since."""
    world.commit(definitions("alpha") | BASE)
    observer = world.daemon().observer
    await observer.fetch()
    seen = await observer.look()
    assert seen.catalogue is not None
    template = seen.catalogue.template("base", "incus")
    world.commit({PROVISION: ANOTHER}, "meanwhile")
    await observer.fetch()
    return observer, template


async def test_a_template_is_made_from_the_files_of_its_digest_while_newer_definitions_are_on_their_way(
    world: ShellWorld,
) -> None:
    observer, template = await outdated(world)
    revision, paths = observer.template_sources(template)
    folder = world.source.checkout(revision, paths, "template")
    assert (folder / PROVISION).read_bytes() == BASE[PROVISION]


async def test_a_template_that_was_changed_since_its_trial_began_is_not_made_of_other_files(world: ShellWorld) -> None:
    observer, template = await outdated(world)
    await observer.look()
    machine = MemorySandbox(SandboxSpec(name="it", host="it", template=template, labels={}), image="base", scripts={})
    with pytest.raises(Unavailable, match="template base was changed since this trial began"):
        await TemplateMaker(provisioner=MemoryProvisioner(), observer=observer)(template, machine)
