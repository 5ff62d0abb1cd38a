"""What an import's row says of the import itself."""

from datetime import timedelta

from hypothesis import given
from msgspec.structs import replace

from services.adapters.catalog.rows import ImportRow, Rows
from services.core import events as e
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from tests.histories import histories
from tests.samples import AT, SAMPLES

[NAMED] = [event for event in SAMPLES.values() if isinstance(event, e.FolderNamed)]
TIMES = ("requested_at", "named_at", "listed_at", "failed_at", "stored_at", "at")


def import_after(*events: e.Message) -> ImportRow:
    records = [LogRecord(event, event.topic, 0, n) for n, event in enumerate(events)]
    (row,) = fold(Rows(), rows_of(records)).imports.values()
    return row


def test_the_name_of_its_folder_is_told_and_counts_as_news_of_the_import() -> None:
    row = import_after(SAMPLES["ImportRequested"], replace(NAMED, named_at=AT + timedelta(hours=1)))
    assert (row.name, row.updated_at) == (NAMED.name, AT + timedelta(hours=1))
    assert (row.state, row.folders_found) == ("queued", 1)


@given(history=histories())
def test_the_newest_name_and_the_newest_time_count(history: list[LogRecord]) -> None:
    for key, row in fold(Rows(), rows_of(history)).imports.items():
        events = [r.event for r in history if getattr(r.event, "import_id", None) == key]
        names = [
            (event.named_at, event.name) for event in events if isinstance(event, e.FolderNamed)
        ]
        assert (row.folder_named_at, row.name) == max(names, default=(None, None))
        times = [getattr(event, name) for event in events for name in TIMES if hasattr(event, name)]
        assert row.updated_at == max(times)
