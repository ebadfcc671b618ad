"""What the daemon works with, and the answers above all, is not there in a namespace sandbox, wherever it lies on this machine."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.adapters.namespace.platform import NamespacePlatform
from reconciler.app.adapters import adapters_of
from reconciler.app.settings import Settings
from tests.git_world import bare, commit, git, work_tree
from tests.namespace_box import namespace_box, said
from tests.world import World, definitions, specialty

pytestmark = pytest.mark.real("namespace")

FILES = {"scenarios/alpha/solution.yml": b"the answer\n"}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of the host that is not hidden inside."""
    with tempfile.TemporaryDirectory(dir="/var/cache") as folder:
        yield Path(folder)


async def left_inside(settings: Settings, place: Path) -> str:
    """The files below ``place`` that a sandbox under these settings sees."""
    adapters = adapters_of(settings, "by-hand")
    try:
        platform = adapters.platforms["namespace"]
        assert isinstance(platform, NamespacePlatform)
        async with namespace_box(platform) as box:
            return await said(box, f"find {place} -type f")
    finally:
        await adapters.close()


def settings(repository: str, state: Path, kind: str = "git", **more: object) -> Settings:
    return Settings.model_validate({"source": {"repository": repository, "kind": kind}, "state": str(state), **more})


# ---------------------------------------------------------------- the definitions


def with_work_tree(place: Path) -> Path:
    made = work_tree(place / "definitions")
    commit(made, FILES)
    return made


def linked(place: Path) -> Path:
    """A second work tree of a repository: what is in `.git` there is the name of a folder."""
    main, other = with_work_tree(place), place / "elsewhere"
    git(main, "worktree", "add", "--quiet", "--detach", str(other))
    assert (other / ".git").is_file()
    return other


def without_work_tree(place: Path) -> Path:
    made = bare(place / "definitions.git")
    git(with_work_tree(place), "push", "--quiet", str(made), "HEAD:main")
    shutil.rmtree(place / "definitions")
    return made


def bundled(place: Path) -> Path:
    made = place / "definitions.bundle"
    git(with_work_tree(place), "bundle", "create", "--quiet", str(made), "--all")
    shutil.rmtree(place / "definitions")
    return made


def borrowing(place: Path) -> Path:
    """A clone of a clone, and each has its objects from where it was cloned."""
    for new, old in (("mirror.git", str(with_work_tree(place))), ("definitions.git", "mirror.git")):
        git(place, "clone", "--quiet", "--bare", "--shared", old, new)
    return place / "definitions.git"


REPOSITORIES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "path": (with_work_tree, "{}"),
    "file URL": (with_work_tree, "file://{}"),
    "its .git": (with_work_tree, "{}/.git"),
    "a file URL of its .git": (with_work_tree, "file://{}/.git"),
    "linked work tree": (linked, "{}"),
    "the .git of a linked work tree": (linked, "file://{}/.git"),
    "bundle": (bundled, "{}"),
    "borrowed objects": (borrowing, "{}"),
}


@pytest.mark.parametrize("kind", REPOSITORIES)
async def test_the_definitions_are_hidden_however_their_repository_is_named(place: Path, kind: str) -> None:
    make, form = REPOSITORIES[kind]
    made = make(place)
    (place / "other").write_text("whole")
    assert await left_inside(settings(form.format(made), place / "state"), place) == f"{place}/other"


async def test_a_repository_that_is_named_without_its_ending_is_hidden(place: Path) -> None:
    made = without_work_tree(place)
    assert await left_inside(settings(str(made.with_suffix("")), place / "state"), place) == ""


async def test_a_plain_directory_of_definitions_is_hidden(place: Path) -> None:
    plain = place / "definitions"
    plain.mkdir()
    (plain / "answer").write_text("the answer")
    assert await left_inside(settings(str(plain), place / "state", kind="fs"), place) == ""


async def test_the_repository_of_the_results_is_hidden_too(place: Path) -> None:
    made = without_work_tree(place)
    results = {"repository": f"file://{made}"}
    both = settings("https://example.org/definitions.git", place / "state", results=results)
    assert await left_inside(both, place) == ""


# ---------------------------------------------------------------- files


async def test_a_file_that_is_to_be_hidden_is_not_there(place: Path) -> None:
    (place / "secret").write_text("secret")
    (place / "link").symlink_to(place / "secret")
    hiding = settings("https://example.org/definitions.git", place / "state").hiding(place / "link")
    assert await left_inside(hiding, place) == ""
    assert (place / "secret").read_text() == "secret"


def test_an_agent_cannot_read_the_env_file_of_trials_by_hand(place: Path, tmp_path: Path) -> None:
    secrets = place / "secrets.env"
    secrets.write_text("DATABASE_URL=postgres://hunter2\n")
    files = definitions("alpha", playbooks=False)
    files["config/specialties/mender.mdx"] = specialty(f"test ! -e {secrets} && echo mended >/etc/state")
    done = World(tmp_path, files).run(
        "start",
        "-s",
        "alpha",
        "--specialty",
        "mender",
        "--main-engine",
        "runbook",
        "--env-file",
        str(secrets),
        "--fail-on-error",
    )
    assert done.code == 0, done.out + done.err
