"""A lint of a directory of 10,000 scenarios with their playbooks."""

import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from reconciler.app.linting import lint_directory
from tests.bench.figures import Figure, medians, timed
from tests.bench.repositories import definitions
from tests.git_world import git

SCENARIOS, ROUNDS = 10_000, 5


def measure(folder: Path) -> Sequence[Figure]:
    """Beside reading the same files with ``json.loads`` and a C YAML load."""
    directory = folder / "work"
    repository = definitions(folder / "definitions.git", SCENARIOS, mode="incus", variants=3)
    git(folder, "clone", "--quiet", "--branch", "main", str(repository), str(directory))
    floor, ours = medians(ROUNDS, lambda: timed(lambda: _floor(directory)), lambda: timed(lambda: _lint(directory)))
    what = f"lint {SCENARIOS} scenarios, beside json.loads + C YAML load of the same files"
    return [Figure(what=what, floor=floor, ours=ours, limit=3)]


def _floor(directory: Path) -> None:
    for path in (directory / "scenarios").rglob("*.*"):
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        else:
            yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)


def _lint(directory: Path) -> None:
    found = lint_directory(directory)
    assert not found, found[:3]
