"""Keys and tags to scenarios."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from reconciler.core.errors import Invalid
from reconciler.core.model import Scenario
from reconciler.definitions.findings import nearest, shown

EVERY = "*"


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

    def named(self, name: str) -> tuple[str, ...] | None:
        """The keys that a key, a tag or ``*`` means; a name that is both means all of them. None: nothing has that name."""
        return self._by_name.get(name)

    def unknown(self, name: str) -> tuple[str, str]:
        """(message, hint) for a name that means nothing."""
        return f"no scenario has the key or tag {shown(name)}", nearest(name, self._by_name.keys() - {EVERY})


def select(scenarios: Mapping[str, Scenario], names: Iterable[str]) -> tuple[str, ...]:
    """The keys that keys and tags mean together, each once, in the order of the names. Raises ``Invalid``."""
    index = Index({key: s.tags for key, s in scenarios.items()})
    found: dict[str, None] = {}
    for name in names:
        keys = index.named(name)
        if keys is None:
            message, hint = index.unknown(name)
            raise Invalid(message, hint=hint)
        found.update(dict.fromkeys(keys))
    return tuple(found)
