"""Ways to break a file: one value of it, or its bytes."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.valid import HUGE, VALUES, written

Path = tuple[str | int, ...]

VALUES_TO_PUT: tuple[object, ...] = (
    *(None, True, 0, -1, 1.5, 10**30, HUGE, float("nan"), float("inf"), -0.0),
    *("", " ", "\n", "\x00", "\x1b[2J", "\u2028", "\ud800", "é😀", "x" * 300, "x" * 5_000_000, "null", "2026-13-45", "1:30", "0x"),
    *([], {}, [[]], [{}], {"": ""}, {"a": {"a": {}}}, [None], ["x"] * 10_000, {str(n): n for n in range(10_000)}),
    *("../../../../etc/passwd", "/etc/passwd", ".", "..", "a/../b", "a//b", "~root/x", "C:\\x", "{{ x }}", "${HOME}", "%s%n"),
    *("$a", "[]", "(", "\\", "a{2,1}", "(?<=a", "(" * 500, "(a*)*b", "[" * 5000, "\\u{110000}", "(?:" * 400 + ")" * 400, "a{99999999}"),
)  # fmt: skip
NAMES_TO_PUT = (
    "",
    " ",
    "\x00",
    "\ud800",
    "__proto__",
    "__class__",
    "key",
    "name",
    "x" * 10_000,
    "$schema",
    "<<",
    "model_fields",
)
TEXTS_TO_PUT = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\t", b"\x85", b"\xe2\x80\xa8", b"\x1a", b"\x7f"),
    *(b"[" * 900_000, b"{" * 100_000, b'{"a":' * 50_000, b"- " * 50_000, b"? " * 50_000, b"&a [*a]", b"*a", b"!!python/object:os.system x"),
    *(b"!!binary x", b"!!timestamp x", b"!!int x", b"!!float x", b"!!set [a]", b"!!omap {a: b}", b"!!null x", b"!!bool x", b"!x y", b"%YAML 9.9\n---\n"),
    *(b"\n---\n", b"\n...\n", b"<<: *a\n", b"<<: [x]\n", b"? [a]\n: b\n", b"? {a: b}\n: c\n", b"'", b'"', b"\\u", b"\\ud800", b"//", b",", b":", b"#"),
    *(b"1" * 5000, b"1e99999", b"-", b".", b"NaN", b"Infinity", b"-Infinity", b".nan", b".inf", b"0o8", b"0b2", b"1_", b"60:60:60", b"2026-99-99"),
    b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c]\n" % (c + 1, c + 1, *(c,) * 6) for c in range(97, 110)),
)  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, bytes]:
    """A path, and what is wrong with the valid file that was there."""
    name = draw(st.sampled_from(sorted(VALUES)))
    path = name.partition(" ")[0]
    how = draw(st.sampled_from(("value", "value", "name", "double", "text", "text", "cut", "bytes", "whole")))
    if how == "bytes":
        return path, draw(st.binary(max_size=200))
    if how in ("value", "name"):
        try:
            return path, written(path, draw(_broken_value(VALUES[name], rename=how == "name")))
        except (UnicodeError, ValueError):  # what YAML cannot write down
            return path, b"\xed\xa0\x80"
    data = written(path, VALUES[name])
    return path, draw(_broken_text(path, data, how))


def broken_texts(path: str, data: bytes) -> st.SearchStrategy[bytes]:
    """What a file's bytes look like with one thing in them broken."""
    return st.sampled_from(("text", "cut", "double", "whole")).flatmap(lambda how: _broken_text(path, data, how))


def broken_values(value: object) -> st.SearchStrategy[object]:
    """What a value looks like with one thing in it broken."""
    return _broken_value(value, rename=False) | _broken_value(value, rename=True)


@st.composite
def _broken_value(draw: st.DrawFn, value: object, *, rename: bool) -> object:
    whole = copy.deepcopy(value)
    at = draw(st.sampled_from(list(_paths(whole))))
    new = draw(st.sampled_from(NAMES_TO_PUT if rename else VALUES_TO_PUT) | st.text(max_size=20))
    if not at:
        return new
    holder: Any = whole
    for step in at[:-1]:
        holder = holder[step]
    if rename and isinstance(holder, dict):
        holder[new] = holder.pop(at[-1])
    elif draw(st.sampled_from((True, True, False))):
        holder[at[-1]] = new
    elif isinstance(holder, list):
        holder.extend(holder * draw(st.sampled_from((1, 10_000))))
    else:
        del holder[at[-1]]
    return whole


def _paths(value: object, path: Path = ()) -> Iterator[Path]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _paths(item, (*path, key))


@st.composite
def _broken_text(draw: st.DrawFn, path: str, data: bytes, how: str) -> bytes:
    at = draw(st.integers(0, len(data)))
    if how == "cut":
        return data[:at] + data[draw(st.integers(at, len(data))) :]
    if how == "double":
        lines = data.splitlines(keepends=True)
        line = draw(st.integers(0, len(lines) - 1))
        return b"".join([*lines[: line + 1], *lines[line:]])
    new = draw(st.sampled_from(TEXTS_TO_PUT) | st.binary(min_size=1, max_size=5))
    if how == "text":
        return data[:at] + new + data[at:]
    return draw(
        st.sampled_from(
            (
                data.replace(b"\n", b"\r\n"),
                data.replace(b"\n", b"\r"),
                data.decode().encode("utf-16"),
                data * 2,
                new,
                b"",
            )
        )
    )
