"""Says what stands in the way of trials: in the log when it comes and when it goes, and in the service manager's line."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from reconciler.core.planning import Plan

log = structlog.get_logger()

QUIET = "quiet hours"


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why trials do not run: ``held`` or ``stalled``, for a reason, until a moment where one is known."""

    word: str
    reason: str
    until: str | None = None

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.word}: {self.reason}" + (f" until {self.until}" if self.until else "")


def obstacles(plan: Plan) -> Counter[Obstacle]:
    """What stands in the way, and of how many trials. A trial that is tried again by itself is not held up."""
    return Counter(_obstacles(plan))


def _obstacles(plan: Plan) -> Iterator[Obstacle]:
    for stalled in plan.stalled:
        yield Obstacle(word="stalled", reason=stalled.reason)
    for held in plan.held:
        if not held.retry:
            until = held.until.isoformat(timespec="minutes") if held.until else None
            yield Obstacle(word="held", reason=held.reason, until=until)


def waiting(plan: Plan, running: Collection[str]) -> int:
    """How many trials are due and do not run yet: those that a pass has begun were due when it was planned."""
    return sum(due.trial.id not in running for due in plan.due)


def summary(plan: Plan, running: Collection[str]) -> str:
    """How many trials there are of each kind."""
    return (
        f"{len(running)} running, {waiting(plan, running)} due, {len(plan.held)} held, {len(plan.stalled)} stalled, "
        f"{plan.reused} reused"
    )


@dataclass(kw_only=True)
class Teller:
    """Remembers what it said, so that a night of equal passes is one line."""

    _told: Counter[Obstacle] = field(default_factory=Counter)
    _problems: dict[str, str] = field(default_factory=dict)

    def problem(self, event: str, problem: str | None, *, over: str) -> None:
        """Log a problem when it comes or becomes another one, and once that it is ``over`` (None)."""
        before = self._problems.pop(event, None)
        if problem is not None:
            self._problems[event] = problem
            if problem != before:
                log.warning(event, problem=problem)
        elif before is not None:
            log.info(over)

    def tell(self, warnings: Sequence[str], plan: Plan, running: Collection[str]) -> str:
        """Log what is new or over. Returns the line for ``systemctl status``: the counts, and what is wrong first of all."""
        now = obstacles(plan)
        for one, trials in now.items():
            if one not in self._told:
                say = log.info if one.reason == QUIET else log.warning
                say(one.word, reason=one.reason, trials=trials, until=one.until)
        for one in self._told.keys() - now.keys():
            log.info("no longer in the way", word=one.word, reason=one.reason)
        self._told = now
        first = next(iter([*warnings, *(one.line for one in now)]), None)
        return " ".join(summary(plan, running).split()) + (f"; {' '.join(first.split())}" if first else "")
