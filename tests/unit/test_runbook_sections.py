import pytest

from reconciler.adapters.patterns.search import pattern_error
from reconciler.adapters.runbook.sections import runbook_doubts, runbook_problems, sections


def _commands(prompt: str) -> list[str]:
    return [b.command for s in sections(prompt) for b in s.blocks]


def test_sections_keep_document_order_and_other_headings_end_them() -> None:
    found = sections(
        "intro\n## Always\na\n## Notes\n```bash\nnever\n```\n## When `disk`\nb\n# End\n```bash\nnever\n```\n"
    )
    assert [(s.title, s.pattern, s.prose, s.blocks, s.line) for s in found] == [
        ("Always", None, "a", [], 2),
        ("When `disk`", "disk", "b", [], 8),
    ]


def test_prose_is_the_section_without_its_fences() -> None:
    (section,) = sections("## Always\n\nLook.\n\n### First\n```bash\nls\n```\n\n```text\nsample\n```\n\nThen act.\n")
    assert section.prose == "Look.\n\n### First\n\nThen act."
    assert [b.command for b in section.blocks] == ["ls"]


@pytest.mark.parametrize(
    ("markdown", "commands"),
    [
        ("```bash\na\nb\n```", ["a\nb"]),
        ("~~~bash\na\n~~~", ["a"]),
        ("- item\n\n  ```bash\n  a\n    b\n  ```", ["a\n  b"]),
        ("1. ```bash\n   a\n   ```", ["a"]),
        ("> ```bash\n> a\n> ```", ["a"]),
        ("~~~~bash\n~~~bash\na\n~~~\n~~~~", ["~~~bash\na\n~~~"]),
        ("```text\n~~~bash\na\n~~~\n```", []),
        ("<!--\n```bash\na\n```\n-->", []),
        ("```sh\na\n```\n```\nb\n```\n    ```bash\n    c\n    ```", []),
        ("```bash\r\na\r\n```\r\n", ["a"]),
    ],
)
def test_fences_are_found_where_commonmark_finds_them(markdown: str, commands: list[str]) -> None:
    assert _commands(f"## Always\n{markdown}") == commands


def test_a_pattern_is_taken_from_its_code_span_unchanged() -> None:
    found = sections("## When `a|b\\d_*x*`\n## When ``tick`tock``\n## when `lower`\nWhen `setext`\n---\n")
    assert [s.pattern for s in found] == ["a|b\\d_*x*", "tick`tock", "lower", "setext"]


def test_flags_say_what_may_fail_and_what_only_reads() -> None:
    prompt = "## Always\n```bash may-fail\na\n```\n```bash read-only may-fail\nb\n```\n```bash\nc\n```\n"
    (section,) = sections(prompt)
    assert [(b.may_fail, b.read_only) for b in section.blocks] == [(True, False), (True, True), (False, False)]
    assert runbook_problems(prompt, pattern_error) == []


@pytest.mark.parametrize(
    ("prompt", "line", "words"),
    [
        ("text\n\n## When `(`\n", 3, "does not compile"),
        ("## When `a` or `b`\n", 1, "with nothing after it"),
        ("## Always\n\n```bash mayfail\na\n```\n", 3, "write `bash`, `bash may-fail`"),
        ("## Always\n```bash\na", 2, "never closed"),
        ("## Always\n- ```bash\n  a\n\n## When `b`\n", 2, "never closed"),
        ("## Always\n```bash\n" + "x" * 200_000 + "\n```\n", 2, "split it"),
    ],
)
def test_what_the_engine_refuses_is_told_with_its_line(prompt: str, line: int, words: str) -> None:
    ((where, message),) = runbook_problems(prompt, pattern_error)
    assert where == line
    assert words in message


@pytest.mark.parametrize(
    "prompt", ["", "Just a prompt.", "## When to stop\nNever.", "## Background\n```bash extra\nx\n```"]
)
def test_an_ordinary_prompt_has_no_sections_and_no_problems(prompt: str) -> None:
    assert sections(prompt) == []
    assert runbook_problems(prompt, pattern_error) == []


@pytest.mark.parametrize(
    ("prompt", "line", "told"),
    [
        ("## Always\n\n```sh\ntrue\n```\n", 3, "a block of sh is not carried out: write ```bash"),
        ("## Always\n\n```Bash\ntrue\n```\n", 3, "a block of Bash is not carried out"),
        ("## Always\n\n```bsh\ntrue\n```\n", 3, "a block of bsh is not carried out"),
        ("# Me\n\n## Whenever `disk`\n", 3, "this begins no section: write ## Always or ## When `REGEX`"),
        ("# Me\n\n## Allways\n", 3, "this begins no section"),
        ("# Me\n\n### When `disk`\n", 3, "this begins no section, which takes two #: write ## When `disk`"),
    ],
)
def test_what_looks_like_a_part_of_a_runbook_and_is_none_is_doubted(prompt: str, line: int, told: str) -> None:
    ((where, message),) = runbook_doubts(prompt)
    assert (where, told in message) == (line, True)
    assert runbook_problems(prompt, pattern_error) == [], "the engine goes on"


@pytest.mark.parametrize(
    "prompt",
    [
        "# Prose\n\nFor another engine:\n\n```sh\ntrue\n```\n",
        "## Always\n\n```bash\ntrue\n```\n\n```json\n{}\n```\n\n# Example\n\n```sh\ntrue\n```\n",
        "### Always\n\nThink first.\n",
        "## Then restart `nginx`\n\n## Whenever you can\n\n## Always be kind\n",
        "## Always\n\n```diff\n-a\n```\n\n```yaml\na: 1\n```\n",
    ],
)
def test_what_may_be_meant_so_is_not_doubted(prompt: str) -> None:
    assert runbook_doubts(prompt) == []
