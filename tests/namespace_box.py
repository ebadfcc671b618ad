"""A namespace sandbox to try things in."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.core.model import Template
from reconciler.ports import Completed, Sandbox, SandboxSpec

TEMPLATE = Template(name="small", memory_mib=128, disk_mib=64)


def spec(name: str = "", *, trial: str = "") -> SandboxSpec:
    labels = {"trial": trial, "instance": "tests", "template": TEMPLATE.name}
    return SandboxSpec(name=name or f"box-{uuid.uuid4().hex[:12]}", host="app-01", template=TEMPLATE, labels=labels)


@contextlib.asynccontextmanager
async def namespace_box(platform: NamespacePlatform | None = None) -> AsyncIterator[Sandbox]:
    maker = platform or NamespacePlatform(instance="tests")
    wanted = spec(trial="the trial's secret id")
    try:
        yield await maker.create(wanted)
    finally:
        await maker.destroy(wanted.name)


def text(path: str) -> str:
    """A file of the host."""
    return Path(path).read_text()


async def sh(box: Sandbox, script: str) -> Completed:
    return await box.run(["sh", "-c", script], timeout=60)


async def said(box: Sandbox, script: str) -> str:
    """What ``script`` prints; it must succeed."""
    done = await sh(box, script)
    assert done.exit_code == 0, done
    return done.stdout.decode().strip()


async def refused(box: Sandbox, script: str, *reasons: str) -> None:
    """Every line of ``script`` fails, for one of ``reasons``."""
    for line in script.strip().splitlines():
        done = await sh(box, f"LC_ALL=C; export LC_ALL; {line}")
        assert done.exit_code != 0, line
        assert any(reason in done.stderr.decode() for reason in reasons), (line, done.stderr)


async def python(box: Sandbox, script: str) -> str:
    """What ``script`` prints, with a few modules imported."""
    done = await box.run(["/usr/bin/python3", "-c", f"import ctypes, errno, os, socket\n{script}"], timeout=60)
    assert done.exit_code == 0, done.stderr.decode()
    return done.stdout.decode().strip()
