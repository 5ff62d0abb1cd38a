"""The list of images on a real PostgreSQL: an index for each filter and order, made by an upgrade
of a database that has images already."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from psycopg.rows import args_row

from services.adapters.catalog import read_pool, reader
from services.adapters.catalog.migrate import engine, migrate
from services.adapters.catalog.queries import images as image_query
from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.rows import metadata
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.views.images import ImageFilter, ImagePlace, ListedImage
from services.adapters.catalog.writer import VERSION
from services.core.settings import Secret

pytestmark = pytest.mark.real
IMAGES = 20_000
FILL = (
    f"""
    INSERT INTO images (google_drive_id, name, size, mime_type, storage_path, created_at, folder_id,
        path, metadata_at, drive_version, fetched, updated_at)
    SELECT md5(n::text), (ARRAY['IMG_', 'Beach ', 'scan'])[n % 3 + 1] || md5(n::text) || '.jpg',
        n * 7919 % 1000000, CASE WHEN n % 50 = 0 THEN 'image/png' ELSE 'image/jpeg' END,
        's3://pictures/' || n, timestamptz '2026-01-01Z' + n * interval '1 minute',
        'folder-' || n / 200, '{{}}', now(), 1, true, now()
    FROM generate_series(1, {IMAGES}) AS n
    """,
    """
    INSERT INTO import_files (import_id, file_id, state, listed, name, mime_type, size, folder_id,
        path, metadata_source, outcomes, tried_round, retry_round, outcome_at)
    SELECT 'import-' || id / 2000, google_drive_id, CASE WHEN id % 3 = 0 THEN 'failed' ELSE 'stored'
        END, true, name, mime_type, size, folder_id, '{}', 3, '{}', 0, 0,
        created_at FROM images
    """,
)
HALF_MADE = "CREATE UNIQUE INDEX CONCURRENTLY images_size ON images (folder_id)"
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, is_identity FROM information_schema.columns
WHERE table_schema = %(schema)s AND table_name <> 'alembic_version'
"""
INDEXES = """
SELECT replace(indexdef, %(schema)s || '.', '') FROM pg_indexes
WHERE schemaname = %(schema)s AND tablename <> 'alembic_version'
"""
LATE = datetime(2026, 1, 14, 12, tzinfo=UTC)


@contextmanager
def a_database(servers: Mapping[str, str]) -> Iterator[str]:
    name = f"indexes_{uuid4().hex[:12]}"
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        yield urlunsplit(urlsplit(servers["DATABASE_URL"])._replace(path=f"/{name}"))
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def filled(servers: Mapping[str, str]) -> Iterator[str]:
    """A database that was at version 0001, full, and left by an upgrade that was killed."""
    with a_database(servers) as url:
        settings = DatabaseSettings(url=Secret(url))
        assert migrate(settings, version="0001") == (None, "0001")
        with psycopg.connect(url, autocommit=True) as database:
            for statement in FILL:
                database.execute(statement.encode())
            with pytest.raises(psycopg.errors.UniqueViolation):
                database.execute(HALF_MADE)
        assert migrate(settings) == ("0001", VERSION)
        assert migrate(settings) == (VERSION, VERSION)
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("VACUUM ANALYZE images, import_files")
        yield url


def test_the_migrations_make_the_tables_of_today(filled: str) -> None:
    database = engine(DatabaseSettings(url=Secret(filled)))
    with database.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA today"))
        connection.execute(sa.text("SET LOCAL search_path TO today"))
        metadata.create_all(connection)
    database.dispose()
    with psycopg.connect(filled) as connected:
        for query in (COLUMNS, INDEXES):
            schemas = ({"schema": name} for name in ("public", "today"))
            now, today = (sorted(connected.execute(query, schema)) for schema in schemas)
            assert now == today
        broken = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert connected.execute(broken).fetchone() == (0,)


def test_a_column_is_added_beside_readers_and_holds_none_of_them_up(
    servers: Mapping[str, str],
) -> None:
    with a_database(servers) as url, ThreadPoolExecutor(1) as thread:
        settings = DatabaseSettings(url=Secret(url))
        migrate(settings, version="0002")
        with psycopg.connect(url) as first, psycopg.connect(url, autocommit=True) as second:
            first.execute("SELECT count(*) FROM images")
            migrating = thread.submit(migrate, settings)
            until, longest = time.monotonic() + 1.0, 0.0
            while (began := time.monotonic()) < until:
                second.execute("SELECT count(*) FROM images")
                longest = max(longest, time.monotonic() - began)
            assert not migrating.done()
            assert 0.1 < longest < 1.0
            first.rollback()
        assert migrating.result(timeout=10) == ("0002", VERSION)


@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        ("images_pkey", ImageFilter()),
        ("images_folder", ImageFilter(folder_id="folder-50")),
        ("import_files_stored", ImageFilter(import_id="import-5")),
        ("import_files_imported", ImageFilter(import_id="import-5", order="imported_at")),
        ("images_name", ImageFilter(name="beach")),
        ("images_name", ImageFilter(name="no such name")),
        ("images_content_type", ImageFilter(content_type="image/png")),
        ("images_size", ImageFilter(min_size=500_000)),
        ("images_size", ImageFilter(max_size=500_000)),
        ("images_size", ImageFilter(min_size=10, max_size=20)),
        ("images_created", ImageFilter(since=LATE)),
        ("images_created", ImageFilter(until=LATE)),
        ("images_google_drive_id_key", ImageFilter(order="google_drive_id")),
        ("images_name", ImageFilter(order="name")),
        ("images_size", ImageFilter(order="size", content_type="image/jpeg")),
        ("images_created", ImageFilter(order="created_at", min_size=1)),
    ],
)
def test_each_filter_and_each_order_walks_along_its_index(
    filled: str, index: str, wanted: ImageFilter
) -> None:
    with psycopg.connect(filled, options=f"-c {read_pool.PLANNING}") as connection:
        for descending in (False, True):
            turned = replace(wanted, descending=descending)
            for after in (None, place_in_the_middle(connection, turned)):
                query = image_query.page(turned, after, 101)
                plan = explained(connection, query)
                assert index in plan, plan
                assert "Seq Scan" not in plan, plan
                assert "Sort" not in plan, plan


@pytest.mark.parametrize("others", [{"max_size": 900_000}, {"content_type": "image/jpeg"}])
def test_a_filter_within_an_import_reads_no_other_import(
    filled: str, others: dict[str, Any]
) -> None:
    """The walk is along the import, and each image is looked up."""
    wanted = ImageFilter(import_id="import-5", order="google_drive_id", **others)
    with psycopg.connect(filled, options=f"-c {read_pool.PLANNING}") as connection:
        plan = explained(connection, image_query.page(wanted, None, 101))
        assert "import_files_stored" in plan, plan
        assert "Nested Loop" in plan, plan
        assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize(
    ("index", "folders", "is_walk"),
    [("images_folder", range(50, 51), False), ("import_files_imported", range(50, 60), True)],
)
def test_of_the_folders_below_one_it_depends_on_how_many_images_they_hold(
    filled: str, index: str, folders: range, is_walk: bool
) -> None:
    ids = [f"folder-{number}" for number in folders]
    wanted = ImageFilter(import_id="import-5", order="imported_at", folder_ids=ids)
    with psycopg.connect(filled, options=f"-c {read_pool.PLANNING}") as connection:
        plan = explained(connection, image_query.page(wanted, None, 10))
        assert index in plan, plan
        assert "Seq Scan" not in plan, plan
        assert ("Sort" not in plan) == is_walk, plan
        top = explained(connection, image_query.below("import-5", "folder-50"))
        assert top.count("Index Cond: (import_id = 'import-5'::text)") == 1, top
        assert "Seq Scan" not in top, top


@pytest.mark.parametrize(
    ("index", "wanted"),
    [
        ("images_pkey", ImageFilter()),
        ("images_name", ImageFilter(order="name")),
        ("images_size", ImageFilter(order="size", descending=True)),
        ("images_created", ImageFilter(order="created_at")),
        ("images_name", ImageFilter(name="beach")),
    ],
)
def test_the_sections_of_a_list_are_one_walk_along_its_index(
    filled: str, index: str, wanted: ImageFilter
) -> None:
    with psycopg.connect(filled, options=f"-c {read_pool.PLANNING}") as connection:
        plan = explained(connection, image_query.sections(wanted, 500, None))
        assert index in plan, plan
        assert plan.count("Scan") - plan.count("Subquery Scan") == 1, plan
        assert "Sort" not in plan, plan


async def test_the_sections_of_an_import_are_found_in_time(filled: str) -> None:
    asked = CatalogReader(DatabaseSettings(url=Secret(filled)))
    try:
        wanted = ImageFilter(import_id="import-5", order="imported_at", descending=True)
        found = await asked.image_sections(wanted, every=500, image=None)
        assert found.total == await asked.count_images(wanted)
        assert len(found.starts) == -(-found.total // 500)
    finally:
        await asked.close()


def explained(connection: psycopg.Connection, query: image_query.Query) -> str:
    lines = connection.execute(f"EXPLAIN {query.text}".encode(), query.values).fetchall()
    return "\n".join(line for (line,) in lines)


def place_in_the_middle(connection: psycopg.Connection, wanted: ImageFilter) -> ImagePlace | None:
    cursor = connection.cursor(row_factory=args_row(ListedImage))
    query = image_query.page(wanted, None, 50)
    found = cursor.execute(query.text, query.values).fetchall()
    return wanted.place_of(found[-1]) if found else None


async def test_a_count_is_given_up_when_it_takes_too_long(
    filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = CatalogReader(DatabaseSettings(url=Secret(filled)))
    try:
        assert await asked.count_images(ImageFilter()) == IMAGES
        monkeypatch.setattr(reader, "COUNT_MS", 50)
        with psycopg.connect(filled) as other:
            other.execute("LOCK TABLE images")
            counts = await asyncio.gather(*(asked.count_images(ImageFilter()) for _ in range(5)))
            assert counts == [None] * 5
        assert await asked.count_images(ImageFilter()) == IMAGES
    finally:
        await asked.close()
