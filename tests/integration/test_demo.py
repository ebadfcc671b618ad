"""The main job as a new user sees it: ``demo`` from its first line to its last."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.git_world import git
from tests.processes import PROJECT


@pytest.mark.real("incus", "ansible")
@pytest.mark.timeout(600)
def test_the_demo_tells_the_whole_story_and_leaves_nothing_running(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    command = [sys.executable, "-m", "reconciler", "demo", "--incus", "--dir", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=590, cwd=PROJECT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Sandboxes: incus" in done.stdout
    assert done.stdout.count("not fixed, compliance 90 %") == 3, "one edit breaks the fix alone"
    assert done.stdout.count("fixed, compliance 90 %, breaks a required rule") == 3, "the other compliance alone"
    assert "\n0 trials ran: both edits are taken back" in done.stdout
    assert "regressed" in done.stdout
    records = [r for r in recorded(home / "definitions.git") if not r["passed"]]
    assert {(r["scenario"]["key"], r["resolution"]["gate"], r["compliance"]["gate"]) for r in records} == {
        ("disk-log-flood", False, True),
        ("stale-lock", True, False),
    }
    left = subprocess.run(["pgrep", "-f", str(home)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


def recorded(remote: Path) -> list[dict[str, dict[str, object]]]:
    paths = git(remote, "ls-tree", "-r", "--name-only", "results", "trials").splitlines()
    return [json.loads(git(remote, "show", f"results:{path}")) for path in paths]
