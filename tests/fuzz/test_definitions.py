"""No definition, however broken, ends in a traceback, hangs, or hides what is said of the files beside it."""

import json
from functools import cache

import pytest

from reconciler.cli.findings import sarif_document
from reconciler.core.model import Scenario
from reconciler.definitions.catalogue import Catalogue
from reconciler.definitions.files.findings import Finding
from reconciler.definitions.files.lint_rules import LINT_RULES
from tests.definitions import CONTEXT, Store
from tests.fuzz.breaking import broken
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.valid import GOOD, SCENARIO, SCENARIOS, VALUES, written

Files = dict[str, bytes]
BRIEFING = ("config/operational_rules/", "config/hosts/")
BENCHMARK = "config/benchmarks/fuzzed.yaml"
REST: Files = {path: written(path, value) for path, value in VALUES.items() if " " not in path}


def look(files: Files) -> tuple[Catalogue, list[Finding]]:
    """The catalogue of these files, and everything that linting says."""
    store = Store()
    catalogue = Catalogue.load(
        store.tree(files), store.read, scenarios_folder="scenarios", config_folder="config", context=CONTEXT
    )
    return catalogue, catalogue.lint(store.read)


def of_good(files: Files) -> tuple[Scenario, list[Finding], list[object]]:
    """What comes of the good scenario: its value, its findings, its inputs."""
    catalogue, findings = look(files)
    for finding in findings:
        assert finding.rule in LINT_RULES
        assert finding.line_of_text.isprintable(), finding
        assert finding.line >= 0
    json.dumps(sarif_document(findings)).encode()
    demands = catalogue.demands({("incus", "good"): "image"})
    # an operational rule gets into every agent's context that its tags match, so the agent is not the scenario's own matter
    inputs = [d.batch.inputs for d in demands.demands if d.benchmark.name == "good"]
    wanted: list[object] = [(i.world, i.task, i.truth, i.rules) for i in inputs]
    wanted += [b.reason for b in demands.blocked if (b.benchmark, b.scenario) == ("good", "good")]
    ours = [f for f in findings if f.path in GOOD]
    return catalogue.scenarios["good"], ours, wanted


@cache
def alone() -> tuple[Scenario, list[Finding], list[object]]:
    return of_good(dict(GOOD))


def good_is_seen_beside(example: object) -> None:
    assert isinstance(example, tuple)
    path, data = example
    version = sorted(SCENARIOS)[len(data) % len(SCENARIOS)]
    files = {**GOOD, SCENARIO: written(SCENARIO, SCENARIOS[version]), **REST, path: data}
    scenario, findings, wanted = of_good(files)
    if path.startswith(BRIEFING) and wanted and all(isinstance(why, str) and path in why for why in wanted):
        wanted = alone()[2]  # a wrong one could be of any agent, and stalls the scenario in its own name
    assert (scenario, findings, wanted) == alone()


@pytest.mark.parametrize("version", SCENARIOS)
def test_what_is_not_broken_is_right_in_every_version(version: str) -> None:
    files = {**GOOD, SCENARIO: written(SCENARIO, SCENARIOS[version]), **REST}
    if version == "0.3":  # its hosts are those of the platform
        files[BENCHMARK] = files[BENCHMARK].replace(b"mode: incus", b"mode: host")
    _, findings = look(files)
    assert {f.path for f in findings if f.severity == "error"} == {"scenarios/good/validate.yml"}
    assert len(alone()[2]) == 1


def test_nothing_that_is_broken_is_too_much_for_lint(fuzz_seconds: float) -> None:
    fuzz(broken(), good_is_seen_beside, fuzz_seconds)
