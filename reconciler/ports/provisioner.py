"""Runs playbooks against the hosts of a sandbox."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from reconciler.core.model import PlaybookResult
from reconciler.ports.platform import Sandbox


class Provisioner(Protocol):
    """Runs playbooks. A failing playbook is a result; a host that cannot be reached is ``Transient("sandbox")``.

    But one that is still there, and could be reached by a play before, was broken since: then the playbook has failed.
    """

    async def play(
        self,
        playbook: PurePosixPath,
        *,
        folder: Path,
        sandboxes: Sequence[Sandbox],
        inventory: str | None = None,
        timeout: float,
    ) -> PlaybookResult:
        """Run ``playbook`` (relative to ``folder``, the checkout's root) against the sandboxes.

        The generated inventory holds each sandbox under its host name. ``inventory``, relative to ``folder``, is a shipped
        inventory read beside it, for groups and variables. A playbook that does not end within ``timeout`` seconds is
        killed with all its children and raises ``Transient("playbook")``; so does one that cannot be parsed.
        """
        ...
