import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.adapters.patterns.search import EcmaPatterns, pattern_error
from reconciler.core.errors import Invalid


@pytest.fixture(scope="module")
def patterns() -> Iterator[EcmaPatterns]:
    engine = EcmaPatterns(seconds=0.3)
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("pattern", "text", "span"),
    [
        ("systemctl.*(RESTART|start)", "systemctl   restart app", (0, 19)),
        ("b$", "ab\nb", (3, 4)),  # no flag m: only the very end
        ("a.c", "a\nc", None),  # no flag s
        (r"[\s\S]+", "a\nc", (0, 3)),
        (r"(?<word>o)\k<word>", "foo", (1, 3)),
        (r"(?<=\$)\d+", "cost $42", (6, 8)),
        (r"\d", "٣", None),  # digits are ASCII
        ("É", "xé", (1, 2)),
        ("", "abc", (0, 0)),
        (r"\u{3}", "xuuu", (1, 4)),  # without flag u: the letter, three times
        (r"\\u{2}", "\\uu", (0, 3)),  # an escaped backslash, then the letter twice
        (r"\u0041", "xa", (1, 2)),
        (r"\z", "z", (0, 1)),  # Annex B: an escape that means nothing is the letter
        ("[]", "a", None),
        ("[^]", "\n", (0, 1)),
        ("x{,2}", "x{,2}", (0, 5)),  # Annex B: no quantifier, so literal
    ],
)
def test_patterns_are_read_as_javascript_reads_them_with_flag_i(
    patterns: EcmaPatterns, pattern: str, text: str, span: tuple[int, int] | None
) -> None:
    assert patterns.search(pattern, text) == span


def test_offsets_count_code_points_and_not_bytes_or_utf16_units(patterns: EcmaPatterns) -> None:
    text = "é😀 rm -rf /"
    start, end = patterns.search("rm -rf", text) or (0, 0)
    assert text[start:end] == "rm -rf"


def test_text_with_newlines_quotes_and_half_surrogates_arrives_whole(patterns: EcmaPatterns) -> None:
    assert patterns.search('"\n\u2028', 'a\ud800"\n\u2028') == (2, 5)
    assert patterns.search("\ud800", 'a\ud800"') == (1, 2)


def test_five_megabytes_are_searched(patterns: EcmaPatterns) -> None:
    text = "é" + "some line of a log\n" * 270_000 + "needle"
    assert patterns.search("need(le)$", text) == (len(text) - 6, len(text))


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "(?<n>a)(?<n>b)", "*", "(" * 100_000, "a" * 5_000_000])
def test_a_pattern_that_does_not_compile_is_invalid_and_says_why(patterns: EcmaPatterns, pattern: str) -> None:
    assert pattern_error(pattern)
    with pytest.raises(Invalid, match="does not compile"):
        patterns.search(pattern, "text")


def test_a_pattern_that_compiles_has_no_error() -> None:
    assert pattern_error(r"nginx\s+-t") is None


def test_a_catastrophic_pattern_is_stopped_and_the_next_search_works(patterns: EcmaPatterns) -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.3 s"):
        patterns.search("(?=a)(a+)+$", "a" * 40 + "!")
    assert patterns.search("b", "ab") == (1, 2)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a{1000}){1000}",
        "(?=a)(a{1000}){1000}",
        "(?=a)(?:ab){2147483647}",
        "(?=a)" + "|".join(f"word{n}" for n in range(2000)),
        "(?=z)" + "()" * 9000,
        "(?<=x*)" * 2000 + "z",
        "(a*)" * 100 + r"\1" * 5000 + "z",
        "a{1000}" * 2500,
        "[ab]*a[ab]{500}z",
        "(?=a)a.*a.*a.*z",
        r"(?:a|b|ab)*c\1()",
    ],
    ids=lambda pattern: pattern[:30],
)
def test_a_huge_pattern_ends_in_time_over_a_huge_text_and_does_not_hurt_the_next(
    patterns: EcmaPatterns, pattern: str
) -> None:
    with contextlib.suppress(TimeoutError):
        assert patterns.search(pattern, "ab" * 2_500_000) is None
    assert patterns.search("b", "ab") == (1, 2)


@pytest.mark.parametrize(
    "pattern",
    ["(?:(?:(a)\\1){2}b)+", "(?=a)" + "(?:" * 30 + "a" + "b)+" * 30, "(?=a)" + "(?:" * 90 + "a" + "{2}b)" * 90],
)
def test_what_comes_to_too_much_for_the_engine_that_backtracks_does_not_compile(pattern: str) -> None:
    assert "too" in (pattern_error(pattern) or "")


def test_memory_has_a_limit() -> None:
    """Each round leaves a state to come back to; without a limit they come to gigabytes."""
    patient = EcmaPatterns(seconds=60)
    with pytest.raises(TimeoutError, match="memory"):
        patient.search("(?:(a)|(b))*c()\\1", "ab" * 20_000_000)
    assert patient.search("b", "ab") == (1, 2)
    patient.close()


def test_a_child_that_was_killed_is_started_again() -> None:
    engine = EcmaPatterns()
    engine.search("a", "a")
    child = engine._child
    assert child is not None
    child.kill()
    child.wait()
    assert engine.search("b", "ab") == (1, 2)
    engine.close()


def test_many_threads_get_their_own_answers(patterns: EcmaPatterns) -> None:
    with ThreadPoolExecutor(8) as pool:
        spans = list(pool.map(lambda n: patterns.search("x", "." * n + "x"), range(200)))
    assert spans == [(n, n + 1) for n in range(200)]


def test_close_ends_the_child_and_can_be_repeated() -> None:
    engine = EcmaPatterns()
    engine.close()
    engine.search("a", "a")
    child = engine._child
    assert child is not None
    engine.close()
    engine.close()
    assert child.returncode == -signal.SIGKILL


def _child(request: dict[str, str], seconds: str) -> subprocess.CompletedProcess[str]:
    """The child program given one request and then the end of its input, which is all that a dead parent leaves."""
    argv = [sys.executable, "-m", "reconciler.adapters.patterns.worker", seconds, "2"]
    return subprocess.run(argv, check=False, input=json.dumps(request), capture_output=True, text=True, timeout=30)


def test_the_child_ends_when_its_parent_is_gone() -> None:
    child = _child({"engine": "re2", "source": "a", "text": "ba"}, "9")
    assert (child.returncode, child.stdout, child.stderr) == (0, "[1, 2]\n", "")


def test_a_child_at_work_ends_by_itself_although_its_parent_is_gone() -> None:
    assert (
        _child({"engine": "regress", "source": "(a+)+$", "text": "a" * 40 + "!"}, "0.2").returncode == -signal.SIGPROF
    )
