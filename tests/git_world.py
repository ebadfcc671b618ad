"""Repositories as people make them, with plain git: what the adapters are tested against."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
}


def git(folder: Path, *args: str, stdin: bytes = b"", **env: str) -> str:
    """What ``git -C folder args`` prints; a failure is an assertion."""
    done = subprocess.run(
        ["git", "-C", str(folder), *args], input=stdin, capture_output=True, env=_ENVIRONMENT | env, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def bare(folder: Path, *options: str) -> Path:
    """A new bare repository."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", *options)
    return folder


def work_tree(folder: Path, *options: str) -> Path:
    """A new repository with a work tree."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main", *options)
    return folder


def commit(folder: Path, files: Mapping[str, bytes | None], subject: str = "change") -> str:
    """Commit ``files`` (``None``: removed) in a work tree; returns the commit's id."""
    for path, contents in files.items():
        if contents is None:
            (folder / path).unlink()
        else:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(contents)
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", subject)
    return git(folder, "rev-parse", "HEAD")


def record(trial: str, **more: object) -> bytes:
    """A trial's record, as small as one can be."""
    fields = {"trial": trial, "batch": trial, "scenario": {"key": "nginx"}, "passed": True, **more}
    return json.dumps({"schema": "reconciler.trial/1", **fields}).encode()


def trial_path(trial: str) -> str:
    """Where the tests keep the record of a trial."""
    return f"trials/nginx/linux--runbook/{trial}/change-1.json"


def history(folder: Path, branch: str, trials: int) -> None:
    """Commit that many records to a bare repository at once, by one fast-import."""
    stream = bytearray(b"commit refs/heads/%b\ncommitter A <a@b> 1700000000 +0000\ndata 4\nmany" % branch.encode())
    for number in range(trials):
        path = f"trials/scenario-{number // 1000}/linux--runbook/{number // 10:08}/change-{number % 10 + 1}.json"
        contents = record(f"{number:020x}", passed=True, phases={"prepare": number / 7, "agent": number / 3})
        stream += b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(contents), contents)
    git(folder, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--done", stdin=bytes(stream + b"done\n"))


def git_that_first(folder: Path, does: Mapping[str, str]) -> str:
    """A ``PATH`` on which git runs a shell command before it does what it is told: by the verb."""
    folder.mkdir()
    cases = "".join(f"  {verb}) {command} ;;\n" for verb, command in does.items())
    (folder / "git").write_text(f'#!/bin/sh\ncase "$1" in\n{cases}esac\nexec {shutil.which("git")} "$@"\n')
    (folder / "git").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"
