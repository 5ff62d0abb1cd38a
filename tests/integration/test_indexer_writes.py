"""The writer on a real PostgreSQL: what is saved is what was folded; offsets only move once."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings

from services.adapters.catalog.tables import metadata
from services.adapters.catalog.writer import CatalogWriter, OvertakenError
from services.core.rows import Rows
from services.core.settings import DatabaseSettings, Secret
from services.indexer.fold import fold, touched
from services.indexer.merge import Positioned
from tests.histories import histories

pytestmark = pytest.mark.real


@pytest.fixture
def writer(database_url: str) -> Iterator[CatalogWriter]:
    with closing(CatalogWriter(DatabaseSettings(url=Secret(database_url)))) as writer:
        yield writer


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories())
def test_what_is_saved_and_loaded_again_is_what_was_folded(
    writer: CatalogWriter, history: list[Positioned]
) -> None:
    keys = touched(record.event for record in history)
    before = writer.load(keys)
    after = fold(before, history)
    writer.save(before, after, {})
    assert writer.load(keys) == after


def test_a_batch_that_was_counted_already_fails_whole(writer: CatalogWriter) -> None:
    start = ("files.stored", 0)
    writer.begin_offsets({start: ("topic-id", 0)})
    writer.save(Rows(), Rows(), {start: (0, 5)})
    with pytest.raises(OvertakenError):
        writer.save(Rows(), Rows(), {start: (0, 5)})
    assert writer.offsets()[start] == ("topic-id", 5)


def test_only_one_writer_holds_the_lock(database_url: str, writer: CatalogWriter) -> None:
    assert writer.take_lock()
    second = CatalogWriter(DatabaseSettings(url=Secret(database_url)))
    assert not second.take_lock()
    writer.close()
    assert second.take_lock()
    second.close()


def test_the_migrations_make_the_tables_that_the_code_names(database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from services.adapters.catalog.migrate import engine

    database = engine(DatabaseSettings(url=Secret(database_url)))
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.dispose()
