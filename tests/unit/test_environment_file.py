"""``--env-file``: what its lines mean, and that a wrong one is told by its number, without what it holds."""

from pathlib import Path

import pytest

from reconciler.app.environment import MOST, load_environment, parse_environment
from reconciler.core.errors import Invalid

URL = "postgresql://u:p%40ss@db:5432/x?sslmode=require#frag"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (f"KEY={URL}", URL),
        (f"export KEY={URL}", URL),
        (f'  export\tKEY="{URL}"  # the journal', URL),
        (f"KEY = '{URL}'", URL),
        ("KEY=", ""),
        ("KEY= # nothing", ""),
        ("KEY=#1", "#1"),
        ("KEY=a b # why", "a b"),
        ("KEY=a#b", "a#b"),
        ("KEY=a'b", "a'b"),
        ("KEY='a # b'", "a # b"),
        (r'KEY="a \"b\" \\ \$c \n"', r'a "b" \ $c \n'),
        (r"KEY='a \"b\" $c'", r"a \"b\" $c"),
        ("KEY=${OTHER}", "${OTHER}"),
        ("KEY=x=y", "x=y"),
        ("KEY=clé", "clé"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_line_sets_a_variable(line: str, value: str, end: str) -> None:
    assert parse_environment(f"# first\n\n{line}{end}", "e") == {"KEY": value}


def test_the_last_line_of_a_variable_counts() -> None:
    assert parse_environment("A=1\nB=2\nA=3\n", "e") == {"A": "3", "B": "2"}


@pytest.mark.parametrize(
    "line",
    ["hunter2", "=hunter2", "1KEY=hunter2", "KEY-2=hunter2", "K Y=hunter2", 'KEY="hunter2', "KEY='hunter2", "KÉY=hunter2",
     "KEY='a'hunter2", "export hunter2", "KEY=\0hunter2"],
)  # fmt: skip
def test_a_wrong_line_is_told_by_its_number_and_nothing_else(line: str) -> None:
    with pytest.raises(Invalid) as told:
        parse_environment(f"OK=1\n\n{line}\n", "some.env")
    assert str(told.value) == "some.env:3: this line sets no variable (write KEY=VALUE, KEY='VALUE' or a # comment)"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "No such file or directory"),
        (b"KEY=hunter2\xff\n", "is not UTF-8"),
        (b"#" * (MOST + 1), f"longer than {MOST} bytes"),
    ],
    ids=["missing", "bytes", "long"],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, data: bytes | None, problem: str) -> None:
    path = tmp_path / "some.env"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(Invalid) as told:
        load_environment(path)
    assert str(told.value).startswith(f"{path}: --env-file ")
    assert problem in str(told.value)
    assert "hunter2" not in str(told.value)
    assert "\n" not in str(told.value)
