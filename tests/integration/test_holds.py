"""What cannot run now waits with its reason, costs nothing, and runs when it can; the rest does not wait for it."""

from pathlib import Path

import pytest

from tests.world import World, benchmark, definitions, scenario

pytestmark = pytest.mark.real("namespace")

ON_INCUS = "config/benchmarks/on-incus.yaml"
INCUS = Path("/var/lib/incus/unix.socket")


def both_modes(folder: Path, **sections: object) -> World:
    """``here`` is wanted in mode namespace and ``there`` in mode incus, whose socket is a path in ``folder``."""
    files = {
        **definitions("here", playbooks=False),
        **scenario("there", playbooks=False, hosts=[{"host_name": "app-01", "template": "debian-base"}]),
        "config/templates/debian-base/template.yaml": "image: {incus: debian/12}\ncpus: 1\nmemory: 1GiB\ndisk: 10GiB\n",
        "config/benchmarks/all.yaml": benchmark("here"),
        ON_INCUS: benchmark("there", name="on-incus", mode="incus"),
    }
    return World(folder, files, modes={"incus": {"socket": str(folder / "incus.socket")}}, **sections)


def test_a_mode_whose_server_does_not_answer_holds_its_trials_burns_no_attempt_and_delays_no_other(
    tmp_path: Path,
) -> None:
    world = both_modes(tmp_path)
    once = world.run("once")
    assert once.code == 3
    assert world.measured() == ["here"]
    plan = world.plan()
    [held] = plan["held"]
    assert held["scenario"] == "there"
    assert str(tmp_path / "incus.socket") in held["reason"]
    assert (plan["due"], plan["stalled"]) == ([], [])
    assert f"left: {held['reason']}\n" in once.out
    with world.daemon() as daemon:
        note = daemon.settle()
    assert [(h["scenario"], h["reason"]) for h in note["held"]] == [("there", held["reason"])]
    assert note["stalled"] == []


@pytest.mark.real("incus")
def test_what_was_held_runs_as_soon_as_the_mode_answers(tmp_path: Path) -> None:
    world = both_modes(tmp_path, source={"repository": str(tmp_path / "definitions.git"), "poll": "1s"})
    with world.daemon() as daemon:
        daemon.settle()
        assert world.measured() == ["here"]
        (tmp_path / "incus.socket").symlink_to(INCUS)
        trial = daemon.wait_for("trial recorded", scenario="there", passed=True)["trial"]
        assert daemon.settle()["held"] == []
    assert world.measured() == ["here", "there"]
    [there] = [r for r in world.results().values() if r["mode"] == "incus"]
    assert there["sandbox"]["template"] == "debian-base"
    boxes = world.run("sandbox", "list", "--json").json["sandboxes"]
    assert [box for box in boxes if box["trial"] == trial] == []


def test_quiet_hours_hold_everything_until_they_end(tmp_path: Path) -> None:
    world = World(tmp_path, definitions("alpha", playbooks=False), quiet_hours=["00:00-00:00 UTC"])
    once = world.run("once")
    assert once.code == 3
    assert "left: quiet hours" in once.out
    assert world.results() == {}
    [held] = world.plan()["held"]
    assert held["reason"] == "quiet hours"
    assert held["until"].endswith("T00:00:00+00:00")
    world.configure()
    assert world.run("once").code == 0
    assert world.measured() == ["alpha"]
