"""``./dev`` on a machine where things go wrong."""

import os
import subprocess
from pathlib import Path

from tests.processes import PROJECT


def test_an_installation_that_failed_is_not_taken_for_done(tmp_path: Path) -> None:
    env = {**os.environ, "PIP_NO_INDEX": "1", "RECONCILER_VENV": str(tmp_path / "venv")}
    for _ in range(2):
        said = subprocess.run(
            [PROJECT / "dev", "run", "--version"], check=False, env=env, capture_output=True, text=True, timeout=120
        )
        assert said.returncode == 1
        assert said.stderr.startswith(("Making ", "Installing "))
        assert "ERROR: No matching distribution" in said.stderr.splitlines()[-1]
