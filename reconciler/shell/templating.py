"""Runs a template's own playbooks while a platform makes it: the same source, checkout and provisioner as a trial's."""

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath

from reconciler.core.digests import digest
from reconciler.core.errors import Invalid
from reconciler.core.model import Template
from reconciler.ports import Provisioner, Sandbox
from reconciler.shell.observe import Observer

PLAYBOOK_SECONDS = 1800.0
"""A template may install a lot, and is made once."""


@dataclass(kw_only=True)
class TemplateMaker:
    """Called by a platform with a template and the running machine that is to become it."""

    provisioner: Provisioner
    observer: Observer | None = None
    """Set once it is there: the platforms, which it looks through, are made first."""

    async def __call__(self, template: Template, sandbox: Sandbox) -> None:
        """Run the playbooks in order. Raises ``Invalid`` for one that fails: the template cannot be made as it is written.

        Raises ``Unavailable`` where the definitions moved on: the next pass wants another template.
        """
        observer = self.observer
        assert observer is not None
        revision, paths = observer.template_sources(template)
        name = digest([template.name, template.content, *paths])
        folder = await asyncio.to_thread(observer.source.checkout, revision, paths, name)
        for playbook in template.provision:
            path = PurePosixPath(template.folder) / playbook
            result = await self.provisioner.play(path, folder=folder, sandboxes=[sandbox], timeout=PLAYBOOK_SECONDS)
            if not result.passed:
                why = ": ".join(p for p in (result.failed_task, result.message) if p)
                raise Invalid(f"template {template.name} cannot be made: {why}", path=str(path))
