"""``demo``: the product's story on two repositories that it makes, told by the real daemon as a process."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from reconciler.app.settings import load
from reconciler.app.wiring import wired
from reconciler.cli.exits import INTERRUPTED
from reconciler.cli.progress import wide_console
from reconciler.cli.reading import series_of_configuration
from reconciler.cli.tables import print_trends
from reconciler.core.dashboard import percent
from reconciler.core.errors import Invalid, Unavailable
from reconciler.core.model import Template

PATIENCE = 600.0
"""Seconds that one chapter may take."""

_CONFIG = """\
source: {{kind: git, repository: {remote}, branch: main, poll: 60s, debounce: 1s}}
results: {{branch: results}}
state: {state}
limits: {{parallel: {parallel}, memory: 8GiB, trial: 5m, attempts: 3}}
"""
_BENCHMARK = """\
name: demo
scenarios: [{scenarios}]
variants:
  - {{specialty: linux-administration, main_engine: runbook}}
  - {{specialty: careful-operator, main_engine: runbook}}
iterations: 3
on_change: true
mode: {mode}
gate: {{pass_rate: 1.0, compliance: 90}}
"""
_SCENARIOS = {
    "incus": ("disk-log-flood", "systemd-service-bad-edit", "stale-lock"),
    "namespace": ("disk-log-flood", "cron-job-permission", "stale-lock"),
}


def run(directory: Path | None, *, incus: bool) -> int:
    """Tell the story. Leaves the repositories, and nothing running."""
    home = _home(directory)
    say = wide_console()
    mode, why = asyncio.run(_mode(home, insist=incus))
    say.print(f"[bold]reconciler demo[/] in {home}\nSandboxes: {mode} ({why})")
    story = _Story(home, mode, say)
    try:
        story.make()
        with story.daemon():
            story.tell()
    except KeyboardInterrupt:
        say.print(f"\nInterrupted; nothing is left running. What was made lies in {home}", markup=False)
        return INTERRUPTED
    story.close()
    return 0


def _home(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise Invalid(f"{directory} is not an empty directory", hint="name a new one with --dir")
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{directory} cannot be made: {error.strerror}", hint="name another with --dir") from error
    return directory.absolute()


async def _mode(home: Path, *, insist: bool) -> tuple[str, str]:
    """Incus where a server answers and has the image, else namespace. Raises ``Unavailable`` when neither is to be had."""
    config = home / "reconciler.yaml"
    config.write_text(_CONFIG.format(remote=home / "definitions.git", state=home / "state", parallel=2))
    template = Template(name="debian-base", image="debian/12")
    async with wired(load(config)) as program:
        try:
            if await program.platforms["incus"].images([template]):
                return "incus", "a server answers"
            reason = "Incus answers, but has no image debian/12: run ./dev setup incus"
        except Unavailable as error:
            reason = str(error)
        if insist:
            raise Unavailable(reason)
        await program.platforms["namespace"].images([template])
        return "namespace", "embedded; no Incus server answers here"


class _Story:
    """The chapters, over a definitions repository, its bare remote, and a daemon."""

    def __init__(self, home: Path, mode: str, say: Console) -> None:
        self.home, self.mode, self.say = home, mode, say
        self.remote, self.work = home / "definitions.git", home / "definitions"
        self.config, self.log = home / "reconciler.yaml", home / "daemon.log"
        self.began = time.monotonic()
        self._told = 0  # bytes of the log

    # ------------------------------------------------------------ the repositories

    def make(self) -> None:
        """A bare remote, and a clone with scenarios, two specialties and a benchmark in its first commit."""
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), cwd=self.home)
        self.git("clone", "--quiet", str(self.remote), str(self.work), cwd=self.home)
        examples = _examples()
        scenarios = _SCENARIOS[self.mode]
        for name in scenarios:
            shutil.copytree(examples / "scenarios" / name, self.work / "scenarios" / name)
        for name in ("specialties", "operational_rules", "templates", "engines"):
            shutil.copytree(examples / "config" / name, self.work / "config" / name)
        benchmark = self.work / "config/benchmarks/demo.yaml"
        benchmark.parent.mkdir(parents=True)
        benchmark.write_text(_BENCHMARK.format(scenarios=", ".join(scenarios), mode=self.mode))
        self.git("checkout", "--quiet", "-B", "main")
        self.commit("Scenarios, two specialties, and a benchmark")

    def git(self, *args: str, cwd: Path | None = None) -> str:
        """Git as a person would run it, with an identity of its own."""
        identity = ["-c", "user.name=Demo", "-c", "user.email=demo@localhost", "-c", "init.defaultBranch=main"]
        done = subprocess.run(
            ["git", *identity, *args], cwd=cwd or self.work, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()

    def commit(self, subject: str) -> str:
        """Commit everything and push; returns the revision."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", subject)
        return self.push()

    def push(self) -> str:
        """Push ``main``; returns the revision."""
        self.git("push", "--quiet", "origin", "HEAD:main")
        revision = self.git("rev-parse", "HEAD")
        self.say.print(f"\n[bold]commit {revision[:7]}[/] {self.git('log', '-1', '--format=%s')}")
        return revision

    def drop_step(self, specialty: str, title: str) -> None:
        """Take the fenced block whose first line is ``# title`` out of a specialty."""
        path = self.work / "config/specialties" / f"{specialty}.mdx"
        head, block, tail = path.read_text().partition(f"```bash\n# {title}\n")
        if not block:
            raise Invalid(f"{path} has no step {title!r} any more")
        path.write_text(head + tail.partition("```\n")[2].lstrip("\n"))

    # ------------------------------------------------------------ the daemon

    @contextlib.contextmanager
    def daemon(self) -> Iterator[None]:
        """The real daemon, as a process of its own; stopped by SIGTERM at the end."""
        command = [sys.executable, "-m", "reconciler", "daemon", "--config", str(self.config)]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONUNBUFFERED": "1"}
            )
        self.process = process
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def follow(self, revision: str) -> int:
        """Show what the daemon does until it has settled on ``revision``; returns how many trials it recorded."""
        recorded, deadline = 0, time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for event in self._log_lines():
                recorded += self._show(event)
            if self.process.poll() is not None:
                raise Invalid(f"the daemon ended with exit code {self.process.returncode}", hint=f"see {self.log}")
            if self._settled(revision):
                return recorded
            time.sleep(0.1)
        raise Invalid(f"the daemon did not settle within {PATIENCE:.0f} s", hint=f"see {self.log}")

    def _log_lines(self) -> Iterator[dict[str, Any]]:
        with self.log.open("rb") as log:
            log.seek(self._told)
            for line in log:
                if line.endswith(b"\n"):
                    self._told += len(line)
                    with contextlib.suppress(ValueError):
                        yield json.loads(line)

    def _show(self, event: dict[str, Any]) -> int:
        name = f"{event.get('scenario')} × {str(event.get('variant')).split('--')[0]} #{event.get('iteration')}"
        match event.get("event"):
            case "trial recorded":
                mark = "[green]ok  [/]" if event["passed"] else "[red]FAIL[/]"
                fixed = "fixed" if event["fixed"] else "not fixed"
                rules = "" if event["by_the_rules"] else ", breaks a required rule"
                judged = event["violation"] or f"{fixed}, compliance {percent(event['compliance'])}{rules}"
                self.say.print(f"  {mark} {name}  {escape(judged)}")
                return 1
            case "trial without a result":
                self.say.print(f"  [yellow]!   [/] {name}  {event.get('problem')}")
        return 0

    def _settled(self, revision: str) -> bool:
        try:
            note = json.loads((self.home / "state/status.json").read_bytes())
        except (OSError, ValueError):
            return False
        return bool(note["revision"] == revision and not note["running"] and not note["due"] and note["pushed"])

    # ------------------------------------------------------------ the chapters

    def tell(self) -> None:
        """Four commits."""
        say = self.say.print
        count = self.follow(self.git("rev-parse", "HEAD"))
        say(f"{count} trials in fresh sandboxes, recorded and pushed to the branch results.")
        self.table()

        self.drop_step("linux-administration", "Let the daemon open its log anew")
        count = self.follow(self.commit("linux-administration: drop the reload, it is in the way"))
        say(f"{count} trials ran: only those of the specialty that was edited; the other one's results hold.")
        say(
            "The two scores disagree: the agent followed every required rule (compliance), and the machine is still\n"
            "broken (resolution): the space comes back only when the daemon opens its log anew."
        )
        self.table()

        self.drop_step("careful-operator", "Copy stock, queue and locks")
        count = self.follow(self.commit("careful-operator: no copy, it takes too long"))
        say(
            f"{count} trials ran. Now the other way round: stale-lock is fixed, but against the process: no copy was kept."
        )
        self.table()

        self.git("revert", "--no-edit", "HEAD", "HEAD~1")
        count = self.follow(self.push())
        say(f"{count} trials ran: both edits are taken back, and equal inputs have results already.")
        self.table()

    def table(self) -> None:
        """The trend table as ``reconciler trend`` prints it."""
        rows, trends, _ = asyncio.run(series_of_configuration(self.config))
        print_trends(self.say, rows, trends)

    def close(self) -> None:
        """The history, and where to look next."""
        log = self.git("log", "--format=%h %s", "-n", "12", "results", cwd=self.remote)
        self.say.print(f"\n[bold]git log results[/] (newest 12)\n{log}", markup=True)
        command = "./dev run" if (_examples() / "dev").exists() else "reconciler"
        self.say.print(
            f"\nDone in {time.monotonic() - self.began:.0f} s; nothing is left running. To go on playing:\n"
            f"  {command} daemon --config {self.config}      the daemon; edit and push in {self.work}\n"
            f"  {command} trend --config {self.config}\n"
            f"  git -C {self.remote} log -p results      every result, as files; {self.remote} is the remote",
            markup=False,
        )


def _examples() -> Path:
    """The project's own definitions: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "examples"
    return inside if inside.is_dir() else package.parent
