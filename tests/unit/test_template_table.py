"""The documented table of templates, row by row: which the project ships, and what the name of another one gets."""

from pathlib import Path

import pytest

from reconciler.core.model import Template
from tests.definitions import lint, load, repository, scenario

SHIPPED = "debian-base"
TEMPLATES = {
    "debian-base": (1, 1024),
    "debian-docker": (1, 2048),
    "debian-podman": (1, 2048),
    "debian-k3s": (2, 2048),
    "debian-localstack": (1, 2048),
}
"""Name to virtual processors and memory in MiB; each is a Debian 12 with a disk of 10 GiB."""


def with_template(name: str, text: str) -> dict[str, str]:
    """A repository with this template alone, in which everything is right."""
    hosts = [{"host_name": "web-01", "template": name}]
    files = {path: str(text) for path, text in repository().items() if "/templates/" not in path}
    return files | {
        "scenarios/nginx/scenario.json": scenario(hosts=hosts),
        f"config/templates/{name}/template.yaml": text,
    }


def test_the_project_ships_the_plain_template_alone(project: Path) -> None:
    assert [path.name for path in (project / "config/templates").iterdir()] == [SHIPPED]


def test_the_shipped_template_has_the_documented_size(project: Path) -> None:
    files = with_template(SHIPPED, (project / f"config/templates/{SHIPPED}/template.yaml").read_text())
    made: Template = load(files).template(SHIPPED, "incus")
    assert (made.cpus, made.memory_mib) == TEMPLATES[SHIPPED]
    assert (made.disk_mib, made.image) == (10 * 1024, "debian/12")
    assert made.packages == ()  # what a scenario needs beyond the image, its own prepare.yml installs


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != SHIPPED])
def test_a_template_that_is_not_shipped_is_told_with_its_place_and_what_there_is(name: str) -> None:
    files = with_template(SHIPPED, "image: {incus: debian/12}\n")
    files["scenarios/nginx/scenario.json"] = text = scenario(hosts=[{"host_name": "web-01", "template": name}])
    told = [f for f in lint(files) if f.rule == "unknown-template"]
    assert {(f.path, f.severity) for f in told} == {("scenarios/nginx/scenario.json", "error")}
    assert all(f"there is no template {name!r}" in f.message and SHIPPED in f.hint for f in told)
    assert {text.splitlines()[f.line - 1].count(f'"{name}"') for f in told} == {1}


@pytest.mark.parametrize(("name", "cpus", "memory"), [(name, *size) for name, size in TEMPLATES.items()])
def test_each_can_be_written_with_its_documented_size(name: str, cpus: int, memory: int) -> None:
    text = f"image: {{incus: debian/12}}\ncpus: {cpus}\nmemory: {memory // 1024}GiB\ndisk: 10GiB\n"
    made = load(with_template(name, text)).template(name, "incus")
    assert (made.name, made.cpus, made.memory_mib, made.disk_mib) == (name, cpus, memory, 10 * 1024)
