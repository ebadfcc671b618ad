"""Everything concrete, made from settings: the one place that chooses an adapter for each port."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler import __version__
from reconciler.adapters.ansible.provisioner import AnsibleProvisioner
from reconciler.adapters.clock import WallClock
from reconciler.adapters.cron import cron_error
from reconciler.adapters.git.command import local_path
from reconciler.adapters.git.directory import DirectorySource
from reconciler.adapters.git.results import GitResults
from reconciler.adapters.git.source import GitSource
from reconciler.adapters.git.watch import DirectoryWatch, RefWatch, git_folder, lenders
from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.adapters.incus.templates import Provision
from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.adapters.patterns.advice import pattern_doubts
from reconciler.adapters.patterns.search import EcmaPatterns, pattern_error
from reconciler.adapters.runbook.engine import RunbookEngine
from reconciler.adapters.runbook.sections import runbook_doubts, runbook_problems
from reconciler.adapters.state import StateDirectory
from reconciler.adapters.timetable import ApschedulerTimetable
from reconciler.app.settings import Settings
from reconciler.core.digests import digest
from reconciler.core.errors import Invalid
from reconciler.core.model import EngineSettings, Mode
from reconciler.definitions.files.units import parse_duration
from reconciler.definitions.files.values import Context, EngineOptions
from reconciler.ports import Clock, Engine, Patterns, Platform, Source, Watch
from reconciler.shell.templating import TemplateMaker

if TYPE_CHECKING:
    from reconciler.adapters.postgres.journal import PostgresJournal

ADAPTERS: Mapping[str, str] = {"runbook": f"runbook/{__version__}"}
"""Engine adapters and their versions; a version is part of the agent digest."""


def _command_timeout(value: object) -> int:
    """Seconds. Raises ``ValueError`` that says how to write it."""
    if not (seconds := parse_duration(value)):
        raise ValueError("a command needs some time: 1s at least")
    return seconds


ENGINE_SETTINGS: Mapping[str, EngineOptions] = {"runbook": {"command_timeout": _command_timeout}}
"""What an engine's file may say beside ``adapter``."""


def lint_context() -> Context:
    """What the definitions need to be judged."""
    return Context(
        compiles=pattern_error,
        pattern_doubts=pattern_doubts,
        cron_error=cron_error,
        adapters=ADAPTERS,
        engine_settings=ENGINE_SETTINGS,
        prompt_problems=lambda prompt: sorted([*runbook_problems(prompt, pattern_error), *runbook_doubts(prompt)]),
    )


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """Everything concrete, made from settings."""

    state: StateDirectory
    clock: Clock
    source: Source
    watch: Watch
    results: GitResults
    provisioner: AnsibleProvisioner
    maker: TemplateMaker
    platforms: Mapping[Mode, Platform]
    patterns: EcmaPatterns
    journal: "MemoryJournal | PostgresJournal"
    timetable: ApschedulerTimetable
    instance: str

    async def close(self) -> None:
        """Let go of connections, threads and helper processes; sandboxes stay."""
        self.watch.close()
        self.timetable.close()
        self.patterns.close()
        for platform in self.platforms.values():
            await platform.close()
        await self.journal.close()


def _apart(settings: Settings, purpose: str) -> tuple[Path, str]:
    """The state directory of what works beside the daemon, and the name that its sandboxes bear."""
    return settings.state_path / purpose, digest([settings.instance, purpose])


def beside(settings: Settings) -> Mapping[str, bool]:
    """The instances beside the daemon's own, and whether somebody works for them."""
    apart = [_apart(settings, purpose) for purpose in ("by-hand", "check")]
    return {name: path.is_dir() and StateDirectory(path).locked() for path, name in apart}


def adapters_of(settings: Settings, purpose: str) -> Adapters:
    """The daemon's, or (``by-hand``, ``check``) those of what works beside it. Raises ``Invalid``."""
    state, instance, by_hand = StateDirectory(settings.state_path), settings.instance, purpose == "by-hand"
    if purpose:
        path, instance = _apart(settings, purpose)
        state = StateDirectory(path)
    clock, provisioner = WallClock(), AnsibleProvisioner()
    source, watch = _source(settings, state.path)
    maker = TemplateMaker(provisioner=provisioner)
    return Adapters(
        state=state,
        clock=clock,
        source=source,
        watch=watch,
        results=results_store(settings, state.path if by_hand else settings.state_path, clock),
        provisioner=provisioner,
        maker=maker,
        platforms=_platforms(settings, instance, clock, maker),
        patterns=EcmaPatterns(),
        journal=_journal(settings, clock, by_hand=by_hand),
        timetable=ApschedulerTimetable(clock=clock),
        instance=instance,
    )


def state_by_hand(settings: Settings) -> Path:
    """The state directory of trials by hand."""
    return settings.state_path / "by-hand"


def results_store(settings: Settings, state: Path, clock: Clock) -> GitResults:
    """The results branch, as a state directory knows it."""
    return GitResults(
        repository=_results_repository(settings),
        branch=settings.results.branch,
        author_name=settings.results.author.name,
        author_email=settings.results.author.email,
        state=state,
        clock=clock,
    )


def _journal(settings: Settings, clock: Clock, *, by_hand: bool) -> "MemoryJournal | PostgresJournal":
    """Trials by hand are nobody else's business."""
    if settings.journal.kind == "memory" or by_hand:
        return MemoryJournal(clock=clock)
    url = os.environ.get(settings.journal.url_from)
    if not url:
        raise Invalid(f"the journal's connection string is not in the environment: set {settings.journal.url_from}")
    from reconciler.adapters.postgres.journal import PostgresJournal  # 9 MB that few need

    return PostgresJournal(url=url, clock=clock)


class Engines:
    """One engine object per adapter and settings."""

    def __init__(self, clock: Clock, patterns: Patterns) -> None:
        self._clock, self._patterns = clock, patterns
        self._made: dict[str, Engine] = {}

    def get(self, settings: EngineSettings) -> Engine:
        key = digest([settings.adapter, dict(settings.settings)])
        if key not in self._made:
            if settings.adapter != "runbook":
                raise Invalid(
                    f"engine {settings.key} wants the adapter {settings.adapter}", hint=f"known: {', '.join(ADAPTERS)}"
                )
            self._made[key] = RunbookEngine(clock=self._clock, patterns=self._patterns, **_options(settings))
        return self._made[key]


def _options(settings: EngineSettings) -> dict[str, Any]:
    """An engine's settings as its adapter takes them. Raises ``Invalid``, though ``validate`` has told it before."""
    options = ENGINE_SETTINGS[settings.adapter]
    try:
        return {name: options[name](value) for name, value in settings.settings.items()}
    except (KeyError, ValueError) as error:
        raise Invalid(f"engine {settings.key}: {error}", hint=f"known settings: {', '.join(options)}") from error


def _source(settings: Settings, state: Path) -> tuple[Source, Watch]:
    source = settings.source
    if source.kind == "fs":
        directory = Path(source.repository)
        return (
            DirectorySource(directory=directory, folders=source.folders, state=state),
            DirectoryWatch(directory, source.folders),
        )
    return (
        GitSource(repository=source.repository, branch=source.branch, folders=source.folders, state=state),
        RefWatch(source.repository, branch=source.branch),
    )


def _results_repository(settings: Settings) -> str | None:
    """The results' repository: the source's by default; a plain directory has none, so results stay local."""
    if settings.results.repository is not None:
        return settings.results.repository
    return settings.source.repository if settings.source.kind == "git" else None


def _platforms(settings: Settings, instance: str, clock: Clock, provision: Provision) -> Mapping[Mode, Platform]:
    incus, namespace = settings.modes.incus, settings.modes.namespace
    return {
        "incus": IncusPlatform(
            socket=incus.socket, project=incus.project, instance=instance, clock=clock, provision=provision
        ),
        "namespace": NamespacePlatform(
            instance=instance, visible=tuple(_interpreter()), hidden=tuple(_hidden(settings, namespace.hidden))
        ),
    }


def _interpreter() -> Iterator[Path]:
    """What ansible-playbook needs inside: the virtual environment and the interpreter that it was made from."""
    for prefix in dict.fromkeys((sys.prefix, sys.base_prefix)):
        if prefix not in ("/usr", "/usr/local"):
            yield Path(prefix)


def _hidden(settings: Settings, more: list[str]) -> Iterator[Path]:
    """What no sandbox may read: our state, and the repositories (they hold the answers)."""
    yield settings.state_path
    yield from map(Path, more)
    if settings.source.kind == "fs":
        yield Path(settings.source.repository)
    for repository in (settings.source.repository, _results_repository(settings)):
        if repository and (path := local_path(repository)):
            yield from _repository_places(path)


def _repository_places(path: Path, *, borrowing: int = 5) -> Iterator[Path]:
    """Where a repository may lie that git is told to look for at ``path``: with its work tree, and with what it is linked to.

    So may those that it borrows objects from, and their lenders, as far as git goes: ``borrowing`` times.
    """
    for named in (path, path.with_name(f"{path.name}.git")):  # git tries the second by itself
        tree = named.parent if named.name == ".git" else named
        yield tree
        with contextlib.suppress(OSError):  # nothing can be read there, neither by git nor inside
            folder = git_folder(tree)
            yield folder
            if folder.name == ".git":
                yield folder.parent
            for lender in lenders(folder) if borrowing else ():
                yield lender
                yield from _repository_places(lender.parent, borrowing=borrowing - 1)
