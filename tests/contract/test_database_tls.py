"""PostgreSQL by TLS: what DATABASE_URL says of it holds for everyone who connects."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from drive_emulator.http.tls import issue
from local.paths import CHECKOUT
from services.adapters.catalog import migrate
from services.adapters.catalog.connection import Session
from services.adapters.catalog.notifications import Notifications
from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogUnavailableError, CatalogWriter
from services.core.errors import TryAgain
from services.core.settings import Secret
from tests.catalog_rows import an_import
from tests.platform import Platform, emptied
from tests.tls_front import TlsFront, tls_front

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def front(servers: Mapping[str, str]) -> Iterator[TlsFront]:
    address = urlsplit(servers["DATABASE_URL"])
    with tls_front(address.hostname or "", address.port or 5432) as front:
        yield front


@pytest.fixture(scope="module")
def platform(servers: Mapping[str, str], front: TlsFront) -> Iterator[Platform]:
    """Set up by TLS, too."""
    url = through(front, servers["DATABASE_URL"], front.ca_file)
    with emptied({**servers, "DATABASE_URL": url}) as platform:
        yield platform


def through(front: TlsFront, url: str, ca_file: Path, mode: str = "verify-full") -> str:
    address = urlsplit(url)
    login = address.netloc.rpartition("@")[0]
    query = f"sslmode={mode}&sslrootcert={ca_file}"
    place = f"{login}@127.0.0.1:{front.port}"
    return urlunsplit(address._replace(netloc=place, query=query))


def save(settings: DatabaseSettings, number: int) -> None:
    """With COPY, and a notification."""
    with closing(CatalogWriter(settings)) as writer:
        row = an_import(number)
        writer.save(Rows(), Rows(imports={row.id: row}), {})


async def test_every_client_of_the_catalog_verifies_the_server(
    platform: Platform, front: TlsFront
) -> None:
    settings = DatabaseSettings(url=Secret(platform.env["DATABASE_URL"]))
    changed, before = asyncio.Event(), front.encrypted
    following = asyncio.ensure_future(Notifications(settings).follow(changed.set))
    async with asyncio.timeout(60):
        await changed.wait()  # it listens
        changed.clear()
        await asyncio.to_thread(save, settings, 1)
        await changed.wait()
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following

    reader = CatalogReader(settings)
    assert [row.id for row in await reader.imports(before=None, limit=10)] == [an_import(1).id]
    await reader.close()
    assert migrate.why_rebuild(settings) is None
    assert front.encrypted - before >= 4
    assert front.refused == 0


def test_a_rebuild_verifies_the_server(platform: Platform, front: TlsFront) -> None:
    before = front.encrypted
    done = subprocess.run(
        [sys.executable, "-m", "local", "rebuild-index"],
        env={"PATH": os.environ["PATH"], "DATA_DIR": "/nonexistent", **platform.env},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert front.encrypted > before
    assert front.refused == 0


def _reads(settings: DatabaseSettings) -> None:
    async def read() -> None:
        reader = CatalogReader(settings)
        try:
            await reader.check()
        finally:
            await reader.close()

    asyncio.run(read())


CLIENTS: Mapping[str, tuple[Callable[[DatabaseSettings], object], type[Exception]]] = {
    "sync": (lambda settings: Session(settings).connect(), psycopg.OperationalError),
    "async": (_reads, TryAgain),
    "COPY": (lambda settings: save(settings, 2), CatalogUnavailableError),
    "setup": (migrate.migrate, CatalogUnavailableError),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_no_client_speaks_to_a_server_whose_certificate_is_not_trusted(
    platform: Platform, front: TlsFront, tmp_path: Path, name: str
) -> None:
    connect, refused = CLIENTS[name]
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(issue("stranger.test", datetime.now(UTC)).ca)
    url = through(front, platform.env["DATABASE_URL"], stranger)
    with pytest.raises(refused):
        connect(DatabaseSettings(url=Secret(url)))


def test_without_tls_the_server_is_not_reached(platform: Platform, front: TlsFront) -> None:
    """So that the other tests say something."""
    url = through(front, platform.env["DATABASE_URL"], front.ca_file, mode="disable")
    with pytest.raises(psycopg.OperationalError):
        Session(DatabaseSettings(url=Secret(url))).connect()
