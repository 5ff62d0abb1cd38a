"""The one way into PostgreSQL, for all who connect.

A session's settings are made once it is there, and not asked for at its start: PgBouncer and RDS
Proxy refuse start-up options, and other poolers drop them in silence.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import sql

from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.environment import forget

STEERING = re.compile("PG[A-Z]+")
"""What libpq would take from the environment by itself at every connection."""
ERRNO = re.compile(r"\[Errno -?\d+\] ")
WORD = re.compile(r"(?:\\.|\S)+", re.DOTALL)
SETTING = re.compile(r"(?:-c\s*|--)([^=]+)=(.*)", re.DOTALL)
OURS = {"jit": "off"}
"""PostgreSQL would compile each statement that it expects to be slow. Ours are quick and many: an
indexer that it compiled for caught up a third more slowly (decisions/0024)."""


class Session:
    """How to connect: libpq's parameters, and what to set then."""

    def __init__(self, settings: DatabaseSettings, **defaults: str) -> None:
        forget(STEERING)
        self.parameters: dict[str, Any] = settings.parameters(**defaults)
        values, others = split_options(self.parameters.pop("options", ""))
        self._values = {**OURS, **values}
        if others:
            self.parameters["options"] = others

    def connect(self, *, autocommit: bool = False, **how: Any) -> psycopg.Connection[Any]:
        connection = psycopg.connect(**self.parameters, **how, autocommit=True)
        try:
            connection.execute(self._query())
            connection.autocommit = autocommit
        except psycopg.Error as why:
            connection.close()
            raise refused(why) from why
        return connection

    async def connect_async(self, **how: Any) -> psycopg.AsyncConnection[Any]:
        connect = psycopg.AsyncConnection.connect
        connection = await connect(**self.parameters, **how, autocommit=True)
        try:
            await connection.execute(self._query())
            await connection.set_autocommit(False)
        except BaseException as why:  # cancelled, too: nobody else knows this connection yet
            await connection.close()
            if isinstance(why, psycopg.Error):
                raise refused(why) from why
            raise
        return connection

    def _query(self) -> sql.Composed:
        each = sql.SQL("set_config({}, {}, false)")
        return sql.SQL("SELECT {}").format(
            sql.SQL(", ").join(each.format(*setting) for setting in self._values.items())
        )


def split_options(options: str) -> tuple[Mapping[str, str], str]:
    """Of libpq's `options` those that set a parameter, the later ones of a name, and all others."""
    values: dict[str, str] = {}
    others: list[str] = []
    for word in _arguments(options):
        if found := SETTING.fullmatch(word):
            name, value = found.groups()
            values[name.replace("-", "_")] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        else:
            others.append(word)
    return values, " ".join(others)


def _arguments(options: str) -> Iterator[str]:
    """`-c` and what follows it are one."""
    words = iter(WORD.findall(options))
    for word in words:
        yield word + next(words, "") if word == "-c" else word


def first_line(why: BaseException) -> str:
    """What the driver said, without the numbers of errors. It holds no secret (`settings.py`)."""
    return ERRNO.sub("", str(why).strip().split("\n")[0])


def refused(why: psycopg.Error) -> psycopg.OperationalError:
    said = first_line(why)
    return psycopg.OperationalError(f"PostgreSQL rejected the options in DATABASE_URL: {said}")
