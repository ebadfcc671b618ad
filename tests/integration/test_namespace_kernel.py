"""Nothing that root does in a namespace sandbox reaches the host's sockets, network, keys, and the kernel's powers."""

import asyncio
import ctypes
import errno
import os
import platform
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from reconciler.adapters.child import run_child
from reconciler.adapters.namespace.census import census
from reconciler.ports import Sandbox
from tests.namespace_box import namespace_box, python, refused, said, text

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.real("namespace")]

MACHINE = platform.machine()
NUMBERS = {
    name: numbers[("x86_64", "aarch64").index(MACHINE)]
    for name, numbers in {
        "acct": (163, 89),
        "add_key": (248, 217),
        "bpf": (321, 280),
        "fanotify_init": (300, 262),
        "finit_module": (313, 273),
        "init_module": (175, 105),
        "io_setup": (206, 0),
        "io_uring_enter": (426, 426),
        "io_uring_register": (427, 427),
        "io_uring_setup": (425, 425),
        "iopl": (172, -1),
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
    async with namespace_box() as made:
        yield made


@pytest.fixture
def shown() -> Iterator[Path]:
    """A folder of the host that is not hidden inside."""
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder:
        yield Path(folder)


def network_of(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


async def call(box: Sandbox, name: str, *arguments: int | bytes) -> str:
    """The name of the error that a system call ends with, or ``done``. Bytes are passed by their address."""
    words = ", ".join(f"ctypes.c_long({a})" if isinstance(a, int) else f"{a!r}" for a in arguments)
    return await python(
        box,
        f"c = ctypes.CDLL(None, use_errno=True)\nr = c.syscall({NUMBERS[name]}, {words})\nprint(errno.errorcode[ctypes.get_errno()] if r < 0 else 'done')",
    )


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


async def test_the_host_s_network_is_not_seen_through_the_first_process(box: Sandbox) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as local,
    ):
        local.bind(f"{folder}/socket")
        port = f":{listening.getsockname()[1]:04X} "
        assert port in text("/proc/net/tcp")
        assert port not in await said(box, "cat /proc/1/net/tcp /proc/1/task/1/net/tcp")
        assert folder in text("/proc/net/unix")
        assert folder not in await said(box, "cat /proc/1/net/unix")
    assert await said(box, "tail -n +3 /proc/1/net/dev | cut -d: -f1 | tr -d ' '") == "lo"


async def test_no_process_inside_is_in_the_host_s_network(box: Sandbox) -> None:
    [first] = [resident.pid for resident in census() if resident.info.name == box.name]
    assert network_of(first) != network_of(os.getpid())
    seen = await said(box, "for p in /proc/[0-9]*; do tail -n +2 $p/net/route; tail -n +2 $p/net/arp; done")
    assert seen == ""


async def test_the_network_devices_and_settings_of_the_host_are_not_seen(box: Sandbox) -> None:
    assert await said(box, "find /sys/devices -path '*/net/*' -prune") == "/sys/devices/virtual/net/lo"
    assert await said(box, "ls /proc/sys/net/ipv4/conf") == "all\ndefault\nlo"
    await refused(box, "echo 1 >/proc/sys/net/ipv4/ip_forward", "Read-only file system")


async def test_the_rest_of_the_machine_s_devices_is_seen_as_before(box: Sandbox) -> None:
    folders = ("devices/system/cpu", "class/block", "class/mem", "module", "kernel/mm")
    for folder in (path for path in (Path("/sys", f) for f in folders) if path.is_dir()):
        inside = await said(box, f"ls {folder}")
        assert sorted(inside.split()) == sorted(entry.name for entry in folder.iterdir())


async def test_a_new_host_name_is_only_the_sandbox_s(box: Sandbox) -> None:
    before = socket.gethostname()
    await said(box, "hostname other && test $(hostname) = other; hostname app-01")
    assert socket.gethostname() == before


# ---------------------------------------------------------------- what root inside and outside have together

HOST_QUEUE = """
import ctypes, os
c = ctypes.CDLL(None)
name = b"/reconciler-%d" % os.getpid()
print(c.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None) >= 0)
c.mq_unlink(name)
"""
WATCHES = {"inotify": "c.inotify_init1(0)", "fanotify": f"c.syscall({NUMBERS['fanotify_init']}, 0x200, 0)"}
TAKE_ALL = """
import resource, time
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
c = ctypes.CDLL(None, use_errno=True)
while {take} >= 0: pass
print(errno.errorcode[ctypes.get_errno()])
open('/opt/taken', 'w').close()
while os.path.exists('/opt/taken'): time.sleep(0.01)
"""


@pytest.mark.parametrize("kind", WATCHES)
async def test_who_watches_files_inside_leaves_the_host_enough_to_watch(box: Sandbox, kind: str) -> None:
    taker = asyncio.create_task(python(box, TAKE_ALL.format(take=WATCHES[kind])))
    await said(box, "until [ -e /opt/taken ]; do sleep 0.01; done")
    try:
        script = (
            f"import ctypes; c = ctypes.CDLL(None, use_errno=True); print({WATCHES[kind]} >= 0 or ctypes.get_errno())"
        )
        host = await run_child([sys.executable, "-c", script], timeout=60)
    finally:
        await said(box, "rm /opt/taken")
    assert host.stdout.decode().strip() in {"True", str(errno.ENOSYS)}
    assert await taker in {"EMFILE", "ENOSPC", *ABSENT}


async def test_signals_queued_inside_leave_the_host_room_to_queue(box: Sandbox) -> None:
    script = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
c, n = ctypes.CDLL(None), 0
while n < 50000 and c.sigqueue(os.getpid(), 40, None) == 0: n += 1
print(n)
"""
    assert int(await python(box, script)) <= 1024


async def test_message_queues_inside_leave_the_host_room_for_its_own(box: Sandbox) -> None:
    script = """
c, n = ctypes.CDLL(None), 0
while n < 200 and c.mq_open(b'/q%d' % n, os.O_CREAT | os.O_RDWR, 0o600, None) >= 0: n += 1
print(n)
"""
    taken = int(await python(box, script))
    host = await run_child([sys.executable, "-c", HOST_QUEUE], timeout=60)
    assert host.stdout.decode().strip() == "True", taken


# ---------------------------------------------------------------- system calls

POWERS = {
    "the accounting of processes": ("acct", (0,)),
    "the load of an eBPF program": ("bpf", (5, 0, 0)),
    "a kernel module": ("init_module", (0, 0, 0)),
    "a kernel module from a file": ("finit_module", (-1, 0, 0)),
    "another kernel": ("kexec_load", (0, 0, 0, 0)),
    "performance events": ("perf_event_open", (bytes(4) + (112).to_bytes(4, "little") + bytes(104), -1, 0, -1, 0)),
    "ports of devices": ("iopl", (3,)),
    "the kernel's log": ("syslog", (3, 0, 0)),
    "the kernel's log, emptied as it is read": ("syslog", (4, 0, 0)),
    "emptying the kernel's log": ("syslog", (5, 0, 0)),
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
    "name", ["add_key", "request_key", "keyctl", "io_setup", "io_uring_setup", "io_uring_enter", "io_uring_register"]
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


POSSESSOR = """
import asyncio, ctypes, sys
from reconciler.adapters.child import run_child
from reconciler.adapters.namespace.guard import nursery

add_key, keyctl = map(int, sys.argv[1:])
libc = ctypes.CDLL(None)
join, set_permissions, session, possessor_only = 1, 5, ctypes.c_int(-3), 0x3F000000
libc.syscall(keyctl, join, None)
key = libc.syscall(add_key, b"user", b"reconciler-secret", b"x", 1, session)
libc.syscall(keyctl, set_permissions, key, possessor_only)

async def look():
    for work in (run_child(["cat", "/proc/keys"], timeout=60), nursery().call(run_child(["cat", "/proc/keys"], timeout=60))):
        print(b"reconciler-secret" in (await work).stdout)

asyncio.run(look())
"""


async def test_keys_of_the_host_are_not_there(box: Sandbox) -> None:
    """A key that only its possessors see is seen by a daemon's child, and not by one that is born for a sandbox."""
    argv = [sys.executable, "-c", POSSESSOR, str(NUMBERS["add_key"]), str(NUMBERS["keyctl"])]
    done = await run_child(argv, timeout=60, cwd=Path(__file__).parents[2])
    assert done.stdout.decode().split() == ["True", "False"], done
    assert await said(box, "cat /proc/keys /proc/key-users") == ""


async def test_the_daemon_itself_keeps_its_keys_and_calls(box: Sandbox) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(NUMBERS["keyctl"], 0, ctypes.c_int(-3), 1) > 0, "its session keyring has an id"
    assert text("/proc/self/status").split("Seccomp:")[1].split()[0] == "0"


async def test_the_first_process_cannot_be_traced(box: Sandbox) -> None:
    ptrace_attach = 16
    assert await call(box, "ptrace", ptrace_attach, 1, 0, 0) == "EPERM"


async def test_a_file_handle_opens_nothing(box: Sandbox) -> None:
    assert (
        await call(box, "open_by_handle_at", -100, (8).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes(8), 0)
        == "EPERM"
    )
