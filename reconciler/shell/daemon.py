"""The loop: observe, plan, dispatch, wait until woken. Nothing that matters is in its memory.

A commit, an alarm or a trial's end only wakes it; every pass reads the whole world anew. After ``kill -9`` the next
process sees the same world and goes on.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from structlog.contextvars import bound_contextvars

from reconciler.core import planning
from reconciler.core.errors import Unavailable, what_the_machine_lacks
from reconciler.core.planning import Limits, Plan
from reconciler.core.quiet import Window, quiet_until
from reconciler.ports import Alarm, At, Cron, Every, Patterns, ResultsStore
from reconciler.shell.dispatch import Dispatcher
from reconciler.shell.errands import Errands
from reconciler.shell.events import Listener, Planned, Unpushed
from reconciler.shell.observe import Observer, World
from reconciler.shell.preparing import Preparer
from reconciler.shell.reaping import Reaper
from reconciler.shell.reporting import Reporter, last_push
from reconciler.shell.telling import Teller

_T = TypeVar("_T")
log = structlog.get_logger()

PUSH_AGAIN_SECONDS = 60.0
AGAIN_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
"""A service manager that hears nothing for so long does not give up yet: by default it waits for 90 s."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How the loop behaves. Times in seconds."""

    limits: Limits
    quiet: tuple[Window, ...] = ()
    poll: float = 60.0
    debounce: float = 1.0
    drain: float = 30.0
    heartbeat: float = 300.0
    """The longest that the loop sleeps: half of systemd's watchdog interval, where there is one."""


@dataclass(kw_only=True)
class Reconciler:
    """The loop over its parts. One per state directory."""

    observer: Observer
    preparer: Preparer
    dispatcher: Dispatcher
    reporter: Reporter
    results: ResultsStore
    reaper: Reaper
    patterns: Patterns
    policy: Policy
    notify: Callable[[str], None]
    """Tells the service manager: ``READY=1``, ``STATUS=…``, ``WATCHDOG=1``, ``STOPPING=1``."""
    listener: Listener
    teller: Teller = field(default_factory=Teller)
    _stir: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each flag that follows: whoever waits looks at them again."""
    _wanted: bool = False  # whether a pass is
    _errands: Errands = field(default_factory=Errands)
    _farewell: str = "STOPPING=1\nSTATUS=stopping"
    _stale: bool = True  # whether something outside may be new
    _stopping: bool = False
    _patience: float = float("inf")  # with trials that still run when it stops
    _problem: str | None = None  # why passes are put off at present
    _passes: int = 0
    _seen: tuple[str | None, str] = (None, "")  # of the results in the last pass: tip, and why there may be others
    _last_fetch: float = float("-inf")

    # ------------------------------------------------------------ what wakes it

    def wake(self) -> None:
        """Make a pass soon; nothing new is fetched for it."""
        self._wanted = True
        self._stir.set()

    def changed(self, *_: object) -> None:
        """Something outside may be new: fetch, then make a pass. Called by watchers, alarms and SIGHUP."""
        self._stale = True
        self._stir.set()

    def stop(self, *, reload: bool = False) -> None:
        """Start nothing more; what runs may end within the drain time. Called twice: cancel at once.

        ``reload`` says that another loop follows in this process: the service manager must not take it for the end.
        """
        self._farewell = "RELOADING=1\nSTATUS=reloading" if reload else "STOPPING=1\nSTATUS=stopping"
        if self._stopping:
            self._patience = 0.0
            self.dispatcher.cancel()
        # Nobody needs the news any more, and a remote, or an orphan, may hang.
        self._errands.cancel("start", "fetch", "refresh", "reap")
        self._stopping = True
        self.wake()

    # ------------------------------------------------------------ the loop

    async def run(self, *, until_settled: bool = False) -> Plan:
        """Reconcile until stopped, or until nothing is due and nothing is to be tried again by itself."""
        plan = Plan()
        try:
            await self._start(until_settled)
            while not self._stopping:
                self._heard()
                if (made := await self._tried(self.pass_once, until_settled)) is None:
                    continue
                plan = made
                if self._problem is not None:
                    log.info("passes go on")
                    self._problem = None
                    continue
                if until_settled and self._settled(plan):
                    break
                await self._sleep()
        finally:
            await self._wind_down()
        return plan

    async def _start(self, until_settled: bool) -> None:
        """Bring results and definitions here, as often as it takes. A remote may hang: whoever stops does not wait for it."""
        begun = None
        while not (self._stopping or begun):
            self._heard()
            begun = await self._tried(lambda: self._begun(until_settled), until_settled)

    async def _begun(self, until_settled: bool) -> bool:
        await self._errands.carry_out("start", lambda: self._bring(recall=not until_settled))
        return True

    async def _bring(self, *, recall: bool) -> None:
        await self._refresh()
        await self._read()
        if recall:  # whoever waits for an answer is not given an old one
            await self.observer.recall()

    async def _tried(self, work: Callable[[], Awaitable[_T]], until_settled: bool) -> _T | None:
        """Do what needs every part; None where one does not answer, after a while. Who waits for an answer is told at once."""
        try:
            with what_the_machine_lacks():
                return await work()
        except Unavailable as error:
            if until_settled:
                raise
            await self._put_off(error)
            return None

    async def _put_off(self, error: Unavailable) -> None:
        """A part that every pass needs does not answer: say so, once, and look again in a while."""
        if self._problem != (problem := str(error)):
            log.warning("pass put off", problem=problem)
        self._problem = problem
        self.notify(f"WATCHDOG=1\nSTATUS=waiting: {error}")
        try:
            await asyncio.wait_for(self._stir.wait(), AGAIN_SECONDS)
        except TimeoutError:
            self._errands.begin("fetch", self._fetch)  # what is broken here may be what a fetch mends

    async def pass_once(self) -> Plan:
        """Observe, plan, dispatch: once."""
        self._passes += 1
        with bound_contextvars(**{"pass": self._passes}):
            world = await self.observer.look()
            self._seen = (world.results.tip, world.results.unknown)
            working = {*world.leases, *self.dispatcher.running}
            await self._errands.carry_out("reap", lambda: self.reaper.reap(world.sandboxes, working))
            plan = self.decide(world)
            self.listener(Planned(revision=world.revision, plan=plan))
            if self._problem is None:  # else only the end of this pass shows that work can begin again
                await self._begin(world, plan)
            self.observer.timetable.set(self._alarms(world, plan))
            running = self.dispatcher.running
            phases = {trial: (one.work, one.watch.current) for trial, one in running.items()}
            await self.reporter.report(world, plan, phases, pushed=self._pushed, at=self.observer.clock.now())
            self._errands.begin("push", self._push)
            if not self.dispatcher.busy:
                self.patterns.close()
            self.notify(f"READY=1\nWATCHDOG=1\nSTATUS={self.teller.tell(world.warnings, plan, running)}")
        return plan

    async def _begin(self, world: World, plan: Plan) -> None:
        for due in plan.start:
            work = await self.preparer.work(world, due)
            if self._stopping:  # since the pass began
                return
            self.dispatcher.begin(work)
        if plan.regrade and not self.dispatcher.regrading:
            waiting = sum(due.regrades is not None for due in plan.due)
            works = await self.preparer.works(world, plan.regrade)
            if not self._stopping:
                self.dispatcher.regrade(works, waiting)

    def _settled(self, plan: Plan) -> bool:
        """Nothing runs, is due, or is tried again by itself; and nothing happened since the plan was made."""
        again = any(h.retry for h in plan.held)
        news = self._stale or self._errands.under_way("fetch")
        return not (self.dispatcher.busy or self._wanted or news or plan.due or again)

    def decide(self, world: World) -> Plan:
        """The plan for a world, with what runs here."""
        now, us = self.observer.clock.now(), self.dispatcher.leases.owner
        return planning.plan(
            world.todo,
            now=now,
            limits=self.policy.limits,
            running=self.dispatcher.memory,
            leased={trial: lease.until for trial, lease in world.leases.items() if lease.owner != us},
            ended={trial: lease.until for trial, lease in world.leases.items() if lease.owner == us},
            attempts=world.attempts,
            unavailable=self.dispatcher.refused | dict(world.unavailable),
            quiet_until=quiet_until(self.policy.quiet, now),
            blocked=world.blocked,
        )

    def _alarms(self, world: World, plan: Plan) -> Mapping[str, Alarm]:
        alarms: dict[str, Alarm] = {"poll": Every(seconds=self.policy.poll, jitter=self.policy.poll / 10)}
        alarms |= {
            f"sweep:{name}": Cron(expression=c.expression, timezone=c.timezone) for name, c in world.schedules.items()
        }
        if plan.wake_at is not None:
            alarms["held"] = At(moment=plan.wake_at)
        return alarms

    def ring(self, alarm: str) -> None:
        """An alarm of the timetable."""
        if alarm == "poll":
            self.changed()
        else:
            self.wake()

    def _heard(self) -> None:
        """The pass that is wanted begins."""
        self._wanted = False
        self._stir.clear()

    async def _sleep(self) -> None:
        """Wait until a pass is wanted, at most a heartbeat long. What may be new is fetched beside it, and then one is."""
        if self.observer.clock.monotonic() - self._last_fetch >= 2 * self.policy.poll:
            self._stale = True  # alarms go by the wall clock: one that was set back silences them for as long
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.policy.heartbeat):
                self._fetch_news()
                while not self._wanted:
                    await self._stir.wait()
                    self._stir.clear()
                    self._fetch_news()

    def _fetch_news(self) -> None:
        if self._stale:
            self._errands.begin("fetch", self._fetch_debounced)

    async def _fetch_debounced(self) -> None:
        """The first event acts at once; what follows within the debounce time is one more fetch."""
        wait = self._last_fetch + self.policy.debounce - self.observer.clock.monotonic()
        if wait > 0:
            await self.observer.clock.sleep(wait)
        await self._fetch()

    async def _fetch(self) -> None:
        """What is new outside. Definitions are acted on at once, also while the remote of results hangs.

        A pass between sees the results as they were: where several daemons record, each trial looks again under its lease.
        """
        try:
            if await self._read():
                self._errands.begin("refresh", self._refresh)
        finally:
            self.wake()

    async def _read(self) -> bool:
        """Fetch the definitions; whether that went well."""
        self._stale, self._last_fetch = False, self.observer.clock.monotonic()
        new, problem = await self.observer.fetch(), self.observer.source_problem
        self.teller.problem("definitions not read", problem, over="definitions read again")
        if new and problem is None:
            log.info("revision seen", revision=self.observer.revision)
        return problem is None

    async def _refresh(self) -> None:
        """Fetch the results; what the last pass did not see wants another one."""
        results = await self.results.refresh()
        if (results.tip, results.unknown) != self._seen:
            self.wake()

    # ------------------------------------------------------------ beside the trials

    @property
    def _pushed(self) -> bool:
        """Whether the remote lacks nothing: no push is under way, and none is wanted or about to be."""
        return not (self._errands.under_way("push") or self.dispatcher.unpushed or self.dispatcher.regrading)

    async def _push(self) -> None:
        """Push what is not pushed; what is recorded meanwhile is the next push's. Refused: again after a while."""
        while self.dispatcher.unpushed or self.reporter.published:
            self.dispatcher.unpushed = self.reporter.published = False
            log.debug("phase", phase="push")
            problem: str | None = "not tried to the end"
            try:
                problem = await self.results.push()
            finally:
                self.dispatcher.unpushed |= problem is not None
            self.teller.problem("results not pushed yet", problem, over="results pushed again")
            if problem is not None:
                await asyncio.sleep(PUSH_AGAIN_SECONDS)
            self.wake()

    async def _drain(self) -> None:
        """Let trials end, then cancel them; the service manager is asked for more time for as long as that takes."""
        drained = asyncio.create_task(self.dispatcher.drain(min(self.policy.drain, self._patience)))
        seconds = min(self.policy.heartbeat, PATIENCE_SECONDS)
        try:
            while not (await asyncio.wait([drained], timeout=seconds))[0]:
                self.notify(f"WATCHDOG=1\nEXTEND_TIMEOUT_USEC={round(2e6 * seconds)}")
            await drained
        finally:
            drained.cancel()

    async def _wind_down(self) -> None:
        """Let trials end, then cancel them; push what is recorded. Leaves no child and no sandbox."""
        self.notify(f"{self._farewell}\nWATCHDOG=1")
        self.observer.timetable.close()
        await self._drain()
        await self._errands.end()
        problem = await last_push(self.results)
        self.teller.problem("results not pushed yet", problem, over="results pushed again")
        if problem is not None:
            self.listener(Unpushed(problem=problem))
