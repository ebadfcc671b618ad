"""The documented tables of ``start``, row by row on the command line: options, entry points, environment, exit codes; and commands."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from reconciler.cli.commands import app
from tests.processes import Said, reconciler
from tests.world import World, definitions, scenario, specialty

pytestmark = pytest.mark.real("namespace")

REQUIRED = "required"
TEMPLATE = "image: {incus: debian/12}\nmemory: 768MiB\ndisk: 64MiB\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two scenarios with one tag, two engines, an agent that mends and one that does nothing; a third scenario is not committed."""
    files = {
        **definitions(),
        **scenario("good", playbooks=False, tags=["web"]),
        **scenario("other", playbooks=False, tags=["web"]),
        "elsewhere/moved/scenario.json": scenario("moved", playbooks=False)["scenarios/moved/scenario.json"],
        "config/engines/second.yaml": "adapter: runbook\n",
        "config/specialties/idler.mdx": specialty("true", name="idler"),
        "config/templates/base/template.yaml": TEMPLATE,
    }
    folder = tmp_path_factory.mktemp("start")
    made = World(folder, files, modes={"incus": {"socket": str(folder / "nowhere.socket")}})
    made.configure(**made.sections | {"source": {"repository": str(made.work)}})
    for path, text in scenario("fresh", playbooks=False).items():
        (made.work / path).parent.mkdir()
        (made.work / path).write_text(text or "")
    (folder / "right.env").write_text(f"# ours\nexport RECONCILER_CONFIG='{made.config}'\n")
    (folder / "wrong.env").write_text("A=1\nhunter2\n")
    return made


def start(world: World, *args: str) -> Said:
    """``start`` with an engine, since there are two; another one in ``args`` counts instead."""
    return world.run("start", "--main-engine", "runbook", *args)


# ---------------------------------------------------------------- options: accepted, default

DEFAULTS = [
    (("-s", "--scenarios"), REQUIRED),
    (("--source",), None),  # as configured, where the default is the documented one, git
    (("-m", "--mode"), "namespace"),  # instead of host, which is not there yet
    (("-g", "--gateway"), "runner"),
    (("-i", "--iter"), 1),
    (("-p", "--scenarios-path"), None),  # as configured
    (("--vm-templates-path",), None),  # as configured
    (("--env-file",), None),  # the environment
    (("--main-engine",), None),
    (("--secondary-engine",), None),
    (("--specialty",), None),
    (("--parallel",), False),
    (("--parallel-ram-cap",), None),
    (("--log-file",), None),
    (("-v",), 0),
    (("--fail-on-error",), False),
    (("--check",), False),
]


@pytest.mark.parametrize("command", ["start", "run"])
@pytest.mark.parametrize(("names", "default"), DEFAULTS, ids=[names[-1] for names, _ in DEFAULTS])
def test_every_documented_option_is_accepted_with_its_default(
    command: str, names: tuple[str, ...], default: object
) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    [option] = [p for p in root.commands[command].params if set(names) <= set(p.opts)]
    assert (REQUIRED if option.required else option.default) == default


# ---------------------------------------------------------------- options: meaning, as pre-flight tells it

PRE_FLIGHT: list[tuple[str, int, str]] = [
    ("-s good", 0, "1 trial can run here."),
    ("--scenarios good", 0, "1 trial can run here."),
    ("-s good,web", 0, "2 trials can run here."),
    ("-s goood", 2, "no scenario has the key or tag 'goood' (did you mean good?)"),
    ("", 2, "Missing option '--scenarios'"),
    ("-s fresh --source git", 2, "no scenario has the key or tag 'fresh'"),
    ("-s fresh --source fs", 0, "1 trial can run here."),
    ("-s good --source svn", 2, "--source is git or fs, not svn"),
    ("-s good -m namespace", 0, "1 trial can run here."),
    ("-s good -m incus", 3, "nowhere.socket"),
    ("-s good -m lima", 3, "mode lima is not there yet: use incus or namespace"),
    ("-s good -m host", 3, "mode host is not there yet: use incus or namespace"),
    ("-s good -m cloud", 2, "mode cannot be 'cloud' (known: host, incus, lima, namespace)"),
    ("-s good --from gateway", 2, "No such option: --from"),
    ("-s good --from ticket", 2, "No such option: --from"),
    ("-s good --from task", 2, "No such option: --from"),
    ("-s good -g runner", 0, "1 trial can run here."),
    ("-s good -g servicenow", 2, "gateway servicenow is not there yet (use -g runner)"),
    ("-s good -i 3", 0, "3 trials can run here."),
    ("-s good --iter 0", 2, "Invalid value for '--iter'"),
    ("-s moved -p elsewhere", 0, "1 trial can run here."),
    ("-s moved -p nofolder", 2, "no scenario has the key or tag 'moved' (there is no scenario.json below nofolder/)"),
    ("-s moved", 2, "no scenario has the key or tag 'moved'"),
    ("-s good --vm-templates-path ./config/templates/", 0, "1 trial can run here."),
    ("-s good --vm-templates-path vm", 2, "--vm-templates-path vm is not there yet: templates are read from config/templates"),
    ("-s good --main-engine second", 0, "1 trial can run here."),
    ("-s good --main-engine third", 2, "there is no engine 'third' (known: runbook, second)"),
    ("-s good --secondary-engine third", 2, "there is no engine 'third' (known: runbook, second)"),
    ("-s good --specialty nobody", 2, "there is no specialty 'NOBODY' (known: IDLER, MENDER)"),
    ("-s good --parallel --parallel-ram-cap 2", 0, "1 trial can run here."),
    ("-s good --parallel-ram-cap 2", 2, "--parallel-ram-cap needs --parallel"),
    ("-s good --log-file nowhere/log", 2, "nowhere/log: --log-file cannot be written: No such file or directory"),
    ("-s good --env-file wrong.env", 2, "wrong.env:2: this line sets no variable"),
    ("-s good --env-file missing.env", 2, "missing.env: --env-file cannot be read: No such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "code", "says"), PRE_FLIGHT, ids=[args or "nothing" for args, _, _ in PRE_FLIGHT])
def test_pre_flight_says_what_an_option_means_or_why_it_cannot_be_followed(
    world: World, args: str, code: int, says: str
) -> None:
    before = world.results()
    said = start(world, *args.split(), "--check")
    assert (said.code, says in said.out + said.err) == (code, True), said.err
    assert "Traceback" not in said.err
    assert "hunter2" not in said.err
    assert world.results() == before


@pytest.mark.parametrize(("set_already", "code"), [(False, 0), (True, 2)], ids=["unset", "set-already"])
def test_an_env_file_sets_what_the_environment_has_not(world: World, set_already: bool, code: int) -> None:
    env = {"RECONCILER_CONFIG": "theirs.yaml"} if set_already else None
    args = ("start", "-s", "good", "--main-engine", "runbook", "--check")
    said = reconciler(*args, "--env-file", "right.env", env=env, cwd=world.folder)
    assert said.code == code, said.err
    assert ("there is no configuration file theirs.yaml" in said.err) is set_already
    assert reconciler(*args, cwd=world.folder).code == 2


# ---------------------------------------------------------------- options: meaning, as trials show it


@pytest.mark.parametrize(
    ("args", "variant"),
    [
        ((), {}),
        (("--main-engine", "second"), {"main_engine": "second"}),
        (("--secondary-engine", "second"), {"secondary_engine": "second"}),
        (("--specialty", "idler"), {"specialty": "IDLER"}),
    ],
    ids=["none", "--main-engine", "--secondary-engine", "--specialty"],
)
def test_an_override_counts_for_all_agents_of_the_run(
    world: World, args: tuple[str, ...], variant: dict[str, Any]
) -> None:
    said = start(world, "-s", "good", "--json", *args)
    own = {"specialty": "MENDER", "main_engine": "runbook", "secondary_engine": None}
    assert [record["variant"] for record in said.json["records"]] == [own | variant], said.err


@pytest.mark.parametrize(
    ("args", "at_once"),
    [((), 1), (("--parallel",), 2), (("--parallel", "--parallel-ram-cap", "1"), 1)],
    ids=["off", "--parallel", "--parallel-ram-cap"],
)
def test_trials_run_one_at_a_time_or_at_once_within_the_memory(
    world: World, args: tuple[str, ...], at_once: int
) -> None:
    said = start(world, "-s", "web", *args)
    steps = [line["event"] for line in _log(said.err) if line["event"] in ("trial started", "trial recorded")]
    running = [steps[:n].count("trial started") - steps[:n].count("trial recorded") for n in range(len(steps) + 1)]
    assert (said.code, max(running), running[-1]) == (0, at_once, 0), said.err


@pytest.mark.parametrize(
    ("flag", "shown", "debug"), [((), set(), False), (("-v",), {"FAIL"}, False), (("-vv",), {"FAIL", "ok"}, True)],
    ids=["none", "-v", "-vv"],
)  # fmt: skip
def test_checks_are_shown_as_asked_and_a_log_file_has_no_colours(
    world: World, flag: tuple[str, ...], shown: set[str], debug: bool, tmp_path: Path
) -> None:
    said = start(world, "-s", "good", "--specialty", "idler", "--log-file", str(tmp_path / "log"), *flag)
    assert {line.split()[0] for line in said.out.splitlines() if line.startswith("    ")} == shown
    written = (tmp_path / "log").read_text()
    assert "trial recorded" in [line["event"] for line in _log(written)]
    assert "\x1b" not in written
    assert any(line["level"] == "debug" for line in _log(said.err)) is debug


def _log(text: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in text.splitlines() if line.startswith("{"))


# ---------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ("-s good", 0),
        ("-s good --fail-on-error", 0),
        ("-s good --specialty idler", 0),
        ("-s good --specialty idler --fail-on-error", 1),
        ("-s nobody --fail-on-error", 2),
        ("-s good -c missing.yaml", 2),
        ("-s good -m incus", 3),
        ("-s good -m incus --fail-on-error", 3),
    ],
)
def test_exit_codes_separate_a_failed_scenario_from_wrong_usage_and_from_what_is_not_there(
    world: World, args: str, code: int
) -> None:
    config = () if " -c " in args else ("--config", str(world.config))
    said = reconciler("start", "--main-engine", "runbook", *args.split(), *config, cwd=world.folder)
    assert said.code == code, said.err


def test_a_run_without_a_result_prints_no_titles_above_nothing(world: World) -> None:
    said = start(world, "-s", "good", "-m", "incus")
    assert (said.code, said.out.startswith("left: "), "compliance" in said.out) == (3, True, False), said.out


# ---------------------------------------------------------------- environment


@pytest.mark.parametrize("variable", ["ORG_ID", "TENANT_ID", "USER_ID"])
def test_an_identity_of_the_documented_platform_is_not_needed(world: World, variable: str) -> None:
    said = world.run("start", "-s", "good", "--main-engine", "runbook", "--check", env={variable: ""})
    assert said.code == 0, said.err


def test_the_database_is_needed_where_the_journal_is_kept_there(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False), journal={"kind": "postgres"})
    said = world.run("once", env={"DATABASE_URL": ""})
    assert said.code == 2
    assert "the journal's connection string is not in the environment: set DATABASE_URL" in said.err


# ---------------------------------------------------------------- the other documented commands

COMMANDS = {
    "validate": True,
    "flush": False,
    "chaos": False,
    "sandbox prepare": False,
    "sandbox restore": False,
    "sandbox create": False,
    "sandbox delete": False,
    "sandbox purge-vms": True,
}


@pytest.mark.parametrize(("command", "there"), COMMANDS.items())
def test_a_documented_command_is_there_or_is_told_not_to_be(command: str, there: bool) -> None:
    said = reconciler(*command.split(), "--help")
    if there:
        assert (said.code, f"Usage: reconciler {command} " in said.out) == (0, True)
    else:
        assert (said.code, f"No such command '{command.split()[-1]}'." in said.err) == (2, True)
        assert "-h' for help." in said.err
