"""The results branch in the repository that everybody shares: fetched from, pushed to, never forced."""

import re

from reconciler.adapters.git.command import GitFailed, GitStopped, GitTimedOut, address, redact_url
from reconciler.adapters.git.repository import Repository, look_up

FETCH, _FETCH_SLOWLY = 60.0, 1800.0
"""Seconds that a fetch may take, and that one may where the other side answers: much may be new, and the link slow."""
_LOST = re.compile(
    r"fetch first|non-fast-forward|stale info|cannot lock ref|incorrect old value|reference already exists|"
    r"failed to update ref|unable to (create|lock)"
)
"""What git answers when somebody else was faster; everything else is a refusal."""


class LostRace(Exception):
    """Somebody else pushed first: fetch, put our commits on top, push again."""


class NoAnswer(GitFailed):
    """The other side cannot be asked at all: nothing is known to be wrong with ours."""


class Hangs(NoAnswer):
    """The other side took too long to say anything: the next who asks will wait as long."""


class Remote:
    """One branch of another repository. Every failure is a ``GitFailed`` that names the repository."""

    def __init__(self, repository: Repository, url: str, branch: str, *, patience: float = FETCH) -> None:
        """``repository`` is ours: what is fetched gets there, and what is pushed comes from there.

        A fetch that takes longer than ``patience`` seconds begins again, with time for a slow link if the remote answers.
        """
        self.name = redact_url(url)
        self._git = repository.git
        self._repository = repository
        self._url = address(url)
        self._branch = branch
        self._patience = patience

    def look_up(self) -> str | None:
        """The commit of the branch there, ``None`` where there is no such branch. Raises ``NoAnswer``."""
        try:
            return look_up(self._git, self._url, self._branch)
        except GitFailed as error:
            hangs = isinstance(error, GitTimedOut) and not isinstance(error, GitStopped)
            raise (Hangs if hangs else NoAnswer)(f"{self.name} does not answer: {error}") from error

    def fetch(self, ref: str) -> str | None:
        """Bring the branch into our ``ref``, whatever that held; returns the commit, ``None`` where there is no branch.

        Raises ``NoAnswer`` also where even a slow link would have been done.
        """
        for patience in (self._patience, _FETCH_SLOWLY):
            try:
                return self._bring(ref, patience)
            except GitFailed as error:
                if self.look_up() is None:
                    return None
                if not isinstance(error, GitTimedOut):
                    raise GitFailed(f"{self.name} cannot be fetched: {error}") from error
        raise Hangs(f"{self.name} cannot be fetched within {_FETCH_SLOWLY:g} s")

    def _bring(self, ref: str, patience: float) -> str | None:
        options = ("--quiet", "--no-tags", "--force", "--update-shallow", "--no-write-fetch-head")
        refspec = f"+refs/heads/{self._branch}:{ref}"
        self._git.remote("fetch", *options, "--", self._url, refspec, timeout=patience)
        return self._repository.resolve(ref)[0]

    def push(self, commit: str) -> None:
        """Make ``commit`` the tip of the branch there. Raises ``LostRace``, or ``GitFailed`` with the reason."""
        try:
            self._git.remote("push", "--porcelain", "--", self._url, f"{commit}:refs/heads/{self._branch}")
        except GitFailed as error:
            rejected = [line for line in error.stdout.decode("utf-8", "replace").splitlines() if line.startswith("!")]
            if not rejected:
                raise GitFailed(f"{self.name} does not answer: {error}") from error
            answer = rejected[0].split("\t")[-1].partition("] (")[2].rstrip(")")
            because = f" ({error.said})" if error.said else ""
            if _LOST.search(answer):
                raise LostRace(answer + because) from error
            raise GitFailed(f"{self.name} refuses the push: {answer}{because}") from error
