"""The results branch in the repository that everybody shares: fetched from, pushed to, never forced."""

import re

from reconciler.adapters.git.command import GitFailed, address, redact_url
from reconciler.adapters.git.repository import Repository, look_up

_LOST = re.compile(
    r"fetch first|non-fast-forward|stale info|cannot lock ref|incorrect old value|reference already exists|"
    r"failed to update ref|unable to (create|lock)"
)
"""What git answers when somebody else was faster; everything else is a refusal."""


class LostRace(Exception):
    """Somebody else pushed first: fetch, put our commits on top, push again."""


class NoAnswer(GitFailed):
    """The other side cannot be asked at all: nothing is known to be wrong with ours."""


class Remote:
    """One branch of another repository. Every failure is a ``GitFailed`` that names the repository."""

    def __init__(self, repository: Repository, url: str, branch: str) -> None:
        """``repository`` is ours: what is fetched gets there, and what is pushed comes from there."""
        self.name = redact_url(url)
        self._git = repository.git
        self._repository = repository
        self._url = address(url)
        self._branch = branch

    def look_up(self) -> str | None:
        """The commit of the branch there, ``None`` where there is no such branch. Raises ``NoAnswer``."""
        try:
            return look_up(self._git, self._url, self._branch)
        except GitFailed as error:
            raise NoAnswer(f"{self.name} does not answer: {error}") from error

    def fetch(self, ref: str) -> str | None:
        """Bring the branch into our ``ref``, whatever that held; returns the commit, ``None`` where there is no branch."""
        refspec = f"+refs/heads/{self._branch}:{ref}"
        options = ("--quiet", "--no-tags", "--force", "--update-shallow", "--no-write-fetch-head")
        try:
            self._git.remote("fetch", *options, "--", self._url, refspec)
        except GitFailed as error:
            if self.look_up() is None:
                return None
            raise GitFailed(f"{self.name} cannot be fetched: {error}") from error
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
