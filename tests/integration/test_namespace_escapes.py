"""Nothing that root does in a namespace sandbox reaches the host: one test per way out."""

import asyncio
import ctypes
import hashlib
import os
import platform
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from reconciler.adapters.namespace.census import census
from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.core.model import Template
from reconciler.ports import Completed, Sandbox, SandboxSpec

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.real("namespace")]

TEMPLATE = Template(name="small", memory_mib=128, disk_mib=64)
PYTHON = "/usr/bin/python3"
MACHINE = platform.machine()
NUMBERS = {
    name: numbers[("x86_64", "aarch64").index(MACHINE)]
    for name, numbers in {
        "acct": (163, 89),
        "add_key": (248, 217),
        "bpf": (321, 280),
        "finit_module": (313, 273),
        "init_module": (175, 105),
        "io_uring_enter": (426, 426),
        "io_uring_register": (427, 427),
        "io_uring_setup": (425, 425),
        "kexec_load": (246, 104),
        "keyctl": (250, 219),
        "open_by_handle_at": (304, 265),
        "perf_event_open": (298, 241),
        "ptrace": (101, 117),
        "reboot": (169, 142),
        "request_key": (249, 218),
        "swapon": (167, 224),
        "syslog": (103, 116),
        "userfaultfd": (323, 282),
    }.items()
}
"""System calls by name, from each architecture's table."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[Sandbox]:
    maker = NamespacePlatform(instance="escapes")
    name = f"escape-{uuid.uuid4().hex[:12]}"
    labels = {"trial": "the trial's secret id"}
    yield await maker.create(SandboxSpec(name=name, host="app-01", template=TEMPLATE, labels=labels))
    await maker.destroy(name)


@pytest.fixture
def shown() -> Iterator[Path]:
    """A folder of the host that is not hidden inside."""
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder:
        yield Path(folder)


def text(path: str) -> str:
    """A file of the host."""
    return Path(path).read_text()


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


async def sh(box: Sandbox, script: str) -> Completed:
    return await box.run(["sh", "-c", script], timeout=60)


async def said(box: Sandbox, script: str) -> str:
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
    done = await box.run([PYTHON, "-c", "import ctypes, errno, os, socket\n" + script], timeout=60)
    assert done.exit_code == 0, done.stderr.decode()
    return done.stdout.decode().strip()


async def call(box: Sandbox, name: str, *arguments: int | bytes) -> str:
    """The name of the error that a system call ends with, or ``done``. Bytes are passed by their address."""
    words = ", ".join(f"ctypes.c_long({a})" if isinstance(a, int) else f"{a!r}" for a in arguments)
    return await python(
        box,
        f"c = ctypes.CDLL(None, use_errno=True)\nr = c.syscall({NUMBERS[name]}, {words})\nprint(errno.errorcode[ctypes.get_errno()] if r < 0 else 'done')",
    )


# ---------------------------------------------------------------- processes


async def test_the_first_process_cannot_be_looked_into_or_entered(box: Sandbox) -> None:
    await refused(
        box,
        "ls /proc/1/root/\ncat /proc/1/environ\nls -l /proc/1/exe\nreadlink /proc/1/fd/0 || grep . /proc/1/fd/0\nnsenter -t 1 -m true",
        "Permission denied",
        "Operation not permitted",
    )
    assert "secret" not in await said(box, "cat /proc/1/cmdline; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'")


async def test_the_first_process_cannot_be_traced(box: Sandbox) -> None:
    ptrace_attach = 16
    assert await call(box, "ptrace", ptrace_attach, 1, 0, 0) == "EPERM"


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
    disk = text("/proc/self/mountinfo").split(" / / ", 1)[1].split(" - ")[1].split()[1]
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


async def test_a_file_handle_opens_nothing(box: Sandbox) -> None:
    assert (
        await call(box, "open_by_handle_at", -100, (8).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes(8), 0)
        == "EPERM"
    )


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
    accounts = len(text("/etc/shadow").splitlines())
    assert await said(box, "wc -l </etc/shadow") == str(accounts)


# ---------------------------------------------------------------- network and sockets


async def test_an_abstract_socket_of_the_host_is_not_there(box: Sandbox) -> None:
    name = f"\0reconciler-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(name)
        listening.listen()
        assert (
            await python(box, f"print(errno.errorcode[socket.socket(socket.AF_UNIX).connect_ex({name!r})])")
            == "ECONNREFUSED"
        )


async def test_a_port_of_the_host_cannot_be_reached(box: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert (
            await python(box, f"print(errno.errorcode[socket.socket().connect_ex(('127.0.0.1', {port}))])")
            == "ECONNREFUSED"
        )
    assert await python(box, "print(errno.errorcode[socket.socket().connect_ex(('192.0.2.1', 80))])") == "ENETUNREACH"


async def test_a_socket_file_of_the_host_leads_nowhere(box: Sandbox, shown: Path) -> None:
    path = shown / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert (
            await python(box, f"print(errno.errorcode[socket.socket(socket.AF_UNIX).connect_ex('{path}')])")
            == "ECONNREFUSED"
        )


async def test_a_socket_in_a_hidden_folder_is_not_there(box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert (
            await python(box, f"print(errno.errorcode[socket.socket(socket.AF_UNIX).connect_ex('{path}')])") == "ENOENT"
        )
    assert await said(box, "ls -A /var/lib/incus /var/lib/docker /run/docker.sock /run/dbus 2>/dev/null || true") in (
        "",
        "/var/lib/incus:",
    )


async def test_a_new_host_name_is_only_the_sandbox_s(box: Sandbox) -> None:
    before = socket.gethostname()
    await said(box, "hostname other && test $(hostname) = other; hostname app-01")
    assert socket.gethostname() == before


# ---------------------------------------------------------------- system calls

POWERS = {
    "the accounting of processes": ("acct", (0,)),
    "the load of an eBPF program": ("bpf", (5, 0, 0)),
    "a kernel module": ("init_module", (0, 0, 0)),
    "a kernel module from a file": ("finit_module", (-1, 0, 0)),
    "another kernel": ("kexec_load", (0, 0, 0, 0)),
    "performance events": ("perf_event_open", (bytes(4) + (112).to_bytes(4, "little") + bytes(104), -1, 0, -1, 0)),
    "the kernel's log": ("syslog", (3, 0, 0)),
    "swap": ("swapon", (0, 0)),
}
ABSENT = {"ENOSYS"}
"""The kernel was built without it."""


@pytest.mark.parametrize("power", POWERS)
async def test_power_over_the_machine_is_refused(box: Sandbox, power: str) -> None:
    name, arguments = POWERS[power]
    assert await call(box, name, *arguments) in {"EPERM", "EACCES", *ABSENT}


async def test_the_machine_cannot_be_restarted(box: Sandbox) -> None:
    magic, magic2, cad_off = 0xFEE1DEAD, 672274793, 0
    assert await call(box, "reboot", magic, magic2, cad_off, 0) in {"EPERM", "EINVAL"}


async def test_the_date_cannot_be_set(box: Sandbox) -> None:
    await refused(box, "date -s 2001-01-01", "Operation not permitted")


async def test_page_faults_of_the_kernel_cannot_be_held(box: Sandbox) -> None:
    assert await call(box, "userfaultfd", 0) in {"EPERM", *ABSENT}


@pytest.mark.parametrize(
    "name", ["add_key", "request_key", "keyctl", "io_uring_setup", "io_uring_enter", "io_uring_register"]
)
async def test_calls_without_a_namespace_are_filtered(box: Sandbox, name: str) -> None:
    assert await call(box, name, 0, 0, 0, 0) == "EPERM"


async def test_sockets_to_the_hypervisor_are_filtered_and_others_are_not(box: Sandbox) -> None:
    vsock = 40
    script = f"try: socket.socket({vsock}, socket.SOCK_STREAM)\nexcept OSError as e: print(errno.errorcode[e.errno])\n"
    assert await python(box, script) == "EPERM"
    assert (
        await python(
            box, "socket.socket(); socket.socket(socket.AF_UNIX); socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"
        )
        == ""
    )


FOREIGN = {
    # mov eax, 20 (getpid); int 0x80; ret
    "x86_64": {"32 bit": "b8 14 00 00 00 cd 80 c3", "x32": "b8 27 00 00 40 0f 05 c3"},
    # movz w8, 0x4000 lsl 16; svc 0; ret
    "aarch64": {"beyond the table": "08 00 a8 52 01 00 00 d4 c0 03 5f d6"},
}[MACHINE]


@pytest.mark.parametrize("table", FOREIGN)
async def test_another_system_call_table_is_no_way_round(box: Sandbox, table: str) -> None:
    code = FOREIGN[table]
    script = f"""
import mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex('{code}'))
run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
print(errno.errorcode[-run()])
"""
    assert await python(box, script) == "EPERM"


async def test_programs_that_change_their_user_still_can(box: Sandbox) -> None:
    assert await said(box, "su nobody -s /bin/sh -c 'id -un'") == "nobody"


async def test_keys_of_the_host_are_not_there(box: Sandbox) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for ring in (-3, -4):  # the session's and the user's
        assert libc.syscall(NUMBERS["add_key"], b"user", b"reconciler-secret", b"x", 1, ctypes.c_int(ring)) > 0
    try:
        assert "reconciler-secret" in text("/proc/keys")
        assert "reconciler-secret" not in await said(box, "cat /proc/keys 2>/dev/null")
    finally:
        for ring in (-3, -4):
            libc.syscall(NUMBERS["keyctl"], 7, ctypes.c_int(ring))  # clear


async def test_the_daemon_itself_keeps_its_keys_and_calls(box: Sandbox) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(NUMBERS["keyctl"], 0, ctypes.c_int(-3), 1) > 0, "its session keyring has an id"
    assert text("/proc/self/status").split("Seccomp:")[1].split()[0] == "0"


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
