"""The config folder: templates, engines, benchmarks and the resources of the platform, by kind."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from reconciler.core.model import EngineSettings, OperationalRule, Specialty
from reconciler.definitions.ansible.dependencies import link_finding
from reconciler.definitions.files import parse, resources
from reconciler.definitions.files.findings import Finding, closest
from reconciler.definitions.files.schemas import TemplateFile
from reconciler.definitions.files.tree import Blobs, Tree, is_regular
from reconciler.definitions.files.values import Benchmark, Context, HostResource, Parsed, Resource
from reconciler.definitions.shelf import Shelf
from reconciler.ports import Entry


@dataclass(frozen=True, kw_only=True)
class Library:
    """One shelf per kind."""

    specialties: Shelf[Parsed[Specialty]] = field(default_factory=lambda: Shelf("specialty", {}))
    operational_rules: Shelf[Parsed[OperationalRule]] = field(default_factory=lambda: Shelf("operational rule", {}))
    templates: Shelf[Parsed[TemplateFile]] = field(default_factory=lambda: Shelf("template", {}))
    engines: Shelf[Parsed[EngineSettings]] = field(default_factory=lambda: Shelf("engine", {}))
    benchmarks: Shelf[Parsed[Benchmark]] = field(default_factory=lambda: Shelf("benchmark", {}))
    hosts: Shelf[Parsed[HostResource]] = field(default_factory=lambda: Shelf("host", {}))
    agents: Shelf[Parsed[Resource]] = field(default_factory=lambda: Shelf("agent", {}))
    credentials: Shelf[Parsed[Resource]] = field(default_factory=lambda: Shelf("credential", {}))
    gateways: Shelf[Parsed[Resource]] = field(default_factory=lambda: Shelf("gateway", {}))
    blacklist: Shelf[Parsed[Resource]] = field(default_factory=lambda: Shelf("blacklist entry", {}))

    @property
    def shelves(self) -> tuple[Shelf[Parsed[Any]], ...]:
        """Every shelf."""
        return tuple(getattr(self, kind) for kind in PARSERS)

    def updated(self, folder: str, changes: Mapping[str, Entry | None], blobs: Blobs, context: Context) -> "Library":
        """The library after changes to files below ``folder``; shelves that nothing touches are shared."""
        news: dict[str, dict[str, Parsed[Any] | None]] = {}
        ours = {p: (kind, e) for p, e in changes.items() if (kind := kind_of(folder, p))}
        blobs.fetch(e.oid for _, e in ours.values() if e is not None and is_regular(e))
        for path, (kind, entry) in ours.items():
            news.setdefault(kind, {})[path] = None if entry is None else _read(kind, path, entry, blobs, context)
        return (
            replace(self, **{kind: getattr(self, kind).updated(files) for kind, files in news.items()})
            if news
            else self
        )


PARSERS: Mapping[str, Callable[[str, bytes, Context], Parsed[Any]]] = {
    "specialties": resources.specialty,
    "operational_rules": resources.operational_rule,
    "templates": parse.template,
    "engines": parse.engine,
    "benchmarks": parse.benchmark,
    "hosts": resources.host,
    "agents": resources.agent,
    "credentials": resources.credential,
    "gateways": resources.gateway,
    "blacklist": resources.blacklist,
}
_MISNAMED = {".md": ".mdx"}
_PATH = re.compile(
    r"(?P<mdx>specialties|operational_rules|hosts|agents|credentials|gateways|blacklist)/(?!README)[^/]+\.mdx?\Z"
    r"|(?P<yaml>engines|benchmarks)/[^/]+\.ya?ml\Z|(?P<template>templates)/[^/]+/template\.yaml\Z"
)


def kind_of(folder: str, path: str) -> str | None:
    """The kind of the definition at ``path``, None for any other file."""
    if not path.startswith(folder + "/"):
        return None
    found = _PATH.match(path, len(folder) + 1)
    return found[found.lastgroup] if found and found.lastgroup else None


@lru_cache(maxsize=256)
def _meant(kind: str) -> str | None:
    return closest(kind, PARSERS)


def stray_files(folder: str, tree: Tree) -> Iterator[Finding]:
    """Files below ``folder`` that nothing reads, and that were surely meant to be: in a misspelt folder, or one too deep."""
    for path in tree.under(folder):
        kind, _, rest = path[len(folder) + 1 :].partition("/")
        if not rest or kind == "templates" or kind_of(folder, path):
            continue
        if kind in PARSERS and rest.endswith(".mdx") and "/" in rest:
            message, hint = f"only files directly in {kind}/ are read", f"move it to {folder}/{kind}/"
        elif kind not in PARSERS and (meant := _meant(kind)):
            message, hint = f"files in {kind}/ are not read", f"did you mean {meant}/?"
        else:
            continue
        yield Finding(path=path, rule="misplaced-file", severity="warning", message=message, hint=hint)


def _read(kind: str, path: str, entry: Entry, blobs: Blobs, context: Context) -> Parsed[Any]:
    pure = PurePosixPath(path)
    if not is_regular(entry):
        claim = parse.specialty_key(pure.stem) if kind == "specialties" else pure.stem
        return Parsed(
            path=path, claim=pure.parent.name if kind == "templates" else claim, findings=(link_finding(path),)
        )
    if pure.suffix in _MISNAMED:
        hint = f"name it {pure.with_suffix(_MISNAMED[pure.suffix]).name}"
        wrong = Finding(path=path, rule="misnamed-file", message="a file of this name is not read", hint=hint)
        return Parsed(path=path, claim=path, findings=(wrong,))
    return PARSERS[kind](path, blobs[entry.oid], context)
