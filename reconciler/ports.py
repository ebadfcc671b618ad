"""What the shell needs of the world, as Protocols and the values they exchange. No behaviour lives here.

Every port says what is durable, what may be repeated ("absent is success") and what is raised. ``Transient`` means
this trial may be tried again, ``Unavailable`` that the part does not answer at all.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from reconciler.core.model import (
    Host,
    Job,
    Mode,
    OperationalRule,
    PlaybookResult,
    Scenario,
    Specialty,
    Template,
    Ticket,
)

# ---------------------------------------------------------------- Clock


class Clock(Protocol):
    """Time, passed in."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a fake clock moves instead."""
        ...


@dataclass(frozen=True, kw_only=True)
class Every:
    """An alarm each ``seconds``, give or take ``jitter`` seconds."""

    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Cron:
    """An alarm at each fire time of a five-field cron expression in a time zone."""

    expression: str
    timezone: str = "UTC"


@dataclass(frozen=True, kw_only=True)
class At:
    """An alarm once, at a moment; a moment in the past rings at once."""

    moment: datetime


Alarm = Every | Cron | At


class Timetable(Protocol):
    """Wakes the loop. Nothing is durable: the alarms are set anew from what each pass sees."""

    def set(self, alarms: Mapping[str, Alarm]) -> None:
        """Replace all alarms. An alarm equal to the one under the same name goes on undisturbed."""
        ...

    def last_fire(self, cron: Cron, *, after: datetime, until: datetime) -> datetime | None:
        """The newest fire time in (after, until], in UTC; a wall time that occurs twice fires once."""
        ...

    def close(self) -> None:
        """Ring no more."""
        ...


# ---------------------------------------------------------------- Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file at a revision: git's mode (``100644``, ``100755``, ``120000`` a symbolic link) and object id."""

    mode: str
    oid: str


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit in a person's words. ``short`` is the abbreviated id, ``parent`` the id of the first one, None at the root."""

    id: str
    short: str
    subject: str
    at: datetime
    parent: str | None = None


class Source(Protocol):
    """The definitions repository. Always read from commits; calls may be repeated at will."""

    async def fetch(self) -> str:
        """Bring the newest revision here and return its commit id. Raises ``Unavailable`` with the reason."""
        ...

    def tree(self, revision: str) -> Mapping[str, Entry]:
        """Path to entry for every file below the scenarios and config folders. Raises ``Unavailable``."""
        ...

    def changed(self, old: str, new: str) -> Mapping[str, Entry | None]:
        """What differs from ``old`` to ``new`` in those folders; ``None`` where the file is gone."""
        ...

    def read(self, oids: Collection[str]) -> Mapping[str, bytes]:
        """The contents of blobs by id."""
        ...

    def last_change(self, revision: str, paths: Collection[str]) -> Commit | None:
        """The newest commit up to ``revision`` that touched one of ``paths``; ``None`` where history ends before."""
        ...

    def checkout(self, revision: str, paths: Collection[str], name: str) -> Path:
        """A folder holding just ``paths`` (files or folders) at ``revision``, complete or not there at all.

        ``name`` is its content's name: asked again, the folder that exists is returned. Symbolic links are refused.
        """
        ...


class Watch(Protocol):
    """Hints that something changed."""

    def start(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` (from any thread) on each change; what cannot be watched is left to polling."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


# ---------------------------------------------------------------- Platform and Sandbox


@dataclass(frozen=True, kw_only=True)
class SandboxSpec:
    """What to make. ``name`` comes from the trial; labels can be read back from ``Platform.list``."""

    name: str
    host: str
    template: Template
    labels: Mapping[str, str] = field(default_factory=dict)
    network: bool = True
    """False: no interface but the loopback. True promises none: mode namespace has no network at all."""


@dataclass(frozen=True, kw_only=True)
class SandboxInfo:
    """A sandbox that exists. ``trial`` and ``instance`` are read back from its labels."""

    name: str
    mode: Mode
    trial: str
    instance: str
    template: str
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A command that ended. Output is bounded: past the limit its middle is cut and says so."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False


class Sandbox(Protocol):
    """One machine, for one trial."""

    name: str
    host: str
    """Its name in the inventory."""
    image: str
    """The fingerprint of what it was made from."""
    controller: str
    """Where ansible-playbook runs for it: ``inside`` the sandbox, or ``outside`` with ``variables``."""
    variables: Mapping[str, str]
    """Inventory variables that reach it from outside (``ansible_connection`` ...)."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float,
        env: Mapping[str, str] | None = None,
        limit: int = 262_144,
    ) -> Completed:
        """Run a command as root. A failing command is a result: 127 not found, 128+n killed by signal n.

        After ``timeout`` seconds it and its process group are killed (``timed_out``, exit 124). stdin may hold
        megabytes; ``limit`` bounds each of stdout and stderr in bytes. A background child that keeps stdout open
        does not hold the call. Raises ``Transient("sandbox")`` when the sandbox itself is gone.
        """
        ...


class Platform(Protocol):
    """A kind of sandbox: one per mode. What it makes is labelled and can be found again."""

    mode: Mode

    async def images(self, templates: Collection[Template]) -> Mapping[str, str]:
        """Template name to the fingerprint of what its sandboxes start from. Cheap: asked in every pass.

        A template whose image is not there yet is left out. Raises ``Unavailable`` with the reason when the mode cannot
        be used here: then its trials are held.
        """
        ...

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """Make, boot and reach a sandbox, making its template first where that is missing.

        A left-over of the same name is destroyed first. Raises ``Transient("sandbox")``, ``Invalid`` where the
        template cannot be made as it is written, or ``Unavailable``. On any failure nothing is left behind.
        """
        ...

    async def destroy(self, name: str) -> None:
        """Destroy a sandbox with all its processes. Absent is success. Raises ``Transient`` when it cannot."""
        ...

    async def list(self) -> Sequence[SandboxInfo]:
        """Every sandbox with our labels, whoever made it. Raises ``Unavailable``."""
        ...

    async def close(self) -> None:
        """Let go of connections; sandboxes stay."""
        ...


# ---------------------------------------------------------------- Provisioner


class Provisioner(Protocol):
    """Runs playbooks. A failing playbook is a result; a host that cannot be reached is ``Transient("sandbox")``."""

    async def play(
        self,
        playbook: PurePosixPath,
        *,
        folder: Path,
        sandboxes: Sequence[Sandbox],
        inventory: str | None = None,
        timeout: float,
    ) -> PlaybookResult:
        """Run ``playbook`` (relative to ``folder``, the checkout's root) against the sandboxes.

        The generated inventory holds each sandbox under its host name. ``inventory``, relative to ``folder``, is a shipped
        inventory read beside it, for groups and variables. A playbook that does not end within ``timeout`` seconds is
        killed with all its children and raises ``Transient("playbook")``; so does one that cannot be parsed.
        """
        ...


# ---------------------------------------------------------------- Engine


@dataclass(frozen=True, kw_only=True)
class Seat:
    """An agent ready to work: its specialty, the rules that its context gets, and its sandbox."""

    agent: str
    host: Host
    specialty: Specialty
    rules: Sequence[OperationalRule]
    sandbox: Sandbox


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A ticket and the agents who may answer it. ``seconds`` is what is left of the trial's time."""

    trial: str
    scenario: Scenario
    ticket: Ticket
    seats: Sequence[Seat]
    main_engine: str
    secondary_engine: str
    seconds: float


class Engine(Protocol):
    """What does the agent's work. One engine object serves many jobs."""

    version: str
    """Part of the agent digest: a new version is a new agent."""

    async def submit(self, assignment: Assignment) -> str:
        """File the ticket and return the job's id. Raises ``Transient("provider")``."""
        ...

    def watch(self, job: str) -> AsyncGenerator[Job, None]:
        """The job as it is, again on each change, last when it has ended. Raises ``Transient``.

        Nothing that was told is taken back: each snapshot ``continues`` those before it. One that does not costs the trial
        its result, since its commands prove nothing.

        An engine that runs the agent's commands itself tells each before it runs it, and runs it once everybody who
        watches has come back for more: a command that a watcher answers with ``kill`` never runs.
        """
        ...

    async def kill(self, job: str) -> Job:
        """Stop the job and its agents now; returns it as it stands, outcome ``killed`` unless it had ended."""
        ...


# ---------------------------------------------------------------- ResultsStore


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results branch at a tip. ``trials`` are the paths of readable records below ``trials/`` (path to blob id)."""

    tip: str | None
    trials: Mapping[str, str]
    broken: Mapping[str, str] = field(default_factory=dict)
    """Paths of records that cannot be read, with what is wrong. They do not count as recorded."""
    proofs: frozenset[str] = frozenset()
    """Paths below ``proofs/``, whether they can be read or not."""
    warnings: Sequence[str] = ()
    """Things that a person should know: a branch that was rewritten, a push that is refused."""


class ResultsStore(Protocol):
    """The results branch. ``append`` is durable on return; everything can be repeated."""

    async def refresh(self) -> Results:
        """Fetch where possible and return the branch as it is here. An absent branch is empty, not an error."""
        ...

    async def view(self) -> Results:
        """The branch as it is here, without asking the remote."""
        ...

    def read(self, paths: Collection[str]) -> Mapping[str, bytes]:
        """Contents at the tip; absent paths are left out."""
        ...

    def changed(self, old: str, new: str) -> Collection[str] | None:
        """The paths that differ between two tips; ``None`` where that cannot be told. Its cost grows with what differs."""
        ...

    async def append(self, files: Mapping[str, bytes], message: str) -> str:
        """Commit ``files`` (path to contents) on the tip, durable locally; returns the commit.

        Contents that are already there make no commit. Paths under ``trials/`` and ``proofs/`` are never changed: one
        that holds another readable record keeps it.
        """
        ...

    async def push(self) -> str | None:
        """Bring local commits to the remote, replayed on its tip where a race was lost, never forced.

        Returns ``None`` when the remote has everything, else the reason why not yet. Loses nothing either way.
        """
        ...


# ---------------------------------------------------------------- Journal


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to work on a trial until a moment."""

    trial: str
    owner: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """How often a trial died of infrastructure, and of what last."""

    count: int
    cause: str
    message: str
    at: datetime


class Journal(Protocol):
    """Who works on what, and failed attempts. Losing it repeats work and never loses a result."""

    shared: bool
    """Whether other daemons work from the same journal: then a result is pushed before its lease is given back."""

    async def acquire(self, trial: str, owner: str, seconds: float) -> bool:
        """Take the lease, or renew one's own; False while another owner's is alive."""
        ...

    async def release(self, trial: str, owner: str) -> None:
        """Give one's own lease back. Absent, or another's, is success and changes nothing."""
        ...

    async def leases(self) -> Sequence[Lease]:
        """The leases that are alive."""
        ...

    async def fail(self, trial: str, cause: str, message: str) -> None:
        """Count an attempt."""
        ...

    async def attempts(self) -> Mapping[str, Attempts]:
        """Trial id to its failed attempts."""
        ...

    async def forget(self, trials: Collection[str]) -> None:
        """Drop the attempts of trials that are recorded, or that somebody wants tried afresh."""
        ...


# ---------------------------------------------------------------- Notes


class Notes(Protocol):
    """Small derived facts that outlive the process and may be deleted while it is stopped."""

    def get(self, name: str) -> Mapping[str, object] | None:
        """The note, or None where there is none that can be read."""
        ...

    def put(self, name: str, value: Mapping[str, object]) -> None:
        """Keep a note, whole or not at all."""
        ...

    def load(self, name: str) -> bytes | None:
        """The bytes kept under a name, or None."""
        ...

    def save(self, name: str, data: bytes) -> None:
        """Keep many bytes, whole or not at all, also where the machine loses its power."""
        ...


# ---------------------------------------------------------------- Patterns


class Patterns(Protocol):
    """Searches user patterns in text: JavaScript's dialect, flag ``i``, always under a time limit."""

    def search(self, pattern: str, text: str) -> tuple[int, int] | None:
        """Start and end of the first match in code points. Raises ``Invalid`` (does not compile) or ``TimeoutError``."""
        ...

    def error(self, pattern: str) -> str | None:
        """Why a pattern does not compile, or None."""
        ...

    def close(self) -> None:
        """End helper processes; the next search starts them again."""
        ...
