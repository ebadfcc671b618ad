"""The journal that several daemons share. Lease time is the database's, so that clocks need not agree."""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC
from importlib.resources import files
from typing import Any, LiteralString, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from reconciler.adapters.plain import plain
from reconciler.core.errors import Invalid, Unavailable
from reconciler.ports import ATTEMPTS_LAST, Attempts, Clock, Lease

_NAMED = re.compile(r"^-- (\w+) --$", re.MULTILINE)
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    TimeoutError,
    psycopg.errors.ReadOnlySqlTransaction,  # a standby, while another server takes over
    psycopg.errors.InsufficientPrivilege,
)
"""What is the server's, and passes; what else it answers is a bug here, and no trial is put off for it without end."""
_TIMEOUT = 10
"""Seconds for connecting and for each statement."""
_AWAY_SECONDS = 5.0
"""So long a server that did not answer one is taken for away by all: asked one after another, each would wait as long."""


def statements() -> Mapping[str, LiteralString]:
    """The named statements of ``journal.sql``."""
    parts = _NAMED.split(files(__package__).joinpath("journal.sql").read_text(encoding="utf-8"))
    return {name: cast("LiteralString", text.strip()) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


class PostgresJournal:
    """Port ``Journal`` over one connection, made again when it was lost. Every call may raise ``Unavailable``."""

    shared = True

    def __init__(self, *, url: str, clock: Clock) -> None:
        """``url`` is a libpq connection string; nothing of it but host and port is told. Raises ``Invalid``."""
        self._url, self._parsed = url, _parsed(url)
        self._statements = statements()
        self._connection: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._clock = clock
        self._away, self._away_until = "", float("-inf")

    async def acquire(self, trial: str, owner: str, seconds: float) -> bool:
        """Take or renew a lease."""
        return bool(await self._rows("acquire", trial=trial, owner=owner, seconds=seconds))

    async def release(self, trial: str, owner: str) -> None:
        """Give one's own lease back."""
        await self._rows("release", trial=trial, owner=owner)

    async def leases(self) -> Sequence[Lease]:
        """Those alive."""
        return [Lease(trial=t, owner=o, until=u.astimezone(UTC)) for t, o, u in await self._rows("leases")]

    async def fail(self, trial: str, cause: str, message: str) -> None:
        """Count an attempt."""
        counted = {"trial": trial, "cause": cause, "lasts": ATTEMPTS_LAST}
        try:
            await self._rows("fail", **counted, message=plain(message))
        except psycopg.errors.UntranslatableCharacter:  # the database's encoding cannot hold what a program said
            escaped = plain(message).encode("ascii", "backslashreplace").decode("ascii")
            await self._rows("fail", **counted, message=escaped)

    async def attempts(self) -> Mapping[str, Attempts]:
        """A snapshot."""
        rows = await self._rows("attempts", lasts=ATTEMPTS_LAST)
        return {t: Attempts(count=n, cause=c, message=m, at=at.astimezone(UTC)) for t, n, c, m, at in rows}

    async def forget(self, trials: Collection[str]) -> None:
        """Drop attempts."""
        await self._rows("forget", trials=list(trials))

    async def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        asked = False
        try:
            async with asyncio.timeout(2 * _TIMEOUT), self._turn:
                self._raise_while_away()
                asked = True
                return await self._answer(name, values)
        except _AWAY as error:
            away = f"the journal's PostgreSQL{_place(self._parsed)} does not answer: {_why(error, self._parsed)}"
            if asked:  # else the connection is in use: whoever uses it finds out
                self._away, self._away_until = away, self._clock.monotonic() + _AWAY_SECONDS
                await self.close()
            raise Unavailable(away) from None

    def _raise_while_away(self) -> None:
        if self._clock.monotonic() < self._away_until:
            raise Unavailable(self._away)

    async def _answer(self, name: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Ask; once more where the connection turns out to be dead, as after a restart of the server."""
        try:
            return await self._asked(name, values)
        except psycopg.OperationalError:
            dead = self._connection is not None and self._connection.broken
            if not dead or name == "fail":  # done before the connection died, it would count twice
                raise
            return await self._asked(name, values)

    async def _asked(self, name: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        cursor = await (await self._connected()).execute(self._statements[name], values)
        return await cursor.fetchall() if cursor.description else []

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None or self._connection.closed:
            await self.close()
            self._connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                connect_timeout=_TIMEOUT,
                options=f"-c statement_timeout={_TIMEOUT}s",
                client_encoding="utf8",  # else text from a database in SQL_ASCII comes as bytes
            )
            await self._connection.execute(self._statements["schema"])
        return self._connection


def _parsed(url: str) -> Mapping[str, str]:
    """The parts of a connection string. Raises ``Invalid``, which quotes nothing: what is wrong may be the password."""
    try:
        parsed = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except (psycopg.Error, UnicodeError):
        parsed = {"port": "unreadable"}
    misread = "://" in url and any("@" in parsed.get(name, "") for name in ("host", "dbname"))
    if misread or not all(port.isdecimal() or not port for port in parsed.get("port", "").split(",")):
        hint = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, where a password has %40 for @, %2F for / and %25 for %"
        raise Invalid("the journal's connection string cannot be read", hint=hint)
    return parsed


def _place(parsed: Mapping[str, str]) -> str:
    """Where the server is, as far as the connection string says."""
    host = parsed.get("host") or parsed.get("hostaddr", "")
    return " at " + ":".join(filter(None, [host, parsed.get("port")])) if host else ""


def _why(error: BaseException, parsed: Mapping[str, str]) -> str:
    """Libpq's words without what they quote: that may come from the connection string."""
    if isinstance(error, TimeoutError):
        return f"nothing came for {2 * _TIMEOUT} s"
    said = str(error).rpartition("failed: ")[2].strip() or type(error).__name__
    said = _QUOTED.sub("…", said.splitlines()[0])
    for value in sorted((v for name, v in parsed.items() if name not in ("host", "port")), key=len, reverse=True):
        said = said.replace(value, "…") if len(value) > 2 else said
    return said
