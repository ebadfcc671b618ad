"""Every shipped scenario proves itself, in a mode that it is made for."""

import json
from pathlib import Path

import pytest

from tests.processes import PROJECT, reconciler

SCENARIOS = sorted(path.parent.name for path in PROJECT.glob("scenarios/*/scenario.json"))
NEEDS_SYSTEMD = ("systemd-service-bad-edit",)
CASES = [
    pytest.param(name, "incus", marks=pytest.mark.real("incus", "ansible"))
    if name in NEEDS_SYSTEMD
    else pytest.param(name, "namespace", marks=pytest.mark.real("namespace", "ansible"))
    for name in SCENARIOS
]
SECONDS = 540.0


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "mode"), CASES)
def test_a_shipped_scenario_proves_itself(name: str, mode: str, tmp_path: Path) -> None:
    config = tmp_path / "reconciler.yaml"
    settings = {"source": {"kind": "fs", "repository": str(PROJECT)}, "state": str(tmp_path / "state")}
    config.write_text(json.dumps(settings | {"limits": {"parallel": 4, "memory": "8GiB", "trial": "5m"}}))
    said = reconciler("check", name, "--mode", mode, "--json", "--config", str(config), cwd=tmp_path, within=SECONDS)
    [found] = said.json["scenarios"]
    failed = [step for step in found["steps"] if not step["ok"]]
    assert (said.code, found["proven"]) == (0, True), json.dumps(failed, indent=2)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_scenario_has_a_solution_and_at_least_two_mutants(name: str) -> None:
    folder = PROJECT / "scenarios" / name
    assert (folder / "solution.yml").is_file()
    assert len(list(folder.glob("mutants/*.yml"))) >= 2
