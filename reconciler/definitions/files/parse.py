"""One file to one value, or to everything that is wrong with it. Nothing here looks at another file."""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import BaseModel

from reconciler.core.digests import canonical
from reconciler.core.model import EngineSettings, Gate
from reconciler.definitions.files.explain import validated
from reconciler.definitions.files.findings import Finding, first, nearest, shown
from reconciler.definitions.files.holes import Holes, Path, Problem
from reconciler.definitions.files.json_text import read_json
from reconciler.definitions.files.lint_rules import Severity
from reconciler.definitions.files.positions import Broken, Document, Positions, Spot, text_of
from reconciler.definitions.files.schemas import (
    BenchmarkFile,
    EngineFile,
    TemplateFile,
)
from reconciler.definitions.files.sketches import sketch
from reconciler.definitions.files.tree import Blobs, Tree
from reconciler.definitions.files.values import Benchmark, Candidate, Context, EngineOptions, Parsed
from reconciler.definitions.files.yaml_text import read_front_matter, read_yaml
from reconciler.ports import Cron

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")


def specialty_key(name: str) -> str:
    """The upper snake case form under which names of specialties compare."""
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")


def document(path: str, data: bytes, reader: Callable[[str], Document]) -> Document | Finding:
    """What a file says, or why it cannot be read."""
    try:
        return reader(text_of(data))
    except Broken as error:
        return Finding(
            path=path, line=error.line, column=error.column, rule=error.rule, message=error.message, hint=error.hint
        )


def reader_of(path: str) -> Callable[[str], Document]:
    """How a definition is read, by the end of its name."""
    if path.endswith(".json"):
        return read_json
    return read_front_matter if path.endswith(".mdx") else read_yaml


def located(path: str, read: Document, problems: Iterable[Problem], *, warning: bool = False) -> list[Finding]:
    """Problems as findings, with the lines that they are on: the first of very many. None that is within a hole."""
    told = read.holes.told(problems)
    if (one := next(told, None)) is None:
        return []
    severity: Severity = "warning" if warning else "error"
    positions = read.positions()
    return first((_found(path, positions, problem, severity) for problem in chain([one], told)), path)


def _found(path: str, positions: Positions, problem: Problem, severity: Severity) -> Finding:
    where, rule, message, hint = problem
    line, column = positions.of(where, key=rule == "unknown-field")
    return Finding(path=path, line=line, column=column, severity=severity, rule=rule, message=message, hint=hint)


class Locator:
    """Finds lines in the files of one tree, by reading them again: only what is wrong is looked up."""

    def __init__(self, tree: Tree, blobs: Blobs) -> None:
        """Valid for this tree only."""
        self.tree, self._blobs = tree, blobs

    def findings(self, path: str, problems: list[Problem], *, warning: bool = False) -> list[Finding]:
        """Problems as findings, with the lines that they are on. Where there are none, nothing is read."""
        if not problems:
            return []
        read = self._document(path)
        return [] if isinstance(read, Finding) else located(path, read, problems, warning=warning)

    def spot(self, path: str, where: Path) -> Spot:
        """Line and column of a value."""
        read = self._document(path)
        return (0, 0) if isinstance(read, Finding) else read.positions().of(where)

    def _document(self, path: str) -> Document | Finding:
        return document(path, self._blobs[self.tree.entries[path].oid], reader_of(path))


def _nothing(_: Document) -> list[Problem]:
    return []


def parsed(
    path: str,
    data: bytes,
    reader: Callable[[str], Document],
    model: type[Model],
    build: Callable[[Model, Document], tuple[T, list[Finding]]],
    name: str | None = "name",
    *,
    lint: Callable[[Document], list[Problem]] = _nothing,
    secretive: bool = False,
) -> Parsed[T]:
    """Read, validate and build; ``name`` is the field that others know the file by (None: the file's stem).

    ``lint`` finds what is wrong with the text whether or not it fits the model; ``secretive``: no finding tells a value.
    """
    stem = PurePosixPath(path).stem
    read = document(path, data, reader)
    if isinstance(read, Finding):
        return Parsed(path=path, claim=stem, findings=(read,))
    claim = str(read.value.get(name) or stem) if name and isinstance(read.value, Mapping) else stem
    file, drawn, findings = sketched(model, read, path, secretive=secretive)
    findings += located(path, read, lint(read))
    if file is None:
        return Parsed(path=path, claim=claim, findings=tuple(findings))
    value, more = build(file, drawn)
    return concluded(path, claim, value, drawn.holes, [*findings, *more])


def sketched(
    model: type[Model], read: Document, path: str, *, secretive: bool = False
) -> tuple[Model | None, Document, list[Finding]]:
    """``validated``, and where something is wrong a sketch of the file instead, if there can be one."""
    file, findings = validated(model, read, path, secretive=secretive)
    if file is not None or (drawn := sketch(model, read.value)) is None:
        return file, read, findings
    return drawn[0], replace(read, holes=drawn[1]), findings


def concluded(path: str, claim: str, value: T, holes: Holes, findings: Iterable[Finding]) -> Parsed[T]:
    """What was made of a file: its value, or where a finding is an error no more than a sketch."""
    found = tuple(findings)
    if any(f.severity == "error" for f in found):
        return Parsed(path=path, claim=claim, sketch=value, holes=holes, findings=found)
    return Parsed(path=path, claim=claim, value=value, findings=found)


# ---------------------------------------------------------------- *.yaml


def template(path: str, data: bytes, _: Context) -> Parsed[TemplateFile]:
    """``templates/<name>/template.yaml``; the folder's name is the template's."""

    def build(file: TemplateFile, read: Document) -> tuple[TemplateFile, list[Finding]]:
        problems: list[Problem] = []
        if file.image is None and file.parent is None and not read.holes.at((), "image", "parent"):
            hint = "write image: {incus: debian/12}, or parent: with the name of another template"
            problems.append(((), "missing-field", "the template has neither image nor parent", hint))
        for index, playbook in enumerate(file.provision):
            if playbook.startswith("/") or posixpath.normpath(playbook).startswith(".."):
                hint = "put the playbook beside template.yaml"
                message = f"{shown(playbook)} leaves the template's folder"
                problems.append((("provision", index), "playbook-path", message, hint))
        return file, located(path, read, problems)

    found = parsed(path, data, read_yaml, TemplateFile, build, name=None)
    return replace(found, claim=PurePosixPath(path).parent.name)


def engine(path: str, data: bytes, context: Context) -> Parsed[EngineSettings]:
    """``engines/*.yaml``; the key is the file's stem, and what is not ``adapter`` is a setting."""

    def build(file: EngineFile, read: Document) -> tuple[EngineSettings, list[Finding]]:
        problems: list[Problem] = []
        stem = PurePosixPath(path).stem
        if "--" in stem:  # which stands between the names in a variant's: two variants would be one series
            problems.append(
                ((), "misnamed-file", f"an engine cannot be called {shown(stem)}", "write one - between words")
            )
        if file.adapter not in context.adapters:
            message = f"there is no adapter {shown(file.adapter)}"
            problems.append((("adapter",), "unknown-adapter", message, nearest(file.adapter, context.adapters)))
        settings = dict(file.model_extra or {})
        if wrong := _not_json(settings):
            problems.append(((), "wrong-value", f"a setting is no JSON value: {wrong}", "put it in quotes"))
        if (options := context.engine_settings.get(file.adapter)) is not None:
            problems += _setting_problems(settings, file.adapter, options)
        value = EngineSettings(key=stem, adapter=file.adapter, settings=settings)
        return value, located(path, read, problems)

    return parsed(path, data, read_yaml, EngineFile, build, name=None)


def _setting_problems(settings: Mapping[str, object], adapter: str, options: EngineOptions) -> Iterator[Problem]:
    for name, value in settings.items():
        if name not in options:
            message = f"{shown(name)} is not a setting of the adapter {adapter}"
            yield (name,), "unknown-field", message, nearest(name, options.keys())
        elif wrong := _unread(options[name], value):
            yield (name,), "wrong-value", f"{name}: {shown(value)} is not understood", wrong


def _unread(read: Callable[[object], object], value: object) -> str:
    try:
        read(value)
    except ValueError as error:
        return str(error)
    return ""


def _not_json(settings: object) -> str:
    try:
        canonical(settings)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def benchmark(path: str, data: bytes, context: Context) -> Parsed[Benchmark]:
    """``benchmarks/*.yaml``."""

    def build(file: BenchmarkFile, read: Document) -> tuple[Benchmark, list[Finding]]:
        findings = located(path, read, _schedule_problems(file, context))
        if not file.on_change and file.schedule is None and not read.holes.at((), "on_change", "schedule"):
            hint = "write on_change: true, or a schedule"
            idle: list[Problem] = [((), "idle-benchmark", "nothing ever starts this benchmark", hint)]
            findings += located(path, read, idle, warning=True)
        return _benchmark(file), findings

    return parsed(path, data, read_yaml, BenchmarkFile, build)


def _benchmark(file: BenchmarkFile) -> Benchmark:
    return Benchmark(
        name=file.name,
        scenarios=tuple(file.scenarios),
        candidates=tuple(
            Candidate(
                specialty=v.specialty and specialty_key(v.specialty),
                main_engine=v.main_engine,
                secondary_engine=v.secondary_engine,
            )
            for v in file.variants
        ),
        mode=file.mode,
        iterations=file.iterations,
        on_change=file.on_change,
        schedule=Cron(expression=file.schedule, timezone=file.timezone) if file.schedule else None,
        gate=Gate(pass_rate=file.gate.pass_rate, compliance=file.gate.compliance),
    )


def schedule_in(data: bytes) -> tuple[object, ...] | None:
    """The schedule of a benchmark's file as it is written there, right or wrong; None where the file cannot be read."""
    try:
        fields = read_yaml(text_of(data)).value
    except Broken:
        return None
    return (fields.get("schedule"), fields.get("timezone", "UTC")) if isinstance(fields, dict) else None


def _schedule_problems(file: BenchmarkFile, context: Context) -> list[Problem]:
    found: list[Problem] = []
    if zone := context.cron_error("0 0 * * *", file.timezone):
        found = [(("timezone",), "bad-timezone", zone, "write a name such as UTC or Europe/Paris")]
    if file.schedule is None:
        return found
    hint = 'minute, hour, day, month, weekday: "0 2 * * *" is every night at two'
    if (count := len(file.schedule.split())) != 5:
        return [*found, (("schedule",), "bad-schedule", f"a schedule has five fields, and this has {count}", hint)]
    if wrong := context.cron_error(file.schedule, "UTC" if found else file.timezone):
        found.append((("schedule",), "bad-schedule", f"{shown(file.schedule)}: {wrong}", hint))
    return found
