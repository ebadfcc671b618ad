"""Keys and tags to scenarios: what ``-s`` and a benchmark's ``scenarios`` mean."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from reconciler.definitions.files.findings import nearest, shown

EVERY = "*"


class Selection(NamedTuple):
    """Scenario keys, each once, in the order of the names that select them; and where in the names one means nothing."""

    keys: tuple[str, ...]
    unknown: tuple[int, ...]


class Index:
    """Scenario keys with their tags, in a stable order: sorted by key."""

    def __init__(self, tags: Mapping[str, Iterable[str]]) -> None:
        """Key to tags, for every scenario that can be named."""
        self.keys = tuple(sorted(tags))
        self._tags = tags

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {EVERY: dict.fromkeys(self.keys)}
        for key in self.keys:
            for name in (key, *self._tags[key]):
                found.setdefault(name, {})[key] = None
        return {name: tuple(keys) for name, keys in found.items()}

    def select(self, names: Iterable[str]) -> Selection:
        """What keys, tags and ``*`` mean together; a name that is a key and a tag means both."""
        keys: dict[str, None] = {}
        unknown = []
        for number, name in enumerate(names):
            if (found := self._by_name.get(name)) is None:
                unknown.append(number)
            else:
                keys.update(dict.fromkeys(found))
        return Selection(tuple(keys), tuple(unknown))

    def unknown(self, name: str) -> tuple[str, str]:
        """(message, hint) for a name that means nothing."""
        return f"no scenario has the key or tag {shown(name)}", nearest(name, self._by_name.keys() - {EVERY})
