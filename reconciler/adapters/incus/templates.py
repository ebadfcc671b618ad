"""Templates: stopped instances that sandboxes are cloned from, each made once from an image and a definition."""

import asyncio
import re
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from reconciler.adapters.incus.machines import LABEL, Machines
from reconciler.core.digests import digest
from reconciler.core.errors import Invalid, Transient
from reconciler.core.model import Template
from reconciler.ports import Clock, Sandbox

_log = structlog.get_logger(__name__)

Provision = Callable[[Template, Sandbox], Awaitable[None]]
"""Runs a template's playbooks on the machine that becomes it. Raises ``Invalid`` or ``Transient``."""

_PREFIX = "template-"
_MAKING = LABEL + "making"
"""Marks a half-made template."""
_STALE = timedelta(hours=1)
"""How long making one can take at most, with a margin; older ones belong to nobody."""
_USED = LABEL + "used"
"""When somebody last needed a template; told again once a day, so that it costs a clone nothing."""
_DAY = timedelta(days=1)
_UNUSED = timedelta(days=14)
"""Templates that nobody needed for so long go: longer than between two weekly sweeps, which would make theirs anew."""
_UNUSED_WHERE_TIGHT = timedelta(days=2)
"""The same while the storage pool holds up trials: those of today's and yesterday's trials stay."""
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


def unwanted(found: Mapping[str, Any], now: datetime, *, tight: bool = False) -> bool:
    """Whether an instance, as the API shows it, is a template that nobody needed for two weeks, or a crash left half-made.

    Where the storage pool is ``tight``, two days are enough.

    Nobody's definitions are asked: whoever shares the server, another daemon or another branch, says by using a template
    that it is wanted. Sandboxes are never meant: they bear the label of who made them.
    """
    config = found["config"]
    if _MAKING in config:
        return bool(config[_MAKING] < (now - _STALE).isoformat())
    ours = LABEL + "template" in config and LABEL + "instance" not in config and found["name"].startswith(_PREFIX)
    oldest = now - (_UNUSED_WHERE_TIGHT if tight else _UNUSED)
    return ours and found["status"] == "Stopped" and _last_used(found) < oldest.isoformat()


def _last_used(found: Mapping[str, Any]) -> str:
    """RFC 3339, in UTC, by its label; one that was made before there was such a label counts from its creation."""
    return str(found["config"].get(_USED, found["created_at"]))


class Templates:
    """The templates on one server. Several tasks and several processes may need one at the same time."""

    def __init__(self, machines: Machines, clock: Clock, provision: Provision | None) -> None:
        """``provision`` may be left out as long as no template has playbooks."""
        self._machines, self._clock, self._provision = machines, clock, provision
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def need(self, template: Template) -> tuple[str, str]:
        """The name of the instance to clone, made where it is missing, and the template's fingerprint."""
        image = await self._machines.call(self._machines.server.image, template.image) if template.image else None
        if image is None:
            alias = template.image or "(none)"
            hint = "./dev setup incus makes debian/12; incus image import or copy brings another"
            raise Invalid(f"template {template.name}: image {alias} is not in this Incus", hint=hint)
        mark = fingerprint(template, image)
        name = f"{_PREFIX}{re.sub('[^A-Za-z0-9]+', '-', template.name)[:40].strip('-')}-{mark[:12]}"
        async with self._locks[name]:
            found = await self._machines.call(self._machines.server.instance, name)
            if found is None:
                await self._make(template, name, image)
            elif _last_used(found) < (self._clock.now() - _DAY).isoformat():
                await self._machines.call(self._machines.server.set, name, _USED, self._clock.now().isoformat())
        return name, mark

    async def sweep(self, instances: Sequence[Mapping[str, Any]], *, tight: bool = False) -> None:
        """Remove what nobody wants, as it stands now: somebody may have needed it since ``instances`` were seen."""
        for name in [seen["name"] for seen in instances if unwanted(seen, self._clock.now(), tight=tight)]:
            if not self._locks[name].locked():  # else somebody needs it right now
                async with self._locks[name]:
                    await self._remove(name, tight=tight)

    async def _remove(self, name: str, *, tight: bool) -> None:
        found = await self._machines.call(self._machines.server.instance, name)
        if found is None or not unwanted(found, self._clock.now(), tight=tight):
            return
        try:
            await self._machines.destroy(name)
        except Transient as error:  # the next pass tries again
            _log.warning("template stays", template=name, problem=str(error))
        else:
            _log.info("template removed", template=name, last_used=_last_used(found))

    async def _make(self, template: Template, name: str, image: str) -> None:
        """Under a name of its own first, so that nobody clones a half-made one; whoever renames first has made it."""
        server, making = self._machines.server, f"making-{secrets.token_hex(8)}"
        now = self._clock.now().isoformat()
        labels = {_MAKING: now, _USED: now, LABEL + "template": template.name, "boot.autostart": "false"}
        try:
            source = {"type": "image", "fingerprint": image}
            await self._machines.call(server.create, making, source, config=labels)
            if template.packages or template.provision:
                await self._furnish(template, making, image)
            await self._machines.call(server.set, making, _MAKING, "")
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
        await machine.vouch()
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
