"""Port ``Platform`` for mode `namespace`."""

import asyncio
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from platform import freedesktop_os_release, machine

from reconciler.adapters.child import run_child
from reconciler.adapters.namespace import cgroups, view
from reconciler.adapters.namespace.census import census, kill, labelled
from reconciler.adapters.namespace.guard import nursery
from reconciler.adapters.namespace.sandbox import NamespaceSandbox, Plan
from reconciler.core.errors import Invalid, Transient, Unavailable
from reconciler.core.model import Mode, Template
from reconciler.ports import Sandbox, SandboxInfo, SandboxSpec

_PROBE = "unshare --mount --pid --net --fork -- unshare --user --map-root-user --mount --net --uts --ipc -- nsenter --wdns=/ -- ip link set lo up"
"""Succeeds where the kernel and the tools (util-linux 2.38, iproute2) can make a sandbox."""
_KILL_S = 10.0


class NamespacePlatform:
    """Sandboxes of this process: they end when it does, however it ends. Their disk and memory are the host's."""

    mode: Mode = "namespace"

    def __init__(self, *, instance: str, visible: Sequence[Path] = (), hidden: Sequence[Path] = ()) -> None:
        """``instance`` labels what is made here.

        ``visible`` are host folders shown read-only at the same path inside, also below a hidden one; they must hold no
        secret and no socket. ``hidden`` are folders and files to hide besides those that always are, such as the daemon's state;
        below a visible folder they are not there.
        """
        self._instance, self._visible, self._hidden = instance, tuple(visible), tuple(hidden)
        self._held: dict[str, NamespaceSandbox] = {}
        self._proven = False

    async def images(self, templates: Collection[Template]) -> Mapping[str, str]:
        """Every template starts from the host: ``host:debian-12.11-x86_64``."""
        await self._usable()
        return dict.fromkeys((t.name for t in templates), _image())

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """Make a sandbox; its template's packages must be installed on the host."""
        await self._usable()
        _check_names(spec)
        await _check_packages(spec.template)
        await self.destroy(spec.name)
        try:
            self._held[spec.name] = await nursery().call(NamespaceSandbox.start(self._plan(spec)))
        except BaseException:
            await self.destroy(spec.name)
            raise
        return self._held[spec.name]

    async def destroy(self, name: str) -> None:
        """Kill its PID 1, also that of another process's sandbox: the kernel does the rest."""
        _need_root()
        cgroups.unthrottle(name)
        if held := self._held.pop(name, None):
            await nursery().call(held.end())
        if not await asyncio.to_thread(kill, name, seconds=_KILL_S):
            raise Transient(
                "sandbox",
                f"sandbox {name} still runs {_KILL_S:.0f} s after it was killed: a process of it hangs in the kernel",
            )
        await cgroups.removed(name)

    async def list(self) -> Sequence[SandboxInfo]:
        """Every sandbox on this machine. Cgroups of sandboxes whose process died are removed on the way."""
        _need_root()
        # Directories first, processes second: one that appears in between is not mistaken for a left-over.
        directories = cgroups.existing()
        found = [resident.info for resident in census()]
        for name in directories - {info.name for info in found}:
            cgroups.remove(name)
        return found

    async def close(self) -> None:
        """Nothing to let go: sandboxes stay until they are destroyed or this process ends."""

    def _plan(self, spec: SandboxSpec) -> Plan:
        hide, show = view.hidden(self._hidden), view.shown(self._visible)
        disk = view.disk_mib(spec.template)
        labels = {
            "trial": "",
            "instance": self._instance,
            "template": spec.template.name,
            **spec.labels,
            "name": spec.name,
        }
        return Plan(
            name=spec.name,
            host=spec.host,
            image=_image(),
            labels=labelled(labels),
            view={
                "SIZE": f"{disk}m",
                "HIDE": " ".join(hide),
                "REMOVE": " ".join(view.hidden_files(self._hidden, [*hide, *show])),
                "SHOW": " ".join(show),
                "LACK": " ".join(view.lacking(self._hidden, show)),
                "DISKS": " ".join(view.disks(hide)),
                # Its files lie in memory: they must fit in beside what its processes may use.
                "LIMITS": cgroups.limits(cpus=spec.template.cpus, memory_mib=spec.template.memory_mib + disk),
            },
            groups=cgroups.groups(spec.name),
        )

    async def _usable(self) -> None:
        """Raise ``Unavailable`` with the reason unless this machine can make sandboxes; looked at until it can."""
        _need_root()
        if self._proven:
            return
        nursery()
        done = await run_child(_PROBE.split(), timeout=10)
        if done.exit_code != 0:
            line = (done.stderr.decode(errors="replace").strip().splitlines() or ["no answer"])[0]
            raise Unavailable(
                f"mode namespace cannot make user namespaces here ({line}): allow them or choose mode incus"
            )
        self._proven = True


def _need_root() -> None:
    if sys.platform != "linux":
        raise Unavailable("mode namespace needs Linux: choose mode incus")
    if os.geteuid() != 0:
        raise Unavailable("mode namespace needs root: run as root or choose mode incus")


def _image() -> str:
    """What the host is. Debian tells its point release only in a file of its own."""
    release = freedesktop_os_release()
    point = Path("/etc/debian_version")
    version = (
        point.read_text().strip() if release["ID"] == "debian" and point.exists() else release.get("VERSION_ID", "")
    )
    return f"host:{release['ID']}-{version}-{machine()}"


def _check_names(spec: SandboxSpec) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", spec.name):
        raise Invalid(f"sandbox name {spec.name!r} is not made of letters, digits and _.-")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", spec.host):
        raise Invalid(f"host name {spec.host!r} is no name for a machine", hint="at most 64 letters, digits and _.-")


async def _check_packages(template: Template) -> None:
    """Raise ``Invalid`` naming the packages that the host has not."""
    if not template.packages:
        return
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n", "--", *template.packages]
    done = await run_child(query, timeout=10)
    installed = {line.split()[1] for line in done.stdout.decode().splitlines() if line.startswith("installed ")}
    if missing := [p for p in template.packages if p not in installed]:
        raise Invalid(
            f"template {template.name} needs {', '.join(missing)}, which this host has not, and mode namespace has the host's packages",
            hint=f"apt-get install {' '.join(missing)}, or mode incus",
        )
