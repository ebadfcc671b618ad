"""What is said of a pattern without a text is never contradicted by a text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.adapters.patterns.characters import NotAPattern
from reconciler.adapters.patterns.choice import program
from reconciler.adapters.patterns.worker import find
from reconciler.definitions.files.pattern_sense import sense

PIECES = (
    *("a", "b", " ", r"\w", r"\s", r"\S", ".", "[ab]", "[^a]", "[]", "[^]", r"\n", "\n", r"\1", r"\t", "_", "-"),
    *("^", "$", r"\b", r"\B", "(", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?<n>", ")", "|", "*", "+?", "?", "{2}", "{0}", "{1,}", "{,2}"),
)  # fmt: skip
TEXTS = st.text(alphabet="ab \n_-", max_size=8)


@settings(max_examples=3000, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=7), texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_never_and_always_are_true(pieces: list[str], texts: list[str]) -> None:
    pattern = "".join(pieces)
    try:
        chosen = program(pattern)
    except NotAPattern:
        return
    said = sense(pattern)
    for text in ("", "a", " ", "ab", "a b\n", *texts):
        found = find(chosen.engine, chosen.source, text) is not None
        assert said is None or found is (said == "always"), text


@settings(max_examples=2000, deadline=None)
@given(pattern=st.text(max_size=30))
def test_no_text_that_compiles_as_a_pattern_is_too_strange(pattern: str) -> None:
    assert sense(pattern) in (None, "never", "always")
