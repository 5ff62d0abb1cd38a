"""No part of a database's password is in what a failed connection says, whatever its form.

The attempts are real: on servers that are not there, and on a PostgreSQL that refuses. All that a
log could show of an error is looked through: its text, those of its causes, and the traceback.
"""

import traceback
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest
from sqlalchemy.exc import SQLAlchemyError

from services.adapters.catalog.migrate import engine, migrate
from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogUnavailableError, CatalogWriter
from services.core.errors import TryAgain
from services.core.settings import Secret
from tests.passwords import AS_GIVEN, ENCODED, REFUSED, parts_of

REAL = "real"
NOWHERE = ("127.0.0.1:9", "%2Fno%2Fsuch%2Ffolder", "127.0.0.1:9,127.0.0.1:10")
PASSWORDS = [*AS_GIVEN, *ENCODED]


@pytest.fixture(params=[*NOWHERE, pytest.param(REAL, marks=pytest.mark.real)])
def host(request: pytest.FixtureRequest) -> str:
    """Where no connection can be made."""
    if request.param != REAL:
        return str(request.param)
    servers: Mapping[str, str] = request.getfixturevalue("servers")
    return urlsplit(servers["DATABASE_URL"]).netloc.rpartition("@")[2]


def address(written: str, host: str) -> DatabaseSettings:
    return DatabaseSettings(url=Secret(f"postgresql://nobody:{written}@{host}/nothing"))


async def errors_of(settings: DatabaseSettings) -> list[BaseException]:
    """What each part of ours says that cannot connect."""
    found: list[BaseException] = []
    with pytest.raises(CatalogUnavailableError) as writing:
        CatalogWriter(settings)
    with pytest.raises(CatalogUnavailableError) as migrating:
        migrate(settings)
    with pytest.raises(SQLAlchemyError) as connecting:
        engine(settings).connect()
    reader = CatalogReader(settings)
    with pytest.raises(TryAgain) as reading:
        await reader.check()
    await reader.close()
    found += [writing.value, migrating.value, connecting.value, reading.value]
    return found


def seen(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(("written", "password"), PASSWORDS)
async def test_what_a_failed_connection_says_holds_nothing_of_the_password(
    host: str, written: str, password: str
) -> None:
    for error in await errors_of(address(written, host)):
        said = seen(error)
        secret = parts_of(password) | parts_of(written)
        assert not [part for part in secret if part in said]


@pytest.mark.parametrize("written", REFUSED)
async def test_what_is_refused_holds_nothing_of_the_password(host: str, written: str) -> None:
    settings = address(written, host)
    for use in (CatalogWriter, migrate, engine, CatalogReader):
        with pytest.raises(ValueError, match="DATABASE_URL") as why:
            use(settings)
        said = seen(why.value)
        assert not [part for part in parts_of(written) if part in said]
