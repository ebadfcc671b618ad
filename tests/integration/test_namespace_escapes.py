"""Nothing that root does in a namespace sandbox reaches the host's processes, mounts, devices and files."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from reconciler.adapters.namespace.census import census
from reconciler.ports import Sandbox
from tests.namespace_box import namespace_box, python, refused, said, sh, text

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.real("namespace")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[Sandbox]:
    async with namespace_box() as made:
        yield made


@pytest.fixture
def shown() -> Iterator[Path]:
    """A folder of the host that is not hidden inside."""
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder:
        yield Path(folder)


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


# ---------------------------------------------------------------- processes


async def test_the_first_process_cannot_be_looked_into_or_entered(box: Sandbox) -> None:
    await refused(
        box,
        "ls /proc/1/root/\ncat /proc/1/environ\nls -l /proc/1/exe\nreadlink /proc/1/fd/0 || grep . /proc/1/fd/0\nnsenter -t 1 -m true",
        "Permission denied",
        "Operation not permitted",
    )
    assert "secret" not in await said(box, "cat /proc/1/cmdline; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'")


async def test_the_first_process_cannot_be_killed_or_stopped(box: Sandbox) -> None:
    await sh(box, "kill -9 1; kill -STOP 1; kill -TERM 1")
    assert await said(box, "grep State /proc/1/status") == "State:\tS (sleeping)"


async def test_killing_everything_kills_only_what_is_inside(box: Sandbox) -> None:
    done = await sh(box, "sleep 300 & kill -9 -1")
    assert done.exit_code in (0, 137)
    assert await said(box, "echo still here") == "still here"
    assert await said(box, "grep -al sleep /proc/[0-9]*/comm || true") == ""


async def test_processes_of_the_host_are_not_seen(box: Sandbox) -> None:
    inside = await said(box, "cat /proc/[0-9]*/stat | cut -d' ' -f1 | sort -n | tail -1")
    assert int(inside) < 5000 < int(text("/proc/sys/kernel/pid_max"))
    assert await said(box, f"ls -d /proc/{os.getpid()} 2>/dev/null || echo none") == "none"


async def test_nothing_inside_can_pass_for_a_sandbox(box: Sandbox) -> None:
    forged = '{"name": "forged", "trial": "", "instance": "", "template": ""}'
    await box.run(
        ["sh", "-c", "sleep 300 & unshare --pid --fork sleep 300 &"], timeout=60, env={"RECONCILER_SANDBOX": forged}
    )
    assert "forged" not in [resident.info.name for resident in census()]


# ---------------------------------------------------------------- devices, mounts, files


async def test_no_node_of_a_device_can_be_made(box: Sandbox) -> None:
    await refused(
        box, "mknod /root/disk b 8 0\nmknod /root/memory c 1 1\nmknod /dev/kmsg c 1 11", "Operation not permitted"
    )


async def test_no_disk_can_be_mounted(box: Sandbox) -> None:
    [*_, root] = [line for line in text("/proc/self/mountinfo").splitlines() if line.split()[4] == "/"]
    disk = root.split(" - ")[1].split()[1]
    await refused(box, f"mount {disk} /mnt", "permission denied", "does not exist", "not a block device")
    await refused(box, "losetup --find --show /etc/hostname", "cannot find", "failed")


async def test_hidden_folders_cannot_be_uncovered(box: Sandbox) -> None:
    await refused(
        box,
        "umount /root\numount -l /var/log\nmount --move /root /opt\nrmdir /root",
        *[
            "must be superuser",
            "not permitted",
            "Invalid argument",
            "invalid argument",
            "busy",
            "not mounted",
            "wrong fs type",
        ],
    )
    await refused(box, "mkdir -p /opt/bound && mount --bind / /opt/bound", "wrong fs type", "not permitted")
    uncovered = await said(
        box, "mount --rbind / /opt/bound && cd /opt/bound && ls -A home srv root var/lib/incus; umount -l /opt/bound"
    )
    assert uncovered == await said(box, "cd / && ls -A home srv root var/lib/incus")


async def test_an_overlay_of_the_root_shows_nothing_more(box: Sandbox) -> None:
    script = "mkdir -p /opt/o && mount -t tmpfs none /opt/o && mkdir /opt/o/u /opt/o/w /opt/o/m && "
    for lower in ("/", "/var"):
        await refused(
            box,
            f"{script} mount -t overlay -o lowerdir={lower},upperdir=/opt/o/u,workdir=/opt/o/w none /opt/o/m",
            "wrong fs type",
            "not permitted",
            "permission denied",
        )


async def test_the_marks_of_the_overlay_cannot_be_forged(box: Sandbox) -> None:
    script = "try: os.setxattr('/root', 'trusted.overlay.redirect', b'/root')\nexcept OSError as e: print(errno.errorcode[e.errno])"
    assert await python(box, script) == "EPERM"


async def test_the_kernel_s_settings_are_read_only(box: Sandbox) -> None:
    before = text("/proc/sys/kernel/core_pattern")
    await refused(
        box,
        "echo '|/bin/sh' >/proc/sys/kernel/core_pattern\nsysctl -w kernel.panic=1\necho 1 >/sys/kernel/mm/ksm/run\necho h >/proc/sysrq-trigger",
        *["Read-only file system", "nonexistent", "permission denied"],
    )
    await refused(box, "mount -o remount,rw /proc/sys\nmount -o remount,rw /sys", "permission denied", "not permitted")
    await refused(
        box,
        "umount /proc/sys\numount /sys/fs/cgroup",
        "not permitted",
        "must be superuser",
        "Invalid argument",
        "not mounted",
    )
    assert text("/proc/sys/kernel/core_pattern") == before


@pytest.mark.parametrize(
    "kind", ["proc", "sysfs", "devtmpfs", "debugfs", "tracefs", "bpf", "cgroup", "cgroup2", "securityfs"]
)
async def test_no_fresh_view_of_the_kernel_can_be_mounted(box: Sandbox, kind: str) -> None:
    await refused(
        box,
        f"mkdir -p /opt/k && mount -t {kind} none /opt/k",
        "permission denied",
        "not permitted",
        "unknown filesystem",
    )


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs", "mqueue"])
async def test_a_file_system_that_holds_only_what_is_written_into_it_can_be_mounted(box: Sandbox, kind: str) -> None:
    script = (
        f"mkdir -p /opt/own && mount -t {kind} none /opt/own && stat -fc %T /opt/own; ls -A /opt/own; umount /opt/own"
    )
    assert await said(box, script) == kind


async def test_a_nested_user_namespace_is_refused(box: Sandbox) -> None:
    await refused(
        box, "unshare -U true\nunshare -Ur mount -t proc none /mnt\nunshare -C true", "No space left on device"
    )


async def test_cgroups_of_the_host_are_not_seen(box: Sandbox) -> None:
    assert await said(box, "ls -A /sys/fs/cgroup") == ""


async def test_shared_devices_keep_their_modes(box: Sandbox) -> None:
    before = os.lstat("/dev/null").st_mode
    await refused(box, "chmod 600 /dev/null\nchown daemon /dev/zero", "Read-only file system")
    assert os.lstat("/dev/null").st_mode == before
    assert await said(box, "echo gone >/dev/null; head -c 3 /dev/zero | wc -c") == "3"


async def test_what_is_destroyed_inside_stays_whole_outside(box: Sandbox, shown: Path) -> None:
    (shown / "file").write_text("whole")
    host_name = text("/etc/hostname")
    assert (
        await said(
            box, f"cat {shown}/file; echo broken >{shown}/file; rm -r {shown}; echo x >/etc/hostname; rm /etc/passwd"
        )
        == "whole"
    )
    assert (shown / "file").read_text() == "whole"
    assert text("/etc/hostname") == host_name
    assert text("/etc/passwd")


async def test_leaving_a_chroot_stays_inside(box: Sandbox) -> None:
    script = """
os.makedirs('/opt/jail', exist_ok=True)
root = os.open('/', os.O_RDONLY)
os.chroot('/opt/jail')
os.fchdir(root)
for _ in range(20): os.chdir('..')
os.chroot('.')
print(open('/etc/hostname').read().strip(), os.listdir('/root'))
"""
    assert (await python(box, script)).startswith(("app-01", "x"))


async def test_passwords_and_keys_are_not_there(box: Sandbox) -> None:
    assert await said(box, "cut -d: -f2 /etc/shadow /etc/gshadow | sort -u") == "*"
    assert await said(box, "ls /etc/shadow- /etc/gshadow- /etc/ssh/ssh_host_*_key 2>/dev/null || true") == ""
    host = os.lstat("/etc/shadow")
    assert await said(box, "stat -c '%a %u %g' /etc/shadow") == f"{host.st_mode & 0o7777:o} {host.st_uid} {host.st_gid}"
    accounts = len(text("/etc/shadow").splitlines())
    assert await said(box, "wc -l </etc/shadow") == str(accounts)


# ---------------------------------------------------------------- the way in


async def test_the_program_that_enters_cannot_be_overwritten(box: Sandbox) -> None:
    """What is run inside as ``#!/proc/self/exe`` is the very program that the daemon came in with."""
    before = digest("/usr/bin/nsenter")
    await said(box, "printf '#!/proc/self/exe --version\\n' >/opt/trap; chmod 755 /opt/trap")
    spying = """
refused = 0
while not os.path.exists('/opt/over'):
    for pid in filter(str.isdecimal, os.listdir('/proc')):
        try:
            if 'nsenter' not in os.readlink(f'/proc/{pid}/exe'): continue
            open(f'/proc/{pid}/exe', 'r+b').write(b'overwritten')
        except PermissionError: refused += 1
        except OSError: pass
        else: print('written')
print(refused)
"""
    spy = asyncio.create_task(python(box, spying))
    for _ in range(50):
        await box.run(["/opt/trap"], timeout=60)
    await said(box, "echo >/opt/over")
    assert int(await spy) > 0
    assert digest("/usr/bin/nsenter") == before
    assert await said(box, "echo still works") == "still works"


async def test_a_command_starts_in_no_folder_of_the_host(box: Sandbox) -> None:
    assert await said(box, "stat -fc %T .") == await said(box, "stat -fc %T /root") == "tmpfs"


async def test_a_command_has_no_descriptor_but_its_three_pipes(box: Sandbox) -> None:
    assert await said(box, "ls -l /proc/self/fd | grep -c pipe; ls /proc/$$/fd | wc -l") == "3\n3"


async def test_orphans_are_reaped(box: Sandbox) -> None:
    await said(box, "for i in 1 2 3 4 5; do (true &) ; done")
    assert await said(box, "grep -l 'State:.Z' /proc/[0-9]*/status || true") == ""


async def test_a_command_killed_at_its_time_limit_is_reaped(box: Sandbox) -> None:
    done = await box.run(["sleep", "300"], timeout=0.2)
    assert done.timed_out
    assert await said(box, "grep -l 'State:.Z' /proc/[0-9]*/status || true") == ""


async def test_the_full_host_name_resolves(box: Sandbox) -> None:
    assert await said(box, "hostname -f") == "app-01"
