"""Commits made without a work tree or an index, by ``git fast-import``: one process, durable when it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.adapters.git.command import GitCommand


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A commit to be made: files are contents, or the id of a blob that is there. People are in git's raw form."""

    files: Mapping[str, bytes | str]
    message: bytes
    author: bytes
    committer: bytes


def person(name: str, email: str, seconds: int) -> bytes:
    """A person at a moment (Unix time) in git's raw form, without what would end it early."""
    bare = [text.translate({ord(c): None for c in "<>\n\0"}).strip() for text in (name, email)]
    return f"{bare[0]} <{bare[1]}> {seconds} +0000".encode()


def write(git: GitCommand, ref: str, parent: str | None, drafts: Sequence[Draft], *, force: bool = False) -> str:
    """Commit ``drafts`` one after the other on ``parent``, move ``ref`` to the last, and return its id.

    The ref moves only when it still holds an ancestor of the new commit; else ``GitFailed`` is raised and nothing
    happened. ``force`` is for scratch refs. The paths must have been checked.
    """
    stream = bytearray()
    for number, draft in enumerate(drafts, 1):
        stream += b"commit %b\nmark :%d\nauthor %b\n" % (ref.encode(), number, draft.author)
        stream += b"committer %b\n%b" % (draft.committer, _data(draft.message))
        if number > 1:
            stream += b"from :%d\n" % (number - 1)
        elif parent is not None:
            stream += b"from %b\n" % parent.encode()
        for path, contents in draft.files.items():
            stream += _file(path.encode(), contents)
    stream += b"get-mark :%d\ndone\n" % len(drafts)
    options = ["--force"] if force else []
    answer = git.text("fast-import", "--quiet", "--done", "--date-format=raw", *options, stdin=bytes(stream))
    return answer.split()[0]


def _file(path: bytes, contents: bytes | str) -> bytes:
    if isinstance(contents, str):
        return b"M 100644 %b %b\n" % (contents.encode(), path)
    return b"M 100644 inline %b\n%b" % (path, _data(contents))


def _data(contents: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(contents), contents)
