"""One suite for the catalog's writing side, on the fake and on a real PostgreSQL."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from services.adapters.catalog.bulk import pack
from services.adapters.catalog.generation import Generation, Plan
from services.adapters.catalog.migrate import MIGRATIONS, engine, migrate, why_rebuild
from services.adapters.catalog.rows import Rows, metadata
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import (
    VERSION,
    CatalogUnavailableError,
    CatalogWriter,
    OvertakenError,
)
from services.core import events as e
from services.core.errors import Stop
from services.core.settings import Reader, Secret
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from services.setup.__main__ import provisioners
from tests.fakes.catalog_writer import FakeCatalogWriter, FakeDatabase
from tests.histories import histories
from tests.samples import SAMPLES

Writer = CatalogWriter | FakeCatalogWriter
START = ("files.stored", 0)
SECRET = {"AWS_SECRET_ACCESS_KEY": "hush-hush"}
GOODBYE = b"X\x00\x00\x00\x04"
"""What a client of PostgreSQL sends before it closes its connection."""


@contextmanager
def a_database(servers: Mapping[str, str]) -> Iterator[str]:
    """The address of an empty database, which is removed at the end."""
    name = f"writer_{uuid4().hex[:12]}"
    with psycopg.connect(servers["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        yield urlunsplit(urlsplit(servers["DATABASE_URL"])._replace(path=f"/{name}"))
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def migrated(servers: Mapping[str, str]) -> Iterator[str]:
    """A database of this module's own, made once."""
    with a_database(servers) as url:
        migrate(_address(url))
        yield url


@pytest.fixture
def database_url(migrated: str) -> str:
    """Its tables, emptied."""
    with psycopg.connect(migrated, autocommit=True) as admin:
        tables = ", ".join(metadata.tables)
        admin.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
    return migrated


def _address(url: str) -> DatabaseSettings:
    return DatabaseSettings(url=Secret(url))


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def database(request: pytest.FixtureRequest) -> FakeDatabase | DatabaseSettings:
    if request.param == "fake":
        return FakeDatabase()
    return _address(request.getfixturevalue("database_url"))


@pytest.fixture
def connect(database: FakeDatabase | DatabaseSettings) -> Iterator[Callable[[], Writer]]:
    """Opens another connection to the same database; all are closed at the end."""
    if isinstance(database, FakeDatabase):
        yield lambda: FakeCatalogWriter(database)
        return
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(CatalogWriter(database)))


@pytest.fixture
def replace_tables(database: FakeDatabase | DatabaseSettings) -> Callable[[], None]:
    """Puts other tables in the place of those that are there, with the same offsets."""
    if isinstance(database, FakeDatabase):
        return lambda: database.replace_tables(database.offsets)
    return lambda: _replaced_tables(database)


def _replaced_tables(database: DatabaseSettings) -> None:
    with closing(Generation(database)) as generation:
        plan = Plan(version=VERSION, topic_ids={}, ends=(), partitions=1, slices=1)
        generation.begin(plan, generation.live_offsets())
        generation.order_images()
        for _, statement in generation.missing_indexes():
            generation.make_index(statement)
        assert generation.swap(lambda: None)
        generation.discard()


@pytest.fixture
def writer(connect: Callable[[], Writer]) -> Writer:
    return connect()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories())
def test_what_is_saved_and_loaded_again_is_what_was_folded(
    writer: Writer, history: list[LogRecord]
) -> None:
    batch = rows_of(history)
    before = writer.load(batch)
    after = fold(before, batch)
    writer.save(before, after, {}, pack(before, after))
    assert writer.load(batch) == after


def test_the_root_folder_of_an_import_comes_with_it(writer: Writer) -> None:
    requested = [LogRecord(SAMPLES["ImportRequested"], "imports.requested", 0, 0)]
    writer.save(Rows(), fold(Rows(), rows_of(requested)), {})
    stored = rows_of([LogRecord(SAMPLES["FileStored"], "files.stored", 0, 0)])
    assert len(writer.load(stored).folders) == 1


def test_what_was_asked_for_is_of_that_moment_whatever_is_saved_since(writer: Writer) -> None:
    rows = rows_of([LogRecord(SAMPLES["FileStored"], "files.stored", 0, 0)])
    before, after = writer.ask(rows), fold(Rows(), rows)
    saving = threading.Thread(target=writer.save, args=(Rows(), after, {}))
    saving.start()
    asked_later = before()
    saving.join()
    assert asked_later == Rows()
    assert writer.ask(rows)() == after


def test_rows_and_offsets_are_saved_together_or_not_at_all(writer: Writer) -> None:
    record = LogRecord(SAMPLES["FileStored"], "files.stored", 0, 4)
    rows = fold(Rows(), rows_of([record]))
    writer.begin_offsets({START: ("topic-id", 0)})
    with pytest.raises(OvertakenError):
        writer.save(Rows(), rows, {START: (1, 5)})
    assert writer.load(rows_of([record])) == Rows()
    writer.save(Rows(), rows, {START: (0, 5)})
    assert writer.load(rows_of([record])) == rows
    assert writer.offsets()[START] == ("topic-id", 5)


def test_a_batch_that_was_counted_already_fails_whole(writer: Writer) -> None:
    writer.begin_offsets({START: ("topic-id", 0)})
    writer.save(Rows(), Rows(), {START: (0, 5)})
    with pytest.raises(OvertakenError):
        writer.save(Rows(), Rows(), {START: (0, 5)})
    assert writer.offsets()[START] == ("topic-id", 5)


def test_offsets_that_are_known_are_not_begun_again(writer: Writer) -> None:
    writer.begin_offsets({START: ("topic-id", 7)})
    writer.begin_offsets({START: ("another-id", 0)})
    assert writer.offsets() == {START: ("topic-id", 7)}


def test_offsets_begin_again_where_the_log_did(writer: Writer) -> None:
    writer.begin_offsets({START: ("topic-id", 7), (START[0], 1): ("topic-id", 3)})
    writer.restart_offsets({START: ("another-id", 0)})
    assert writer.offsets() == {START: ("another-id", 0), (START[0], 1): ("topic-id", 3)}


def test_only_one_writer_holds_the_lock(connect: Callable[[], Writer]) -> None:
    first, second = connect(), connect()
    assert first.take_lock()
    assert first.take_lock()
    assert not second.take_lock()
    first.close()
    assert second.take_lock()


def test_a_writer_whose_tables_were_replaced_reads_the_offsets_again(
    connect: Callable[[], Writer], replace_tables: Callable[[], None]
) -> None:
    writer = connect()
    writer.begin_offsets({START: ("topic-id", 7)})
    writer.offsets()
    replace_tables()
    with pytest.raises(OvertakenError, match="a rebuild"):
        writer.load(Rows())
    with pytest.raises(OvertakenError, match="a rebuild"):
        writer.save(Rows(), Rows(), {START: (7, 8)})
    assert writer.offsets() == {START: ("topic-id", 7)}
    writer.save(Rows(), Rows(), {START: (7, 8)})
    assert writer.offsets() == {START: ("topic-id", 8)}


@contextmanager
def a_server_that_is_slow_to_notice(url: str) -> Iterator[str]:
    """The database through a proxy that keeps the server's end of a connection open, as a busy
    server does for a while after its client has left."""
    address = urlsplit(url)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        upstream = stack.enter_context(
            socket.create_connection((address.hostname or "", address.port or 5432))
        )

        def answers() -> None:
            client, _ = listener.accept()
            stack.callback(client.close)
            threading.Thread(target=requests, args=(client,), daemon=True).start()
            with suppress(OSError):
                while data := upstream.recv(65536):
                    client.sendall(data)

        def requests(client: socket.socket) -> None:
            with suppress(OSError):
                while data := client.recv(65536):
                    upstream.sendall(data.removesuffix(GOODBYE))

        threading.Thread(target=answers, daemon=True).start()
        login = address.netloc.rpartition("@")[0]
        host = f"{login}@127.0.0.1:{listener.getsockname()[1]}"
        yield urlunsplit(address._replace(netloc=host))


@pytest.mark.real
def test_the_lock_is_free_once_its_holder_has_closed(database_url: str) -> None:
    with (
        a_server_that_is_slow_to_notice(database_url) as slow,
        closing(CatalogWriter(_address(database_url))) as second,
    ):
        first = CatalogWriter(_address(slow))
        assert first.take_lock()
        assert not second.take_lock()
        first.close()
        assert second.take_lock()


@pytest.mark.real
def test_odd_names_are_kept_and_what_postgresql_cannot_hold_is_replaced(database_url: str) -> None:
    event = SAMPLES["FileStored"]
    assert isinstance(event, e.FileStored)
    every = "".join(map(chr, range(1, 0x180))) + "\u2028\U0001f600"
    names = ["", "null", "\\N", "a\n\\.\nb", '"', "\\", '\\"', '{"a",b}', "\r\n", "\\u0041", every]
    names.append("a\x00b.jpg")
    with closing(CatalogWriter(_address(database_url))) as writer:
        for number, name in enumerate(names):
            odd = replace(event.file, file_id=f"odd-{number}", name=name, path=(name, "and", name))
            batch = rows_of([LogRecord(replace(event, file=odd), "files.stored", 0, number)])
            writer.save(Rows(), fold(Rows(), batch), {})
            (image,) = writer.load(batch).images.values()
            kept = name.replace("\x00", "\ufffd")
            assert (image.name, image.path) == (kept, (kept, "and", kept))


def test_rows_are_found_again_by_ids_that_look_like_something_else(writer: Writer) -> None:
    event = SAMPLES["FileStored"]
    assert isinstance(event, e.FileStored)
    ids = [
        "null",
        "{}",
        '"',
        "\\",
        '\\"',
        "a,b",
        "{a,b}",
        "'",
        "\\u0041",
        "\\n",
        "\u2028\x85é\U0001f600",
    ]
    records = [
        LogRecord(replace(event, file=replace(event.file, file_id=id)), "files.stored", 0, number)
        for number, id in enumerate(ids)
    ]
    batch = rows_of(records)
    after = fold(Rows(), batch)
    writer.save(Rows(), after, {})
    assert writer.load(batch) == after


@pytest.mark.real
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_at_the_edge_of_the_calendar_can_be_read_again(database_url: str, time: str) -> None:
    event = SAMPLES["FileStored"]
    assert isinstance(event, e.FileStored)
    odd = replace(event, stored_at=datetime.fromisoformat(time))
    with closing(CatalogWriter(_address(database_url))) as writer:
        batch = rows_of([LogRecord(odd, "files.stored", 0, 0)])
        writer.save(Rows(), fold(Rows(), batch), {})
        (image,) = writer.load(batch).images.values()
    assert 1 <= image.updated_at.year <= 9999


@pytest.mark.real
def test_a_connection_that_was_cut_is_unavailable_and_not_a_crash(database_url: str) -> None:
    with closing(CatalogWriter(_address(database_url))) as writer:
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(CatalogUnavailableError):
            writer.offsets()


@pytest.mark.real
def test_the_migrations_make_the_tables_that_the_code_names(database_url: str) -> None:
    database = engine(_address(database_url))
    with database.connect() as connection:
        # SQLAlchemy does not see its collation; `test_image_indexes.py` compares the definitions.
        seen = {"include_object": lambda _object, name, *_: name != "images_name"}
        opts = {"compare_type": True, **seen}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
    database.dispose()


@pytest.mark.real
def test_migrating_twice_changes_nothing(database_url: str) -> None:
    before, after = migrate(_address(database_url))
    assert before == after == VERSION


REBUILD = """
revision = "{0}"
down_revision = "{1}"
{2}
def upgrade() -> None: ...
"""


@pytest.mark.real
def test_a_migration_that_needs_a_rebuild_says_so_until_one_is_made(
    database_url: str, tmp_path: Path
) -> None:
    address = _address(database_url)
    scripts = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    why = 'needs_rebuild = "the log alone knows the pixels\' colours"'
    (scripts / "versions" / "v8000.py").write_text(REBUILD.format("8000", VERSION, why))
    (scripts / "versions" / "v8001.py").write_text(REBUILD.format("8001", "8000", ""))
    assert why_rebuild(address) is None
    with tables_of_version(database_url, VERSION):
        migrate(address, scripts, "8001")
    for _ in range(2):
        said = {server.server: server for server in provisioners(_platform(database_url))}
        assert (
            said["PostgreSQL"]
            .provision()
            .endswith(
                "The tables must be rebuilt: the log alone knows the pixels' colours. "
                "Run `drivestream rebuild-index`. Until then, the old tables are used."
            )
        )
    _replaced_tables(address)
    assert why_rebuild(address) is None


@pytest.mark.real
def test_an_empty_database_needs_no_rebuild(servers: Mapping[str, str], tmp_path: Path) -> None:
    scripts = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    why = 'needs_rebuild = "of no reason"'
    (scripts / "versions" / "v8000.py").write_text(REBUILD.format("8000", VERSION, why))
    with a_database(servers) as url:
        migrate(_address(url), scripts, "8000")
        assert why_rebuild(_address(url)) is None


def _platform(database_url: str) -> Reader:
    return Reader({"DATABASE_URL": database_url, "AWS_ACCESS_KEY_ID": "a", **SECRET})


@contextmanager
def tables_of_version(database_url: str, version: str) -> Iterator[None]:
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("UPDATE alembic_version SET version_num = %s", (version,))
        try:
            yield
        finally:
            other.execute("UPDATE alembic_version SET version_num = %s", (VERSION,))


@pytest.mark.real
def test_a_database_of_a_newer_version_is_refused_and_not_migrated(database_url: str) -> None:
    address = _address(database_url)
    with tables_of_version(database_url, "9000"), closing(CatalogWriter(address)) as writer:
        with pytest.raises(Stop, match="version 9000"):
            migrate(address)
        with pytest.raises(Stop, match="version 9000"):
            writer.check_schema()


@pytest.mark.real
def test_a_database_of_an_older_version_is_waited_for(database_url: str) -> None:
    with closing(CatalogWriter(_address(database_url))) as writer:
        writer.check_schema()
        with (
            tables_of_version(database_url, "0000"),
            pytest.raises(CatalogUnavailableError, match="Run `drivestream setup`"),
        ):
            writer.check_schema()


@pytest.mark.real
def test_a_database_without_tables_is_waited_for(servers: Mapping[str, str]) -> None:
    with a_database(servers) as url, closing(CatalogWriter(_address(url))) as writer:
        with pytest.raises(CatalogUnavailableError, match="has no tables"):
            writer.check_schema()
        with pytest.raises(CatalogUnavailableError):
            writer.offsets()


@pytest.mark.real
def test_a_server_that_only_answers_questions_is_unavailable(database_url: str) -> None:
    parts = urlsplit(database_url)
    standby = urlunsplit(parts._replace(query="options=-c%20default_transaction_read_only%3Don"))
    with (
        closing(CatalogWriter(_address(standby))) as writer,
        pytest.raises(CatalogUnavailableError),
    ):
        writer.begin_offsets({START: ("topic-id", 0)})


@pytest.mark.real
def test_what_the_address_says_of_the_session_counts(database_url: str) -> None:
    query = "application_name=mine&options=-c%20statement_timeout%3D4321"
    address = urlunsplit(urlsplit(database_url)._replace(query=query))
    with (
        closing(CatalogWriter(_address(address))) as writer,
        psycopg.connect(database_url, autocommit=True) as other,
    ):
        assert writer.take_lock()
        seen = other.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'mine' AND datname = current_database()"
        ).fetchone()
    # A busy machine may have kept a connection that was given up meanwhile.
    assert seen is not None
    assert seen[0] >= 1
