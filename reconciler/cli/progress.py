"""Live progress on a terminal; plain lines where there is none."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from reconciler.core.dashboard import percent
from reconciler.formats.record import TrialRecord
from reconciler.shell.events import Ended, Event, Planned, Regraded, Started, Unpushed

_OUTCOMES = {"exhausted": "out of time", "killed": "killed", "refused": "the agent refused"}


@dataclass(kw_only=True)
class Tally:
    """What ended, for the summary and the exit code."""

    records: list[TrialRecord] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    reused: int = 0
    """Wanted trials that had results before anything was run."""
    stopped: bool = False
    """Somebody stopped the run."""
    unpushed: str | None = None
    """Why what was recorded is not on the remote yet."""

    @property
    def failed(self) -> int:
        """Trials with a result that did not pass."""
        return sum(not r.passed for r in self.records)


def wide_console(*, stderr: bool = False) -> Console:
    """A console that wraps nothing where no terminal says how wide it is: a log has all the room it needs."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = 240
    return console


class Progress:
    """A listener of the loop, on standard output; on standard error where JSON is to stand there."""

    def __init__(self, *, as_json: bool = False, verbose: int = 0) -> None:
        """``verbose`` 1 shows the failed checks of a trial, 2 all of them."""
        self.console = wide_console(stderr=as_json)
        self.tally = Tally()
        self.live = self.console.is_terminal
        """Whether what runs is shown while it runs."""
        self._verbose = verbose
        self._running: dict[str, Started] = {}
        self._left = self._regraded = self._to_regrade = 0
        self._begun = False

    def __call__(self, event: Event) -> None:
        """Take note, and say it."""
        match event:
            case Planned(plan=plan):
                if not self._begun:
                    self.tally.reused = plan.reused
                self._to_regrade = sum(due.regrades is not None for due in plan.due)
                self._left = len(plan.due) - self._to_regrade
            case Started(work=work):
                self._begun = True
                self._running[work.trial.id] = event
            case Ended(work=work):
                self._running.pop(work.trial.id, None)
                self._say(event)
            case Unpushed(problem=problem):
                self.tally.unpushed = problem
            case Regraded(records=records, left=left):
                self._begun = True
                self._regraded, self._to_regrade = self._regraded + len(records), left
                self.tally.records += records
                passed = sum(r.passed for r in records)
                total = self._regraded + left
                self.console.print(
                    f"graded again, without a sandbox: {self._regraded} of {total}, {passed} of these {len(records)} pass"
                )

    def stopping(self, drain: float) -> None:
        """Somebody wants the run to stop: the first time, what runs may end within ``drain`` seconds."""
        if not self.tally.stopped and self._running:
            say = f"stopping: what runs may end within {drain:g} s; once more stops it at once"
            self.console.print(Text(say, style="yellow"))
        self.tally.stopped = True

    def _say(self, event: Ended) -> None:
        trial = event.work.trial
        name = f"{trial.batch.scenario} × {trial.batch.variant.label} #{trial.iteration}"
        if event.record is None:
            self.tally.problems.append(f"{name}: {event.problem}")
            self.console.print(Text(f"! {name}  no result: {event.problem}", style="yellow"))
            return
        record = event.record
        self.tally.records.append(record)
        self.console.print(Text(result_line(name, record), style="green" if record.passed else "red"))
        for rule in record.rules if self._verbose else ():
            if self._verbose > 1 or not rule.passed:
                self.console.print(f"    {'ok  ' if rule.passed else 'FAIL'} {rule.scope}: {rule.label}", markup=False)

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show what runs until the block ends."""
        if not self.live:
            yield
            return
        with Live(get_renderable=self._picture, console=self.console, refresh_per_second=5, transient=True):
            yield

    def _picture(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for started in self._running.values():
            trial = started.work.trial
            table.add_row(
                Spinner("dots"),
                f"{trial.batch.scenario} × {trial.batch.variant.label} #{trial.iteration}",
                started.watch.current,
            )
        more = Text(f"{self._left} more to come", style="dim") if self._left else Text("")
        return Group(table, *self._bar(), more)

    def _bar(self) -> Iterator[Table]:
        """How far grading again has come, while it goes on."""
        if not self._to_regrade:
            return
        bar, total = Table.grid(padding=(0, 2)), self._regraded + self._to_regrade
        bar.add_row(
            "grading again", ProgressBar(total=total, completed=self._regraded, width=40), f"{self._regraded}/{total}"
        )
        yield bar


def result_line(name: str, record: TrialRecord) -> str:
    """``ok  stale-lock × linux-administration #1  fixed, compliance 100 %  4.2 s``."""
    mark = "ok  " if record.passed else "FAIL"
    seconds = sum(record.phases.values())
    if record.violation:
        return f"{mark} {name}  {record.violation}  {seconds:.1f} s"
    stopped = "" if record.outcome == "completed" else f"{_OUTCOMES[record.outcome]}, "
    fixed = "fixed" if record.resolution.gate else "not fixed"
    rules = "" if record.compliance.gate else ", breaks a required rule"
    return f"{mark} {name}  {stopped}{fixed}, compliance {percent(record.compliance.score)}{rules}  {seconds:.1f} s"
