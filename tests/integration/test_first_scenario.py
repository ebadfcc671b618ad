"""A newcomer writes down what docs/format.md shows, and nothing else: it is right, it proves itself, and it is mended."""

import re
from pathlib import Path

import pytest

from tests.world import Files, World

pytestmark = pytest.mark.real("namespace")


def shown_files(document: str) -> Files:
    """The files of the document's first section: a path in a paragraph, and the block behind it."""
    section = document.partition("## A scenario of one's own\n")[2].partition("\n## 1. ")[0]
    blocks = re.split(r"^(`{3,})\w+\n(.*?)^\1\n", section, flags=re.DOTALL | re.MULTILINE)
    files: dict[str, str | None] = {}
    for before, text in zip(blocks[::3], blocks[2::3], strict=False):
        paragraph = before.strip().rpartition("\n\n")[2]
        if path := re.search(r"`((?:scenarios|config)/[^`]+)`", paragraph):
            files[path[1]] = text
    return files


def test_the_scenario_of_the_documentation_is_right_proves_itself_and_is_mended(project: Path, tmp_path: Path) -> None:
    files = shown_files((project / "docs/format.md").read_text())
    assert len(files) == 9
    world = World(tmp_path, files)
    assert world.run("validate", "--json").json == {"findings": []}
    [proof] = world.run("check", "shop", "--json").json["scenarios"]
    assert proof["proven"], proof
    assert world.run("once").code == 0
    [series] = world.status()["series"]
    assert (series["verdict"], series["passed"], series["measured"], series["compliance"]) == ("pass", 3, 3, 100.0)
