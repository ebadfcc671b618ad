"""A results branch without git, for tests. Two stores may share one ``MemoryBranch`` as their remote."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reconciler.adapters.records import PROOFS, check_paths, contradictions, is_record, to_write, what_is_wrong
from reconciler.ports import Results


@dataclass
class MemoryBranch:
    """A branch: its files, and the messages of its commits, oldest first."""

    files: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    @property
    def tip(self) -> str | None:
        """Names the state of the branch; ``None`` before the first commit."""
        return _name(repr((self.messages, sorted(self.files.items()))).encode()) if self.messages else None


class MemoryResults:
    """Port ``ResultsStore``. What was appended and not pushed yet is replayed on the remote by ``push``."""

    def __init__(self, remote: MemoryBranch | None = None) -> None:
        """``remote`` is the branch that others push to as well; without it there is only the local one."""
        self._remote = remote
        self._local = MemoryBranch()
        self._unpushed: list[tuple[Mapping[str, bytes], str]] = []
        self._seen: dict[str, Mapping[str, bytes]] = {}
        self.refusal: str | None = None
        """When set, the reason why the remote refuses each push."""

    async def refresh(self) -> Results:
        """See ``ResultsStore.refresh``."""
        self._replay()
        return await self.view()

    async def view(self) -> Results:
        """See ``ResultsStore.view``."""
        wrong = {p: what_is_wrong(contents) for p, contents in self._local.files.items() if is_record(p)}
        if (tip := self._local.tip) is not None:
            self._seen[tip] = dict(self._local.files)
        return Results(
            tip=tip,
            trials={p: _name(self._local.files[p]) for p, why in wrong.items() if why is None},
            proofs=frozenset(p for p in self._local.files if p.startswith(PROOFS)),
            broken={p: why for p, why in wrong.items() if why is not None},
            warnings=[self.refusal] if self.refusal else [],
        )

    def read(self, paths: Collection[str]) -> Mapping[str, bytes]:
        """See ``ResultsStore.read``."""
        return {path: self._local.files[path] for path in paths if path in self._local.files}

    def changed(self, old: str, new: str) -> Collection[str] | None:
        """See ``ResultsStore.changed``. Tips that no view has shown are not known."""
        one, other = self._seen.get(old), self._seen.get(new)
        if one is None or other is None:
            return None
        return {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}

    async def append(self, files: Mapping[str, bytes], message: str) -> str:
        """See ``ResultsStore.append``."""
        check_paths(files)
        if _commit(self._local, files, message):
            self._unpushed.append((dict(files), message))
        return self._local.tip or ""

    async def push(self) -> str | None:
        """See ``ResultsStore.push``."""
        if self.refusal is not None:
            return self.refusal
        self._replay()
        if self._remote is not None:
            self._remote.files, self._remote.messages = dict(self._local.files), list(self._local.messages)
        self._unpushed.clear()
        return None

    def _replay(self) -> None:
        if self._remote is None:
            return
        self._local = MemoryBranch(dict(self._remote.files), list(self._remote.messages))
        contradicted: set[str] = set()
        for files, message in self._unpushed:
            contradicted |= contradictions(files, self._local.files)
            _commit(self._local, files, message, contradicted)


def _commit(branch: MemoryBranch, files: Mapping[str, bytes], message: str, contradicted: Collection[str] = ()) -> bool:
    news = to_write(files, branch.files, contradicted=contradicted)
    branch.files.update(news)
    branch.messages += [message] if news else []
    return bool(news)


def _name(contents: bytes) -> str:
    return hashlib.sha1(contents, usedforsecurity=False).hexdigest()
