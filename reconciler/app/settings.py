"""The daemon's YAML, ``reconciler.yaml``, read strictly."""

import os
import re
from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from reconciler.core.digests import digest
from reconciler.core.errors import Invalid
from reconciler.core.quiet import Window
from reconciler.definitions.files.explain import validated
from reconciler.definitions.files.positions import Broken
from reconciler.definitions.files.units import Duration, Size
from reconciler.definitions.files.yaml_text import read_yaml

SHARED = ("roles",)
"""Folders of the definitions repository, beside scenarios and config, in which playbooks find what they share."""
DEFAULT_PATHS = (Path("config/reconciler.yaml"), Path("/etc/reconciler/reconciler.yaml"))
_QUIET = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)(?: (\S+))?")


def _window(value: object) -> Window:
    found = _QUIET.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('quiet hours are written as "22:00-06:00 Europe/Paris"')
    zone = found[5] or "UTC"
    try:
        ZoneInfo(zone)
        return Window(start=time(int(found[1]), int(found[2])), end=time(int(found[3]), int(found[4])), timezone=zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} names no time of day in a known time zone") from error


def _no_password(url: str) -> str:
    if re.match(r"[a-z+]+://[^/@:]*:[^/@]+@", url, re.IGNORECASE):
        raise PydanticCustomError("secret", "a password does not belong here; use an ssh key, or ~/.netrc for https")
    return url


def _inside(folder: str) -> str:
    if folder in ("", ".") or folder.startswith("/") or ".." in folder.split("/"):
        raise ValueError(f"{folder!r} is no folder of the repository: write a path such as roles or ansible/roles")
    return folder.rstrip("/")


SomeTime = Annotated[Duration, Field(gt=0)]
Folder = Annotated[str, AfterValidator(_inside)]
QuietWindow = Annotated[Window, BeforeValidator(_window)]
Repository = Annotated[str, AfterValidator(_no_password)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SourceSettings(_Section):
    """Where the definitions come from. Durations in seconds."""

    kind: Literal["git", "fs"] = "git"
    repository: Repository
    branch: str = "main"
    scenarios: str = "scenarios"
    config: str = "config"
    shared: list[Folder] = list(SHARED)
    poll: SomeTime = 60
    debounce: Duration = 1

    @property
    def folders(self) -> tuple[str, ...]:
        """All that is looked at in the repository."""
        return (self.scenarios, self.config, *self.shared)


class AuthorSettings(_Section):
    """Who commits the results."""

    name: str = "reconciler"
    email: str = "reconciler@localhost"


class ResultsSettings(_Section):
    """Where results are committed. ``repository`` None: the source's."""

    repository: Repository | None = None
    branch: str = "results"
    author: AuthorSettings = AuthorSettings()


class LimitSettings(_Section):
    """How much at once. ``memory`` in MiB, ``trial`` and ``drain`` in seconds."""

    parallel: int = Field(default=4, ge=1)
    memory: Size = 8192
    trial: SomeTime = 1800
    attempts: int = Field(default=3, ge=1)
    drain: Duration = 30


class JournalSettings(_Section):
    """Who works on what: in memory, or in a PostgreSQL that several daemons share."""

    kind: Literal["memory", "postgres"] = "memory"
    url_from: str = "DATABASE_URL"
    """The environment variable that holds the connection string."""


class IncusSettings(_Section):
    """How to reach Incus."""

    socket: str = "/var/lib/incus/unix.socket"
    project: str = "default"


class NamespaceSettings(_Section):
    """The embedded mode. ``hidden`` are more folders and files of this machine that no sandbox may read."""

    hidden: list[str] = []


class ModeSettings(_Section):
    """Settings by mode."""

    incus: IncusSettings = IncusSettings()
    namespace: NamespaceSettings = NamespaceSettings()


class Settings(_Section):
    """The whole file."""

    source: SourceSettings
    results: ResultsSettings = ResultsSettings()
    state: str = "/var/lib/reconciler"
    limits: LimitSettings = LimitSettings()
    quiet_hours: list[QuietWindow] = []
    modes: ModeSettings = ModeSettings()
    journal: JournalSettings = JournalSettings()

    @property
    def state_path(self) -> Path:
        """The state directory, absolute."""
        return Path(self.state).absolute()

    def hiding(self, path: Path) -> "Settings":
        """These settings, and no sandbox may read the file or folder at ``path``."""
        namespace = NamespaceSettings(hidden=[*self.modes.namespace.hidden, str(path.absolute())])
        return self.model_copy(update={"modes": self.modes.model_copy(update={"namespace": namespace})})

    @property
    def results_among_definitions(self) -> bool:
        """Whether results would be committed to the branch that the definitions are read from."""
        here = self.results.repository in (None, self.source.repository)
        return self.source.kind == "git" and here and self.results.branch == self.source.branch

    @property
    def instance(self) -> str:
        """Names this installation on the sandboxes' labels: the machine and the state directory."""
        return digest([os.uname().nodename, str(self.state_path.resolve())])


def find(path: Path | None) -> Path:
    """The configuration file: as given, or ``RECONCILER_CONFIG``, or the first default that exists."""
    if path is None and (named := os.environ.get("RECONCILER_CONFIG")):
        path = Path(named)
    if path is not None:
        if not path.is_file():
            raise Invalid(f"there is no configuration file {path}", hint="name one with --config")
        return path
    for candidate in DEFAULT_PATHS:
        if candidate.is_file():
            return candidate
    tried = " and ".join(str(p) for p in DEFAULT_PATHS)
    raise Invalid(f"no configuration found; tried {tried}", hint="name one with --config or RECONCILER_CONFIG")


def load(path: Path) -> Settings:
    """Read settings. Raises ``Invalid`` with every problem, one per line: file, line, what to write instead."""
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except Broken as error:
        raise Invalid(str(error), path=str(path), line=error.line) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"cannot be read: {error}", path=str(path)) from error
    settings, findings = validated(Settings, document, str(path))
    if settings is None or findings:
        raise Invalid("\n".join(f.line_of_text for f in findings))
    if settings.results_among_definitions:
        line, _ = document.positions().of(("results", "branch"))
        message = f"results.branch cannot be {settings.results.branch}, the branch of the definitions"
        raise Invalid(message, path=str(path), line=line, hint="write another, such as results")
    return settings
