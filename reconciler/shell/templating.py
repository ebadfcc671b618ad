"""Runs a template's own playbooks while a platform makes it: the same source, checkout and provisioner as a trial's."""

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath

from reconciler.core.digests import digest
from reconciler.core.errors import Invalid, Unavailable
from reconciler.core.model import Template
from reconciler.ports import Provisioner, Sandbox
from reconciler.shell.observe import Observer

PLAYBOOK_SECONDS = 1800.0
"""A template may install a lot, and is made once."""


@dataclass(frozen=True, kw_only=True)
class TemplateMaker:
    """Called by a platform with a template and the running machine that is to become it."""

    observer: Observer
    provisioner: Provisioner

    async def __call__(self, template: Template, sandbox: Sandbox) -> None:
        """Run the playbooks in order. Raises ``Invalid`` for one that fails: the template cannot be made as it is written."""
        revision, paths = self.observer.template_sources(template.name)
        if revision is None:
            raise Unavailable("no revision of the definitions is known yet")
        name = digest([template.name, template.content, *paths])
        folder = await asyncio.to_thread(self.observer.source.checkout, revision, paths, name)
        for playbook in template.provision:
            path = PurePosixPath(template.folder) / playbook
            result = await self.provisioner.play(path, folder=folder, sandboxes=[sandbox], timeout=PLAYBOOK_SECONDS)
            if not result.passed:
                why = ": ".join(p for p in (result.failed_task, result.message) if p)
                raise Invalid(f"template {template.name} cannot be made: {why}", path=str(path))
