"""The platforms that the contract is tried on, each with what it needs to be tried."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler.adapters.clock import WallClock
from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.adapters.memory.platform import MemoryPlatform
from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.core.model import Template
from reconciler.ports import Platform, SandboxInfo, SandboxSpec


def fresh() -> str:
    return f"contract-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A kind of platform, a template that it can make (with 128 MiB of memory at the least), and one that it cannot."""

    make: Callable[[], Platform]
    platform: Platform
    template: Template
    wrong: Template
    missing: str
    """What ``wrong`` asks for."""

    def spec(self, name: str = "", *, trial: str = "0123456789abcdef0123") -> SandboxSpec:
        labels = {"trial": trial, "instance": "contract", "template": self.template.name}
        return SandboxSpec(name=name or fresh(), host="app-01", template=self.template, labels=labels)

    async def find(self, name: str) -> list[SandboxInfo]:
        return [info for info in await self.platform.list() if info.name == name]


def memory() -> Rig:
    template = Template(name="small", image="debian/12")
    wrong = replace(template, name="odd", image="no/such/image")
    platform = MemoryPlatform(clock=WallClock(), instance="contract", images=["debian/12"])
    return Rig(make=lambda: platform, platform=platform, template=template, wrong=wrong, missing="no/such/image")


def namespace() -> Rig:
    template = Template(name="small", memory_mib=128, disk_mib=64, packages=("coreutils",))
    wrong = replace(template, name="odd", packages=("coreutils", "no-such-package"))

    def make() -> Platform:
        return NamespacePlatform(instance="contract")

    return Rig(make=make, platform=make(), template=template, wrong=wrong, missing="no-such-package")


def incus() -> Rig:
    template = Template(name="contract-small", image="debian/12", memory_mib=256, disk_mib=2048)
    wrong = replace(template, name="contract-odd", image="no/such/image")

    def make() -> Platform:
        return IncusPlatform(
            socket="/var/lib/incus/unix.socket", project="default", instance="contract", clock=WallClock()
        )

    return Rig(make=make, platform=make(), template=template, wrong=wrong, missing="no/such/image")
