"""The catalog's reading side, as a fake and on a real PostgreSQL: one suite for both."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from services.adapters.catalog.migrate import migrate
from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.reader import PAGE_ROWS, CatalogReader
from services.adapters.catalog.replica import ReplicatedCatalog
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.views.images import (
    ImageFilter,
    ImagePlace,
)
from services.adapters.catalog.writer import CatalogWriter
from services.core.settings import Secret
from tests.fakes.catalog import FakeCatalog

ALL = ImageFilter()
NEWEST = ImageFilter(order="id", descending=True)


@pytest.fixture(scope="package")
def migrated(servers: Mapping[str, str]) -> Iterator[str]:
    """A database of this suite's own: made once, where `platform` makes everything every time."""
    name = f"reader_{uuid4().hex[:12]}"
    url = urlunsplit(urlsplit(servers["DATABASE_URL"])._replace(path=f"/{name}"))
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        migrate(address_of(url))
        yield url
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def database_url(migrated: str) -> str:
    """Its tables, emptied."""
    with psycopg.connect(migrated, autocommit=True) as admin:
        tables = "images, imports, import_folders, import_files, consumed_offsets"
        admin.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
    return migrated


@dataclass
class Shelf:
    """A catalog to read, and a way to put rows into it."""

    catalog: ReadsCatalog
    fill: Callable[[Rows], None]
    begin_offsets: Callable[[Mapping[tuple[str, int], tuple[str, int]]], None]


@pytest.fixture(
    params=[
        "fake",
        pytest.param("real", marks=pytest.mark.real),
        pytest.param("replicated", marks=[pytest.mark.real, pytest.mark.long]),
    ]
)
async def shelf(request: pytest.FixtureRequest) -> AsyncIterator[Shelf]:
    if request.param == "fake":
        fake = FakeCatalog(PAGE_ROWS)
        yield Shelf(fake, fake.fill, fake.consumed.update)
        return
    address = address_of(request.getfixturevalue("database_url"))
    reader = CatalogReader(address)
    if request.param == "replicated":
        await reader.close()
        reader = replicated = ReplicatedCatalog(address, address)
        replicated.watch.trouble = None
    with closing(CatalogWriter(address)) as writer:
        yield Shelf(reader, lambda filled: writer.save(Rows(), filled, {}), writer.begin_offsets)
    await reader.close()


def address_of(url: str) -> DatabaseSettings:
    return DatabaseSettings(url=Secret(url))


async def names(shelf: Shelf, wanted: ImageFilter) -> list[str]:
    pages = shelf.catalog.every_image(wanted)
    return [image.google_drive_id async for page in pages for image in page]


async def paged(shelf: Shelf, wanted: ImageFilter, limit: int) -> list[int]:
    """The ids of all pages."""
    seen: list[int] = []
    after: ImagePlace | None = None
    while page := await shelf.catalog.images(wanted, after=after, limit=limit):
        assert len(page) <= limit
        seen += [image.id for image in page]
        after = wanted.place_of(page[-1])
    return seen
