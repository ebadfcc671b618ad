"""Old scenario files in the newest shape: what changes, what stays byte for byte, and what it means."""

import json
from pathlib import Path

import pytest

from reconciler.app.migrating import migrate_directory, working_directory
from reconciler.app.settings import SourceSettings
from reconciler.core.errors import Invalid
from reconciler.definitions.files.migration import Migrated, migrate
from reconciler.definitions.files.rules import Judge
from reconciler.definitions.files.scenario_file import parse_scenario
from tests.definitions import CONTEXT, batches, load, repository, scenario
from tests.reference import LEGACY, SCENARIOS

PATH = "scenarios/nginx/scenario.json"
STATUS = '{"label": "s", "validator": "job_resolution_status", "pattern": "%s"}'


def migrated(text: str) -> str:
    """What the file says afterwards: as a scenario the same, and nothing more to do."""
    found = migrate(PATH, text.encode(), CONTEXT.compiles)
    assert found is not None
    assert migrate(PATH, found.data, CONTEXT.compiles) is None
    before, after = (parse_scenario(PATH, data, Judge(CONTEXT.compiles)) for data in (text.encode(), found.data))
    assert before.value == after.value
    assert after.findings == ()
    return found.data.decode()


def test_the_documented_legacy_scenario_becomes_the_newest() -> None:
    assert migrated(LEGACY) == LEGACY.replace(
        '"name": "Nginx broken configuration",\n  "description"',
        '"title": "Nginx broken configuration",\n'
        '  "description": "Nginx broken configuration",\n'
        '  "ticket_title": "Nginx broken configuration",\n'
        '  "ticket_body"',
    ).replace("no_tasks_created", "no_action")


def test_what_changed_is_told() -> None:
    found = migrate(PATH, LEGACY.encode(), CONTEXT.compiles)
    assert isinstance(found, Migrated)
    assert found.changes == (
        "name is now title",
        "description, an internal note, and ticket_title are new: they say what name said",
        "description, the instruction, is now ticket_body",
        "validation.job[0].pattern: no_tasks_created is now no_action",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            '{"key":"k","name":"n","description":"d"}',
            '{"key":"k","title":"n","description":"n","ticket_title":"n","ticket_body":"d"}',
        ),
        (
            '{ "name" : "n", "key" : "k", "description" : "d" }\n',
            '{ "title" : "n", "description" : "n", "ticket_title" : "n", "key" : "k", "ticket_body" : "d" }\n',
        ),
        (
            '{#\t"description": "d",#\t"key": "k",##\t"name": "n"#}'.replace("#", "\r\n"),
            '{#\t"ticket_body": "d",#\t"key": "k",##\t"title": "n",#\t"description": "n",#\t"ticket_title": "n"#}'.replace(
                "#", "\r\n"
            ),
        ),
        (
            '\ufeff{"n\\u0061me": "\\u0061\\"\\ud83d\\ude00", "key": "k", "description": "d"}',
            '\ufeff{"title": S, "description": S, "ticket_title": S, "key": "k", "ticket_body": "d"}'.replace(
                "S", '"\\u0061\\"\\ud83d\\ude00"'
            ),
        ),
        (
            '{ "key": "k"\n, "name": "n"\n, "description": "d"\n}',
            '{ "key": "k"\n, "title": "n"\n, "description": "n", "ticket_title": "n", "ticket_body": "d"\n}',
        ),
        (
            """{
  "key": "k", // the key
  // above
  "name": "n", // a name, "description"
  /* for the agent */ "description": "d" // its end
}
// last""",
            """{
  "key": "k", // the key
  // above
  "title": "n", // a name, "description"
  "description": "n",
  "ticket_title": "n",
  /* for the agent */ "ticket_body": "d" // its end
}
// last""",
        ),
        (
            '{"key": "k", "description": "d",\n "name": "n" // a name\n}',
            '{"key": "k", "ticket_body": "d",\n "title": "n", // a name\n "description": "n",\n "ticket_title": "n"\n}',
        ),
        (
            '{"key": "k", "name": "n", // a name\n "description": "d"}',
            '{"key": "k", "title": "n", "description": "n", "ticket_title": "n", // a name\n "ticket_body": "d"}',
        ),
        (
            '{"key": "k",\n  "name": "n", /* what to do */ "description": "d"}',
            '{"key": "k",\n  "title": "n",\n  "description": "n",\n  "ticket_title": "n", /* what to do */ "ticket_body": "d"}',
        ),
        (
            '{"key": "k",\n  "name": /* x */ "n" /* y */ , "description": "d"}',
            '{"key": "k",\n  "title": /* x */ "n" /* y */ ,\n  "description": "n",\n  "ticket_title": "n", "ticket_body": "d"}',
        ),
    ],
)
def test_order_blanks_line_endings_and_comments_stay(old: str, new: str) -> None:
    assert migrated(old) == new


@pytest.mark.parametrize("status", ["no_tasks_created", " No_Tasks_Created ", "\\u006eo_tasks_created"])
def test_the_old_status_gets_its_new_name_wherever_it_is_meant(status: str) -> None:
    label = '{"label": "no_tasks_created", "validator": "pattern_match", "where": "task_plan", "pattern": "no_tasks_created"}'
    text = '{"key": "k", "title": "t", "description": "d", "ticket_title": "t", "ticket_body": "no_tasks_created",'
    text += f' "validation": {{"job": [{STATUS}], "tasks": [{label}]}}}}'
    assert migrated(text % status) == text % "no_action"


@pytest.mark.parametrize("status", ["success", "agentic_failure", "hard_failure", "Success", "partial", "no_action"])
def test_other_statuses_stay_as_they_are_written(status: str) -> None:
    text = '{"key": "k", "title": "t", "description": "d", "ticket_title": "t", "ticket_body": "b", "validation": {"job": [%s]}}'
    assert migrate(PATH, (text % (STATUS % status)).encode(), CONTEXT.compiles) is None


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "legacy"])
def test_a_newer_file_is_left_alone(name: str) -> None:
    assert migrate(PATH, SCENARIOS[name].encode(), CONTEXT.compiles) is None


@pytest.mark.parametrize(
    "text",
    [
        LEGACY[:-10],
        LEGACY.replace('"tags"', '"tgas"'),
        LEGACY.replace('"tags"', '"title": "x", "tags"'),
        LEGACY.replace('"key"', '"key": "a", "key"'),
        LEGACY.replace("nginx\\\\s+-t", "a(b"),
        LEGACY.replace('["nginx"],', '["nginx"],,'),
        "[]",
        "",
        "\xff",
    ],
)
def test_a_wrong_file_is_left_alone(text: str) -> None:
    assert migrate(PATH, text.encode("latin-1"), CONTEXT.compiles) is None


def test_migrating_changes_no_trial() -> None:
    old = {"key": "nginx", "name": "Website down", "description": "Please restart nginx."}
    new = json.loads(scenario())
    old |= {field: new[field] for field in ("tags", "hosts", "agents")}
    rules = {"job": [*new["validation"]["job"], json.loads(STATUS % "no_tasks_created")]}
    files = repository() | {PATH: json.dumps(old | {"validation": rules}, indent=2)}
    after = files | {PATH: migrated(str(files[PATH]))}
    assert batches(load(after)) == batches(load(files)) != {}


# ---------------------------------------------------------------- in a directory


def suite(folder: Path) -> dict[str, Path]:
    """Two old files, one wrong one, a newer one, and what is not to be touched."""
    files = {
        "nginx/001-broken-config/scenario.json": LEGACY,
        "old/scenario.json": '{"key": "old", "name": "n", "description": "d"}',
        "wrong/scenario.json": '{"key": "wrong", "name": "n"}',
        "new/scenario.json": SCENARIOS["minimal"],
        "new/data.json": LEGACY,
    }
    paths = {name: folder / "scenarios" / name for name in files}
    for name, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name])
    (folder / "scenarios" / "link").mkdir()
    (folder / "scenarios" / "link" / "scenario.json").symlink_to(paths["old/scenario.json"])
    return paths


def test_the_old_files_of_a_directory_are_rewritten_and_nothing_else(tmp_path: Path) -> None:
    paths = suite(tmp_path)
    paths["old/scenario.json"].chmod(0o640)
    before = {name: (path.read_bytes(), path.stat().st_ino) for name, path in paths.items()}
    changes = migrate_directory(tmp_path)
    assert list(changes) == ["scenarios/nginx/001-broken-config/scenario.json", "scenarios/old/scenario.json"]
    assert changes["scenarios/old/scenario.json"][0] == "name is now title"
    untouched = {name for name, path in paths.items() if (path.read_bytes(), path.stat().st_ino) == before[name]}
    assert untouched == {"wrong/scenario.json", "new/scenario.json", "new/data.json"}
    assert json.loads(paths["old/scenario.json"].read_text())["ticket_body"] == "d"
    assert paths["old/scenario.json"].stat().st_mode & 0o7777 == 0o640
    assert (tmp_path / "scenarios/link/scenario.json").is_symlink()
    assert list(paths["old/scenario.json"].parent.iterdir()) == [paths["old/scenario.json"]]
    assert migrate_directory(tmp_path) == {}


def test_a_directory_without_scenarios_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="there is no folder scenarios in"):
        migrate_directory(tmp_path)


def test_the_directory_of_a_source_is_where_its_files_are_edited(tmp_path: Path) -> None:
    plain = SourceSettings(kind="fs", repository=str(tmp_path))
    assert working_directory(plain) == tmp_path
    (tmp_path / ".git").mkdir()
    assert working_directory(SourceSettings(repository=str(tmp_path))) == tmp_path


@pytest.mark.parametrize(
    "repository", ["https://example.org/definitions.git", "git@example.org:x.git", "/srv/none.git"]
)
def test_a_repository_without_a_working_directory_is_refused(repository: str) -> None:
    with pytest.raises(Invalid, match="is no working directory") as refused:
        working_directory(SourceSettings(repository=repository))
    assert "validate --migrate DIR" in str(refused.value)
