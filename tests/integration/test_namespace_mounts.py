"""A namespace sandbox on a machine with other file systems, some of them dead; and what is told where it cannot be made."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.adapters.namespace.sandbox import last_complaint
from reconciler.core.errors import Invalid
from tests.namespace_box import namespace_box, said, spec

pytestmark = pytest.mark.real("namespace")


@contextlib.contextmanager
def mounted(kind: str, options: str, *descriptors: int) -> Iterator[Path]:
    """A file system on a folder that every sandbox sees."""
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder:
        command = ["mount", "--internal-only", "-t", kind, "-o", options, "tests", folder]
        subprocess.run(command, pass_fds=descriptors, check=True, timeout=10)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True, timeout=10)


@pytest.fixture
def dead_folder() -> Iterator[Path]:
    """A mount whose file server has died: nothing can be asked of it."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(open("/dev/fuse", "r+b", buffering=0))  # noqa: PTH123 - a device
        options = f"fd={server.fileno()},rootmode=40000,user_id=0,group_id=0"
        folder = stack.enter_context(mounted("fuse", options, server.fileno()))
        server.close()
        with pytest.raises(OSError, match="not connected"):
            folder.stat()
        yield folder


@pytest.fixture
def other_file_system() -> Iterator[Path]:
    """A mount of a kind that is not shown, with the folder ``state``."""
    with mounted("tmpfs", "size=64k") as folder:
        (folder / "state").mkdir()
        yield folder


async def test_a_folder_whose_file_server_died_is_hidden_like_any_other(dead_folder: Path) -> None:
    platform = NamespacePlatform(instance="tests", hidden=[dead_folder, dead_folder / "below"])
    async with namespace_box(platform) as box:
        assert await said(box, f"ls -A {dead_folder}; echo mine >{dead_folder}/file; ls {dead_folder}") == "file"


async def test_a_folder_below_one_whose_file_server_died_is_not_there(dead_folder: Path) -> None:
    async with namespace_box(NamespacePlatform(instance="tests", hidden=[dead_folder / "below"])) as box:
        assert await said(box, f"ls -A {dead_folder}") == ""


async def test_a_folder_whose_file_server_died_cannot_be_shown(dead_folder: Path) -> None:
    with pytest.raises(Invalid, match="its file server died"):
        await NamespacePlatform(instance="tests", visible=[dead_folder]).create(spec())


async def test_a_hidden_folder_on_a_file_system_that_is_not_shown_is_not_there(other_file_system: Path) -> None:
    async with namespace_box(NamespacePlatform(instance="tests", hidden=[other_file_system / "state"])) as box:
        assert await said(box, f"ls -A {other_file_system}") == ""


HINT = "       dmesg(1) may have more information after failed mount system call.\n"


@pytest.mark.parametrize(
    ("complaint", "told"),
    [
        (f"mount: /a: bad option.\nmount: /b: not a directory.\n{HINT}", "mount: /b: not a directory."),
        (f"mount: /a: wrong fs type,\n       missing codepage.\n{HINT}", "mount: /a: wrong fs type, missing codepage."),
        ("sh: 1: cannot open x: No such file\n\n", "sh: 1: cannot open x: No such file"),
        ("", ""),
    ],
)
def test_what_failed_is_told_and_not_where_to_look_for_more(complaint: str, told: str) -> None:
    assert last_complaint(complaint) == told
