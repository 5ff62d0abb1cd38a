"""All who connect to PostgreSQL keep what its address says, and nothing else steers them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from services.adapters.catalog.connection import split_options
from services.adapters.catalog.generation import Generation
from services.adapters.catalog.migrate import engine, migrate
from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.unfinished import UnfinishedReader
from services.adapters.catalog.writer import CatalogUnavailableError, CatalogWriter
from services.core.errors import Stop
from services.core.settings import Secret
from tests.fakes.pooler import pooler

SHOWN = ("application_name", "search_path", "statement_timeout", "TimeZone", "geqo", "jit")
QUERY = "SELECT " + ", ".join(f"current_setting('{name}') AS {name}" for name in SHOWN)
NOT_OURS = {
    "PGOPTIONS": "-c search_path=nowhere -c geqo=off",
    "PGAPPNAME": "theirs",
    "PGDATABASE": "theirs",
    "PGSSLMODE": "require",
    "PGSERVICE": "theirs",
    "PGTZ": "Asia/Tokyo",
    "PGGEQO": "off",
    "PGTARGETSESSIONATTRS": "standby",
    "PGHOSTADDR": "127.0.0.9",
    "PGREQUIREAUTH": "none",
}


@pytest.mark.parametrize(
    ("options", "values", "others"),
    [
        ("", {}, ""),
        ("-c geqo=off", {"geqo": "off"}, ""),
        ("-cgeqo=off --jit=off", {"geqo": "off", "jit": "off"}, ""),
        ("--search-path=a", {"search_path": "a"}, ""),
        ("-c geqo=on -c geqo=off", {"geqo": "off"}, ""),
        (r"-c search_path=a,\ b\\c", {"search_path": r"a, b\c"}, ""),
        ("-c DateStyle=ISO=x", {"DateStyle": "ISO=x"}, ""),
        ("-e -c geqo=off", {"geqo": "off"}, "-e"),
        ("-c", {}, "-c"),
    ],
)
def test_options_are_split_as_postgresql_does(
    options: str, values: Mapping[str, str], others: str
) -> None:
    assert split_options(options) == (values, others)


@pytest.fixture
def database_url(servers: Mapping[str, str]) -> Iterator[str]:
    """Of an empty database."""
    name = f"connect_{uuid4().hex[:12]}"
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(servers["DATABASE_URL"])._replace(path=f"/{name}").geturl()
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


async def sessions(settings: DatabaseSettings) -> Mapping[str, Mapping[str, str]]:
    """What the sessions of each are like."""
    database = engine(settings)
    with database.connect() as connection:
        found: dict[str, Any] = {"migrate": connection.execute(text(QUERY)).one()}
    database.dispose()
    for made in (CatalogWriter(settings), UnfinishedReader(settings), Generation(settings)):
        with closing(made):
            [row] = made._connection.execute(QUERY.encode()).fetchall()
            found[type(made).__name__] = tuple(row.values())
    reader = CatalogReader(settings)
    async with reader._connected() as connection:
        found["reader"] = (await connection.execute(text(QUERY))).one()
    await reader.check()
    await reader.close()
    return {who: dict(zip(SHOWN, values, strict=True)) for who, values in found.items()}


def addressed(url: str, query: str) -> DatabaseSettings:
    return DatabaseSettings(url=Secret(f"{url}?{query}"))


@pytest.mark.real
@pytest.mark.parametrize("pooled", [False, True])
async def test_everybody_keeps_the_settings_of_the_address_and_our_own(
    database_url: str, pooled: bool
) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute('CREATE SCHEMA "pictures of mine"')
    schema = quote(r'-csearch_path="pictures\ of\ mine" -c geqo=off')
    parts = urlsplit(database_url)
    with pooler(str(parts.hostname), int(parts.port or 5432)) as port:
        login = parts.netloc.rpartition("@")[0]
        at = parts._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()
        url = at if pooled else database_url
        settings = addressed(url, f"application_name=mine&options={schema}")
        migrate(settings)
        found = await sessions(settings)
    for who, session in found.items():
        assert session["application_name"] == "mine", who
        assert session["geqo"] == "off", who
        assert session["jit"] == "off", who
        own = '"pictures of mine_rebuild"' if who == "Generation" else '"pictures of mine"'
        assert session["search_path"] == own, who
    assert found["CatalogWriter"]["statement_timeout"] == "2min"
    assert found["UnfinishedReader"]["statement_timeout"] == "1min"
    assert found["reader"]["statement_timeout"] == "10s"
    assert {session["TimeZone"] for who, session in found.items() if who != "migrate"} == {"UTC"}
    with psycopg.connect(database_url) as admin:
        query = "SELECT schemaname FROM pg_tables WHERE tablename = 'images'"
        assert admin.execute(query).fetchall() == [("pictures of mine",)]


@pytest.mark.real
async def test_no_variable_that_libpq_knows_steers_anybody(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = DatabaseSettings(url=Secret(database_url))
    migrate(settings)
    before = await sessions(settings)
    for name, value in NOT_OURS.items():
        monkeypatch.setenv(name, value)
    assert await sessions(settings) == before


@pytest.mark.real
@pytest.mark.parametrize(
    ("connect", "error"),
    [(CatalogWriter, CatalogUnavailableError), (migrate, CatalogUnavailableError)],
)
def test_an_option_that_postgresql_does_not_know_is_named(
    database_url: str, connect: Callable[[DatabaseSettings], object], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"rejected the options in DATABASE_URL: .*no_such_thing"):
        connect(addressed(database_url, "options=-cno_such_thing%3D1"))


@pytest.mark.real
def test_a_schema_that_is_not_there_ends_setup_in_words(database_url: str) -> None:
    with pytest.raises(Stop, match="no schema has been selected to create in"):
        migrate(addressed(database_url, "options=-csearch_path%3Dnowhere"))
