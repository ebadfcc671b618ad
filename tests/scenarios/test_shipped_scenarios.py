"""Every shipped scenario, in every mode that it is made for: broken untouched, mended by its solution."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

import pytest

from reconciler.adapters.ansible.provisioner import AnsibleProvisioner
from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.core.model import Mode, PlaybookResult, Template
from reconciler.ports import Platform, Sandbox, SandboxSpec

BOTH = ("disk-log-flood", "cron-job-permission", "stale-lock")
CASES = [
    *(pytest.param("namespace", name, marks=pytest.mark.real("namespace", "ansible")) for name in BOTH),
    *(
        pytest.param("incus", name, marks=pytest.mark.real("incus", "ansible"))
        for name in (*BOTH, "systemd-service-bad-edit")
    ),
]
TEMPLATE = Template(name="debian-base", image="debian/12", memory_mib=1024)


@asynccontextmanager
async def sandbox(mode: Mode, name: str) -> AsyncIterator[Sandbox]:
    platform: Platform
    if mode == "incus":
        platform = IncusPlatform(instance="shipped-scenarios")
    else:
        platform = NamespacePlatform(instance="shipped-scenarios", visible=[Path(sys.prefix), Path(sys.base_prefix)])
    spec = SandboxSpec(name=f"shipped-{name}"[:50], host="app-01", template=TEMPLATE, labels={"trial": name})
    try:
        yield await platform.create(spec)
    finally:
        await platform.destroy(spec.name)
        await platform.close()


@pytest.mark.parametrize(("mode", "name"), CASES)
async def test_a_scenario_is_broken_untouched_and_mended_by_its_solution(mode: Mode, name: str, project: Path) -> None:
    async with sandbox(mode, name) as machine:

        async def play(playbook: str) -> PlaybookResult:
            path = PurePosixPath("scenarios") / name / playbook
            return await AnsibleProvisioner().play(path, folder=project, sandboxes=[machine], timeout=120)

        assert (await play("prepare.yml")).passed
        untouched = await play("validate.yml")
        assert not untouched.passed
        assert untouched.failed_task
        assert untouched.message, "a person is told what is wrong"
        assert (await play("solution.yml")).passed
        mended = await play("validate.yml")
        assert mended.passed, mended.output
        assert mended.changed == 0, "validate.yml only looks"
