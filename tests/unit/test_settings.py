from pathlib import Path

import pytest

from reconciler.app.settings import load
from reconciler.core.errors import Invalid


def refused(folder: Path, text: str) -> str:
    path = folder / "reconciler.yaml"
    path.write_text(text)
    with pytest.raises(Invalid) as error:
        load(path)
    return str(error.value)


def test_results_do_not_go_to_the_branch_of_the_definitions(tmp_path: Path) -> None:
    told = refused(tmp_path, "source: {repository: /srv/x.git}\nresults:\n  branch: main\n")
    assert ":3: results.branch cannot be main, the branch of the definitions" in told
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text("source: {repository: /srv/x.git}\nresults: {branch: main, repository: /srv/y.git}\n")
    assert load(elsewhere).results.branch == "main"


@pytest.mark.parametrize(("section", "name"), [("source", "poll"), ("limits", "trial")])
def test_a_time_that_nothing_can_be_done_in_is_refused(tmp_path: Path, section: str, name: str) -> None:
    fields = {"source": "repository: /srv/x.git, ", "limits": ""}[section]
    source = "" if section == "source" else "source: {repository: /srv/x.git}\n"
    assert f"{section}.{name}" in refused(tmp_path, f"{source}{section}: {{{fields}{name}: 0s}}\n")
