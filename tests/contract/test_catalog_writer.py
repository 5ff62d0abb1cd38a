"""One suite for the catalog's writing side, on the fake and on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from services.adapters.catalog.migrate import engine, migrate
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.tables import metadata
from services.adapters.catalog.writer import (
    CatalogUnavailableError,
    CatalogWriter,
    OvertakenError,
)
from services.core import events as e
from services.core.settings import Secret
from services.indexer.fold import fold, touched
from services.indexer.merge import Positioned
from tests.fakes.catalog_writer import FakeCatalogWriter, FakeDatabase
from tests.histories import histories
from tests.samples import SAMPLES

Writer = CatalogWriter | FakeCatalogWriter
START = ("files.stored", 0)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[[], Writer]]:
    """Opens another connection to the same database; all are closed at the end."""
    if request.param == "fake":
        database = FakeDatabase()
        yield lambda: FakeCatalogWriter(database)
        return
    address = DatabaseSettings(url=Secret(request.getfixturevalue("database_url")))
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(CatalogWriter(address)))


@pytest.fixture
def writer(connect: Callable[[], Writer]) -> Writer:
    return connect()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories())
def test_what_is_saved_and_loaded_again_is_what_was_folded(
    writer: Writer, history: list[Positioned]
) -> None:
    keys = touched(record.event for record in history)
    before = writer.load(keys)
    after = fold(before, history)
    writer.save(before, after, {})
    assert writer.load(keys) == after


def test_the_root_folder_of_an_import_comes_with_it(writer: Writer) -> None:
    requested = [Positioned(SAMPLES["ImportRequested"], "imports.requested", 0, 0)]
    writer.save(Rows(), fold(Rows(), requested), {})
    stored = touched([SAMPLES["FileStored"]])
    assert len(writer.load(stored).folders) == 1


def test_rows_and_offsets_are_saved_together_or_not_at_all(writer: Writer) -> None:
    record = Positioned(SAMPLES["FileStored"], "files.stored", 0, 4)
    rows = fold(Rows(), [record])
    writer.begin_offsets({START: ("topic-id", 0)})
    with pytest.raises(OvertakenError):
        writer.save(Rows(), rows, {START: (1, 5)})
    assert writer.load(touched([record.event])) == Rows()
    writer.save(Rows(), rows, {START: (0, 5)})
    assert writer.load(touched([record.event])) == rows
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


def test_only_one_writer_holds_the_lock(connect: Callable[[], Writer]) -> None:
    first, second = connect(), connect()
    assert first.take_lock()
    assert first.take_lock()
    assert not second.take_lock()
    first.close()
    assert second.take_lock()


@pytest.mark.real
def test_a_name_that_postgresql_cannot_hold_is_kept_without_its_nul(database_url: str) -> None:
    event = SAMPLES["FileStored"]
    assert isinstance(event, e.FileStored)
    odd = replace(event, file=replace(event.file, name="a\x00b.jpg", path=("x\x00",)))
    with closing(CatalogWriter(DatabaseSettings(url=Secret(database_url)))) as writer:
        rows = fold(Rows(), [Positioned(odd, "files.stored", 0, 0)])
        writer.save(Rows(), rows, {})
        (image,) = writer.load(touched([odd])).images.values()
    assert (image.name, image.path) == ("a\ufffdb.jpg", ("x\ufffd",))


@pytest.mark.real
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_at_the_edge_of_the_calendar_can_be_read_again(database_url: str, time: str) -> None:
    event = SAMPLES["FileStored"]
    assert isinstance(event, e.FileStored)
    odd = replace(event, stored_at=datetime.fromisoformat(time))
    with closing(CatalogWriter(DatabaseSettings(url=Secret(database_url)))) as writer:
        rows = fold(Rows(), [Positioned(odd, "files.stored", 0, 0)])
        writer.save(Rows(), rows, {})
        (image,) = writer.load(touched([odd])).images.values()
    assert 1 <= image.updated_at.year <= 9999


@pytest.mark.real
def test_a_connection_that_was_cut_is_unavailable_and_not_a_crash(database_url: str) -> None:
    with closing(CatalogWriter(DatabaseSettings(url=Secret(database_url)))) as writer:
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(CatalogUnavailableError):
            writer.offsets()


@pytest.mark.real
def test_a_server_that_is_not_there_is_unavailable() -> None:
    nowhere = DatabaseSettings(url=Secret("postgresql://u:secret-word@127.0.0.1:9/x"))
    with pytest.raises(CatalogUnavailableError) as why:
        CatalogWriter(nowhere)
    assert "secret-word" not in str(why.value)


@pytest.mark.real
def test_the_migrations_make_the_tables_that_the_code_names(database_url: str) -> None:
    database = engine(DatabaseSettings(url=Secret(database_url)))
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.dispose()


@pytest.mark.real
def test_migrating_twice_changes_nothing(database_url: str) -> None:
    before, after = migrate(DatabaseSettings(url=Secret(database_url)))
    assert before == after is not None
