"""The command line is a contract: help with examples, exit codes, and JSON that programs are written against."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from reconciler.adapters.state import StateDirectory
from reconciler.cli.commands import app
from tests.processes import reconciler
from tests.world import World, benchmark, definitions, specialty

VARIANT = {"specialty", "main_engine", "secondary_engine"}
TRIAL = {"trial", "batch", "scenario", "variant", "iteration", "action", "reason"}
FINDING = {"path", "line", "column", "severity", "rule", "message", "hint"}
SERIES = {
    *("scenario", "variant", "batch", "passed", "measured", "wanted"),
    *("compliance", "verdict", "commit", "finished_at"),
}
SANDBOX = {"name", "mode", "trial", "template", "created_at", "orphan"}


def commands() -> list[str]:
    """Every command that help shows."""

    def below(group: TyperGroup, before: str) -> Iterator[str]:
        for name, command in group.commands.items():
            if isinstance(command, TyperGroup):
                yield from below(command, f"{name} ")
            elif not command.hidden:
                yield before + name

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    return [*below(root, "")]


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_with_an_example_and_is_in_the_readme(command: str, project: Path) -> None:
    said = reconciler(*command.split(), "--help")
    assert said.code == 0
    assert f"Example: reconciler {command}" in " ".join(said.out.replace("│", " ").split())
    table = [line.split("|")[1] for line in (project / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert any(f"`{command}" in names for names in table)


@pytest.mark.parametrize("command", ["", *commands()])
def test_help_cuts_off_no_name_on_a_terminal_of_80_columns(command: str) -> None:
    assert "…" not in reconciler(*command.split(), "--help", env={"COLUMNS": "80"}).out


def test_help_and_readme_tell_where_the_configuration_is_looked_for(project: Path) -> None:
    readme = (project / "README.md").read_text()
    for text in (reconciler("--help").out, readme[readme.index("## The command line") :]):
        assert all(
            p in text for p in ("RECONCILER_CONFIG", "config/reconciler.yaml", "/etc/reconciler/reconciler.yaml")
        )


def test_help_tells_the_exit_codes_and_the_version_is_known() -> None:
    said = reconciler("--help")
    assert said.code == 0
    told = " ".join(said.out.split())
    failed = "1 a scenario failed (with start --fail-on-error) or findings"
    assert f"0 done, {failed}, 2 usage or configuration, 3 infrastructure" in told
    assert reconciler("--version").out.startswith("reconciler ")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The JSON of each command, while there is something of everything to tell."""

    world: World
    plan: Any
    status: Any
    validate: Any
    sandboxes: Any
    sandboxes_text: str
    sandboxes_of_others: str
    """The same as the text that another installation shows."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """One scenario measured, one at work, one due after it, one held, one stalled."""
    files = {
        **definitions("good", "slow", "slower", playbooks=False),
        "scenarios/wrong/scenario.json": "{",
        "config/specialties/sleeper.mdx": specialty("sleep 3600", name="sleeper"),
        "config/benchmarks/all.yaml": benchmark("good"),
        "config/benchmarks/slow.yaml": benchmark("slow", "slower", name="slow", variants=[{"specialty": "sleeper"}]),
        "config/benchmarks/wrong.yaml": benchmark("wrong", name="wrong"),
        "config/benchmarks/held.yaml": benchmark("good", name="held", mode="incus"),
    }
    folder = tmp_path_factory.mktemp("answers")
    world = World(
        folder,
        files,
        limits={"parallel": 1, "memory": "4GiB", "trial": "10m", "drain": "0s", "attempts": 1},
        modes={"incus": {"socket": str(folder / "nowhere")}},
    )
    with world.daemon("-vv") as daemon:
        daemon.wait_for("phase", phase="execute", scenario="slow")
        yield Answers(
            world=world,
            plan=world.plan(),
            status=world.status(),
            validate=world.run("validate", "--json").json,
            sandboxes=world.run("sandbox", "list", "--json").json,
            sandboxes_text=world.run("sandbox", "list").out,
            sandboxes_of_others=World(folder / "others").run("sandbox", "list").out,
        )


def all_have(items: list[Mapping[str, Any]], keys: set[str]) -> bool:
    """There are some, and each has these keys and perhaps more."""
    return bool(items) and all(keys <= item.keys() for item in items)


@pytest.mark.real("namespace")
def test_plan_has_the_documented_keys(answers: Answers) -> None:
    plan = answers.plan
    assert {"revision", "due", "held", "stalled", "reused"} <= plan.keys()
    assert plan["revision"] == answers.world.revision()
    assert all_have(plan["due"], TRIAL)
    assert all_have(plan["held"], TRIAL)
    assert all_have(plan["stalled"], TRIAL)
    assert all_have([item["variant"] for item in plan["due"] + plan["held"]], VARIANT)
    assert {item["action"] for item in plan["due"]} == {"run"}
    assert plan["reused"] == 1


@pytest.mark.real("namespace")
def test_status_has_the_documented_keys(answers: Answers) -> None:
    status = answers.status
    assert {"revision", "series", "running", "held", "stalled", "findings"} <= status.keys()
    assert all_have(status["series"], SERIES)
    assert all_have([row["variant"] for row in status["series"]], VARIANT)
    assert [r["scenario"] for r in status["running"]] == ["slow"]
    for name, keys in {"running": TRIAL, "held": TRIAL, "stalled": TRIAL, "findings": FINDING}.items():
        assert all_have(status[name], keys)
    good = next(row for row in status["series"] if row["measured"])
    assert (good["scenario"], good["passed"], good["wanted"], good["verdict"]) == ("good", 1, 1, "pass")


def test_status_says_of_a_trial_without_a_phase_yet_that_it_is_starting(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    [due] = world.plan()["due"]
    state = StateDirectory(world.state)
    with state.lock():
        running = [due | {"phase": ""}, due | {"iteration": 2, "phase": "prepare"}]
        at = datetime.now(UTC).isoformat()
        state.put("status", {"pid": 1, "due": 0, "running": running, "held": [], "stalled": [], "at": at})
        told = " ".join(world.run("status").out.split())
    assert "running alpha × mender #1 starting running alpha × mender #2 phase prepare" in told


@pytest.mark.real("namespace")
def test_validate_has_the_documented_keys(answers: Answers) -> None:
    assert answers.validate.keys() == {"findings"}
    assert all_have(answers.validate["findings"], FINDING)


@pytest.mark.real("namespace")
def test_sandbox_list_has_the_documented_keys_and_knows_what_is_no_orphan(answers: Answers) -> None:
    assert answers.sandboxes.keys() == {"sandboxes"}
    assert all_have(answers.sandboxes["sandboxes"], SANDBOX)
    [running] = answers.status["running"]
    [mine] = [box for box in answers.sandboxes["sandboxes"] if box["trial"] == running["trial"]]
    assert (mine["mode"], mine["orphan"]) == ("namespace", False)


@pytest.mark.real("namespace")
def test_sandbox_list_says_whose_a_sandbox_is(answers: Answers) -> None:
    [running] = answers.status["running"]
    for text, maker in ((answers.sandboxes_text, "this installation"), (answers.sandboxes_of_others, "another")):
        [line] = [line for line in text.splitlines() if running["trial"] in line]
        assert line.rstrip().endswith(f"  {maker}")


@pytest.mark.real("namespace")
def test_trials_that_two_benchmarks_want_are_planned_once_as_often_as_the_one_that_wants_most(tmp_path: Path) -> None:
    nightly = benchmark(name="nightly", iterations=3, schedule="0 2 * * *")
    files = definitions("alpha", playbooks=False, iterations=2) | {"config/benchmarks/nightly.yaml": nightly}
    plan = World(tmp_path, files).plan()
    assert [item["iteration"] for item in plan["due"]] == [1, 2, 3]
    assert [choice["trials"] for choice in plan["batches"]] == [3]


def test_once_counts_as_reused_what_had_results_when_it_began(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    assert "1 of 1 trials passed; 0 running, 0 due, 0 held, 0 stalled, 0 reused." in world.run("once").out
    world.commit({"config/benchmarks/all.yaml": benchmark(iterations=3)})
    assert "2 of 2 trials passed; 0 running, 0 due, 0 held, 0 stalled, 1 reused." in world.run("once").out


def test_exit_codes_are_the_documented_ones(tmp_path: Path) -> None:
    world = World(
        tmp_path, {**definitions("good", playbooks=False), "config/specialties/idler.mdx": specialty("true", "idler")}
    )
    assert world.run("plan", "--detailed-exitcode").code == 2
    assert world.run("plan").code == 0
    once = world.run("once", "--json")
    assert (once.code, len(once.json["recorded"]), once.json["left"]) == (0, 1, [])
    assert world.run("plan", "--detailed-exitcode").code == 0
    assert world.run("validate").code == 0
    assert len(world.run("trend", "--json").json["series"]) == 1
    idle = ("start", "-s", "good", "--specialty", "idler")
    assert world.run(*idle).code == 0
    failed = world.run(*idle, "--fail-on-error", "--json")
    assert failed.code == 1
    assert [(r["scenario"]["key"], r["passed"]) for r in failed.json["records"]] == [("good", False)]
    unknown = world.run("start", "-s", "good,godo")
    assert unknown.code == 2
    assert "no scenario has the key or tag 'godo' (did you mean good?)" in unknown.err
    assert world.run("start", "-s", "good", "-m", "lima").code == 3
    assert world.run("plan", "--jsno").code == 2
    nowhere = ("plan", "--config", str(tmp_path / "none.yaml"))
    assert reconciler(*nowhere).code == 2
    assert reconciler(*nowhere, "--detailed-exitcode").code == 1, "2 would say that something is due"
    world.configure(source={"repository": str(tmp_path / "nowhere")})
    assert world.run("plan", "--detailed-exitcode").code == 1


def test_validate_warns_of_what_the_runbook_engine_would_refuse_with_its_line(tmp_path: Path) -> None:
    files = definitions("alpha")
    files["config/specialties/mender.mdx"] = "---\nname: mender\n---\nMend.\n\n## When `(`\n\n```bash\ntrue\n```\n"
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text or "")
    said = reconciler("validate", str(tmp_path), "--json")
    [finding] = said.json["findings"]
    assert (finding["path"], finding["line"], finding["severity"]) == ("config/specialties/mender.mdx", 6, "warning")
    assert said.code == 0


def test_sandboxes_that_cannot_be_looked_at_are_not_taken_for_none(tmp_path: Path) -> None:
    files = definitions("alpha", playbooks=False) | {"config/benchmarks/all.yaml": benchmark(mode="incus")}
    world = World(tmp_path, files, modes={"incus": {"socket": str(tmp_path / "nowhere")}})
    reason = f"{tmp_path / 'nowhere'}: run ./dev setup incus"
    for command in (("list",), ("list", "--json"), ("purge-vms",), ("purge-vms", "--mode", "incus")):
        said = world.run("sandbox", *command)
        assert (said.code, reason in said.err) == (3, True), said
        assert "No sandbox exists." not in said.out
        assert "There is no orphan." not in said.out
    assert world.run("sandbox", "list", "--json").json.keys() == {"sandboxes"}
    assert world.run("sandbox", "purge-vms", "--mode", "namespace").code == 0


@pytest.mark.real("namespace")
def test_a_mode_that_is_not_here_and_that_no_benchmark_wants_has_no_sandboxes(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha"), modes={"incus": {"socket": str(tmp_path / "nowhere")}})
    assert [world.run("sandbox", *command).code for command in (("list",), ("purge-vms",))] == [0, 0]


def test_folders_that_hold_nothing_are_told_where_nothing_is_due(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False))
    source = {"repository": str(world.remote)}
    for wrong, lacks in (
        ({"scenarios": "scen"}, "there is no scenario.json below scen/"),
        ({"config": "conf"}, "there is no benchmark in conf/benchmarks/"),
    ):
        world.configure(source=source | wrong)
        for command in ("plan", "status"):
            assert lacks in json.loads(world.run(command, "--json").out)["warnings"][0]
        assert f"! {lacks}" in world.run("plan").out
    world.configure(source=source)
    assert world.plan()["warnings"] == []
