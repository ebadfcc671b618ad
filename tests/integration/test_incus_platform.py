"""Mode `incus` beyond the contract: templates made once, crashes swept, no output lost, servers that do not answer."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from reconciler.adapters.clock import WallClock
from reconciler.adapters.incus.execute import Instance
from reconciler.adapters.incus.machines import Machines
from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.adapters.incus.sandbox import IncusSandbox
from reconciler.core.errors import Invalid, Transient, Unavailable
from reconciler.core.model import Template
from reconciler.ports import Sandbox, SandboxSpec
from tests.incus_project import incus
from tests.processes import PATIENCE

pytestmark = [pytest.mark.real("incus"), pytest.mark.asyncio(loop_scope="module")]

PLAIN = Template(name="integration", image="debian/12", memory_mib=512)


def instances(words: str) -> list[str]:
    return [name for name in incus("list", "-f", "csv", "-c", "n").split() if words in name]


def spec(template: Template = PLAIN) -> SandboxSpec:
    return SandboxSpec(name=f"it-{uuid.uuid4().hex[:12]}", host="web-01", template=template, labels={"trial": "t"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> AsyncIterator[IncusPlatform]:
    made = IncusPlatform(instance="integration", clock=WallClock())
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(platform: IncusPlatform) -> AsyncIterator[Sandbox]:
    async with machine(platform) as made:
        yield made


@pytest.fixture
def template() -> Template:
    """One that was never made before."""
    return Template(name=f"it{uuid.uuid4().hex[:12]}", image="debian/12", memory_mib=512)


@contextlib.asynccontextmanager
async def machine(platform: IncusPlatform, template: Template = PLAIN) -> AsyncIterator[Sandbox]:
    wanted = spec(template)
    try:
        yield await platform.create(wanted)
    finally:
        await platform.destroy(wanted.name)


@contextlib.contextmanager
def templates_removed(template: Template) -> Iterator[None]:
    try:
        yield
    finally:
        for name in instances(template.name):
            incus("delete", "-f", name)


async def test_the_template_is_made_once_when_eight_trials_ask_for_it(
    platform: IncusPlatform, template: Template
) -> None:
    with templates_removed(template):
        specs = [spec(template) for _ in range(8)]
        try:
            await asyncio.gather(*(platform.create(wanted) for wanted in specs))
        finally:
            await asyncio.gather(*(platform.destroy(wanted.name) for wanted in specs))
        assert len(instances(f"template-{template.name}")) == 1
        assert instances("making-") == []


async def test_two_processes_that_make_a_template_at_once_end_up_with_one(template: Template) -> None:
    platforms, wanted = (
        [IncusPlatform(instance="integration", clock=WallClock()) for _ in range(2)],
        [spec(template) for _ in range(2)],
    )
    with templates_removed(template):
        try:
            await asyncio.gather(*(p.create(s) for p, s in zip(platforms, wanted, strict=True)))
        finally:
            await asyncio.gather(*(p.destroy(s.name) for p, s in zip(platforms, wanted, strict=True)))
        assert len(instances(f"template-{template.name}")) == 1
    for platform in platforms:
        await platform.close()


async def test_what_a_crash_left_of_a_template_is_removed_and_one_being_made_is_not(platform: IncusPlatform) -> None:
    old, new = f"making-old-{uuid.uuid4().hex[:8]}", f"making-new-{uuid.uuid4().hex[:8]}"
    try:
        for name, age in ((old, timedelta(hours=2)), (new, timedelta(minutes=2))):
            incus(
                "create",
                "-q",
                "debian/12",
                name,
                "-c",
                f"user.reconciler.making={(datetime.now(UTC) - age).isoformat()}",
            )
        assert not {old, new} & {info.name for info in await platform.list()}
        assert (instances(old), instances(new)) == ([], [new])
    finally:
        await platform.destroy(new)


async def test_a_template_with_packages_is_booted_for_them_and_its_clones_are_machines_of_their_own(
    platform: IncusPlatform, template: Template
) -> None:
    furnished = Template(name=template.name, image="debian/12", memory_mib=512, packages=("coreutils",))
    with templates_removed(template):
        async with machine(platform, furnished) as first, machine(platform, furnished) as second:
            ids = [(await box.run(["cat", "/etc/machine-id"], timeout=30)).stdout for box in (first, second)]
        assert len(ids[0]) == len(ids[1]) == 33
        assert ids[0] != ids[1]


async def test_a_package_that_cannot_be_had_is_named_and_leaves_nothing(
    platform: IncusPlatform, template: Template
) -> None:
    wrong = Template(name=template.name, image="debian/12", packages=("no-such-package",))
    with pytest.raises((Invalid, Transient), match="needs no-such-package"):  # as the bridge has the internet or not
        await platform.create(spec(wrong))
    assert instances(template.name) == instances("making-") == []


async def test_playbooks_that_nobody_can_run_make_the_template_invalid(
    platform: IncusPlatform, template: Template
) -> None:
    with pytest.raises(Invalid, match="has playbooks"):
        await platform.create(spec(Template(name=template.name, image="debian/12", provision=("web.yml",))))
    assert instances(template.name) == instances("making-") == []


async def test_a_templates_playbooks_are_run_before_it_is_cloned(template: Template) -> None:
    async def provision(_: Template, machine: Sandbox) -> None:
        await machine.run(["sh", "-c", "echo by a playbook >/etc/furnished"], timeout=30)

    platform = IncusPlatform(instance="integration", clock=WallClock(), provision=provision)
    furnished = Template(name=template.name, image="debian/12", memory_mib=512, provision=("web.yml",))
    with templates_removed(template):
        async with machine(platform, furnished) as made:
            assert (await made.run(["cat", "/etc/furnished"], timeout=30)).stdout == b"by a playbook\n"
    await platform.close()


async def test_fingerprints_tell_images_and_definitions_apart_and_leave_out_what_is_missing(
    platform: IncusPlatform,
) -> None:
    same = Template(name="a", image="debian/12", cpus=4, memory_mib=4096)
    more = Template(name="b", image="debian/12", packages=("nginx",))
    lost = Template(name="c", image="no/such/image")
    images = await platform.images([Template(name="a", image="debian/12"), more, lost])
    assert set(images) == {"a", "b"}
    assert images["a"] != images["b"]
    assert await platform.images([same]) == {"a": images["a"]}


async def test_a_create_that_is_cancelled_while_it_boots_leaves_nothing(platform: IncusPlatform) -> None:
    async with machine(platform):
        pass  # the template is there now
    for wait in (0.1, 0.3, 0.5, 0.7):
        wanted = spec()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(wait):
                await platform.create(wanted)
        assert instances(wanted.name) == []


# ---------------------------------------------------------------- commands


async def test_short_commands_at_once_lose_no_output(sandbox: Sandbox) -> None:
    some = asyncio.Semaphore(8)

    async def one(number: int) -> tuple[int, bytes, bytes]:
        async with some:
            script = f"echo out{number}; echo err{number} >&2; exit {number % 100}"
            done = await sandbox.run(["sh", "-c", script], timeout=60)
            return done.exit_code, done.stdout, done.stderr

    got = await asyncio.gather(*(one(number) for number in range(160)))
    assert got == [(n % 100, b"out%d\n" % n, b"err%d\n" % n) for n in range(160)]


async def test_a_command_that_is_cancelled_is_killed_with_its_children(sandbox: Sandbox) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await sandbox.run(["sh", "-c", "trap '' TERM; sleep 65432 & sleep 65432"], timeout=60)
    assert (await sandbox.run(["pgrep", "-x", "-f", "sleep 65432"], timeout=30)).exit_code == 1


async def test_a_command_that_looks_for_its_own_words_finds_only_itself(sandbox: Sandbox) -> None:
    done = await sandbox.run(["pgrep", "-f", "words-of-a-command"], timeout=30)
    assert (done.exit_code, done.stdout) == (1, b"")


async def test_a_command_that_kills_its_whole_group_is_told_as_it_ended(sandbox: Sandbox) -> None:
    done = await sandbox.run(["sh", "-c", "echo before; kill -KILL 0"], timeout=30)
    assert (done.exit_code, done.stdout) == (137, b"before\n")


async def test_a_machine_that_is_stopped_in_the_middle_of_a_command_is_gone(platform: IncusPlatform) -> None:
    async with machine(platform) as made:
        running = asyncio.create_task(made.run(["sh", "-c", "touch /run/began; sleep 600"], timeout=60))
        await made.run(["sh", "-c", "until [ -e /run/began ]; do sleep 0.05; done"], timeout=30)
        await asyncio.to_thread(incus, "stop", "-f", made.name)
        with pytest.raises(Transient, match=made.name) as failure:
            await running
    assert failure.value.cause == "sandbox"


async def test_a_machine_whose_memory_is_full_of_files_is_gone_and_says_how_much_it_had(
    platform: IncusPlatform,
) -> None:
    async with machine(platform) as made:
        with pytest.raises(Transient, match=r"is gone: it was shut down, or used up its memory \(512MiB\)") as failure:
            await made.run(["sh", "-c", "cat /dev/zero >/dev/shm/big; sleep 600"], timeout=60)
    assert failure.value.cause == "sandbox"


# ---------------------------------------------------------------- a server that does not answer


async def test_a_server_that_is_not_there_is_unavailable_and_says_what_to_do(tmp_path: Path) -> None:
    platform = IncusPlatform(socket=str(tmp_path / "none.socket"), instance="integration", clock=WallClock())
    for asked in (platform.images([PLAIN]), platform.list(), platform.create(spec())):
        with pytest.raises(
            Unavailable, match=r"does not answer at .*none.socket: run ./dev setup incus, or choose mode namespace"
        ):
            await asked
    await platform.close()


async def test_a_server_that_hangs_is_unavailable_within_ten_seconds(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "hangs.socket"))
        silent.listen()
        platform = IncusPlatform(socket=str(tmp_path / "hangs.socket"), instance="integration", clock=WallClock())
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable, match="does not answer"):
                await platform.list()
        await platform.close()


RELAY = """
import asyncio, sys

async def relay(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()

async def serve(reader, writer):
    from_server, to_server = await asyncio.open_unix_connection("/var/lib/incus/unix.socket")
    await asyncio.gather(relay(reader, to_server), relay(from_server, writer))

async def main():
    server = await asyncio.start_unix_server(serve, sys.argv[1])
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@contextlib.contextmanager
def server_that_can_hang(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process between us and the server: stopped, it is a server that hangs."""
    with subprocess.Popen([sys.executable, "-c", RELAY, str(path)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


async def still_there() -> str:
    return "nobody asks"


async def test_a_command_that_is_cancelled_while_the_server_hangs_lets_its_thread_go(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path, threads = tmp_path / "unix.socket", ThreadPoolExecutor(1)
    behind = Instance(name=sandbox.name, project="default", socket=str(path))
    pool = Machines(str(path), "default").pool
    same = IncusSandbox(behind, host="web-01", image="debian/12", pool=pool, fate=still_there, threads=threads)
    with server_that_can_hang(path) as server:
        command = asyncio.create_task(same.run(["sleep", "4713"], timeout=2 * PATIENCE))
        await sandbox.run(["sh", "-c", "until pgrep -fx 'sleep 4713'; do sleep 0.02; done"], timeout=PATIENCE)
        server.send_signal(signal.SIGSTOP)
        command.cancel()
        with pytest.raises(asyncio.CancelledError):
            await command
        threads.submit(int).result(PATIENCE)
