"""The files of one kind, by the names that other files know them by."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from reconciler.definitions.files.findings import Finding, nearest, shown


class Filed(Protocol):
    """A file that was read. A wrong one keeps its ``claim`` and has an ``error``."""

    @property
    def path(self) -> str: ...
    @property
    def claim(self) -> str: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def error(self) -> Finding | None: ...


F = TypeVar("F", bound=Filed)


class Shelf(Generic[F]):
    """Files of one kind, immutable. A name that two files claim is nobody's: both stall."""

    def __init__(self, kind: str, files: Mapping[str, F]) -> None:
        """``kind`` in a person's words: ``scenario``. ``files`` by path."""
        self.kind = kind
        self.files = files

    def updated(self, changes: Mapping[str, F | None]) -> "Shelf[F]":
        """The shelf with some files replaced, added or (None) gone; itself when nothing changed."""
        if not changes:
            return self
        files = {**self.files, **changes}
        return Shelf(self.kind, {p: f for p, f in files.items() if f is not None})

    @cached_property
    def claims(self) -> Mapping[str, list[F]]:
        """Name to the files that claim it, in the order of their paths."""
        found: dict[str, list[F]] = {}
        for path in sorted(self.files):
            found.setdefault(self.files[path].claim, []).append(self.files[path])
        return found

    @cached_property
    def usable(self) -> Mapping[str, F]:
        """Name to file, for what is right and alone under its name."""
        return {c: files[0] for c, files in sorted(self.claims.items()) if len(files) == 1 and files[0].error is None}

    @cached_property
    def wrong(self) -> Mapping[str, list[F]]:
        """The names that are claimed and cannot be used, with who claims them."""
        return {claim: files for claim, files in self.claims.items() if claim not in self.usable}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that is claimed, also by a wrong file."""
        return frozenset(self.claims)

    def stalled_by(self, name: str) -> str:
        """Why the ``name`` that somebody claims cannot be used."""
        files = self.claims[name]
        if len(files) > 1:
            return f"{self.kind} {name} is declared more than once: {', '.join(f.path for f in files)}"
        error = files[0].error
        return error.line_of_text if error else f"{self.kind} {name} cannot be used"

    def duplicates(self, spot: Callable[[str], tuple[int, int]]) -> Iterable[Finding]:
        """A finding for each file whose name another claims as well; ``spot`` tells where in a file its name stands."""
        for name, files in self.claims.items():
            for file in files if len(files) > 1 else ():
                line, column = spot(file.path)
                others = ", ".join(f.path for f in files if f is not file)
                yield Finding(
                    path=file.path, line=line, column=column, rule="duplicate-name",
                    message=f"{self.kind} {shown(name)} is declared more than once", hint=f"the other is in {others}",
                )  # fmt: skip

    def unknown(self, name: str, known: Iterable[str] = ()) -> tuple[str, str]:
        """(message, hint) for a name that nobody claims."""
        return f"there is no {self.kind} {shown(name)}", nearest(name, {*self.names, *known})
