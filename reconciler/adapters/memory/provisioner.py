"""Playbooks that are only spoken of."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from reconciler.core.model import PlaybookResult
from reconciler.ports import Sandbox


class MemoryProvisioner:
    """Port ``Provisioner``. Every playbook passes, but for those that it is told of; ``played`` holds what was asked."""

    def __init__(self, script: Mapping[str, PlaybookResult | Exception] | None = None) -> None:
        """``script`` maps a playbook's path in the folder to its result, or to what it raises."""
        self._script = script or {}
        self.played: list[tuple[str, tuple[str, ...]]] = []
        """Playbook and hosts of each call, in order."""

    async def play(
        self,
        playbook: PurePosixPath,
        *,
        folder: Path,  # noqa: ARG002 - nothing is read
        sandboxes: Sequence[Sandbox],
        inventory: str | None = None,  # noqa: ARG002
        timeout: float,
    ) -> PlaybookResult:
        """Answer from the script, once every sandbox has answered."""
        for sandbox in sandboxes:
            await sandbox.run(["true"], timeout=timeout)
        self.played.append((str(playbook), tuple(sandbox.host for sandbox in sandboxes)))
        result = self._script.get(str(playbook), PlaybookResult(passed=True))
        if isinstance(result, Exception):
            raise result
        return result
