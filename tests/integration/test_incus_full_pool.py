"""A trial that fills the storage pool in mode `incus`: nobody's result is falsified, nothing begins, and it heals."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.clock import WallClock
from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.core.errors import Unavailable
from reconciler.core.model import Template
from reconciler.ports import SandboxSpec
from tests.incus_project import incus, own_pool, own_project
from tests.processes import PATIENCE
from tests.world import World, benchmark, definitions

pytestmark = [pytest.mark.real("incus", "ansible"), pytest.mark.timeout(300)]

SPECIALTY = "config/specialties/mender.mdx"
FULL = """---
name: mender
---
## When `filler`

Write until nothing more fits, and go on when the neighbour is through.

```bash may-fail
cat /dev/zero > /var/big; sleep 8
```

## When `neighbour`

Wait until nothing fits any more.

```bash
until [ "$(df --output=avail / | tail -n 1)" -lt 1000 ]; do sleep 0.2; done
```

## Always

```bash may-fail
echo mended > /etc/state
```
"""
HARMLESS = "---\nname: mender\n---\n## Always\n\n```bash\necho mended > /etc/state\n```\n"


@pytest.fixture
def project() -> Iterator[str]:
    with own_pool() as pool, own_project(pool) as name:
        yield name


def test_a_trial_that_fills_the_pool_costs_no_trial_its_result_and_what_waits_runs_when_there_is_room(
    tmp_path: Path, project: str
) -> None:
    files = definitions("filler", "neighbour") | {
        SPECIALTY: FULL,
        "config/benchmarks/all.yaml": benchmark(mode="incus"),
    }
    repository = str(tmp_path / "definitions.git")
    world = World(
        tmp_path, files, modes={"incus": {"project": project}}, source={"repository": repository, "poll": "1s"}
    )
    with world.daemon() as daemon:
        ended = [daemon.wait_for("trial without a result", cause="sandbox") for _ in range(2)]
        assert {line["scenario"] for line in ended} == {"filler", "neighbour"}
        assert all("was full while it ran" in line["problem"] for line in ended)
        assert world.results() == {}
        world.commit({SPECIALTY: HARMLESS})
        held = daemon.settle()["held"]
        assert [("1024 MiB) free, too little for a sandbox" in h["reason"]) for h in held] == [True, True]
        for _ in range(2):
            assert daemon.wait_for("trial recorded", within=2 * PATIENCE)["passed"]
    assert world.measured() == ["filler", "neighbour"]


async def test_a_mode_whose_sandboxes_would_have_no_disk_is_held_with_its_reason(project: str) -> None:
    incus("profile", "device", "remove", "default", "root", "--project", project)
    platform = IncusPlatform(project=project, instance="it", clock=WallClock())
    template = Template(name="web", image="debian/12")
    for asked in (platform.images([template]), platform.create(SandboxSpec(name="it", host="h", template=template))):
        with pytest.raises(Unavailable, match=r"profile default of project it-\S+ has no disk"):
            await asked
    await platform.close()
