"""Port ``Platform`` for mode `incus`: system containers, cloned from a template."""

import asyncio
import contextlib
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.adapters.incus.machines import LABEL, Machines
from reconciler.adapters.incus.templates import Provision, Templates, fingerprint
from reconciler.core.errors import Invalid, Transient, Unavailable
from reconciler.core.model import Mode, Template
from reconciler.ports import MOST_PROCESSES, Clock, Sandbox, SandboxInfo, SandboxSpec


class IncusPlatform:
    """Clones of templates, in one project of one server."""

    mode: Mode = "incus"

    def __init__(
        self,
        *,
        socket: str = "/var/lib/incus/unix.socket",
        project: str = "default",
        instance: str,
        clock: Clock,
        provision: Provision | None = None,
    ) -> None:
        """``instance`` labels what is made here. ``provision`` runs the playbooks of templates that have some."""
        self._instance = instance
        self._machines = Machines(socket, project)
        self._templates = Templates(self._machines, clock, provision)

    async def images(self, templates: Collection[Template]) -> Mapping[str, str]:
        """Digests over each image's fingerprint and what its template makes of it. Raises ``Unavailable`` also for a full pool."""
        if shutil.which("incus") is None:
            raise Unavailable("mode incus needs the program incus, with which it runs commands: install incus-client")
        await self._machines.pool.room()
        aliases = sorted({template.image for template in templates if template.image})
        asked = [self._machines.call(self._machines.server.image, alias) for alias in aliases]
        with _no_is_unavailable():
            found = dict(zip(aliases, await asyncio.gather(*asked), strict=True))
        return {t.name: fingerprint(t, image) for t in templates if (image := found.get(t.image)) is not None}

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """Clone the template, boot the clone, wait for systemd. Raises ``Unavailable`` also where the pool is full."""
        try:
            return await self._create(spec)
        except (Transient, Invalid):
            # A full disk has many faces. Where nothing fails, nobody waits for the question.
            await self._machines.pool.room()
            raise

    async def _create(self, spec: SandboxSpec) -> Sandbox:
        template, image = await self._templates.need(spec.template)
        await self.destroy(spec.name)
        source = {"type": "copy", "source": template}
        try:
            devices = {} if spec.network else await self._no_network(template)
            config = self._config(spec)
            await self._machines.call(self._machines.server.create, spec.name, source, config=config, devices=devices)
            return await self._machines.boot(spec.name, host=spec.host, image=image)
        except BaseException:
            await asyncio.shield(self.destroy(spec.name))
            raise

    async def destroy(self, name: str) -> None:
        """Stop it by force and delete it."""
        await self._machines.destroy(name)

    async def list(self) -> Sequence[SandboxInfo]:
        """Every sandbox of the project. Templates that nobody wants any more are removed on the way."""
        with _no_is_unavailable():
            instances = await self._machines.call(self._machines.server.instances)
            await self._templates.sweep(instances, tight=self._machines.pool.tight)
        return [_info(found) for found in instances if LABEL + "instance" in found["config"]]

    async def close(self) -> None:
        """Let go of connections and threads."""
        await self._machines.close()

    async def _no_network(self, template: str) -> dict[str, dict[str, str]]:
        """Devices that take the place of a template's network interfaces, its profiles' included."""
        found = await self._machines.call(self._machines.server.instance, template)
        devices: Mapping[str, Mapping[str, str]] = found["expanded_devices"] if found else {}
        return {name: {"type": "none"} for name, device in devices.items() if device["type"] == "nic"}

    def _config(self, spec: SandboxSpec) -> dict[str, str]:
        labels = {"instance": self._instance, "template": spec.template.name, **spec.labels}
        return {
            "limits.cpu": str(spec.template.cpus),
            "limits.memory": f"{spec.template.memory_mib}MiB",
            "limits.processes": str(MOST_PROCESSES),
            "boot.autostart": "false",
        } | {LABEL + key: value for key, value in labels.items()}


@contextlib.contextmanager
def _no_is_unavailable() -> Iterator[None]:
    """Where no trial is concerned, a server that says no to a question cannot be used now."""
    try:
        yield
    except Transient as error:
        raise Unavailable(str(error)) from error


def _info(found: Mapping[str, Any]) -> SandboxInfo:
    labels = {key.removeprefix(LABEL): value for key, value in found["config"].items() if key.startswith(LABEL)}
    return SandboxInfo(
        name=found["name"],
        mode="incus",
        trial=labels.get("trial", ""),
        instance=labels["instance"],
        template=labels.get("template", ""),
        created_at=datetime.fromisoformat(found["created_at"]),
    )
