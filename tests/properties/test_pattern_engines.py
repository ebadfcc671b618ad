"""Where google-re2 is trusted with a pattern, it answers as the engine of JavaScript's dialect does."""

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from reconciler.adapters.patterns.characters import NotAPattern
from reconciler.adapters.patterns.choice import program
from reconciler.adapters.patterns.parser import parse
from reconciler.adapters.patterns.regress_dialect import regress_source
from reconciler.adapters.patterns.worker import find

LETTERS = "aabbckS1_- \n\r\u2028\u00a0é\u212aſ😀"
ATOMS = st.one_of(
    st.sampled_from("aabbckS1_- \n"),
    st.sampled_from(
        [".", r"\d", r"\W", r"\w", r"\s", r"\S", r"\b", r"\B", "^", "$", "[^]", "[]", r"\x41", r"\u{2}", r"\cJ", "{,2}"]
    ),
    st.builds(
        lambda negated, members: f"[{negated}{''.join(members)}]",
        st.sampled_from(["", "^"]),
        st.lists(
            st.sampled_from(["a", "b-k", r"\s", r"\W", r"\d", "-", "_", "A-z", r"\n", r"\S", r"\u2028\u2029"]),
            max_size=3,
        ),
    ),
)
QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0}", "{1,2}", "{0,2}?", "{2,}"])


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    groups = st.builds("{}{})".format, st.sampled_from(["(", "(?:", "(?<name>"]), inner)
    quantified = st.builds("{}{}".format, st.one_of(ATOMS, groups), QUANTIFIERS)
    sequences = st.lists(quantified, max_size=4).map("".join)
    return st.lists(sequences, min_size=1, max_size=3).map("|".join)


PATTERNS = st.recursive(ATOMS, _joined, max_leaves=12)


@settings(max_examples=1500, deadline=None)
@given(pattern=PATTERNS, texts=st.lists(st.text(LETTERS, max_size=12), min_size=1, max_size=8))
@example(pattern="((a+)+.)+a", texts=["aaa"])
@example(pattern="(?:(?:ab?){1,2}.)+a", texts=["abaaa"])
def test_re2_finds_what_the_engine_of_the_dialect_finds(pattern: str, texts: list[str]) -> None:
    try:
        chosen = program(pattern)
    except NotAPattern:
        assume(False)
    assume(chosen.engine == "re2")
    other = regress_source(parse(pattern).root)
    for text in texts:
        assert find("re2", chosen.source, text) == find("regress", other, text)
