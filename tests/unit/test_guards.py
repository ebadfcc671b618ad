"""What a job may never do, decided from snapshots."""

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from reconciler.core.guards import violation
from reconciler.core.model import Agent, Command, Host, Job, Scenario, Task

SCENARIO = Scenario(
    key="web",
    title="",
    description="",
    ticket_title="",
    ticket_body="",
    hosts=(Host(name="web-01", host_id="hst_web01"), Host(name="db-01")),
    agents=(Agent(name="web-agent", agent_id="agt_web", host="web-01"), Agent(name="db-agent", host="db-01")),
)


def guards(agents: Iterable[str] = (), hosts: Iterable[str] = (), forbidden: Iterable[str] = ()) -> Scenario:
    return replace(
        SCENARIO, allowed_agents=tuple(agents), allowed_hosts=tuple(hosts), forbidden_commands=tuple(forbidden)
    )


def task(number: int, *commands: str, agent: str = "web-agent", host: str = "web-01") -> Task:
    return Task(id=f"id-{number}", agent=agent, host=host, commands=tuple(Command(text=c) for c in commands))


def running(*tasks: Task) -> Job:
    return Job(id="j", tasks=tasks)


def ended(*tasks: Task) -> Job:
    return Job(id="j", tasks=tasks, status="success")


class Searches:
    """Python's patterns, and a note of every text that was searched."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, pattern: str, text: str) -> tuple[int, int] | None:
        self.texts.append(text)
        if pattern == "slow":
            raise TimeoutError
        found = re.search(pattern, text, re.IGNORECASE)
        return found.span() if found else None


def told(scenario: Scenario, job: Job) -> str | None:
    found = violation(scenario, job, Searches())
    return found.message if found else None


@pytest.mark.parametrize(
    ("allowed", "told_as", "message"),
    [
        (["agt_web"], "web-agent", None),
        (["agt_web"], "agt_web", None),
        (["web-agent"], "web-agent", "agent `agt_web` is not allowed (task 1)"),  # who has an id is known by it
        (["db-agent"], "db-agent", None),
        (["agt_web"], "db-agent", "agent `db-agent` is not allowed (task 1)"),
        (["agt_web"], "agt_other", "agent `agt_other` is not allowed (task 1)"),
        (["agt_web"], "AGT_WEB", "agent `AGT_WEB` is not allowed (task 1)"),
        (["agt_web"], "", None),  # nobody has been given the task yet
        ([], "agt_other", None),
    ],
)
def test_an_agent_is_known_by_its_id_and_by_its_name_where_it_has_none(
    allowed: list[str], told_as: str, message: str | None
) -> None:
    assert told(guards(agents=allowed), running(task(1, agent=told_as))) == message


@pytest.mark.parametrize(
    ("allowed", "told_as", "message"),
    [
        (["hst_web01"], "web-01", None),
        (["hst_web01"], "hst_web01", None),
        (["web-01"], "web-01", "host `hst_web01` is not allowed (task 1)"),
        (["db-01"], "db-01", None),
        (["hst_web01"], "db-01", "host `db-01` is not allowed (task 1)"),
        (["hst_web01"], "", None),
        ([], "elsewhere", None),
    ],
)
def test_a_host_is_known_by_its_id_and_by_its_name_where_it_has_none(
    allowed: list[str], told_as: str, message: str | None
) -> None:
    assert told(guards(hosts=allowed), running(task(1, host=told_as))) == message


def test_two_agents_of_one_name_must_both_be_allowed() -> None:
    agents = (Agent(name="a", agent_id="agt_1", host="h"), Agent(name="a", agent_id="agt_2", host="h"))
    assert (
        told(replace(SCENARIO, agents=agents, allowed_agents=("agt_1",)), running(task(1, agent="a")))
        == "agent `agt_2` is not allowed (task 1)"
    )


def test_a_forbidden_command_is_named_with_its_task_line_and_text() -> None:
    job = running(task(1, "id"), task(2, "cd /srv", "ls\n  RM -rf / # all\ntrue"))
    found = violation(guards(forbidden=["mkfs", r"rm\s+-rf"]), job, Searches())
    assert found is not None
    assert (found.guard, found.value, found.task, found.line) == ("forbiddenCommands", r"rm\s+-rf", "id-2", 3)
    assert (found.text, found.seen, found.inconclusive) == ("  RM -rf / # all", "reported", False)
    assert found.message == "forbidden command `  RM -rf / # all` (task 2, line 3)"


def test_each_command_is_searched_by_itself() -> None:
    assert (
        told(guards(forbidden=["^rm"]), running(task(1, "true", "rm x"))) == "forbidden command `rm x` (task 1, line 2)"
    )
    assert told(guards(forbidden=[r"a[\s\S]*b"]), running(task(1, "a", "b"))) is None


def test_a_pattern_that_runs_out_of_time_counts_as_found() -> None:
    found = violation(guards(forbidden=["slow"]), running(task(1, "aaaa")), Searches())
    assert found is not None
    assert found.inconclusive
    assert found.message == "forbidden pattern `slow` ran out of time on `aaaa` (task 1, line 1)"


def test_a_message_is_short_and_moves_no_cursor() -> None:
    message = told(guards(forbidden=["x"]), running(task(1, "x\x1b[2J\r" + "y" * 1000)))
    assert message is not None
    assert message.isprintable()
    assert len(message) < 130


def test_while_a_job_runs_only_what_came_after_the_earlier_snapshot_is_searched() -> None:
    searches, scenario = Searches(), guards(forbidden=["bad"])
    before = running(task(1, "one", "two"))
    assert violation(scenario, running(task(1, "one", "two", "three"), task(2, "four")), searches, since=before) is None
    assert searches.texts == ["three", "four"]


def test_a_command_that_an_engine_puts_in_between_is_found_all_the_same() -> None:
    before = running(task(1, "one", "two"))
    assert violation(guards(forbidden=["bad"]), running(task(1, "bad", "one", "two")), Searches(), since=before)


def test_a_job_that_has_ended_is_searched_whole() -> None:
    before = running(task(1, "one", "two", "three"))
    rewritten = (task(1, "bad", "two", "three"), task(2))
    assert violation(guards(forbidden=["bad"]), running(*rewritten), Searches(), since=before) is None
    assert violation(guards(forbidden=["bad"]), ended(*rewritten), Searches(), since=before)


def test_ten_thousand_commands_are_searched_once_each() -> None:
    searches, scenario = Searches(), guards(forbidden=["bad"])
    commands = [f"echo {n}" for n in range(10_000)]
    before = None
    for count in range(0, 10_001, 10):
        job = running(task(1, *commands[:count]))
        assert violation(scenario, job, searches, since=before) is None
        before = job
    assert searches.texts == commands
