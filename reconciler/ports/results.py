"""The results branch: append only, local first, then pushed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results branch at a tip. ``trials`` are the paths of readable records below ``trials/`` (path to blob id)."""

    tip: str | None
    trials: Mapping[str, str]
    broken: Mapping[str, str] = field(default_factory=dict)
    """Paths of records that cannot be read, with what is wrong. They do not count as recorded."""
    proofs: frozenset[str] = frozenset()
    """Paths below ``proofs/``, whether they can be read or not."""
    unknown: str = ""
    """Why nobody can say what is recorded: the branch's remote never answered yet. Empty where it did."""
    warnings: Sequence[str] = ()
    """Things that a person should know: a branch that was rewritten, a push that is refused."""


class ResultsStore(Protocol):
    """The results branch. ``append`` is durable on return; everything can be repeated."""

    async def refresh(self) -> Results:
        """Fetch where possible and return the branch as it is here. An absent branch is empty, not an error."""
        ...

    async def view(self) -> Results:
        """The branch as it is here, without asking the remote."""
        ...

    def read(self, paths: Collection[str]) -> Mapping[str, bytes]:
        """Contents at the tip; absent paths are left out."""
        ...

    def changed(self, old: str, new: str) -> Collection[str] | None:
        """The paths that differ between two tips; ``None`` where that cannot be told. Its cost grows with what differs."""
        ...

    async def append(self, files: Mapping[str, bytes], message: str) -> str:
        """Commit ``files`` (path to contents) on the tip, durable locally; returns the commit.

        Contents that are already there make no commit. Paths under ``trials/`` and ``proofs/`` are never changed: one
        that holds another readable record keeps it, and the files of its series below ``trends/`` with it.
        """
        ...

    async def push(self) -> str | None:
        """Bring local commits to the remote, replayed on its tip where a race was lost, never forced.

        Returns ``None`` when the remote has everything, else the reason why not yet. Loses nothing either way.
        """
        ...
