"""The unit as systemd's own tools judge it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real("systemd")


def analyze(*args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *args], capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **env}
    )


def installed(project: Path, folder: Path, *, drop_in: bool) -> Path:
    """The unit as it is installed, but that the program is this one: none is in /opt on a machine of developers."""
    unit = folder / "reconciler.service"
    shipped = (project / "systemd/reconciler.service").read_text()
    assert "ExecStart=/opt/reconciler/bin/python -m reconciler daemon" in shipped
    unit.write_text(shipped.replace("/opt/reconciler/bin/python", sys.executable))
    if drop_in:
        (folder / "reconciler.service.d").mkdir()
        text = (project / "systemd/namespace.conf").read_text()
        (folder / "reconciler.service.d/namespace.conf").write_text(text)
    return unit


def test_the_unit_exposes_two_points_of_ten_at_most(project: Path) -> None:
    said = analyze("security", "--offline=true", "--no-pager", project / "systemd/reconciler.service")
    found = re.search(r"Overall exposure level for reconciler\.service: ([\d.]+)", said.stdout)
    assert found is not None, said
    assert float(found[1]) <= 2.0


@pytest.mark.parametrize("drop_in", [False, True])
def test_systemd_understands_every_line_of_the_unit(drop_in: bool, project: Path, tmp_path: Path) -> None:
    unit = installed(project, tmp_path, drop_in=drop_in)
    said = analyze("verify", unit, SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    assert (said.stdout, said.stderr, said.returncode) == ("", "", 0)


def test_with_the_drop_in_root_keeps_what_sandboxes_are_made_with_and_no_more(project: Path, tmp_path: Path) -> None:
    unit = installed(project, tmp_path, drop_in=True)
    said = analyze("security", "--offline=true", "--json=short", unit, SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    shut = {test["json_field"]: test["set"] for test in json.loads(said.stdout)}
    assert not shut["CapabilityBoundingSet_CAP_SYS_ADMIN"]
    assert not shut["RestrictAddressFamilies_AF_NETLINK"]
    assert shut["CapabilityBoundingSet_CAP_SYS_RAWIO"]
    assert shut["RestrictAddressFamilies_AF_PACKET"]


def test_a_line_that_systemd_does_not_understand_would_be_seen(project: Path, tmp_path: Path) -> None:
    unit = installed(project, tmp_path, drop_in=True)
    drop_in = tmp_path / "reconciler.service.d/namespace.conf"
    drop_in.write_text(drop_in.read_text() + "\nProtectNothing=yes\n")
    assert "ProtectNothing" in analyze("verify", unit, SYSTEMD_UNIT_PATH=f"{tmp_path}:").stderr
