"""Whatever an old scenario file says, and however it is laid out, its migrated form says the same."""

import json
import re
from collections.abc import Mapping

from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.definitions.files.migration import migrate
from reconciler.definitions.files.rules import Judge
from reconciler.definitions.files.scenario_file import parse_scenario
from tests.reference import LEGACY

PATH = "scenarios/x/scenario.json"
COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*.*?\*/', re.DOTALL)

names = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12) | st.sampled_from(
    ["name", "description", "no_tasks_created", '"', "\\", "//", "/* x */", "{{schedule_time}}"]
)
statuses = st.sampled_from(["success", "no_tasks_created", "No_Tasks_Created ", "partial", "no_action"])
rules = st.fixed_dictionaries(
    {"label": names, "validator": st.just("job_resolution_status"), "pattern": statuses},
    optional={"negate": st.booleans(), "required": st.booleans()},
)
documents = st.fixed_dictionaries(
    {"key": names, "name": names, "description": st.text(st.characters(exclude_categories=["Cs"]), min_size=1)},
    optional={
        "tags": st.lists(names, max_size=3),
        "hosts": st.just([{"host_id": "hst_1"}]),
        "agents": st.just([{"agent_id": "name", "host_id": "hst_1"}]),
        "validation": st.fixed_dictionaries({"job": st.lists(rules, max_size=3)}, optional={"tasks": st.just([])}),
    },
)


@st.composite
def layouts(draw: st.DrawFn) -> str:
    """An old file with its fields in any order, and any blanks and comments between its tokens."""
    fields: Mapping[str, object] = draw(documents)
    ending = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    comments = [f'// it\'s "x"{ending}', "/* , { */", f"/** {ending}*/", "//" + ending]
    blanks = st.lists(st.sampled_from([" ", "\t", ending, *comments]), max_size=3).map("".join)
    usual = draw(st.sampled_from(["", " ", ending + "  "]))
    gap = blanks if draw(st.booleans()) else st.just(usual)
    ascii_only = draw(st.booleans())
    members = [
        "".join(
            (
                draw(gap),
                json.dumps(name),
                draw(gap),
                ":",
                draw(gap),
                json.dumps(fields[name], ensure_ascii=ascii_only),
                draw(gap),
            )
        )
        for name in draw(st.permutations(sorted(fields)))
    ]
    return f"{draw(gap)}{{{','.join(members)}}}{draw(gap)}"


def comments_of(text: str) -> list[str]:
    return [found for found in COMMENT.findall(text) if found[0] == "/"]


@given(layouts(), st.booleans())
@example(LEGACY, False)
@example(LEGACY, True)
def test_a_migrated_file_is_the_same_scenario_with_the_same_comments(text: str, marked: bool) -> None:
    data = text.encode("utf-8-sig" if marked else "utf-8")
    before = parse_scenario(PATH, data, Judge(lambda _: None))
    assert before.value is not None
    migrated = migrate(PATH, data, lambda _: None)
    assert migrated is not None
    after = parse_scenario(PATH, migrated.data, Judge(lambda _: None))
    assert after.value == before.value
    assert migrate(PATH, migrated.data, lambda _: None) is None
    assert comments_of(migrated.data.decode()) == comments_of(text)
    assert b"\r" not in migrated.data or b"\r" in data
    assert b"\n" not in migrated.data or b"\n" in data


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_what_is_no_scenario_is_left_alone(text: str) -> None:
    assert migrate(PATH, text.encode("utf-8", "surrogatepass"), lambda _: None) is None
