"""Text that every store takes as it is."""

import re

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def plain(text: str) -> str:
    """The text with a replacement character for what PostgreSQL (NUL) or UTF-8 (lone surrogates) cannot hold.

    What failed programs say, and the names of files, may hold both.
    """
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
