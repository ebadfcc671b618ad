"""What every platform promises, over the fake in memory and the real ones."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from reconciler.core.errors import Invalid, Transient
from reconciler.ports import MOST_PROCESSES, Sandbox, SandboxSpec
from tests.platform_rigs import Rig, fresh, incus, memory, namespace
from tests.processes import PATIENCE

NOT_IN_MEMORY = {
    "test_the_exit_code_is_the_commands_own": "it has no shell",
    "test_a_command_that_shows_all_processes_is_told_to_its_end": "it has no processes",
    "test_death_by_a_signal_is_told_as_128_and_its_number": "it has no shell",
    "test_a_command_that_signals_its_own_group_is_told_by_its_own_end": "it has no processes",
    "test_a_command_that_kills_its_own_group_is_dead_by_a_signal": "it has no processes",
    "test_a_command_that_stops_itself_runs_out_of_time_and_leaves_nothing": "it has no processes",
    "test_a_command_starts_with_the_usual_umask_and_ignores_no_signal": "it has no processes",
    "test_a_command_runs_as_root": "it has no accounts",
    "test_a_command_that_takes_too_long_is_killed_with_its_children": "its commands take no time",
    "test_a_child_in_the_background_holds_nobody_and_goes_on": "it has no processes",
    "test_a_command_gets_its_variables_and_none_of_ours": "it has no environment",
    "test_what_one_sandbox_writes_the_next_does_not_have": "it has no files",
    "test_two_sandboxes_made_at_once_do_not_meet": "it has no files",
    "test_another_platform_object_sees_and_destroys_it": "each object is a world of its own",
    "test_the_memory_limit_binds": "it has no memory",
    "test_the_limit_of_processes_binds": "it has no processes",
    "test_a_sandbox_without_a_network_has_no_interface_but_the_loopback": "it has no network either way",
    "test_a_create_that_is_cancelled_leaves_nothing": "it makes a sandbox in one step",
}
"""Tests that the fake cannot take, each with the reason."""


REAL = [
    pytest.param(namespace, marks=pytest.mark.real("namespace")),
    pytest.param(incus, marks=pytest.mark.real("incus")),
]
pytestmark = pytest.mark.asyncio(loop_scope="module")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    fake = [] if metafunc.function.__name__ in NOT_IN_MEMORY else [pytest.param(memory)]
    metafunc.parametrize("rig", [*fake, *REAL], indirect=True, scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    made: Rig = request.param()
    yield made
    await made.platform.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(rig: Rig) -> AsyncIterator[Sandbox]:
    """One for all tests that only run commands."""
    async with machine(rig, rig.spec()) as made:
        yield made


@contextlib.asynccontextmanager
async def machine(rig: Rig, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
    try:
        yield await rig.platform.create(spec)
    finally:
        await rig.platform.destroy(spec.name)


async def shell(sandbox: Sandbox, script: str, *, timeout: float = 60) -> str:
    done = await sandbox.run(["sh", "-c", script], timeout=timeout)
    assert done.exit_code == 0, done.stderr.decode()
    return done.stdout.decode().strip()


async def lives(sandbox: Sandbox, process: str) -> bool:
    done = await sandbox.run(["sh", "-c", f"kill -0 {process}"], timeout=60)
    return done.exit_code == 0


# ---------------------------------------------------------------- commands


async def test_a_sandbox_without_a_network_has_no_interface_but_the_loopback(rig: Rig) -> None:
    async with machine(rig, replace(rig.spec(), network=False)) as cut:
        assert await shell(cut, "tail -n +3 /proc/net/dev | cut -d: -f1") == "lo"


async def test_a_megabyte_of_any_bytes_comes_back_as_it_went_in(sandbox: Sandbox) -> None:
    data = random.Random(7).randbytes(1 << 20)
    done = await sandbox.run(["cat"], stdin=data, timeout=60, limit=2 << 20)
    assert (done.exit_code, done.stdout, done.stderr) == (0, data, b"")


async def test_stdin_that_nobody_reads_is_no_error(sandbox: Sandbox) -> None:
    done = await sandbox.run(["true"], stdin=bytes(1 << 20), timeout=60)
    assert done.exit_code == 0


@pytest.mark.parametrize("code", [0, 7, 42])
async def test_the_exit_code_is_the_commands_own(sandbox: Sandbox, code: int) -> None:
    done = await sandbox.run(["sh", "-c", f"echo out; echo err >&2; exit {code}"], timeout=60)
    assert (done.exit_code, done.stdout, done.stderr) == (code, b"out\n", b"err\n")
    assert not done.timed_out


async def test_death_by_a_signal_is_told_as_128_and_its_number(sandbox: Sandbox) -> None:
    done = await sandbox.run(["sh", "-c", "kill -TERM $$"], timeout=60)
    assert done.exit_code == 128 + 15


async def test_a_command_that_signals_its_own_group_is_told_by_its_own_end(sandbox: Sandbox) -> None:
    done = await sandbox.run(["sh", "-c", "trap '' TERM; kill -TERM 0; sleep 0.5; echo survived; exit 7"], timeout=60)
    assert (done.exit_code, done.stdout) == (7, b"survived\n")


async def test_a_command_that_kills_its_own_group_is_dead_by_a_signal(sandbox: Sandbox) -> None:
    done = await sandbox.run(["sh", "-c", "sleep 4242 & kill -KILL 0"], timeout=60)
    assert done.exit_code == 128 + 9
    assert await shell(sandbox, "pgrep -f 'sleep 424[2]' || echo none") == "none"


async def test_a_failing_command_is_a_result(sandbox: Sandbox) -> None:
    assert (await sandbox.run(["false"], timeout=60)).exit_code == 1


@pytest.mark.parametrize("show", ["cat /proc/[0-9]*/cmdline", "ps axww", "cat /proc/[0-9]*/environ"])
async def test_a_command_that_shows_all_processes_is_told_to_its_end(sandbox: Sandbox, show: str) -> None:
    done = await sandbox.run(["sh", "-c", f"{show}; {show} >&2; echo the end; exit 7"], timeout=60)
    assert (done.exit_code, done.timed_out) == (7, False)
    assert done.stdout.endswith(b"the end\n")


async def test_a_program_that_is_not_there_is_127_and_named(sandbox: Sandbox) -> None:
    done = await sandbox.run(["no-such-program"], timeout=60)
    assert done.exit_code == 127
    assert b"no-such-program" in done.stderr


async def test_a_command_runs_as_root(sandbox: Sandbox) -> None:
    assert await shell(sandbox, "id -u; pwd; echo $HOME") == "0\n/root\n/root"


@pytest.fixture
def odd_process() -> Iterator[None]:
    """This process is as one that was started by nohup in a unit with UMask=0077."""
    mask, handler = os.umask(0o077), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    os.umask(mask)
    signal.signal(signal.SIGHUP, handler)


@pytest.mark.usefixtures("odd_process")
async def test_a_command_starts_with_the_usual_umask_and_ignores_no_signal(rig: Rig) -> None:
    async with machine(rig, rig.spec()) as made:
        script = "umask; sed -n 's/^Sig\\(Ign\\|Blk\\):.//p' /proc/self/status"
        assert await shell(made, script) == "0022\n0000000000000000\n0000000000000000"


async def test_words_arrive_as_they_are(sandbox: Sandbox) -> None:
    words = ["two  words", "$(id)", "a'b\"c", "line\nbreak", "*", "größer – 漢字 🙂"]
    done = await sandbox.run(["echo", *words], timeout=60)
    assert done.stdout.decode() == " ".join(words) + "\n"


async def test_output_is_bounded_and_keeps_both_ends(sandbox: Sandbox) -> None:
    done = await sandbox.run(["cat"], stdin=b"first " + bytes(300_000) + b" last", timeout=60, limit=1000)
    assert len(done.stdout) < 1100
    assert done.stdout.startswith(b"first ")
    assert done.stdout.endswith(b" last")
    assert b"left out" in done.stdout


async def test_commands_at_once_each_get_their_own_answer(sandbox: Sandbox) -> None:
    done = await asyncio.gather(*(sandbox.run(["echo", str(i)], timeout=60) for i in range(8)))
    assert [d.stdout for d in done] == [b"%d\n" % i for i in range(8)]


async def test_a_command_that_takes_too_long_is_killed_with_its_children(sandbox: Sandbox) -> None:
    done = await sandbox.run(["sh", "-c", "sleep 300 & echo $$ $!; wait"], timeout=1)
    assert (done.exit_code, done.timed_out) == (124, True)
    command, child = done.stdout.decode().split()
    assert not await lives(sandbox, command)
    assert not await lives(sandbox, child)


async def test_a_command_that_stops_itself_runs_out_of_time_and_leaves_nothing(sandbox: Sandbox) -> None:
    done = await sandbox.run(["sh", "-c", "echo $$; sleep 4343 & kill -STOP $$"], timeout=1)
    assert (done.exit_code, done.timed_out) == (124, True)
    assert await shell(sandbox, f"ls -d /proc/{done.stdout.decode().strip()} 2>/dev/null || echo none") == "none"
    assert await shell(sandbox, "pgrep -f 'sleep 434[3]' || echo none") == "none"


async def test_a_child_in_the_background_holds_nobody_and_goes_on(sandbox: Sandbox) -> None:
    async with asyncio.timeout(PATIENCE):
        done = await sandbox.run(["sh", "-c", "sleep 300 & echo $!"], timeout=60)
    assert (done.exit_code, done.timed_out) == (0, False)
    child = done.stdout.decode().strip()
    assert await lives(sandbox, child)
    await shell(sandbox, f"kill {child}")


async def test_a_command_gets_its_variables_and_none_of_ours(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the daemon")
    done = await sandbox.run(["env"], timeout=60, env={"COLOUR": "grün = green", "LINES": "1\n2"})
    seen = done.stdout.decode()
    assert "COLOUR=grün = green\n" in seen
    assert "LINES=1\n2\n" in seen
    assert "SECRET" not in seen
    assert await shell(sandbox, "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c 'of the [d]aemon' || true") == "0"


async def test_the_host_name_is_the_one_of_the_inventory(sandbox: Sandbox) -> None:
    assert sandbox.host == "app-01"
    assert (await sandbox.run(["hostname"], timeout=60)).stdout == b"app-01\n"


# ---------------------------------------------------------------- the life of a sandbox


async def test_a_sandbox_tells_what_it_was_made_from(rig: Rig, sandbox: Sandbox) -> None:
    images = await rig.platform.images([rig.template])
    assert sandbox.image == images[rig.template.name] != ""


async def test_a_sandbox_to_which_nothing_happened_vouches_for_what_was_seen(sandbox: Sandbox) -> None:
    await sandbox.vouch()


async def test_a_sandbox_is_listed_with_its_labels_until_it_is_destroyed(rig: Rig) -> None:
    spec, began = rig.spec(trial="fedcba9876543210fedc"), datetime.now(UTC)
    async with machine(rig, spec):
        [info] = await rig.find(spec.name)
    labels = (info.mode, info.trial, info.instance, info.template)
    assert labels == (rig.platform.mode, "fedcba9876543210fedc", "contract", rig.template.name)
    assert info.created_at is not None
    assert began - timedelta(seconds=5) < info.created_at < datetime.now(UTC) + timedelta(seconds=5)
    assert await rig.find(spec.name) == []


async def test_destroying_what_is_not_there_is_success(rig: Rig) -> None:
    spec = rig.spec()
    async with machine(rig, spec):
        await rig.platform.destroy(spec.name)
    await rig.platform.destroy(spec.name)
    await rig.platform.destroy("contract-never-made")


async def test_another_platform_object_sees_and_destroys_it(rig: Rig) -> None:
    spec, other = rig.spec(), rig.make()
    async with machine(rig, spec) as made:
        assert spec.name in [info.name for info in await other.list()]
        await other.destroy(spec.name)
        assert await rig.find(spec.name) == []
        with pytest.raises(Transient):
            await made.run(["true"], timeout=60)
    await other.close()


async def test_a_command_in_a_destroyed_sandbox_says_that_it_is_gone(rig: Rig) -> None:
    spec = rig.spec()
    async with machine(rig, spec) as made:
        await rig.platform.destroy(spec.name)
        with pytest.raises(Transient, match=spec.name) as failure:
            await made.run(["true"], timeout=60)
    assert failure.value.cause == "sandbox"


async def test_a_left_over_of_the_same_name_is_replaced(rig: Rig) -> None:
    spec = rig.spec()
    async with machine(rig, spec), machine(rig, replace(spec, host="app-02")) as second:
        assert (await second.run(["hostname"], timeout=60)).stdout == b"app-02\n"
        assert len(await rig.find(spec.name)) == 1


async def test_what_one_sandbox_writes_the_next_does_not_have(rig: Rig) -> None:
    spec = rig.spec()
    async with machine(rig, spec) as first:
        await shell(first, "for d in /etc /root /usr/bin /var/lib /tmp; do echo x >$d/left-behind; done; rm /etc/issue")
    async with machine(rig, spec) as second:
        assert await shell(second, "find / -xdev -name left-behind; ls /etc/issue") == "/etc/issue"


async def test_two_sandboxes_made_at_once_do_not_meet(rig: Rig) -> None:
    specs = [rig.spec(), rig.spec()]
    made = await asyncio.gather(*(rig.platform.create(spec) for spec in specs))
    try:
        await asyncio.gather(*(shell(box, f"echo {box.name} >/etc/mine") for box in made))
        assert [await shell(box, "cat /etc/mine") for box in made] == [spec.name for spec in specs]
    finally:
        await asyncio.gather(*(rig.platform.destroy(spec.name) for spec in specs))


async def test_a_name_may_have_sixty_characters(rig: Rig) -> None:
    spec = rig.spec(fresh().ljust(60, "x"))
    async with machine(rig, spec) as made:
        assert (await made.run(["true"], timeout=60)).exit_code == 0
        assert len(await rig.find(spec.name)) == 1


async def test_a_template_that_cannot_be_made_is_invalid_and_says_why(rig: Rig) -> None:
    spec = replace(rig.spec(), template=rig.wrong)
    with pytest.raises(Invalid, match=rig.missing):
        await rig.platform.create(spec)
    assert await rig.find(spec.name) == []


async def test_a_create_that_is_cancelled_leaves_nothing(rig: Rig) -> None:
    for wait in (0.001, 0.01, 0.03, 0.06):
        spec, made = rig.spec(), False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await rig.platform.create(spec)
                made = True
                await asyncio.Event().wait()
        if made:  # in time: then it is the caller's to destroy
            await rig.platform.destroy(spec.name)
        assert await rig.find(spec.name) == []


async def test_the_memory_limit_binds(rig: Rig) -> None:
    spec = rig.spec()
    async with machine(rig, spec) as made:
        # Without a line end, tail keeps all that it reads.
        done = await made.run(["sh", "-c", "head -c 1G /dev/zero | tail >/dev/null"], timeout=120)
        assert done.exit_code == 137
        assert (await made.run(["true"], timeout=60)).exit_code == 0


async def test_the_limit_of_processes_binds(rig: Rig) -> None:
    roomy = replace(rig.template, memory_mib=2048)  # else its memory ends it first
    async with machine(rig, replace(rig.spec(), template=roomy)) as made:
        forks = f"n=0; while [ $n -lt {MOST_PROCESSES} ]; do sleep 300 & n=$((n+1)); done"
        done = await made.run(["sh", "-c", forks], timeout=120)
        assert b"fork" in done.stderr
