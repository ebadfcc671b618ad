"""Templates: stopped instances that sandboxes are cloned from, each made once from an image and a definition."""

import asyncio
import re
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.adapters.incus.machines import LABEL, Machines
from reconciler.core.digests import digest
from reconciler.core.errors import Invalid, Transient
from reconciler.core.model import Template
from reconciler.ports import Sandbox

Provision = Callable[[Template, Sandbox], Awaitable[None]]
"""Runs a template's playbooks on the machine that becomes it. Raises ``Invalid`` or ``Transient``."""

_MAKING = LABEL + "making"
"""Marks a half-made template."""
_STALE = timedelta(hours=1)
"""How long making one can take at most, with a margin; older ones belong to nobody."""
_INSTALL_S = 900.0

_INSTALL = """
export DEBIAN_FRONTEND=noninteractive RES_OPTIONS='timeout:2 attempts:1'
install() { apt-get -qq -y install --no-install-recommends -- "$@"; }
install "$@" 2>/dev/null && exit
apt-get -qq -o APT::Update::Error-Mode=any -o Acquire::Retries=0 -o Acquire::http::Timeout=10 update || exit 99
install "$@"
"""
_NO_MIRROR = 99
_FORGET = "rm -rf /var/log/journal/* /var/lib/systemd/random-seed; : >/etc/machine-id"
"""What must not be equal in all clones."""


def fingerprint(template: Template, image: str) -> str:
    """Digest over the image's fingerprint and what is made of it; sizes are the clone's own."""
    return digest([image, template.name, template.content, list(template.packages), list(template.provision)])


class Templates:
    """The templates on one server. Several tasks and several processes may need one at the same time."""

    def __init__(self, machines: Machines, provision: Provision | None) -> None:
        """``provision`` may be left out as long as no template has playbooks."""
        self._machines, self._provision = machines, provision
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def need(self, template: Template) -> tuple[str, str]:
        """The name of the instance to clone, made where it is missing, and the template's fingerprint."""
        image = await self._machines.call(self._machines.server.image, template.image) if template.image else None
        if image is None:
            alias = template.image or "(none)"
            hint = "./dev setup incus makes debian/12; incus image import or copy brings another"
            raise Invalid(f"template {template.name}: image {alias} is not in this Incus", hint=hint)
        mark = fingerprint(template, image)
        name = f"template-{re.sub('[^A-Za-z0-9]+', '-', template.name)[:40].strip('-')}-{mark[:12]}"
        async with self._locks[name]:
            if await self._machines.call(self._machines.server.instance, name) is None:
                await self._make(template, name, image)
        return name, mark

    async def sweep(self, instances: Sequence[Mapping[str, Any]]) -> None:
        """Remove what a crash left half-made."""
        oldest = (datetime.now(UTC) - _STALE).isoformat()
        for found in instances:
            if found["config"].get(_MAKING, "9") < oldest:
                await self._machines.destroy(found["name"])

    async def _make(self, template: Template, name: str, image: str) -> None:
        """Under a name of its own first, so that nobody clones a half-made one; whoever renames first has made it."""
        server, making = self._machines.server, f"making-{secrets.token_hex(8)}"
        labels = {_MAKING: datetime.now(UTC).isoformat(), LABEL + "template": template.name, "boot.autostart": "false"}
        try:
            source = {"type": "image", "fingerprint": image}
            await self._machines.call(server.create, making, source, config=labels)
            if template.packages or template.provision:
                await self._furnish(template, making, image)
            await self._machines.call(server.unset, making, _MAKING)
            try:
                await self._machines.call(server.rename, making, name)
            except Transient:
                if await self._machines.call(server.instance, name) is None:
                    raise
        finally:
            await asyncio.shield(self._machines.destroy(making))

    async def _furnish(self, template: Template, making: str, image: str) -> None:
        """Install its packages, run its playbooks. What needs neither is never booted, and clones as fast."""
        machine = await self._machines.boot(making, host=making, image=image)
        if template.packages:
            await _install(template, machine)
        if template.provision:
            if self._provision is None:
                raise Invalid(f"template {template.name} has playbooks, which cannot be run here")
            await self._provision(template, machine)
        await machine.run(["sh", "-c", _FORGET], timeout=10)
        await self._machines.call(self._machines.server.stop, making, force=False)


async def _install(template: Template, machine: Sandbox) -> None:
    done = await machine.run(["sh", "-c", _INSTALL, "sh", *template.packages], timeout=_INSTALL_S)
    if done.exit_code == 0:
        return
    what = f"template {template.name} needs {', '.join(template.packages)}"
    if done.exit_code == _NO_MIRROR:
        hint = "NAT=true when ./dev setup incus makes the bridge, or an image that has them"
        raise Transient("sandbox", f"{what}, and no package mirror can be reached from a sandbox: {hint}")
    said = (done.stderr.decode(errors="replace").strip().splitlines() or ["apt-get said nothing"])[-1]
    if "Unable to locate package" in said:
        raise Invalid(f"{what}: {said}")
    raise Transient("sandbox", f"{what}: {said}")
