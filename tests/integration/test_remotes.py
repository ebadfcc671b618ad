"""Definitions and results on another machine's git server: real ssh, real https."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import Said
from tests.remote_servers import HttpsServer, SshServer, https_server, new_key, ssh_server
from tests.world import World, definitions, scenario

pytestmark = pytest.mark.real("namespace")

SECRET = "hunter2-and-more"


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, definitions("alpha", playbooks=False))


@pytest.fixture
def https(tmp_path: Path) -> Iterator[HttpsServer]:
    """Of this world's repositories."""
    keys = tmp_path / "keys"
    keys.mkdir()
    with https_server(keys, tmp_path, user="robot", password=SECRET) as server:
        yield server


def measured_from(world: World, url: str, env: dict[str, str]) -> None:
    """A daemon takes definitions from there, polls, and pushes results there."""
    world.configure(source={"repository": url, "poll": "1s"})
    with world.daemon(env=env) as daemon:
        daemon.settle()
        assert world.measured() == ["alpha"]
        world.commit(scenario("beta", playbooks=False), "Add beta")
        daemon.settle()
        assert world.measured() == ["alpha", "beta"]


def refused(world: World, url: str, env: dict[str, str]) -> str:
    """The one line in which ``plan`` and ``status`` say why nothing can be read."""
    world.configure(source={"repository": url})
    plan = world.run("plan", env=env)
    assert plan.code == 3
    [line] = [line for line in plan.out.splitlines() if "cannot be read" in line]
    assert line.removeprefix("! ") in world.run("status", "--json", env=env).json["warnings"]
    return line


def test_definitions_come_and_results_go_over_ssh(world: World, ssh: SshServer) -> None:
    measured_from(world, ssh.url(world.remote), ssh.environment())
    assert {r["source"]["repository"] for r in world.results().values()} == {ssh.url(world.remote)}


def test_an_ssh_server_whose_key_is_not_known_is_refused_in_one_clear_line(world: World, ssh: SshServer) -> None:
    line = refused(world, ssh.url(world.remote), ssh.environment(known_hosts=world.folder / "nobody"))
    assert line.endswith(
        "Host key verification failed. Add the server's key to ~/.ssh/known_hosts of the user that runs this"
    )
    assert not (world.folder / "nobody").exists()


def test_an_ssh_key_that_the_server_does_not_know_is_refused_in_one_clear_line(world: World, ssh: SshServer) -> None:
    line = refused(world, ssh.url(world.remote), ssh.environment(key=new_key(world.folder / "another")))
    assert line.endswith("Permission denied (publickey).")


def test_definitions_come_and_results_go_over_https_with_a_login_from_netrc(world: World, https: HttpsServer) -> None:
    home = world.folder / "home"
    home.mkdir()
    (home / ".netrc").write_text(f"machine 127.0.0.1 login robot password {SECRET}\n")
    env = {"HOME": str(home), "GIT_SSL_CAINFO": str(https.certificate)}
    measured_from(world, https.url(world.remote), env)


def test_a_certificate_that_nobody_vouches_for_is_refused_in_one_clear_line(world: World, https: HttpsServer) -> None:
    assert "certificate" in refused(world, https.url(world.remote), {})


def test_a_server_that_asks_for_a_login_which_nobody_wrote_down_is_told_in_one_clear_line(
    world: World, https: HttpsServer
) -> None:
    env = {"GIT_SSL_CAINFO": str(https.certificate), "HOME": str(world.folder)}
    line = refused(world, https.url(world.remote), env)
    assert line.endswith("write a login for it into ~/.netrc of the user that runs this")


def test_a_login_that_the_server_does_not_take_is_refused_and_no_part_of_it_is_shown(
    world: World, https: HttpsServer
) -> None:
    env = {"GIT_SSL_CAINFO": str(https.certificate)}
    url = https.url(world.remote, user=f"token-{SECRET}")
    line = refused(world, url, env)
    assert f"https://***@127.0.0.1:{https.port}/definitions.git" in line
    nothing_shows(world, env)


def test_a_password_in_the_configuration_is_refused_and_no_part_of_it_is_shown(
    world: World, https: HttpsServer
) -> None:
    env = {"GIT_SSL_CAINFO": str(https.certificate)}
    world.configure(source={"repository": https.url(world.remote, user=f"robot:{SECRET}")})
    said = nothing_shows(world, env)
    assert {s.code for s in said} == {2}
    [line] = said[0].err.splitlines()
    assert line.endswith("a password does not belong here; use an ssh key, or ~/.netrc for https")
    assert f"{world.config}:3:" in line


def nothing_shows(world: World, env: dict[str, str]) -> list[Said]:
    """No command says the secret, nor does a file that it leaves."""
    commands = (["plan"], ["plan", "--json"], ["status"], ["status", "--json"], ["validate"], ["once", "-vv"])
    said = [world.run(*command, env=env) for command in commands]
    assert not [s for s in said if SECRET[:7] in s.out + s.err]
    files = [path for path in world.state.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    return said
