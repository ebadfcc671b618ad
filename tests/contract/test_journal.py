"""One suite over every journal."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from reconciler.adapters.clock import WallClock
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


class Relay:
    """Between a journal and the real server, as a network that may swallow what is sent, or break."""

    def __init__(self, database: str) -> None:
        self._parsed = conninfo_to_dict(database)
        self._writers: list[asyncio.StreamWriter] = []
        self._pumps: list[asyncio.Task[None]] = []
        self.swallows = self.refuses = False
        self.swallowed = asyncio.Event()
        self.tried = 0

    async def open(self) -> str:
        """The connection string that leads through here."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return make_conninfo(**self._parsed | {"host": "127.0.0.1", "port": port, "sslmode": "disable"})

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tried += 1
        self._writers.append(writer)
        if self.refuses:
            self.cut()
            return
        ahead = await asyncio.open_unix_connection(f"{self._parsed['host']}/.s.PGSQL.5432")
        self._writers.append(ahead[1])
        self._pumps += [asyncio.create_task(self._pump(*ends)) for ends in ((reader, ahead[1]), (ahead[0], writer))]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if self.swallows:
                    self.swallowed.set()
                else:
                    writer.write(data)
        writer.close()

    def cut(self) -> None:
        """Every connection breaks."""
        while self._writers:
            self._writers.pop().transport.abort()

    async def close(self) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._pumps)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.real("postgres"))])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Journal, FakeClock | PostgresTime]]:
    if request.param == "memory":
        clock = FakeClock()
        yield MemoryJournal(clock=clock), clock
        return
    url = request.getfixturevalue("database")
    made = PostgresJournal(url=url, clock=WallClock())
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
    journal, time = PostgresJournal(url=database, clock=WallClock()), PostgresTime(database)
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
    journal = PostgresJournal(url=database_in(encoding), clock=WallClock())
    await journal.acquire("t", "one", 60)
    assert [(lease.trial, lease.owner) for lease in await journal.leases()] == [("t", "one")]
    await journal.fail("t", "sandbox", "lost")
    found = (await journal.attempts())["t"]
    assert (found.count, found.cause, found.message) == (1, "sandbox", "lost")
    await journal.close()


async def test_a_database_whose_text_cannot_be_read_as_unicode_is_refused(database_in: Callable[[str], str]) -> None:
    journal = PostgresJournal(url=database_in("MULE_INTERNAL"), clock=WallClock())
    with pytest.raises(Unavailable, match=r"conversion between UTF8 and MULE_INTERNAL is not supported$"):
        await journal.leases()


async def test_an_attempt_is_counted_where_the_encoding_of_the_database_cannot_hold_its_message(
    database_in: Callable[[str], str],
) -> None:
    journal = PostgresJournal(url=database_in("LATIN1"), clock=WallClock())
    await journal.fail("t", "playbook", "kein Gerät")
    assert (await journal.attempts())["t"].message == "kein Gerät"
    await journal.fail("t", "playbook", "no \N{LEFT DOUBLE QUOTATION MARK}way\N{RIGHT DOUBLE QUOTATION MARK} \udcff")
    found = (await journal.attempts())["t"]
    assert (found.count, found.message) == (2, r"no \u201cway\u201d \ufffd")
    await journal.close()


async def test_what_the_database_refuses_for_our_own_fault_is_a_bug_and_waits_for_nothing(database: str) -> None:
    journal = PostgresJournal(url=database, clock=WallClock())
    with pytest.raises(psycopg.DataError):
        await journal.acquire("no\0trial", "one", 60)
    assert await journal.acquire("trial", "one", 60)
    await journal.close()


async def test_two_daemons_that_ask_at_once_get_one_lease(database: str) -> None:
    one, two = PostgresJournal(url=database, clock=WallClock()), PostgresJournal(url=database, clock=WallClock())
    for n in range(20):
        got = await asyncio.gather(one.acquire(f"t{n}", "one", 60), two.acquire(f"t{n}", "two", 60))
        assert sorted(got) == [False, True]
    await one.close()
    await two.close()


async def test_a_database_that_does_not_answer_is_unavailable_and_nothing_but_its_place_is_told() -> None:
    journal = PostgresJournal(url="postgresql://user:secret@127.0.0.1:1/none", clock=WallClock())
    said = r"^the journal's PostgreSQL at 127.0.0.1:1 does not answer: Connection refused$"
    with pytest.raises(Unavailable, match=said):
        await journal.leases()


@pytest.fixture
async def relay(database: str) -> AsyncIterator[Relay]:
    made = Relay(database)
    yield made
    await made.close()


async def test_once_a_connection_fails_everybody_who_waited_is_told_without_another_try(relay: Relay) -> None:
    clock = FakeClock()
    journal = PostgresJournal(url=await relay.open(), clock=clock)
    assert await journal.acquire("t0", "one", 60)
    relay.swallows = True
    renewals = [asyncio.create_task(journal.acquire(f"t{n}", "one", 60)) for n in range(9)]
    await relay.swallowed.wait()
    relay.refuses = True
    relay.cut()
    told = await asyncio.gather(*renewals, return_exceptions=True)
    assert {type(answer) for answer in told} == {Unavailable}
    assert len({str(answer) for answer in told}) == 1
    tried = relay.tried
    assert tried <= 2
    with pytest.raises(Unavailable, match=f"^{re.escape(str(told[0]))}$"):
        await journal.leases()
    assert relay.tried == tried
    relay.swallows = relay.refuses = False
    clock.advance(timedelta(seconds=5))
    assert await journal.acquire("t1", "one", 60)
    await journal.close()


async def test_nobody_waits_for_a_turn_longer_than_for_the_server(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = PostgresJournal(url=await relay.open(), clock=WallClock())
    assert await journal.acquire("t", "one", 60)
    relay.swallows = True
    monkeypatch.setattr("reconciler.adapters.postgres.journal._TIMEOUT", 0.05)
    stuck = asyncio.create_task(journal.acquire("t", "one", 60))
    await relay.swallowed.wait()
    with pytest.raises(Unavailable, match=r"nothing came for 0.1 s$"):
        await journal.leases()
    assert not stuck.done(), "it is still about to tell the server that nobody waits for the answer"
    relay.refuses = True
    relay.cut()
    with pytest.raises(Unavailable):
        await stuck
    await journal.close()


async def test_a_server_that_was_restarted_meanwhile_is_asked_again_and_nobody_notices(
    relay: Relay, database: str
) -> None:
    journal = PostgresJournal(url=await relay.open(), clock=WallClock())
    assert await journal.acquire("t", "one", 60)
    with psycopg.connect(database, autocommit=True) as connection:
        others = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        connection.execute(f"select pg_terminate_backend(pid, 5000) from ({others}) as others")
    assert [lease.trial for lease in await journal.leases()] == ["t"]
    relay.cut()
    await journal.release("t", "one")
    assert await journal.leases() == []
    assert relay.tried == 3
    await journal.close()


async def test_an_attempt_that_may_have_been_counted_is_not_counted_again(relay: Relay) -> None:
    journal = PostgresJournal(url=await relay.open(), clock=WallClock())
    await journal.attempts()
    relay.swallows = True
    failing = asyncio.create_task(journal.fail("t", "sandbox", "lost"))
    await relay.swallowed.wait()
    relay.cut()
    with pytest.raises(Unavailable):
        await failing
    assert relay.tried == 1
    await journal.close()


async def test_what_the_server_says_is_told_without_what_it_quotes(database: str) -> None:
    journal = PostgresJournal(url=database.replace("user=tester", "user=topsecret"), clock=WallClock())
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
        PostgresJournal(url=url, clock=WallClock())
    assert "secret" not in str(told.value)
    assert told.value.__context__ is None
