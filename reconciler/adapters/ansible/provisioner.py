"""Runs playbooks with ansible-core: on this machine, or inside the sandbox where that is the only safe place."""

import asyncio
import io
import secrets
import shutil
import signal
import sys
import tarfile
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import yaml

from reconciler.adapters.ansible import leftovers
from reconciler.adapters.ansible.report import Report, Unreached, judge
from reconciler.adapters.child import plain_environment, run_child
from reconciler.core.errors import Transient
from reconciler.core.model import PlaybookResult
from reconciler.ports import Completed, Sandbox

_PACKAGE = Path(__file__).parents[2]
_PLUGINS = _PACKAGE / "ansible_plugins"
_STOP = ((signal.SIGINT, 5.0), (signal.SIGTERM, 5.0))
_LIMIT = 4 << 20
"""Bytes of events that one run may tell; the recap, which decides, is the last of them."""

_INSIDE = """
clean() { cd / && rm -rf "$directory" 2>/dev/null; umount -l "$directory" $covered 2>/dev/null; rmdir "$directory" 2>/dev/null; }
own() { mount -t tmpfs -o "size=$1,mode=$2,nosuid,nodev" play "$3" 2>/dev/null; }
directory=$1 room=$2 seconds=$3 covered=; shift 3
mkdir -m 700 "$directory" || exit 125
own "$room" 700 "$directory"
{ head -c 65536 /dev/zero >"/dev/shm/$$"; } 2>/dev/null || covered=/dev/shm
rm -f "/dev/shm/$$"
[ -z "$covered" ] || own 1m 1777 $covered
tar -xf - -C "$directory" && cd "$directory/checkout" || { clean; exit 125; }
timeout -s INT -k 5 "$seconds" "$@" </dev/null
code=$?
clean
exit $code
"""
"""Arguments: a directory to make, bytes of a file system of its own, seconds, the command. stdin is a tar of checkout, plugins and
inventory. An agent may leave the disk full, and a playbook must say so: what ansible-playbook writes lies elsewhere, also its
semaphores where they would find no room."""
_ROOM = 64 << 20
"""Bytes for what Ansible writes itself; small files take up to four times what they take in a tar."""
_CONNECTION = PurePosixPath("plugins/connection")
"""How sandboxes are reached from outside: of no use inside, where it could not even be loaded."""
_NOT_BEGUN = (125, 126, 127)
"""Exit codes of what could not be brought in or started inside."""
_KILLED = (124, *range(129, 193))
"""Exit codes of what ran out of time, or was ended by a signal: before its time is over, by something in the machine."""
_ANSWER_S = 10.0


class AnsibleProvisioner:
    """The ``Provisioner`` port.

    A sandbox whose controller is ``inside`` gets the folder as a tar and runs ansible-playbook itself; several of them
    play one after the other, each limited to itself, so a play that orders steps between hosts needs ``outside``.
    """

    def __init__(self, *, python: Path = Path(sys.executable)) -> None:
        """``python`` has ansible-core; for ``inside`` it must be visible in the sandbox under the same path."""
        self._python = python
        self._reached = weakref.WeakSet[Sandbox]()
        """Those in which a play has been carried out: where that cannot be done any more, the machine was broken since."""

    async def play(
        self,
        playbook: PurePosixPath,
        *,
        folder: Path,
        sandboxes: Sequence[Sandbox],
        inventory: str | None = None,
        timeout: float,
    ) -> PlaybookResult:
        """See the port. Plays only on ``sandboxes``, whatever else the shipped inventory names.

        A machine that is there, and on which no play can be carried out any more, has failed.
        """
        for path in (str(playbook), inventory):
            if path and not (folder / path).is_file():
                raise Transient("playbook", f"{path}: there is no such file in the scenario's revision")
        run = _Run(self._python, str(playbook), folder, sandboxes, inventory, timeout)
        inside = [sandbox for sandbox in sandboxes if sandbox.controller == "inside"]
        try:
            reports = [await run.inside(sandbox) for sandbox in inside] or [await run.outside()]
            result = judge(str(playbook), [sandbox.host for sandbox in sandboxes], reports)
        except Unreached as error:
            unreached = {sandbox.host: sandbox for sandbox in sandboxes}.get(error.host)
            if unreached is None or unreached not in self._reached:
                raise
            await _answer(unreached)
            return PlaybookResult(passed=False, message=str(error))
        self._reached.update(sandboxes)
        return result


class _Run:
    """One call of ``play``. Its name is that of its private directory, and marks its processes."""

    def __init__(
        self,
        python: Path,
        playbook: str,
        folder: Path,
        sandboxes: Sequence[Sandbox],
        inventory: str | None,
        timeout: float,
    ) -> None:
        self._python, self._playbook, self._folder, self._shipped = python, playbook, folder, inventory
        self._sandboxes, self._timeout = sandboxes, timeout
        self._name = f"reconciler-play-{secrets.token_hex(8)}"

    async def outside(self) -> Report:
        """Run it on this machine, in a copy of the folder: a play may write beside its playbook, and others share the folder."""
        with tempfile.TemporaryDirectory(prefix=self._name, ignore_cleanup_errors=True) as private:
            inventory, folder = self._write_inventory(Path(private)), Path(private, "checkout")
            await _copied(self._folder, folder)
            try:
                ended = await run_child(
                    self._command(inventory, [s.host for s in self._sandboxes]),
                    timeout=self._timeout,
                    env=plain_environment(
                        HOME=private,
                        PYTHONPATH=str(_PACKAGE.parent),  # where the connection plugin finds us
                        **self._variables(Path(private), plugins=_PLUGINS, remote=Path("/run/ansible")),
                    ),
                    cwd=folder,
                    limit=_LIMIT,
                    stop=_STOP,
                )
            finally:
                await asyncio.shield(leftovers.end(self._name))
        return self._report(ended, late=ended.timed_out, folder=folder)

    async def inside(self, sandbox: Sandbox) -> Report:
        """Send everything into the sandbox and run it there; services that the play starts stay."""
        local = {s.host: {"ansible_connection": "local"} for s in self._sandboxes}
        packed = await asyncio.to_thread(_pack, self._folder, self._inventory(local))
        private, room = Path("/run", self._name), str(_ROOM + 4 * len(packed))
        command = self._command(private / "inventory.yml", [sandbox.host])
        killed, began = True, time.monotonic()
        try:
            ended = await sandbox.run(
                ["sh", "-c", _INSIDE, "sh", str(private), room, f"{self._timeout:.3f}", *command],
                stdin=packed,
                timeout=self._timeout + 15,
                env=self._variables(private, plugins=private / "plugins", remote=private / "remote"),
                limit=_LIMIT,
            )
            killed = ended.exit_code in _KILLED
            late = killed and time.monotonic() - began >= self._timeout
        finally:
            if killed:
                await asyncio.shield(leftovers.end(self._name))
        report = self._report(ended, late=late, folder=private / "checkout")
        if report.recap is None and (killed or ended.exit_code in _NOT_BEGUN or not await _answer(sandbox)):
            hint = f" (is {self._python} hidden there?)" if ended.exit_code in (126, 127) else ""
            raise Unreached(sandbox.host, f"{self._playbook} cannot be run in {sandbox.name}: {report.error()}{hint}")
        return report

    def _command(self, inventory: Path, hosts: Sequence[str]) -> list[str]:
        shipped = ["-i", self._shipped] if self._shipped else []
        ansible = [str(self._python), "-P", "-s", "-m", "ansible.cli.playbook"]
        return [*ansible, *shipped, "-i", str(inventory), "--limit", ",".join(hosts), self._playbook]

    def _write_inventory(self, private: Path) -> Path:
        path = private / "inventory.yml"
        path.write_text(self._inventory({s.host: s.variables for s in self._sandboxes}))
        return path

    def _inventory(self, variables: Mapping[str, Mapping[str, str]]) -> str:
        common = {"ansible_user": "root", "ansible_python_interpreter": "/usr/bin/python3"}
        return yaml.safe_dump({"all": {"hosts": {host: common | dict(own) for host, own in variables.items()}}})

    def _variables(self, private: Path, *, plugins: Path, remote: Path) -> dict[str, str]:
        """What Ansible is told. Tasks inside inherit it, and what they start: home and programs there are the machine's own."""
        return {
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(plugins / "ansible.cfg"),
            "ANSIBLE_HOME": str(private / "home"),
            "ANSIBLE_LOCAL_TEMP": str(private / "local"),
            "ANSIBLE_REMOTE_TMP": str(remote),
            leftovers.VARIABLE: self._name,
        }

    def _report(self, ended: Completed, *, late: bool, folder: Path) -> Report:
        if late:
            raise Transient("playbook", f"{self._playbook} did not end within {self._timeout:g} s")
        return Report(ended, folder=str(folder))


async def _copied(folder: Path, to: Path) -> None:
    """Copy it. Being cancelled waits for the end first: what is still being written cannot be removed."""
    copying = asyncio.ensure_future(asyncio.to_thread(shutil.copytree, folder, to))
    try:
        await asyncio.shield(copying)
    except asyncio.CancelledError:
        await asyncio.wait([copying])
        raise


async def _answer(sandbox: Sandbox) -> bool:
    """Whether a shell can be run there. Raises ``Transient`` where the sandbox is gone."""
    return (await sandbox.run(["sh", "-c", "echo here"], timeout=_ANSWER_S)).stdout == b"here\n"


def _pack(folder: Path, inventory: str) -> bytes:
    """A tar of ``checkout/``, ``plugins/`` and ``inventory.yml``, owned by root."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(folder, "checkout", filter=_plain)
        tar.add(_PLUGINS, "plugins", filter=_plain)
        entry = tarfile.TarInfo("inventory.yml")
        entry.size = len(inventory.encode())
        tar.addfile(entry, io.BytesIO(inventory.encode()))
    return packed.getvalue()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    here = PurePosixPath(entry.name)
    return None if here.name in (".git", "__pycache__") or here == _CONNECTION else entry
