"""The results branch: committed to a bare repository of our own first, then pushed."""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from reconciler.adapters.git.command import GitFailed, GitStopped, in_thread
from reconciler.adapters.git.commits import Draft, person, write
from reconciler.adapters.git.ledger import Ledger
from reconciler.adapters.git.merging import Merging
from reconciler.adapters.git.notices import Notices
from reconciler.adapters.git.remote import FETCH, Hangs, LostRace, NoAnswer, Remote
from reconciler.adapters.git.repository import Repository, check_branch, object_format
from reconciler.adapters.git.sharing import Shared
from reconciler.adapters.notefile import read_note, remove_old, write_note
from reconciler.adapters.records import PROOFS, check_paths, to_write
from reconciler.core.errors import Unavailable
from reconciler.ports import Clock, Results

_log = structlog.get_logger()
_PUSHES = 10
"""How often a lost race is run again."""
_PACKS = 50
"""Each append makes a pack; past this many they are rolled into one."""
_HUNG = 30.0
"""Seconds in which nobody asks a remote again that took too long to answer: each of many trials would wait for it."""
_LOOK_AGAIN = 3600.0
"""Seconds until a sound repository may be to blame for the same problem."""
_DEAD = 3600.0
"""Seconds after which a temporary file of git belongs to no running process."""
_MANY = 1_000
"""Paths from which on listing everything is quicker than asking for each."""


class GitResults:
    """Port ``ResultsStore`` over a branch of ``repository``, or over a local branch alone where that is ``None``.

    ``append`` needs no remote. What could not be pushed yet waits in the local repository for as long as it takes.
    """

    def __init__(
        self,
        *,
        repository: str | None,
        branch: str,
        author_name: str,
        author_email: str,
        state: Path,
        clock: Clock,
        patience: float = FETCH,
    ) -> None:
        """``state`` gets ``results.git`` (what is not pushed yet is only there) and small files about it.

        ``patience`` is that of ``Remote``.
        """
        self._repository = Repository(state / "results.git", durable=True)
        check_branch(branch)
        self._remote = None if repository is None else Remote(self._repository, repository, branch, patience=patience)
        self._merging = Merging(self._repository, branch, self._signature)
        self._ledger = Ledger(self._repository, state / "results-verified.json")
        self._notices = Notices(state / "results-notices.json")
        self._author = (author_name, author_email)
        self._clock = clock
        self._ref = self._merging.local
        self._refreshed = Shared(lambda: in_thread(self._refresh))
        self._online, self._tidying = threading.Lock(), threading.Lock()
        self._answer = self._repository.folder / "answer.json"
        self._nothing = {} if self._remote is None else {"none at": self._remote.name, "branch": branch}
        self._made = self._had = False
        self._problem = "nobody has asked its remote"
        self._hung = float("-inf")
        self._excused: tuple[str, float] = "", 0.0
        self._proofs: tuple[str | None, frozenset[str]] = None, frozenset()

    async def refresh(self) -> Results:
        """See ``ResultsStore.refresh``. A remote that does not answer is a warning. All who wait for it share one fetch."""
        return await self._refreshed()

    async def view(self) -> Results:
        """See ``ResultsStore.view``. Raises ``Unavailable``."""
        return await asyncio.to_thread(self._view)

    def read(self, paths: Collection[str]) -> Mapping[str, bytes]:
        """See ``ResultsStore.read``. Raises ``Unavailable``."""
        if not self._repository.exists:
            return {}
        wanted = [path for path in paths if "\n" not in path]
        if len(wanted) > _MANY:
            return self._read_many(wanted)
        objects = self._repository.objects([f"{self._ref}:{path}" for path in wanted])
        return {path: found[1] for path, found in zip(wanted, objects, strict=True) if found is not None}

    def changed(self, old: str, new: str) -> Collection[str] | None:
        """See ``ResultsStore.changed``."""
        try:
            return self._repository.differences(old, new)
        except GitFailed:  # a tip that is not here any more
            return None

    def _read_many(self, wanted: Collection[str]) -> Mapping[str, bytes]:
        """By one listing of the folders at the top: looking up path after path costs more than the contents."""
        if self._repository.resolve(self._ref) == [None]:
            return {}
        entries = self._repository.entries(self._ref, {path.partition("/")[0] for path in wanted})
        there = {path: entries[path].oid for path in wanted if path in entries}
        blobs = self._repository.blobs(set(there.values()))
        return {path: blobs[oid] for path, oid in there.items()}

    async def append(self, files: Mapping[str, bytes], message: str) -> str:
        """See ``ResultsStore.append``. Raises ``Invalid`` for a path that is not one for results, ``Unavailable``."""
        check_paths(files)
        return await asyncio.to_thread(self._append, dict(files), message)

    async def push(self) -> str | None:
        """See ``ResultsStore.push``."""
        problem = await self._push_until_won()
        try:
            await in_thread(self._tidy)
        except Unavailable as error:  # every append is a little slower until it can be done
            _log.warning("results not packed", problem=str(error))
        return problem

    async def _push_until_won(self) -> str | None:
        answer = ""
        for attempt in range(_PUSHES):
            try:
                await in_thread(self._push)
            except LostRace as lost:
                answer = str(lost)
                await self._clock.sleep(secrets.SystemRandom().uniform(0, min(2, 0.05 * 2**attempt)))
            except Unavailable as error:
                self._notices.put("push", f"results wait to be pushed: {error}", self._clock.now())
                return str(error)
            else:
                self._notices.drop("push")
                return None
        return f"others were faster {_PUSHES} times, or left a lock there ({answer}): the results wait here for the next push"

    # ------------------------------------------------------------ in threads

    def _make(self) -> None:
        """Make the local repository where it is not there yet, with the object format of the remote."""
        if self._made and self._repository.exists:
            return
        tip = None
        if self._remote is not None and not self._repository.exists:
            with contextlib.suppress(GitFailed):  # asked again by each fetch, which says so
                tip = self._remote.look_up()
        with self._repository.locked():
            self._repository.make(object_format(tip or ""))
        self._made = True

    def _refresh(self) -> Results:
        if self._clock.monotonic() - self._hung < _HUNG:
            return self._as_last_seen()
        try:
            self._make()
            self._fetch()
            return self._answered()
        except Unavailable as error:
            problem, self._problem = error, str(error)
        if isinstance(problem, Hangs):
            self._hung = self._clock.monotonic()
        if self._remote is not None and not isinstance(problem, NoAnswer) and self._to_blame(problem):
            self._begin_anew(self._remote)
            return self._answered()
        return self._as_last_seen()

    def _as_last_seen(self) -> Results:
        view = self._view()
        seen = "the results branch is as it was last seen"
        return replace(view, warnings=[view.unknown or f"{seen}: {self._problem}", *view.warnings])

    def _begin_anew(self, remote: Remote) -> None:
        """Make our repository again, of what can be read of the damaged one and of what the remote has. Raises ``Unavailable``."""
        tip = remote.look_up()  # who does not answer now cannot give back what we lose
        aside = self._repository.place_aside()
        with self._repository.locked(), self._repository.beside(object_format(tip or "")) as fresh:
            saved = self._saved(fresh)
            self._repository.move(aside)
            fresh.move(self._repository.folder)
        self._fetch()
        rest = (
            "with what was not pushed yet" if saved else f"what was not pushed yet runs again; the old one is {aside}"
        )
        notice = f"{self._repository.folder} was damaged and is made again from {remote.name}, {rest}"
        _log.warning("results made again", problem=notice)
        self._notices.put("damage", notice, self._clock.now())

    def _saved(self, fresh: Repository) -> bool:
        """Whether our branch, with what was not pushed yet, could be read into ``fresh``."""
        source = str(self._repository.folder)
        try:
            fresh.git.run_long(
                "fetch", "--quiet", "--no-tags", "--", source, f"+{self._ref}:{self._ref}", timeout=_DEAD
            )
        except GitStopped:
            raise
        except GitFailed:
            return False
        return True

    def _to_blame(self, problem: Unavailable) -> bool:
        """Whether our repository is damaged. Looking may take minutes: what did not come of that is asked again in an hour."""
        now, (excused, since) = self._clock.monotonic(), self._excused
        if str(problem) == excused and now - since < _LOOK_AGAIN:
            return False
        damaged = self._repository.damaged()
        if not damaged:
            self._excused = str(problem), now
        return damaged

    def _view(self) -> Results:
        """Raises ``Unavailable`` also where the branch was here and is gone, or was never read: else everything would run again."""
        warnings = self._notices.current(self._clock.now())
        tip, seen = self._repository.resolve(self._ref, self._merging.seen) if self._repository.exists else (None, None)
        unknown = "" if seen else self._unknown()
        if tip is None:
            if self._had:
                raise Unavailable(
                    f"the results branch is gone from {self._repository.folder}: it is fetched again, if it can be"
                )
            return Results(tip=None, trials={}, unknown=unknown, warnings=warnings)
        self._had = True
        trials, broken = self._ledger.at(tip)
        if self._proofs[0] != tip:
            self._proofs = tip, frozenset(self._repository.entries(tip, [PROOFS]))
        return Results(
            tip=tip, trials=trials, proofs=self._proofs[1], broken=broken, unknown=unknown, warnings=warnings
        )

    def _answered(self) -> Results:
        """The branch after a fetch. That the remote has none is remembered in the clone, for when it is away."""
        view = self._view()
        if view.unknown:
            write_note(self._answer, self._nothing)
        return replace(view, unknown="")

    def _unknown(self) -> str:
        """Why nobody can say what is recorded, where the remote neither gave a branch nor said that there is none."""
        if self._remote is None or read_note(self._answer) == self._nothing:
            return ""
        return f"what is recorded is not known yet: {self._problem}"

    def _fetch(self) -> None:
        """Bring the remote's branch here and settle what differs."""
        if self._remote is None:
            return
        mine, seen = self._repository.resolve(self._ref, self._merging.seen)
        with self._online:
            incoming = self._remote.fetch(self._merging.incoming)
        if incoming == seen and (mine or not incoming):
            return
        with self._repository.locked():
            notice = self._merging.settle(incoming, seen)
        if notice is not None:
            self._notices.put("branch", f"results in {self._remote.name}: {notice}", self._clock.now())

    def _append(self, files: dict[str, bytes], message: str) -> str:
        self._make()
        with self._repository.locked():
            tip, *found = self._repository.objects([self._ref, *(f"{self._ref}:{path}" for path in files)])
            there = {path: blob[1] for path, blob in zip(files, found, strict=True) if blob is not None}
            news = to_write(files, there)
            if not news and tip is not None:
                return tip[0]
            who = self._signature()
            draft = Draft(files=news, message=message.encode() + b"\n", author=who, committer=who)
            return write(self._repository.git, self._ref, tip and tip[0], [draft])

    def _push(self) -> None:
        """Push what the remote lacks. Raises ``GitFailed`` or ``LostRace``, the latter when our commits are on top again."""
        if self._remote is None or not self._repository.exists:
            return
        self._make()
        mine, seen = self._repository.resolve(self._ref, self._merging.seen)
        if mine is None or mine == seen:
            return
        try:
            self._remote.push(mine)
        except LostRace:
            self._fetch()
            raise
        self._repository.git.run("update-ref", self._merging.seen, mine)

    def _signature(self) -> bytes:
        return person(*self._author, int(self._clock.now().timestamp()))

    def _tidy(self) -> None:
        """Keep the number of packs small, so that an append costs the same for ever, and clear up after crashes."""
        if not self._has_many_packs():
            return
        with self._tidying:
            if self._has_many_packs():  # others may have waited for who did it
                self._repository.git.run_long("repack", "-d", "-q", "--geometric=2", "--write-midx", timeout=_DEAD)
        left = ("objects/pack/tmp_*", "objects/pack/*.keep", "fast_import_crash_*")
        remove_old(self._repository.folder, *left, before=time.time() - _DEAD)

    def _has_many_packs(self) -> bool:
        return len(list(self._repository.folder.glob("objects/pack/*.pack"))) > _PACKS
