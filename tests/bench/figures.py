"""What is measured: ours beside a floor of the same run, rounds interleaved, medians; and how it is shown."""

import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """``floor`` and ``ours`` in ``unit``. The target bounds their ratio, their difference, or ours alone."""

    what: str
    floor: float
    ours: float
    unit: Literal["s", "MB", "%"] = "s"
    limit: float | None
    """None: told, and held to nothing."""
    bounds: Literal["ratio", "excess", "ours"] = "ratio"

    @property
    def ratio(self) -> float:
        """Ours in floors; infinite where the floor is too small to be measured."""
        return self.ours / self.floor if self.floor else math.inf

    @property
    def met(self) -> bool | None:
        """Whether the target is met, None where there is none."""
        if self.limit is None:
            return None
        return {"ratio": self.ratio, "excess": self.ours - self.floor, "ours": self.ours}[self.bounds] <= self.limit

    @property
    def target(self) -> str:
        """The target in words."""
        if self.limit is None:
            return ""
        number = f"{self.limit:g}"
        return {"ratio": f"≤ {number}×", "excess": f"floor + {number} {self.unit}", "ours": f"≤ {number} {self.unit}"}[
            self.bounds
        ]

    def document(self) -> dict[str, object]:
        """The figure as JSON."""
        return asdict(self) | {"ratio": self.ratio if self.floor else None, "target": self.target, "met": self.met}


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def medians(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure. Every round takes each once, forwards and backwards in turn: what loads the machine loads all."""
    found: list[list[float]] = [[] for _ in measures]
    for number in range(rounds):
        order = range(len(measures)) if number % 2 == 0 else reversed(range(len(measures)))
        for index in order:
            found[index].append(measures[index]())
        tell(f"round {number + 1}: " + ", ".join(f"{times[-1]:.3f}" for times in found))
    return [statistics.median(times) for times in found]


def tell(message: str) -> None:
    """A progress line."""
    sys.stderr.write(f"  {message}\n")


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table("figure", "floor", "ours", "ratio", "target", "met", box=None, pad_edge=False)
    for f in figures:
        met = {True: "yes", False: "[bold]NO[/]", None: ""}[f.met]
        table.add_row(f.what, _amount(f.floor, f.unit), _amount(f.ours, f.unit), f"{f.ratio:.3g}", f.target, met)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _amount(value: float, unit: str) -> str:
    return f"{value * 1000:.1f} ms" if unit == "s" and value < 1 else f"{value:.3g} {unit}"
