import pytest

from reconciler.adapters.patterns.advice import pattern_doubts
from reconciler.adapters.patterns.search import EcmaPatterns


@pytest.mark.parametrize(
    ("pattern", "told", "instead"),
    [
        (r"\Anginx", r"\A is the letter A", "the start of the text is ^"),
        (r"nginx\Z", r"\Z is the letter Z", "the end of the text is $"),
        (r"\p{L}+", r"\p{L} is the letter p, then {L}", "list the characters"),
        (r"\u{61}", r"\u{61} is the letter u, 61 times", "four hexadecimal digits"),
        (r"\x{41}", r"\x{41} is the letter x, 41 times", "two hexadecimal digits"),
        (r"\hfoo", r"\h is the letter h", r"write [ \t]"),
        (r"\y", r"\y is the letter y", "without the backslash"),
        ("[[:alpha:]]", "[:alpha:] is no class", "[A-Za-z]"),
        ("x[^[:space:]]", "[:space:] is no class", r"[\s]"),
        ("[]abc]", "[] is a whole class that matches nothing", r"written \]"),
        ("[^]abc]", "[^] is a whole class that matches any character", r"written \]"),
        ("a{,3}", "{,3} stands for itself", "write {0,3}"),
        (r"a\1", r"\1 names no group here", "counted from 1"),
        (r"\c!", r"\c without a letter", r"\x01"),
        ("\bcp\b", "control character U+0008", r"write \\b for the edge of a word"),
    ],
)
def test_what_another_dialect_means_is_told_with_what_to_write(pattern: str, told: str, instead: str) -> None:
    (rule, message, hint), *more = pattern_doubts(pattern)
    assert (rule, more) == ("odd-pattern", [])
    assert told in message
    assert instead in hint


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(?i)nginx", "no inline flags; i is always on"),
        ("(?s).*", r"[\s\S] is any character"),
        ("(?P<n>a)", "(?<name>…)"),
        ("(?P=n)", r"\k<name>"),
        ("(?>a)", "no atomic groups"),
        ("(?#x)", "no comments"),
        ("a++", "no possessive quantifiers"),
        ("a*+", "no possessive quantifiers"),
        ("(?<n>a)(?<n>b)", "the same name"),
        ("(?=a){2}(?<=a)+", "nothing to repeat"),
    ],
)
def test_what_another_dialect_has_and_javascript_has_not_does_not_compile_and_says_so(pattern: str, told: str) -> None:
    assert told in (EcmaPatterns().error(pattern) or "")


@pytest.mark.parametrize(
    ("pattern", "construct", "because"),
    [
        (r"(?!x)(a+)+$", "(a+)+", "the lookaround (?!x)"),
        (r"(['\"])(?:\w+\s?)+\1", r"(?:\w+\s?)+", r"the backreference \1"),
        (r"(?:a|ab|b)*(?=c)", "(?:a|ab|b)*", "the lookaround (?=c)"),
        (r"(?=x)(?:.*,)*y", "(?:.*,)*", "the lookaround (?=x)"),
        (r"(?:é+)+x", "(?:é+)+", "a character beyond ASCII"),
        (r"(?:(?:a?)*b)+(?:(?:c+)+d)", "(?:c+)+", "the repetition (?:a?)* of what can be empty"),
        (r"(?:a|A){10,20}(?!b)", "(?:a|A){10,20}", "the lookaround (?!b)"),
    ],
)
def test_a_repetition_that_tries_too_many_ways_is_named_with_what_keeps_it_from_re2(
    pattern: str, construct: str, because: str
) -> None:
    ((rule, message, hint),) = pattern_doubts(pattern)
    assert rule == "slow-pattern"
    assert f"{construct} can divide" in message
    assert because in hint


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",  # re2 has it
        r"(?:\w+\s?)+$",
        r"(?=x)(?:\w+\s+)+y",  # one way only
        r"(?=x)(?:[^,]*,)*y",
        r"(?=x)(?:\b\w+\b\s*)*y",
        r"(?=x)(?:a|b)*y",
        r"(?=x)(?:\d{1,3}\.)*y",
        r"(?=x)(?:a{2})*y",
        r"(?=x)(?:a+){2,5}y",  # few rounds
        r"(?=x)(?:a+)+",  # nothing after it that could fail
        r"(?=x)(?:(?:word1|word2|word3)\s)*y",
        r"nginx\s+-t",
        r"\bé\b",
        r"\d\D\w\W\s\S\b\B\n\r\t\v\f\0\x41\u0041\cJ\.\/\-\]\^\$",
        "[^]",
        "[]",
        r"(a)\1",
        "x{1}{",
    ],
)
def test_what_javascript_reads_as_everybody_does_raises_no_doubt(pattern: str) -> None:
    assert list(pattern_doubts(pattern)) == []


@pytest.mark.parametrize("many", ["|".join(f"word{n}" for n in range(2000)), "|".join(f"w{n}x" for n in range(500))])
def test_a_pattern_too_big_to_be_thought_through_raises_no_doubt(many: str) -> None:
    assert list(pattern_doubts(f"(?=w)(?:{many})*x")) == []
