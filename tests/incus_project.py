"""A project of one's own in the real Incus: what is made there is out of everybody's way, and goes with it."""

import contextlib
import json
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any


def incus(*arguments: str) -> str:
    """What the client prints."""
    done = subprocess.run(
        ["incus", "--force-local", *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def instances(project: str) -> dict[str, dict[str, Any]]:
    """The instances of a project by name, as the API shows them."""
    return {found["name"]: found for found in json.loads(incus("list", "--project", project, "--format", "json"))}


@contextlib.contextmanager
def own_project(pool: str = "default") -> Iterator[str]:
    """A project whose instances lie in ``pool`` and have no network; the images are everybody's."""
    name = f"it-{uuid.uuid4().hex[:12]}"
    incus("project", "create", name, "-c", "features.images=false")
    try:
        incus("profile", "device", "add", "default", "root", "disk", "path=/", f"pool={pool}", "--project", name)
        yield name
    finally:
        for instance in instances(name):
            incus("delete", "--force", instance, "--project", name)
        incus("project", "delete", name)


@contextlib.contextmanager
def own_pool() -> Iterator[str]:
    """A storage pool of 1 GiB."""
    name = f"it-{uuid.uuid4().hex[:12]}"
    incus("storage", "create", name, "btrfs", "size=1GiB")
    try:
        yield name
    finally:
        incus("storage", "delete", name)
