"""What is assumed of the git program. When one of these fails, a new git means other things by the same words."""

import asyncio
import os
import subprocess
import threading
from pathlib import Path

import pytest

from reconciler.adapters.git.command import GitCommand, GitFailed, in_thread, redact_url
from reconciler.adapters.git.commits import Draft, person, write
from reconciler.adapters.git.repository import Repository, check_branch
from reconciler.core.errors import Invalid
from tests.git_world import bare, commit, git, work_tree
from tests.processes import PATIENCE


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "ours.git", durable=True)
    made.make()
    return made


def draft(**files: str) -> Draft:
    who = person("A", "a@b", 1)
    return Draft(files={name: text.encode() for name, text in files.items()}, message=b"m\n", author=who, committer=who)


def test_fast_import_moves_a_ref_forward_only(repository: Repository) -> None:
    first = write(repository.git, "refs/heads/x", None, [draft(a="1")])
    second = write(repository.git, "refs/heads/x", first, [draft(b="2")])
    with pytest.raises(GitFailed, match="does not contain"):
        write(repository.git, "refs/heads/x", first, [draft(c="3")])
    assert repository.resolve("refs/heads/x") == [second]
    assert sorted(repository.entries(second)) == ["a", "b"]


def test_fast_import_keeps_what_it_wrote_as_one_pack(repository: Repository) -> None:
    write(repository.git, "refs/heads/x", None, [draft(a="1", b="2")])
    objects = [path.suffix for path in (repository.folder / "objects").rglob("*") if path.is_file()]
    assert sorted(objects) == [".idx", ".pack"]


def test_fast_import_waits_for_the_disk(repository: Repository, tmp_path: Path) -> None:
    write(repository.git, "refs/heads/x", None, [draft(a="1")])
    settings = repository.git.text("config", "--get-regexp", "^core.fsync|^fastimport").splitlines()
    assert settings == ["fastimport.unpacklimit 1", "core.fsync all"]


def test_a_stream_that_was_cut_short_changes_nothing(repository: Repository) -> None:
    with pytest.raises(GitFailed):
        repository.git.run("fast-import", "--done", stdin=b"commit refs/heads/x\ncommitter A <a> 1 +0000\ndata 1\nx\n")
    assert repository.resolve("refs/heads/x") == [None]


def test_names_cannot_break_out_of_the_raw_form_of_a_person() -> None:
    assert person("A <x>\nB", "a@b>\0", 7) == b"A xB <a@b> 7 +0000"


def test_users_and_systems_configuration_and_environment_do_not_matter(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text("[core]\n\tquotePath = true\n[alias]\n\tls-tree = !false\n")
    for name, value in {
        "HOME": str(tmp_path),
        "GIT_DIR": "/elsewhere",
        "GIT_INDEX_FILE": "/elsewhere",
        "GIT_CONFIG_PARAMETERS": "'core.hooksPath=/evil'",
        "DATABASE_URL": "postgresql://secret",
    }.items():
        monkeypatch.setenv(name, value)
    listing = repository.git.text("config", "--list", "--show-origin")
    assert str(tmp_path / ".gitconfig") not in listing
    assert "evil" not in listing
    environment = repository.git.text("-c", "alias.show-env=!env", "show-env")
    assert "secret" not in environment
    assert "/elsewhere" not in environment


async def test_what_takes_long_ends_with_the_patience_of_who_waits_for_it(
    repository: Repository, tmp_path: Path
) -> None:
    began, ended = tmp_path / "began", threading.Event()
    os.mkfifo(began)

    def work() -> None:
        try:
            repository.git.run_long("-c", f"alias.linger=!echo > {began}; exec sleep 1000000", "linger", timeout=1e6)
        finally:
            ended.set()

    waiting = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(began.read_text)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(ended.wait, PATIENCE)


@pytest.mark.parametrize("url", ["ext::sh -c touch% owned", "fd::17", "--upload-pack=touch owned"])
def test_a_url_runs_nothing(repository: Repository, tmp_path: Path, url: str) -> None:
    with pytest.raises(GitFailed):
        repository.git.remote("fetch", "--", url, "refs/heads/main")
    assert not list(tmp_path.rglob("owned"))


def test_the_other_repository_may_belong_to_somebody_else(repository: Repository, tmp_path: Path) -> None:
    theirs = work_tree(tmp_path / "theirs")
    tip = commit(theirs, {"a": b"1"})
    subprocess.run(["chown", "-R", "nobody", str(theirs)], check=True)
    repository.git.remote("fetch", "--", str(theirs), "refs/heads/main:refs/heads/main")
    assert repository.resolve("refs/heads/main") == [tip]


def test_the_hooks_of_the_other_repository_run_and_ours_do_not(repository: Repository, tmp_path: Path) -> None:
    theirs = bare(tmp_path / "theirs.git")
    for folder, name in ((theirs, "post-receive"), (repository.folder, "pre-push")):
        hook = folder / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/{name}-ran\n")
        hook.chmod(0o755)
    tip = write(repository.git, "refs/heads/x", None, [draft(a="1")])
    repository.git.remote("push", "--", str(theirs), f"{tip}:refs/heads/x")
    assert git(theirs, "rev-parse", "x") == tip
    assert [path.name for path in tmp_path.glob("*-ran")] == ["post-receive-ran"]


def test_a_command_that_does_not_end_is_ended_with_its_children(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match=r"did not end within 0\.3 s"):
        repository.git.run("-c", f"alias.hang=!sleep 4321 & touch {tmp_path}/began; sleep 4321", "hang", timeout=0.3)
    assert (tmp_path / "began").exists()
    assert subprocess.run(["pgrep", "-f", "sleep 4321"], capture_output=True, check=False).stdout == b""


@pytest.mark.parametrize("url", ["https://bob:hush@example.org/x", "https://hush@example.org/x", "ssh://bob:hush@h/x"])
def test_no_message_holds_a_password(url: str) -> None:
    assert "hush" not in str(GitFailed(f"unable to access '{url}/': no route"))
    assert "example.org" in redact_url(url) or "@h/x" in redact_url(url)


def test_the_user_of_an_ssh_address_is_no_secret() -> None:
    assert redact_url("ssh://git@example.org/x") == "ssh://git@example.org/x"
    assert redact_url("git@example.org:x") == "git@example.org:x"


def test_an_error_names_the_reason_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match=r"\Anot a git repository: '.*/nowhere.git'\Z"):
        GitCommand(tmp_path / "nowhere.git").run("rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["", "-x", "a b", "a..b", "a//b", "a.lock", ".a", "a:b", "@{x", "x/", "x\n"])
def test_what_git_refuses_as_a_branch_is_invalid(repository: Repository, name: str) -> None:
    with pytest.raises(Invalid):
        check_branch(name)
    with pytest.raises(GitFailed):
        repository.git.run("check-ref-format", "--branch", name)


@pytest.mark.parametrize("name", ["main", "feature/x", "v1.2", "a-b_c"])
def test_the_usual_names_of_branches_are_taken(repository: Repository, name: str) -> None:
    assert check_branch(name) == name
    repository.git.run("check-ref-format", "--branch", name)
