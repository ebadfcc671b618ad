"""The table of ``status``."""

import io
from dataclasses import replace

from rich.console import Console

from reconciler.cli.tables import print_rows
from reconciler.core.dashboard import Row, row
from tests.builders import batch

ROW = row(batch(), [], None, proven=True)


def shown(*rows: Row, width: int = 200) -> str:
    """The table of these series, without its spaces."""
    console = Console(file=io.StringIO(), width=width)
    print_rows(console, rows)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_a_series_that_blocks_says_so() -> None:
    assert "yes: blocks" in shown(replace(ROW, fails=True))
    assert "proven yes: blocks" in shown(replace(ROW, fails=True), width=40)
    assert "blocks" not in shown(ROW)
    assert "no: gates nothing" in shown(replace(ROW, fails=True, proven=False))


def test_no_series_is_no_table() -> None:
    assert shown() == ""
