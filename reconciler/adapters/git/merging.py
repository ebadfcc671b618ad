"""What becomes of our commits when the branch there is not what we saw last. Nothing is forced, no record is lost."""

from collections.abc import Callable

from reconciler.adapters.git.commits import Draft, write
from reconciler.adapters.git.repository import Repository
from reconciler.adapters.records import KEPT, TRANSCRIPTS, contradictions, to_write


class Merging:
    """Brings the local branch and the one that was fetched together. Called under the repository's lock."""

    def __init__(self, repository: Repository, branch: str, signature: Callable[[], bytes]) -> None:
        """``signature`` is who restores records, now."""
        self._repository = repository
        self._signature = signature
        self.local = f"refs/heads/{branch}"
        self.seen = f"refs/remotes/origin/{branch}"
        """The tip that the remote had when we last knew."""
        self.incoming = f"refs/incoming/{branch}"
        self._scratch = f"refs/scratch/{branch}"

    def settle(self, incoming: str | None, seen: str | None) -> str | None:
        """Take in what the remote has (``None``: no branch), which was asked when we had last ``seen`` another tip.

        Returns what a person should know, if anything. Does nothing when somebody settled or pushed in the meantime.
        """
        mine, seen_now = self._repository.resolve(self.local, self.seen)
        if seen_now != seen:
            return None
        if incoming is None:
            self._move(self.seen, None, seen)
            return "the branch was deleted there: the next push makes it again"
        notice = None
        if mine is None:
            tip = incoming
        elif seen is not None and not self._repository.is_ancestor(seen, incoming):
            tip, restored = self._restore(mine, incoming)
            notice = f"the branch was rewritten there: {_records(restored)} put back on top of {incoming[:12]}"
        else:
            tip = self._join(mine, incoming)
        if tip != mine:
            self._move(self.local, tip, mine)
        self._move(self.seen, incoming, seen)
        return notice

    def _join(self, mine: str, incoming: str) -> str:
        if self._repository.is_ancestor(incoming, mine):
            return mine
        if self._repository.is_ancestor(mine, incoming):
            return incoming
        return self._replay(mine, incoming)

    def _replay(self, mine: str, incoming: str) -> str:
        """Our commits again on top of theirs, with the same messages, people and dates."""
        repository = self._repository
        ours = repository.git.text("rev-list", "--reverse", "--topo-order", mine, f"^{incoming}").split()
        there: dict[str, bytes] = {}
        contradicted: set[str] = set()
        drafts = []
        for commit, found in zip(ours, repository.objects(ours), strict=True):
            files = self._files(commit)
            unknown = [path for path in files if path not in there]
            objects = repository.objects([f"{incoming}:{path}" for path in unknown])
            there |= {path: found[1] for path, found in zip(unknown, objects, strict=True) if found is not None}
            assert found is not None, commit
            contradicted |= contradictions(files, there)
            if written := to_write(files, there, contradicted=contradicted):
                drafts.append(_again(found[1], written))
                there |= written
        return write(repository.git, self._scratch, incoming, drafts, force=True) if drafts else incoming

    def _files(self, commit: str) -> dict[str, bytes]:
        """The files that one of our commits wrote. It has one parent, or none."""
        parents = self._repository.git.text("rev-list", "--parents", "-1", commit).split()[1:]
        if parents:
            entries = self._repository.differences(parents[0], commit)
        else:
            entries = dict(self._repository.entries(commit))
        oids = {path: entry.oid for path, entry in entries.items() if entry is not None}
        blobs = self._repository.blobs(set(oids.values()))
        return {path: blobs[oid] for path, oid in oids.items()}

    def _restore(self, mine: str, incoming: str) -> tuple[str, int]:
        """Every record that we hold and they lack, in one commit on top of theirs; also returns how many."""
        kept = self._repository.entries(incoming, KEPT)
        held = self._repository.entries(mine, KEPT)
        files = {path: entry.oid for path, entry in held.items() if path not in kept}
        count = sum(not path.startswith(TRANSCRIPTS) for path in files)
        if not files:
            return incoming, 0
        message = f"Restore {_records(count)} that a rewrite of the branch dropped\n".encode()
        who = self._signature()
        draft = Draft(files=files, message=message, author=who, committer=who)
        return write(self._repository.git, self._scratch, incoming, [draft], force=True), count

    def _move(self, ref: str, new: str | None, old: str | None) -> None:
        """Move ``ref``, only if it still holds ``old``."""
        if new is None:
            self._repository.git.run("update-ref", "-d", ref, old or "")
        elif new != old:
            self._repository.git.run("update-ref", ref, new, old or "0" * len(new))


def _again(commit: bytes, files: dict[str, bytes]) -> Draft:
    head, message = commit.split(b"\n\n", 1)
    people = dict(line.split(b" ", 1) for line in head.split(b"\n") if line.startswith((b"author ", b"committer ")))
    return Draft(files=files, message=message, author=people[b"author"], committer=people[b"committer"])


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
