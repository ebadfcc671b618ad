"""What every provisioner promises: Ansible over real sandboxes, inside and outside of them, and the fake in memory."""

import asyncio
import contextlib
import os
import shlex
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import pytest
import pytest_asyncio

from reconciler.adapters.ansible.provisioner import AnsibleProvisioner
from reconciler.adapters.clock import WallClock
from reconciler.adapters.incus.platform import IncusPlatform
from reconciler.adapters.memory.platform import MemoryPlatform
from reconciler.adapters.memory.provisioner import MemoryProvisioner
from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.core.errors import Transient
from reconciler.core.model import PlaybookResult, Template
from reconciler.ports import Platform, Provisioner, Sandbox, SandboxSpec
from tests.playbooks import FILES

FAKE = MemoryProvisioner(
    {
        "scenarios/x/passes.yml": PlaybookResult(passed=True, changed=1),
        "scenarios/x/fails.yml": PlaybookResult(
            passed=False,
            failed_task="The web server answers",
            message="nobody listens on port 80",
            output="web-01: failed",
        ),
        "scenarios/x/broken.yml": Transient("playbook", "scenarios/x/broken.yml:3: not YAML"),
        "scenarios/x/hangs.yml": Transient("playbook", "scenarios/x/hangs.yml did not end within 6 s"),
    }
)


@dataclass(frozen=True)
class Rig:
    """A provisioner, a platform to make sandboxes with, and one that is made."""

    provisioner: Provisioner
    platform: Platform
    sandbox: Sandbox
    folder: Path

    async def play(
        self, name: str, *sandboxes: Sandbox, timeout: float = 60, inventory: str | None = None
    ) -> PlaybookResult:
        return await self.provisioner.play(
            PurePosixPath("scenarios/x", name),
            folder=self.folder,
            sandboxes=sandboxes or [self.sandbox],
            inventory=inventory,
            timeout=timeout,
        )

    async def sh(self, script: str) -> str:
        return (await self.sandbox.run(["sh", "-c", script], timeout=30)).stdout.decode()


def memory() -> tuple[Provisioner, Platform]:
    return FAKE, MemoryPlatform(clock=WallClock(), instance="contract", images=["debian/12"])


def inside() -> tuple[Provisioner, Platform]:
    python = [Path(sys.prefix), Path(sys.base_prefix)]
    return AnsibleProvisioner(), NamespacePlatform(instance="contract", visible=python)


def outside() -> tuple[Provisioner, Platform]:
    return AnsibleProvisioner(), IncusPlatform(instance="contract", clock=WallClock())


INSIDE = pytest.param(inside, marks=pytest.mark.real("namespace", "ansible"))
OUTSIDE = pytest.param(outside, marks=pytest.mark.real("incus", "ansible"))
for_all = pytest.mark.parametrize("rig", [memory, INSIDE, OUTSIDE], indirect=True, scope="module")
for_real = pytest.mark.parametrize("rig", [INSIDE, OUTSIDE], indirect=True, scope="module")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("checkout")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    yield root
    shutil.rmtree(root)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Rig]:
    make: Callable[[], tuple[Provisioner, Platform]] = request.param
    provisioner, platform = make()
    async with machine(platform, "web-01") as sandbox:
        yield Rig(provisioner, platform, sandbox, folder)
    await platform.close()


@contextlib.asynccontextmanager
async def machine(platform: Platform, host: str) -> AsyncIterator[Sandbox]:
    template = Template(name="contract-play", image="debian/12", memory_mib=512, disk_mib=256)
    spec = SandboxSpec(name=f"play-{uuid.uuid4().hex[:12]}", host=host, template=template, labels={"trial": "contract"})
    try:
        yield await platform.create(spec)
    finally:
        await platform.destroy(spec.name)


def processes(words: str) -> list[str]:
    """The command lines of all processes, on this machine and in its sandboxes, that hold ``words``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if words in line]


@for_all
async def test_a_playbook_that_passes_says_how_much_it_changed(rig: Rig) -> None:
    result = await rig.play("passes.yml")
    assert (result.passed, result.failed_task, result.message, result.changed) == (True, None, None, 1)


@for_real
async def test_a_playbook_changes_the_sandbox(rig: Rig) -> None:
    await rig.sh("rm -f /root/written")
    await rig.play("passes.yml")
    assert await rig.sh("cat /root/written; stat -c %a:%U /root/written") == "by Ansible\n640:root\n"
    assert (await rig.play("passes.yml")).changed == 0


@for_all
async def test_a_failing_assertion_is_a_result_that_names_task_and_message(rig: Rig) -> None:
    result = await rig.play("fails.yml")
    assert (result.passed, result.failed_task) == (False, "The web server answers")
    assert result.message is not None
    assert "nobody listens on port 80" in result.message
    assert "web-01: failed" in result.output


@for_real
async def test_a_failing_task_ends_the_play(rig: Rig) -> None:
    await rig.play("fails.yml")
    assert await rig.sh("ls /root/too-far") == ""


@for_real
async def test_a_failing_command_says_what_it_said(rig: Rig) -> None:
    result = await rig.play("command-fails.yml")
    assert (result.passed, result.failed_task) == (False, "Look for it")
    assert "it is lost" in str(result.message)
    assert "[WARNING]" not in result.output


BREAKS = [
    *("undefined", "undefined-argument", "undefined-in-loop", "undefined-verdict", "unparsable-answer"),
    *("no-such-argument", "no-such-file", "no-interpreter", "rescued-break"),
]


@for_real
@pytest.mark.parametrize("name", BREAKS)
async def test_a_failure_that_is_the_playbooks_own_fault_is_told_from_one_of_the_machine(rig: Rig, name: str) -> None:
    result = await rig.play(f"{name}.yml")
    assert not result.passed
    assert result.broken.startswith(("Compare: ", "Say: ", "Make: ", "Copy: ")), result


@for_real
@pytest.mark.parametrize("name", ["fails", "command-fails", "no-program", "no-service", "failed-when", "loop-fails"])
async def test_a_failure_that_the_machine_shows_is_not_the_playbooks_fault(rig: Rig, name: str) -> None:
    result = await rig.play(f"{name}.yml")
    assert (result.passed, result.broken) == (False, "")


@for_real
async def test_what_reported_a_change_is_told_but_for_commands(rig: Rig) -> None:
    await rig.sh("rm -f /root/written")
    assert (await rig.play("passes.yml")).altered == ("ansible.builtin.copy",)
    assert (await rig.play("passes.yml")).altered == ()
    assert (await rig.play("forgiven-break.yml")).broken == ""


@for_real
async def test_what_a_playbook_forgives_is_no_failure(rig: Rig) -> None:
    assert (await rig.play("forgives.yml")).passed


@for_all
async def test_a_sandbox_that_is_gone_is_no_result(rig: Rig) -> None:
    async with machine(rig.platform, "web-01") as gone:
        await rig.platform.destroy(gone.name)
        with pytest.raises(Transient) as failure:
            await rig.play("passes.yml", gone)
    assert failure.value.cause == "sandbox"


@for_all
async def test_a_playbook_that_is_not_yaml_is_no_result_and_is_named_with_the_line(rig: Rig) -> None:
    with pytest.raises(Transient, match=r"^scenarios/x/broken.yml:\d+: ") as failure:
        await rig.play("broken.yml")
    assert failure.value.cause == "playbook"


@for_real
async def test_a_role_that_is_missing_is_no_result(rig: Rig) -> None:
    with pytest.raises(Transient, match=r"^scenarios/x/no-role.yml:2: .*roles/lost") as failure:
        await rig.play("no-role.yml")
    assert failure.value.cause == "playbook"


@for_real
async def test_a_playbook_that_is_missing_is_no_result(rig: Rig) -> None:
    with pytest.raises(Transient, match=r"^scenarios/x/lost.yml: ") as failure:
        await rig.play("lost.yml")
    assert failure.value.cause == "playbook"


@for_real
async def test_a_play_for_other_hosts_proves_nothing(rig: Rig) -> None:
    with pytest.raises(Transient, match=r"elsewhere.yml ran no task: its hosts match none of web-01") as failure:
        await rig.play("elsewhere.yml")
    assert failure.value.cause == "playbook"


@for_all
async def test_a_playbook_that_hangs_is_killed_with_all_its_processes(rig: Rig) -> None:
    with pytest.raises(Transient, match=r"hangs.yml did not end within 6 s") as failure:
        await rig.play("hangs.yml", timeout=6)
    assert failure.value.cause == "playbook"
    assert processes("54321") == processes("hangs.yml") == []


@for_real
async def test_a_play_that_is_cancelled_is_killed_with_all_its_processes(rig: Rig) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(6):
            await rig.play("hangs.yml")
    assert processes("54321") == processes("hangs.yml") == []


@pytest.mark.parametrize("rig", [OUTSIDE], indirect=True, scope="module")
async def test_a_play_that_is_cancelled_while_its_folder_is_copied_leaves_nothing(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, private, copy = tmp_path / "folder", tmp_path / "private", shutil.copytree
    begun, ended = threading.Event(), threading.Event()
    for name in ("scenarios/x/passes.yml", *map(str, range(2_000))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    private.mkdir()

    def observed(what: Path, to: Path) -> None:
        begun.set()
        copy(what, to)
        ended.set()

    monkeypatch.setattr(tempfile, "tempdir", str(private))
    monkeypatch.setattr("reconciler.adapters.ansible.provisioner.shutil", SimpleNamespace(copytree=observed))
    play = asyncio.create_task(replace(rig, folder=folder).play("passes.yml"))
    assert await asyncio.to_thread(begun.wait, 60)
    play.cancel()
    with pytest.raises(asyncio.CancelledError):
        await play
    assert ended.is_set()
    assert list(private.iterdir()) == []


@for_real
async def test_what_a_playbook_starts_in_the_background_stays(rig: Rig) -> None:
    await rig.play("starts.yml")
    assert await rig.sh("pkill -c -x -f 'sleep 12345'") == "1\n"


@for_real
async def test_roles_and_templates_outside_the_scenarios_folder_are_found(rig: Rig) -> None:
    assert (await rig.play("outer-role.yml")).passed
    assert await rig.sh("cat /root/greeting") == "hello web-01"


@for_real
async def test_files_that_are_shipped_arrive_whatever_their_names_end_in(rig: Rig) -> None:
    result = await rig.play("ships.yml")
    assert result.passed, result.output


@for_real
async def test_facts_are_there_when_the_play_asks(rig: Rig) -> None:
    assert (await rig.play("facts.yml")).passed


@for_real
async def test_a_shipped_inventory_adds_groups_and_variables_and_no_hosts(rig: Rig) -> None:
    result = await rig.play("groups.yml", inventory="scenarios/x/inventory.ini")
    assert result.passed, result.output
    assert "web-99" not in result.output


@for_real
async def test_a_shipped_yaml_inventory_may_nest_its_groups(rig: Rig) -> None:
    result = await rig.play("nested.yml", inventory="scenarios/x/inventory.yml")
    assert result.passed, result.output


@for_real
@pytest.mark.parametrize("shipped", ["redirecting.ini", "redirecting.yml"])
async def test_a_shipped_inventory_leads_no_play_out_of_its_sandbox(rig: Rig, shipped: str) -> None:
    await rig.sh("touch /run/in-the-sandbox")
    result = await rig.play("marked.yml", inventory=f"scenarios/x/{shipped}")
    assert result.passed, result.output


@for_real
async def test_a_play_on_a_group_is_one_on_its_hosts_alone(rig: Rig) -> None:
    await rig.sh("rm -f /root/group")
    async with machine(rig.platform, "web-02") as second:
        result = await rig.play("by-group.yml", rig.sandbox, second, inventory="scenarios/x/by-group.ini")
        assert result.passed, result.output
        assert (await second.run(["cat", "/root/group"], timeout=30)).stdout == b"blue web-01"
    assert await rig.sh("ls /root/group") == ""


@for_real
async def test_a_shipped_inventory_that_cannot_be_read_is_no_result(rig: Rig) -> None:
    with pytest.raises(Transient, match=r"no-inventory.ini") as failure:
        await rig.play("passes.yml", inventory="scenarios/x/no-inventory.ini")
    assert failure.value.cause == "playbook"


@for_real
async def test_several_sandboxes_are_played_each_under_its_host_name(rig: Rig) -> None:
    async with machine(rig.platform, "web-02") as second:
        result = await rig.play("outer-role.yml", rig.sandbox, second)
        assert result.passed
        assert (await second.run(["cat", "/root/greeting"], timeout=30)).stdout == b"hello web-02"
    assert await rig.sh("cat /root/greeting") == "hello web-01"


@for_real
async def test_our_environment_does_not_reach_the_playbook(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the daemon")
    result = await rig.play("curious.yml")
    assert result.passed, result.output


@for_real
async def test_a_task_has_the_machines_home_and_none_of_our_libraries(rig: Rig) -> None:
    await rig.sh("rm -f /root/at-home")
    result = await rig.play("at-home.yml")
    assert result.passed, result.output
    assert await rig.sh("ls /root/at-home") == "/root/at-home\n"


@for_real
async def test_what_a_task_hides_stays_hidden(rig: Rig) -> None:
    result = await rig.play("secretive.yml")
    assert not result.passed
    assert "hunter2" not in repr(result)


@for_real
async def test_nothing_of_a_play_is_left_in_the_sandbox(rig: Rig) -> None:
    async with machine(rig.platform, "web-03") as fresh:
        places = (
            "ls -d /run/reconciler* /root/.ansible /tmp/* /run/.stdin* /run/ansible/* 2>/dev/null | grep -v systemd"
        )
        before = (await fresh.run(["sh", "-c", places], timeout=30)).stdout
        assert (await rig.play("passes.yml", fresh)).passed
        assert (await fresh.run(["sh", "-c", places], timeout=30)).stdout == before


FULL = "touch /run/in-the-sandbox; cat /dev/zero >/root/flood 2>/dev/null; cat /dev/zero >/var/more 2>/dev/null; test ! -s /var/more"


@pytest.mark.parametrize("rig", [INSIDE], indirect=True, scope="module")  # an Incus sandbox shares its disk with others
async def test_a_machine_whose_disk_is_full_is_judged_like_any_other(rig: Rig) -> None:
    async with machine(rig.platform, "web-01") as full:
        assert (await full.run(["sh", "-c", FULL], timeout=60)).exit_code == 0
        assert (await rig.play("marked.yml", full)).passed
        result = await rig.play("passes.yml", full)
        assert not result.passed
        assert "No space left on device" in str(result.message)
        left = await full.run(["sh", "-c", "ls -d /run/reconciler*; grep -c reconciler- /proc/mounts"], timeout=30)
        assert left.stdout == b"0\n"


BREAKS_THE_MACHINE = {
    "no shell": "rm -f /bin/sh /usr/bin/sh",
    "a shell that does nothing": "rm -f /usr/bin/sh; ln -s false /usr/bin/sh",
    "no Python": "rm -f /usr/bin/python3*",
    "no programs": "rm -rf /usr/bin",
}


@for_real
@pytest.mark.parametrize("how", BREAKS_THE_MACHINE)
async def test_a_machine_that_was_broken_so_that_nothing_can_be_played_has_failed(rig: Rig, how: str) -> None:
    async with machine(rig.platform, "web-01") as broken:
        assert (await rig.play("passes.yml", broken)).passed
        await broken.run(["sh", "-c", BREAKS_THE_MACHINE[how]], timeout=30)
        result = await rig.play("passes.yml", broken)
        assert not result.passed
        assert result.message


@pytest.mark.parametrize(
    "rig", [INSIDE], indirect=True, scope="module"
)  # elsewhere no machine can see ansible-playbook
@pytest.mark.parametrize("signal", ["KILL", "TERM"])
async def test_a_machine_that_kills_whatever_is_played_has_failed(rig: Rig, signal: str) -> None:
    killer = f"while :; do pkill -{signal} -f '[a]nsible.cli.playbook'; sleep 0.02; done"
    async with machine(rig.platform, "web-01") as hostile:
        assert (await rig.play("passes.yml", hostile)).passed
        await hostile.run(["sh", "-c", f"setsid sh -c {shlex.quote(killer)} >/dev/null 2>&1 &"], timeout=30)
        result = await rig.play("passes.yml", hostile)
        assert not result.passed
        assert "cannot be run in" in str(result.message)


@for_real
async def test_a_machine_on_which_nothing_was_ever_played_is_not_blamed(rig: Rig) -> None:
    async with machine(rig.platform, "web-01") as unproven:
        await unproven.run(["sh", "-c", BREAKS_THE_MACHINE["no shell"]], timeout=30)
        with pytest.raises(Transient) as failure:
            await rig.play("passes.yml", unproven)
    assert failure.value.cause == "sandbox"


SERVER_FAILS = f"""#!/bin/sh
[ -n "$RECONCILER_PLAY" ] || exec {shutil.which("incus")} "$@"
echo 'Error: the server went away' >&2
exit 1
"""


@pytest.mark.parametrize("rig", [OUTSIDE], indirect=True, scope="module")  # inside, there is no server in between
async def test_a_server_that_fails_is_not_the_machine_s_fault(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with machine(rig.platform, "web-01") as reached:
        assert (await rig.play("passes.yml", reached)).passed
        (tmp_path / "incus").write_text(SERVER_FAILS)
        (tmp_path / "incus").chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
            with pytest.raises(Transient, match="the server went away") as failure:
                await rig.play("passes.yml", reached)
    assert failure.value.cause == "sandbox"


@for_real
async def test_a_sandbox_that_goes_after_a_play_is_no_result(rig: Rig) -> None:
    async with machine(rig.platform, "web-01") as gone:
        assert (await rig.play("passes.yml", gone)).passed
        await rig.platform.destroy(gone.name)
        with pytest.raises(Transient) as failure:
            await rig.play("passes.yml", gone)
    assert failure.value.cause == "sandbox"


@for_real
async def test_what_a_play_writes_beside_its_playbook_the_next_does_not_have(rig: Rig) -> None:
    for _ in range(2):
        assert (await rig.play("writes-beside-itself.yml")).passed
    assert not (rig.folder / "scenarios/x/beside").exists()


@for_real
async def test_a_play_finds_programs_where_a_machine_has_them_whatever_our_own_path_is(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert (await rig.play("finds-programs.yml")).passed
