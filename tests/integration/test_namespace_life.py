"""A namespace sandbox from its start to its end, whoever brings the end about; and what it sees and may use."""

import asyncio
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.namespace import cgroups
from reconciler.adapters.namespace.census import census
from reconciler.adapters.namespace.guard import nursery
from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.core.errors import Invalid, Transient, Unavailable
from tests.namespace_box import TEMPLATE, namespace_box, refused, said, spec, text
from tests.processes import PATIENCE

pytestmark = pytest.mark.real("namespace")

HOLDER = """
import asyncio, json, sys
from reconciler.adapters.namespace.census import census
from reconciler.adapters.namespace.platform import NamespacePlatform
from tests.namespace_box import spec

async def hold():
    platform = NamespacePlatform(instance="holder")
    print("begin", flush=True)
    made = await asyncio.gather(*(platform.create(spec(name)) for name in sys.argv[2:]))
    for box in made:
        await box.run(["sh", "-c", "sleep 300 & setsid sleep 300 & (setsid setsid sleep 300 &)"], timeout=60)
    if begun := json.loads(sys.argv[1]):
        await made[0].run(begun, timeout=60)
    commands = [asyncio.create_task(box.run(["sleep", "300"], timeout=300)) for box in made]
    print("held", flush=True)
    await asyncio.gather(*commands)

asyncio.run(hold())
"""


@contextlib.contextmanager
def holder(names: list[str], *, command: Sequence[str] = (), until: str = "held") -> Iterator[subprocess.Popen[str]]:
    """Another process that makes sandboxes, runs a command in the first, and holds them; comes back when it says ``until``."""
    program = [sys.executable, "-c", HOLDER, json.dumps(command), *names]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        try:
            assert process.stdout is not None
            while process.stdout.readline().strip() != until:
                assert process.poll() is None
            yield process
        finally:
            process.kill()


def fresh(count: int) -> list[str]:
    return [f"life-{uuid.uuid4().hex[:12]}" for _ in range(count)]


def processes() -> list[Path]:
    return [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]


def traces(names: list[str]) -> set[int]:
    """Every process of the machine that belongs to one of the sandboxes, seen by environment, cgroup or namespace."""
    found, spaces = set(), set()
    pattern = re.compile("|".join(names).encode())
    for folder in processes():
        with contextlib.suppress(OSError):
            if pattern.search((folder / "environ").read_bytes() + (folder / "cgroup").read_bytes()):
                found.add(int(folder.name))
                spaces.add((folder / "ns/mnt").readlink())
    spaces.discard(Path("/proc/self/ns/mnt").readlink())
    for folder in processes():
        with contextlib.suppress(OSError):
            if (folder / "ns/mnt").readlink() in spaces:
                found.add(int(folder.name))
    return found


def gone(names: list[str], *, within: float) -> bool:
    """Wait until no process of the sandboxes is left."""
    end = time.monotonic() + within
    while (left := traces(names)) and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                ended = select.poll()
                ended.register(handle, select.POLLIN)
                ended.poll(max(0.0, end - time.monotonic()) * 1000)
                os.close(handle)
    return not left


def groups(names: list[str]) -> set[str]:
    return cgroups.existing() & set(names)


async def swept(names: list[str]) -> bool:
    """Look over the machine, as every pass does, until no cgroup of the sandboxes is left.

    One look need not do: the kernel keeps a cgroup for a moment longer than it shows the last process in it.
    """
    platform, end = NamespacePlatform(instance="tests"), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        await platform.list()
        if not groups(names):
            return True
    return False


async def test_killing_the_process_that_holds_three_sandboxes_leaves_nothing() -> None:
    names, mounts = fresh(3), text("/proc/self/mountinfo")
    with holder(names) as process:
        assert len(traces(names)) >= 3 * 6
        assert groups(names) == set(names)
        process.kill()
        process.wait()
        assert gone(names, within=PATIENCE)
    assert text("/proc/self/mountinfo") == mounts
    assert [info for info in await NamespacePlatform(instance="tests").list() if info.name in names] == []
    assert await swept(names)


@pytest.mark.parametrize("moment", [0.0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2])
async def test_killing_it_while_it_makes_them_leaves_nothing(moment: float) -> None:
    names = fresh(3)
    with holder(names, until="begin") as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        process.kill()
        process.wait()
        assert gone(names, within=PATIENCE)
    assert await swept(names)


async def test_another_process_lists_and_destroys_what_the_daemon_made() -> None:
    names, platform = fresh(2), NamespacePlatform(instance="tests")
    with holder(names) as process:
        found = {info.name: info for info in await platform.list() if info.name in names}
        assert set(found) == set(names)
        assert {info.instance for info in found.values()} == {"tests"}
        await platform.destroy(names[0])
        assert gone(
            names[:1], within=PATIENCE
        )  # its parent is the holder's process, and ends when the holder has seen it end
        assert await swept(names[:1])
        assert groups(names) == {names[1]}
        assert [info.name for info in await platform.list() if info.name in names] == names[1:]
        assert process.poll() is None


async def test_killing_the_first_process_ends_the_sandbox_and_its_commands() -> None:
    async with namespace_box() as box:
        command = asyncio.create_task(box.run(["sh", "-c", "echo up; sleep 300"], timeout=60))
        await said(box, "until pgrep -x sleep >/dev/null && pgrep -f 'echo up' >/dev/null; do :; done")
        [first] = [resident.pid for resident in census() if resident.info.name == box.name]
        os.kill(first, signal.SIGKILL)
        with pytest.raises(Transient, match=box.name):
            await command
        assert gone([box.name], within=PATIENCE)
    assert await swept([box.name])


async def test_a_command_that_is_cancelled_is_killed() -> None:
    async with namespace_box() as box:
        command = asyncio.create_task(box.run(["sh", "-c", "sleep 4711 & sleep 4711"], timeout=60))
        await said(box, "until [ $(pgrep -fx 'sleep 4711' | wc -l) = 2 ]; do :; done")
        command.cancel()
        with pytest.raises(asyncio.CancelledError):
            await command
        assert await said(box, "pgrep -fx 'sleep 4711' || echo none") == "none"


async def test_a_second_cancel_waits_like_the_first_until_the_command_is_gone() -> None:
    cleaning, cleaned = threading.Event(), threading.Event()

    async def command() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            await asyncio.to_thread(cleaned.wait, PATIENCE)

    call = asyncio.create_task(nursery().call(command()))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.to_thread(cleaning.wait, PATIENCE)
    call.cancel()
    done, _ = await asyncio.wait([call], timeout=0.1)
    assert not done
    cleaned.set()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_closing_the_platform_lets_sandboxes_stay() -> None:
    platform = NamespacePlatform(instance="tests")
    async with namespace_box(platform) as box:
        await platform.close()
        assert await said(box, "echo here") == "here"


async def test_twenty_at_once_come_up_and_go() -> None:
    platform, specs = NamespacePlatform(instance="tests"), [spec() for _ in range(20)]
    made = await asyncio.gather(*(platform.create(s) for s in specs))
    assert await asyncio.gather(*(said(box, "hostname") for box in made)) == ["app-01"] * 20
    await asyncio.gather(*(platform.destroy(s.name) for s in specs))
    names = [s.name for s in specs]
    assert gone(names, within=0)
    assert await swept(names)


# ---------------------------------------------------------------- what it sees


async def test_a_visible_folder_is_read_only_inside_a_hidden_one(tmp_path: Path) -> None:
    for name in ("shown", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    async with namespace_box(NamespacePlatform(instance="tests", visible=[tmp_path / "shown"])) as box:
        assert await said(box, f"cat {tmp_path}/shown/file; ls {tmp_path}") == "shownshown"
        await refused(box, f"echo x >{tmp_path}/shown/file\nchmod 777 {tmp_path}/shown", "Read-only file system")
        await refused(box, f"mount -o remount,rw {tmp_path}/shown", "not permitted", "permission denied")
    assert (tmp_path / "shown/file").read_text() == "shown"


async def test_what_is_hidden_below_a_visible_folder_is_not_there_whatever_the_host_does_to_it() -> None:
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder:
        shown = Path(folder)
        for file in ("state/deep/answers", "lib/program", "lib/key", ".env", ".env.new"):
            (shown / file).parent.mkdir(parents=True, exist_ok=True)
            (shown / file).write_text(f"{file} ")
        hidden = [shown / file for file in ("state", "state/deep", "lib/key", ".env")]
        platform = NamespacePlatform(instance="tests", visible=[shown, shown / "lib"], hidden=hidden)
        async with namespace_box(platform) as box:
            (shown / ".env.new").rename(shown / ".env")
            assert await said(box, f"find {shown} -type f -exec cat {{}} +; ls -A {shown}") == "lib/program lib"
            await refused(
                box, f"echo x >{shown}/.env\nmkdir {shown}/state\necho >{shown}/lib/program", "Read-only file system"
            )


async def test_a_secret_is_hidden_in_a_visible_folder_of_a_hidden_one(tmp_path: Path) -> None:
    (tmp_path / "shown").mkdir()
    for file in (".env", "lib.py"):
        (tmp_path / "shown" / file).write_text(file)
    hidden = [tmp_path, tmp_path / "shown/.env"]
    async with namespace_box(NamespacePlatform(instance="tests", visible=[tmp_path / "shown"], hidden=hidden)) as box:
        assert await said(box, f"ls -A {tmp_path}/shown") == "lib.py"


async def test_a_folder_cannot_be_shown_in_what_another_is_shown_without() -> None:
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder:
        state = Path(folder, "state")
        (state / "inner").mkdir(parents=True)
        platform = NamespacePlatform(instance="tests", visible=[Path(folder), state / "inner"], hidden=[state])
        with pytest.raises(Invalid, match=f"cannot show {state}/inner"):
            await platform.create(spec())


async def test_our_own_interpreter_and_its_libraries_run_inside() -> None:
    visible = [Path(sys.prefix), Path(sys.base_prefix)]
    async with namespace_box(NamespacePlatform(instance="tests", visible=visible)) as box:
        assert await said(box, f"{sys.prefix}/bin/python -c 'import yaml; print(yaml.__name__)'") == "yaml"


async def test_a_hidden_folder_is_empty_with_the_same_owner_and_mode() -> None:
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder:
        (Path(folder) / "secret").write_text("secret")
        os.chown(folder, 33, 44)
        os.chmod(folder, 0o2751)  # noqa: PTH101
        async with namespace_box(
            NamespacePlatform(instance="tests", hidden=[Path(folder), Path(folder, "nested")])
        ) as box:
            assert await said(box, f"stat -c '%u %g %a' {folder}; ls -A {folder}") == "33 44 2751"
            assert await said(box, f"echo mine >{folder}/secret; cat {folder}/secret") == "mine"
        assert (Path(folder) / "secret").read_text() == "secret"


@pytest.fixture
def second_disk() -> Iterator[Path]:
    """A mounted ext4, with a file in it."""
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder, tempfile.NamedTemporaryFile() as image:
        image.truncate(4 << 20)
        subprocess.run(["mkfs.ext4", "-q", image.name], check=True)
        subprocess.run(["mount", "-o", "loop", image.name, folder], check=True)
        try:
            Path(folder, "file").write_text("whole")
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


async def test_a_second_disk_is_seen_and_not_written_to(second_disk: Path) -> None:
    file = second_disk / "file"
    async with namespace_box() as box:
        assert await said(box, f"cat {file}; echo broken >{file}; cat {file}") == "wholebroken"
    assert file.read_text() == "whole"


async def test_a_path_that_a_mount_table_cannot_hold_is_invalid() -> None:
    with tempfile.TemporaryDirectory(dir="/var/cache", prefix="two words") as folder:
        platform = NamespacePlatform(instance="tests", hidden=[Path(folder)])
        with pytest.raises(Invalid, match="two words"):
            await platform.create(spec())


# ---------------------------------------------------------------- what it may use


async def test_the_disk_is_full_at_its_size_and_the_sandbox_lives() -> None:
    async with namespace_box() as box:
        await refused(box, "cat /dev/zero >/var/flood", "No space left on device")
        await refused(box, "cat /dev/zero >/root/flood", "No space left on device")
        assert await said(box, "df --output=size -BM / | tail -1") == f"{TEMPLATE.disk_mib}M"
        assert await said(box, "rm /var/flood; echo x >/var/file; cat /var/file") == "x"


BOMB = ["bash", "-c", "bomb() { bomb | bomb & }; bomb; sleep 2"]


async def test_processes_that_fork_without_end_are_gone_when_their_sandbox_is_destroyed() -> None:
    platform = NamespacePlatform(instance="tests")
    wanted = replace(spec(), template=replace(TEMPLATE, memory_mib=4096))
    box = await platform.create(wanted)
    try:
        await box.run(BOMB, timeout=60)
    finally:
        async with asyncio.timeout(PATIENCE):
            await platform.destroy(wanted.name)
    assert gone([wanted.name], within=0)
    assert await swept([wanted.name])


async def test_processes_that_fork_without_end_are_gone_when_the_next_daemon_destroys_their_sandbox() -> None:
    names, platform = fresh(1), NamespacePlatform(instance="tests")
    with holder(names, command=BOMB) as process:
        process.kill()
        process.wait()
        await platform.destroy(names[0])
        assert gone(names, within=PATIENCE)
    assert await swept(names)


async def test_host_names_that_no_machine_can_have_are_invalid() -> None:
    with pytest.raises(Invalid, match="host name"):
        await NamespacePlatform(instance="tests").create(replace(spec(), host="x" * 65))


async def test_a_user_who_is_not_root_is_told_in_one_line() -> None:
    platform = NamespacePlatform(instance="tests")
    os.seteuid(65534)
    try:
        for ask in (platform.images([TEMPLATE]), platform.list(), platform.create(spec()), platform.destroy("x")):
            with pytest.raises(Unavailable, match="mode namespace needs root: run as root or choose mode incus"):
                await ask
    finally:
        os.seteuid(0)
