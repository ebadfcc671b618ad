"""What a namespace sandbox may use: lines for the kernel's two kinds of cgroups, and the size of its disk."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reconciler.adapters.namespace import cgroups, view
from reconciler.core.errors import Invalid
from reconciler.core.model import Template

MEMORY_MIB = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20


def test_limits_are_told_in_the_words_of_both_versions() -> None:
    lines = cgroups.limits(cpus=2, memory_mib=64).splitlines()
    assert {"memory.max 67108864", "memory.swap.max 0", "cpu.max 200000 100000", "pids.max 2048"} < set(lines)
    assert {"memory.limit_in_bytes 67108864", "cpu.cfs_quota_us 200000"} < set(lines)


def test_version_2_has_one_directory_and_hands_its_controllers_down(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "reconciler"):
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.controllers").write_text("cpu memory pids")
        (folder / "cgroup.subtree_control").write_text("")
    assert cgroups.groups("box", tmp_path) == [str(tmp_path / "reconciler/box")]
    for folder in (tmp_path, tmp_path / "reconciler"):
        assert (folder / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"


def test_version_1_has_a_directory_for_each_controller_that_there_is(tmp_path: Path) -> None:
    for controller in ("memory", "pids", "blkio"):
        (tmp_path / controller).mkdir()
    assert cgroups.groups("box", tmp_path) == [str(tmp_path / c / "reconciler/box") for c in ("memory", "pids")]


def test_where_no_cgroup_can_be_made_there_are_no_limits_and_one_warning(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/reconciler").write_text("in the way")
    with capture_logs() as told:
        assert cgroups.groups("box", tmp_path) == cgroups.groups("other", tmp_path) == []
    [line] = told
    assert (line["event"], line["log_level"]) == ("sandboxes are not limited", "warning")
    assert line["limits"] == "memory, pids, cpu"
    assert str(tmp_path) in line["problem"]


def test_a_limit_that_this_machine_cannot_set_is_told(tmp_path: Path) -> None:
    (tmp_path / "pids").mkdir()
    with capture_logs() as told:
        cgroups.groups("box", tmp_path)
    assert [line["limits"] for line in told] == ["memory, cpu"]


def test_nothing_is_told_where_all_limits_bind(tmp_path: Path) -> None:
    for controller in ("memory", "pids", "cpu"):
        (tmp_path / "version 1" / controller).mkdir(parents=True)
    (tmp_path / "version 2").mkdir()
    (tmp_path / "version 2/cgroup.controllers").write_text("cpu memory pids")
    with capture_logs() as told:
        for version in ("version 1", "version 2"):
            assert cgroups.groups("box", tmp_path / version)
    assert told == []


def test_left_overs_are_found_and_removed_by_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "memory/reconciler" / name).mkdir(parents=True)
    assert cgroups.existing(tmp_path) == {"one", "two"}
    assert cgroups.remove("one", tmp_path)
    assert cgroups.existing(tmp_path) == {"two"}


@pytest.mark.parametrize(
    ("folder", "file", "none"),
    [("", "cpu.max", "max"), ("cpu", "cpu.cfs_quota_us", "-1")],
    ids=["version 2", "version 1"],
)
def test_what_is_about_to_be_killed_has_all_the_time_it_wants(
    tmp_path: Path, folder: str, file: str, none: str
) -> None:
    quota, of_another = (tmp_path / folder / "reconciler" / name / file for name in ("box", "other"))
    for path in (quota, of_another):
        path.parent.mkdir(parents=True)
        path.write_text("100000")
    if not folder:
        (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    cgroups.unthrottle("box", tmp_path)
    assert (quota.read_text(), of_another.read_text()) == (none, "100000")
    cgroups.unthrottle("gone", tmp_path)
    assert [p.name for p in quota.parent.iterdir()] == [file]


def test_the_disk_is_the_template_s_but_a_fair_share_of_the_memory() -> None:
    assert view.disk_mib(Template(name="t", disk_mib=64)) == 64
    assert view.disk_mib(Template(name="t", disk_mib=10**9)) == max(MEMORY_MIB // 16, 256)


def test_hidden_folders_never_lie_below_another(tmp_path: Path) -> None:
    nested = tmp_path / "state" / "clone"
    nested.mkdir(parents=True)
    folders = view.hidden([nested, tmp_path / "state", tmp_path / "not-there"])
    assert {"/root", "/run", "/tmp"} < set(folders)
    assert not any(a != b and a.startswith(f"{b}/") for a in folders for b in folders)
    assert not any("not-there" in f for f in folders)


def test_files_that_are_hidden_are_those_below_no_hidden_folder(tmp_path: Path) -> None:
    for name in ("folder/file", "file"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("secret")
    asked = [tmp_path / name for name in ("folder", "folder/file", "file", "not-there")]
    assert view.hidden_files(asked, [str(tmp_path / "folder")]) == [str(tmp_path / "file")]


def test_a_folder_to_show_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no such folder"):
        view.shown([tmp_path / "gone"])
