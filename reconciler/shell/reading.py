"""Read the definitions: loaded once, then brought forward by what changed, also from one process to the next."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypedDict

import structlog

from reconciler.core.errors import Invalid, Unavailable
from reconciler.core.model import BY_HAND
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.files.values import Context
from reconciler.definitions.snapshot import Unreadable
from reconciler.ports import Entry, Notes, Source

log = structlog.get_logger()
_NOTE = "catalogue"


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """Demand that a person makes instead of the repository's benchmarks: once, now.

    It is a benchmark like any other, put beside the repository's files, so that it is checked like any other.
    """

    text: bytes
    epoch: str
    name: str = BY_HAND


class _Folders(TypedDict):
    scenarios_folder: str
    config_folder: str


@dataclass(frozen=True, kw_only=True)
class Read:
    """A revision and its catalogue, as one value: who takes it up never has the one without the other."""

    revision: str
    catalogue: Catalogue


@dataclass(kw_only=True)
class Definitions:
    """What was read of the newest revision that was asked for."""

    source: Source
    notes: Notes
    context: Context
    scenarios_folder: str
    config_folder: str
    edition: Callable[[], str] = str
    """Names the code that reads: what another edition kept is not taken over. Empty: nothing is kept."""
    by_hand: ByHand | None = None
    read: Read | None = None
    _kept: str | None = None

    def at(self, revision: str) -> Catalogue:
        """The catalogue at ``revision``. Raises ``Unavailable``, or ``Invalid`` where a person's own demand is wrong."""
        if self.read is None or revision != self.read.revision:
            catalogue = self._forward(revision) or self._taken_over(revision) or self._whole(revision)
            if self.by_hand is not None:
                catalogue = self._only(catalogue, self.by_hand)
            self.read = Read(revision=revision, catalogue=catalogue)
        return self.read.catalogue

    def keep(self) -> None:
        """Keep what took long to read for the next process. Losing it costs time alone."""
        if self.read is None or not self.read.catalogue.worth_keeping or self.read.revision == self._kept:
            return
        if self.by_hand is not None or not self.edition():
            return
        label = f"{self.edition()} {self.read.revision}\n"
        try:
            self.notes.save(_NOTE, label.encode() + self.read.catalogue.packed())
        except Unavailable as error:
            log.warning("definitions not kept", problem=str(error))
        self._kept = self.read.revision

    @property
    def _folders(self) -> _Folders:
        return {"scenarios_folder": self.scenarios_folder, "config_folder": self.config_folder}

    def _whole(self, revision: str) -> Catalogue:
        return Catalogue.load(self.source.tree(revision), self.source.read, **self._folders, context=self.context)

    def _forward(self, revision: str) -> Catalogue | None:
        """What was read here before, brought forward."""
        if self.read is None:
            return None
        return self.read.catalogue.updated(self.source.changed(self.read.revision, revision), self.source.read)

    def _taken_over(self, revision: str) -> Catalogue | None:
        """The catalogue that an earlier process kept, brought forward; None where there is none that is good."""
        label, _, data = (self.notes.load(_NOTE) or b"").partition(b"\n")
        edition, _, kept = label.decode(errors="replace").partition(" ")
        if not kept or edition != self.edition():
            return None
        try:
            catalogue = Catalogue.unpacked(data, **self._folders, context=self.context)
            news = self.source.changed(kept, revision) if kept != revision else {}
        except (Unreadable, Unavailable):  # another's, or of a history that was rewritten
            return None
        self._kept = kept
        return catalogue.updated(news, self.source.read)

    def _only(self, catalogue: Catalogue, by_hand: ByHand) -> Catalogue:
        """The definitions with the person's benchmark instead of the repository's. Raises ``Invalid`` where it is wrong."""
        path = f"{self.config_folder}/benchmarks/{by_hand.name}.yaml"
        changes: dict[str, Entry | None] = dict.fromkeys(catalogue.benchmark_paths().values())
        changes[path] = Entry(mode="100644", oid=by_hand.name)

        def read(oids: Collection[str]) -> Mapping[str, bytes]:
            others = self.source.read([oid for oid in oids if oid != by_hand.name])
            return {**others, by_hand.name: by_hand.text}

        alone = catalogue.updated(changes, read)
        for finding in alone.findings:
            if finding.path == path and finding.severity == "error":
                raise Invalid(finding.message, hint=alone.lacks or finding.hint)
        return alone
