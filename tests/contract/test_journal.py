"""One suite over every journal."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from reconciler.adapters.memory.journal import MemoryJournal
from reconciler.adapters.postgres.journal import PostgresJournal
from reconciler.core.errors import Invalid, Unavailable
from reconciler.ports import Journal
from tests.fake_clock import FakeClock


class PostgresTime:
    """Moves what a database holds into the past, which to that is time passing; the rest of time is the database's."""

    def __init__(self, url: str) -> None:
        self._url = url

    def now(self) -> datetime:
        return datetime.now(UTC)

    def advance(self, by: timedelta) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("update reconciler_lease set until = until - %s", [by])
            connection.execute("update reconciler_attempt set at = at - %s", [by])


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.real("postgres"))])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Journal, FakeClock | PostgresTime]]:
    if request.param == "memory":
        clock = FakeClock()
        yield MemoryJournal(clock=clock), clock
        return
    url = request.getfixturevalue("database")
    made = PostgresJournal(url=url)
    yield made, PostgresTime(url)
    await made.close()


@pytest.fixture
def journal(world: tuple[Journal, FakeClock | PostgresTime]) -> Journal:
    return world[0]


@pytest.fixture
def clock(world: tuple[Journal, FakeClock | PostgresTime]) -> FakeClock | PostgresTime:
    return world[1]


async def test_a_lease_excludes_others_and_is_renewed_by_its_owner(journal: Journal) -> None:
    assert await journal.acquire("t", "one", 60)
    assert not await journal.acquire("t", "two", 60)
    assert await journal.acquire("t", "one", 60)
    assert [(lease.trial, lease.owner) for lease in await journal.leases()] == [("t", "one")]


async def test_an_expired_lease_can_be_taken_and_the_old_owner_notices(
    journal: Journal, clock: FakeClock | PostgresTime
) -> None:
    await journal.acquire("t", "one", 60)
    clock.advance(timedelta(seconds=61))
    assert await journal.leases() == []
    assert await journal.acquire("t", "two", 60)
    assert not await journal.acquire("t", "one", 60)


async def test_releasing_anothers_lease_or_none_is_success_and_changes_nothing(journal: Journal) -> None:
    await journal.release("t", "nobody")
    await journal.acquire("t", "one", 60)
    await journal.release("t", "two")
    assert len(await journal.leases()) == 1
    await journal.release("t", "one")
    assert await journal.leases() == []


async def test_attempts_are_counted_with_their_last_cause_and_forgotten_on_request(
    journal: Journal, clock: FakeClock
) -> None:
    await journal.fail("t", "sandbox", "lost")
    clock.advance(timedelta(seconds=5))
    await journal.fail("t", "playbook", "prepare.yml failed")
    found = (await journal.attempts())["t"]
    assert (found.count, found.cause, found.message) == (2, "playbook", "prepare.yml failed")
    assert abs(found.at - clock.now()) < timedelta(minutes=1)
    await journal.forget(["t", "unknown"])
    assert await journal.attempts() == {}


async def test_attempts_count_for_a_day_after_the_last_of_them(
    journal: Journal, clock: FakeClock | PostgresTime
) -> None:
    await journal.fail("stalled", "sandbox", "lost")
    await journal.fail("other", "sandbox", "lost")
    clock.advance(timedelta(hours=23))
    await journal.fail("stalled", "sandbox", "lost")
    clock.advance(timedelta(hours=23))
    assert {trial: a.count for trial, a in (await journal.attempts()).items()} == {"stalled": 2}
    clock.advance(timedelta(hours=2))
    assert await journal.attempts() == {}
    await journal.fail("stalled", "playbook", "again")
    assert {trial: a.count for trial, a in (await journal.attempts()).items()} == {"stalled": 1}


async def test_attempts_that_count_no_more_are_deleted_when_one_is_counted(database: str) -> None:
    journal, time = PostgresJournal(url=database), PostgresTime(database)
    for trial in "abc":
        await journal.fail(trial, "sandbox", "lost")
    time.advance(timedelta(days=1, seconds=1))
    await journal.fail("c", "sandbox", "lost")
    with psycopg.connect(database) as connection:
        assert connection.execute("select trial, count from reconciler_attempt").fetchall() == [("c", 1)]
    await journal.close()


async def test_an_attempt_is_counted_whatever_its_message_holds(journal: Journal) -> None:
    await journal.fail("t", "playbook", "no\0way \udcff \N{SNOWMAN}")
    found = (await journal.attempts())["t"]
    assert (found.count, found.message) == (1, "no\ufffdway \ufffd \N{SNOWMAN}")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
async def test_what_is_read_back_is_what_was_written_whatever_the_encoding_of_the_database(
    database_in: Callable[[str], str], encoding: str
) -> None:
    journal = PostgresJournal(url=database_in(encoding))
    await journal.acquire("t", "one", 60)
    assert [(lease.trial, lease.owner) for lease in await journal.leases()] == [("t", "one")]
    await journal.fail("t", "sandbox", "lost")
    found = (await journal.attempts())["t"]
    assert (found.count, found.cause, found.message) == (1, "sandbox", "lost")
    await journal.close()


async def test_a_database_whose_text_cannot_be_read_as_unicode_is_refused(database_in: Callable[[str], str]) -> None:
    journal = PostgresJournal(url=database_in("MULE_INTERNAL"))
    with pytest.raises(Unavailable, match=r"conversion between UTF8 and MULE_INTERNAL is not supported$"):
        await journal.leases()


async def test_an_attempt_is_counted_where_the_encoding_of_the_database_cannot_hold_its_message(
    database_in: Callable[[str], str],
) -> None:
    journal = PostgresJournal(url=database_in("LATIN1"))
    await journal.fail("t", "playbook", "kein Gerät")
    assert (await journal.attempts())["t"].message == "kein Gerät"
    await journal.fail("t", "playbook", "no \N{LEFT DOUBLE QUOTATION MARK}way\N{RIGHT DOUBLE QUOTATION MARK} \udcff")
    found = (await journal.attempts())["t"]
    assert (found.count, found.message) == (2, r"no \u201cway\u201d \ufffd")
    await journal.close()


async def test_what_the_database_refuses_for_our_own_fault_is_a_bug_and_waits_for_nothing(database: str) -> None:
    journal = PostgresJournal(url=database)
    with pytest.raises(psycopg.DataError):
        await journal.acquire("no\0trial", "one", 60)
    assert await journal.acquire("trial", "one", 60)
    await journal.close()


async def test_two_daemons_that_ask_at_once_get_one_lease(database: str) -> None:
    one, two = PostgresJournal(url=database), PostgresJournal(url=database)
    for n in range(20):
        got = await asyncio.gather(one.acquire(f"t{n}", "one", 60), two.acquire(f"t{n}", "two", 60))
        assert sorted(got) == [False, True]
    await one.close()
    await two.close()


async def test_a_database_that_does_not_answer_is_unavailable_and_nothing_but_its_place_is_told() -> None:
    journal = PostgresJournal(url="postgresql://user:secret@127.0.0.1:1/none")
    said = r"^the journal's PostgreSQL at 127.0.0.1:1 does not answer: Connection refused$"
    with pytest.raises(Unavailable, match=said):
        await journal.leases()


async def test_what_the_server_says_is_told_without_what_it_quotes(database: str) -> None:
    journal = PostgresJournal(url=database.replace("user=tester", "user=topsecret"))
    with pytest.raises(Unavailable, match=r"does not answer: FATAL:  role … does not exist$") as told:
        await journal.leases()
    assert "topsecret" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgres//rec:topsecret@127.0.0.1/x",
        "postgresql://rec:50%topsecret@127.0.0.1:1/x",
        "postgresql://rec:pa:ss@topsecret@127.0.0.1:1/x",
        "postgresql://rec:topsecret/more@127.0.0.1:1/x",
        "postgresql://rec:12/topsecret@127.0.0.1:1/x",
        "host=127.0.0.1 port=1 password=two topsecret",
        "host=127.0.0.1 port=1 topsecret=1",
        "postgresql://rec:top\udcffsecret@127.0.0.1/x",
    ],
)
def test_a_connection_string_that_cannot_be_read_is_refused_at_once_and_nothing_of_it_is_told(url: str) -> None:
    with pytest.raises(Invalid, match=r"^the journal's connection string cannot be read ") as told:
        PostgresJournal(url=url)
    assert "secret" not in str(told.value)
    assert told.value.__context__ is None
