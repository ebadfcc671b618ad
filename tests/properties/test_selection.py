"""A selection is the union of what its names mean, whatever scenarios and names there are."""

import random

from hypothesis import given
from hypothesis import strategies as st

from reconciler.definitions.files.units import split_names
from reconciler.definitions.selection import EVERY, Index

WORDS = st.sampled_from(["a", "b", "c", "d", "nginx", "disk"])
scenarios = st.dictionaries(WORDS, st.lists(WORDS, max_size=3), max_size=6)
names = st.lists(WORDS | st.sampled_from([EVERY, "nowhere"]), max_size=6)


def bears(key: str, tags: list[str], name: str) -> bool:
    return name in (key, EVERY) or name in tags


@given(scenarios, names)
def test_each_scenario_that_a_name_means_is_selected_once(known: dict[str, list[str]], asked: list[str]) -> None:
    found = Index(known).select(asked)
    first = {k: min((n for n, name in enumerate(asked) if bears(k, t, name)), default=-1) for k, t in known.items()}
    assert list(found.keys) == sorted((k for k, n in first.items() if n >= 0), key=lambda k: (first[k], k))


@given(scenarios, names)
def test_a_name_is_unknown_when_it_is_no_key_and_no_tag(known: dict[str, list[str]], asked: list[str]) -> None:
    unknown = [
        n for n, name in enumerate(asked) if name != EVERY and not any(bears(k, t, name) for k, t in known.items())
    ]
    assert list(Index(known).select(asked).unknown) == unknown


@given(scenarios, names, names, st.randoms(use_true_random=False))
def test_the_order_is_that_of_the_names_alone(
    known: dict[str, list[str]], asked: list[str], more: list[str], chance: random.Random
) -> None:
    shuffled = dict(chance.sample(sorted(known.items()), len(known)))
    found = Index(known).select(asked).keys
    assert Index(shuffled).select([*asked, *asked]).keys == found
    assert Index(known).select([*asked, *more]).keys[: len(found)] == found


@given(names)
def test_a_list_and_its_names_with_commas_between_them_are_the_same(asked: list[str]) -> None:
    assert split_names(" , ".join(asked)) == asked
