"""What was measured before: the trends on the results branch, and which records can be graded again."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.planning import Missing, Outstanding
from reconciler.core.reasons import regradable
from reconciler.core.trends import Trend
from reconciler.formats.trend import parse_trend
from reconciler.ports import Results, ResultsStore


@dataclass(kw_only=True)
class Past:
    """Remembers trends between passes; one is read again only when it can have changed. Safe to share between threads."""

    results: ResultsStore
    unusable: dict[str, str] = field(default_factory=dict)
    """Path of a record that cannot be graded again, and why: found out by trying, and forgotten when it changes."""
    _trends: dict[str, Trend | None] = field(default_factory=dict)
    _tip: str | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def trends(self, at: Results, series: Iterable[str]) -> Mapping[str, Trend | None]:
        """The trend of each of these series (``<scenario>/<variant>``); None where there is none that can be read."""
        wanted = set(series)
        with self._guard:
            self._forget(at.tip)
            unknown = sorted(wanted - self._trends.keys())
            stored = self.results.read([trend_path(name) for name in unknown])
            for name in unknown:
                data = stored.get(trend_path(name))
                self._trends[name] = parse_trend(data) if data else None
            return {name: self._trends[name] for name in wanted}

    def offered(self, at: Results, todo: Outstanding) -> Outstanding:
        """``todo`` with the record to grade again instead of a run, where there is one."""
        if not at.trials:
            return todo
        trends = self.trends(at, {m.trial.batch.series for m in todo.missing})
        return replace(todo, missing=tuple(self._offer(m, trends[m.trial.batch.series]) for m in todo.missing))

    def _offer(self, item: Missing, trend: Trend | None) -> Missing:
        found = next((p for p in regradable(trend, item.trial) if p not in self.unusable), None)
        return item if found is None else replace(item, regrades=found)

    def _forget(self, tip: str | None) -> None:
        """Drop what may differ at ``tip`` from what was read."""
        if tip == self._tip:
            return
        changed = self.results.changed(self._tip, tip) if self._tip and tip else None
        if changed is None:
            self._trends.clear()
            self.unusable.clear()
        for path in changed or ():
            self._trends.pop(path.removeprefix("trends/").removesuffix(".json"), None)
            self.unusable.pop(path.replace("transcripts/", "trials/", 1), None)
        self._tip = tip


def trend_path(series: str) -> str:
    """Where the trend of a series lies on the results branch."""
    return f"trends/{series}.json"
