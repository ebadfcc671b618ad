"""A specialty's body, read as a runbook: which sections it has, and what is wrong with them. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

_NEWLINE = re.compile(r"\r\n|\r|\n")
_FLAGS = {"may-fail", "read-only"}
_SHELLS = {"bash", "sh", "shell", "zsh", "console", "shell-session"}
_ALIKE = 0.65
"""How much of a misspelt word must be there: `whenever` is like `when`, `allways` like `always`, `bsh` like `bash`."""
_ARGUMENT_LIMIT = 131_071
"""Bytes of one argument of a program (Linux, MAX_ARG_STRLEN): a block is given to bash as one."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced ``bash`` block: one command. ``line`` is its fence's, from 1."""

    command: str
    line: int
    flags: frozenset[str] = frozenset()
    closed: bool = True

    @property
    def may_fail(self) -> bool:
        """A non-zero exit is no failure."""
        return "may-fail" in self.flags

    @property
    def read_only(self) -> bool:
        """It runs although the specialty may only investigate."""
        return "read-only" in self.flags


@dataclass(frozen=True, kw_only=True)
class Section:
    """What follows a heading ``Always`` (``pattern`` None) or ``When `REGEX```, up to the next heading of its level."""

    title: str
    pattern: str | None
    prose: str
    blocks: Sequence[Block]
    line: int
    last: int
    """The last line before what follows it."""


def sections(prompt: str) -> list[Section]:
    """The sections in document order, read as CommonMark: a fence in a list counts, one in a comment or a fence does not."""
    tokens = _tokens(prompt)
    lines = _NEWLINE.split(prompt)
    starts = [n for n, t in enumerate(tokens) if t.type == "heading_open" and t.level == 0 and t.tag in ("h1", "h2")]
    found = []
    for start, end in pairwise([*starts, len(tokens)]):
        heading = _heading(tokens[start + 1])
        if tokens[start].tag == "h2" and heading:
            last = _lines(tokens[end])[0] if end < len(tokens) else len(lines)
            found.append(_section(*heading, tokens[start:end], lines, last))
    return found


Compiles = Callable[[str], str | None]
"""Why a pattern does not compile, or None."""


def runbook_problems(prompt: str, compiles: Compiles) -> list[tuple[int, str]]:
    """Line (from 1, within ``prompt``) and message of everything that the runbook engine refuses."""
    return sorted([*_heading_problems(prompt), *(p for s in sections(prompt) for p in _section_problems(s, compiles))])


def runbook_doubts(prompt: str) -> list[tuple[int, str]]:
    """Line (from 1) and message of what looks like a part of a runbook, and is none: it is not carried out."""
    return sorted([*_sunk_headings(prompt), *_misspelt_headings(prompt), *_foreign_fences(prompt)])


def _sunk_headings(prompt: str) -> Iterator[tuple[int, str]]:
    for heading, inline in pairwise(_tokens(prompt)):
        found = _heading(inline) if heading.type == "heading_open" and heading.tag != "h2" else None
        if found and found[1] is not None:
            yield _lines(heading)[0] + 1, f"this begins no section, which takes two #: write ## {found[0]}"


def _misspelt_headings(prompt: str) -> Iterator[tuple[int, str]]:
    for heading, inline in pairwise(_tokens(prompt)):
        if heading.type != "heading_open" or heading.tag != "h2" or _heading(inline):
            continue
        first, _, rest = inline.content.strip().lower().partition(" ")
        if (_like(first, "always") and not rest) or (_like(first, "when") and "`" in rest and first != "when"):
            yield _lines(heading)[0] + 1, "this begins no section: write ## Always or ## When `REGEX`"


def _like(word: str, meant: str) -> bool:
    return word[:1] == meant[0] and bool(get_close_matches(word, [meant], cutoff=_ALIKE))


def _foreign_fences(prompt: str) -> Iterator[tuple[int, str]]:
    inside = {n for s in sections(prompt) for n in range(s.line, s.last + 1)}
    for fence in (t for t in _tokens(prompt) if t.type == "fence"):
        line, language = _lines(fence)[0] + 1, fence.info.partition(" ")[0]
        if line in inside and language != "bash" and (language.lower() in _SHELLS or _like(language.lower(), "bash")):
            yield line, f"a block of {language} is not carried out: write ```bash"


def _tokens(prompt: str) -> list[Token]:
    # links mean nothing here, and a line of opening brackets would take minutes
    return MarkdownIt("commonmark").disable(["link", "image"]).parse(prompt + "\n")


def _heading(inline: Token) -> tuple[str, str | None] | None:
    """Title and pattern of a section's heading; ``None`` for any other heading."""
    children = [c for c in inline.children or [] if c.type != "text" or c.content.strip()]
    if inline.content.strip().lower() == "always":
        return inline.content.strip(), None
    if [c.type for c in children] == ["text", "code_inline"] and children[0].content.strip().lower() == "when":
        return inline.content.strip(), children[1].content
    return None


def _section(title: str, pattern: str | None, tokens: Sequence[Token], lines: Sequence[str], last: int) -> Section:
    first, after = _lines(tokens[0])
    fences = [t for t in tokens if t.type == "fence"]
    fenced = {n for t in fences for n in range(*_lines(t))}
    prose = "\n".join(lines[n] for n in range(after, last) if n not in fenced)
    return Section(
        title=title,
        pattern=pattern,
        prose=re.sub(r"\n{3,}", "\n\n", prose).strip(),
        blocks=[_block(t) for t in fences if t.info.split()[:1] == ["bash"]],
        line=first + 1,
        last=last,
    )


def _block(fence: Token) -> Block:
    first, last = _lines(fence)
    return Block(
        command=fence.content.rstrip("\n"),
        line=first + 1,
        flags=frozenset(fence.info.split()[1:]),
        closed=last - first == fence.content.count("\n") + 2,
    )


def _lines(token: Token) -> tuple[int, int]:
    """First line and the one after the last, from 0."""
    assert token.map is not None
    return token.map[0], token.map[1]


def _heading_problems(prompt: str) -> Iterator[tuple[int, str]]:
    tokens = _tokens(prompt)
    for heading, inline in pairwise(tokens):
        if heading.type != "heading_open" or heading.level or heading.tag != "h2" or _heading(inline):
            continue
        if re.match(r"when\b.*`", inline.content, re.IGNORECASE | re.DOTALL):
            yield _lines(heading)[0] + 1, "a section's heading is `## Always` or ## When `REGEX`, with nothing after it"


def _section_problems(section: Section, compiles: Compiles) -> Iterator[tuple[int, str]]:
    if section.pattern is not None and (error := compiles(section.pattern)):
        yield section.line, f"the pattern `{section.pattern}` does not compile: {error}"
    for block in section.blocks:
        if unknown := sorted(block.flags - _FLAGS):
            flags = " ".join(unknown)
            yield block.line, f"`bash {flags}` is not known: write `bash`, `bash may-fail` or `bash read-only`"
        if not block.closed:
            yield block.line, "this fence is never closed: end it with a line of the same backticks"
        if len(block.command.encode()) > _ARGUMENT_LIMIT:
            yield block.line, f"this command is longer than {_ARGUMENT_LIMIT:,} bytes: split it"
