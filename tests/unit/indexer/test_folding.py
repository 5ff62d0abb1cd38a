"""A batch that is folded while the one before it is written sees the rows of that one."""

import random
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.adapters.catalog.rows import Rows
from services.core import events as e
from services.indexer.fold import fold, rows_of
from services.indexer.folding import Folded, folded_onto
from services.indexer.reading import Batch
from services.indexer.record import LogRecord
from tests.fakes.catalog_writer import FakeCatalogWriter, FakeDatabase
from tests.histories import histories
from tests.samples import AT

JOB, ROOT = "import-a", "root"


def written(
    batches: Iterator[Sequence[LogRecord]], reads_on: Callable[[], bool] = lambda: True
) -> Rows:
    """As the indexer writes: what is loaded next is asked for before, where it `reads_on`."""
    database = FakeDatabase()
    writer = FakeCatalogWriter(database)
    waiting: Folded | None = None
    for records in batches:
        rows = rows_of(records)
        found = writer.ask(rows)
        if waiting is not None:
            writer.save(waiting.before, waiting.after, {})
        waiting = folded_onto(waiting, found, Batch((), rows, (), more=True), {})
        if not reads_on():
            writer.save(waiting.before, waiting.after, {})
            waiting = None
    if waiting is not None:
        writer.save(waiting.before, waiting.after, {})
    return database.rows


@settings(max_examples=200)
@given(history=histories(), chance=st.randoms(use_true_random=False))
def test_what_is_written_batch_by_batch_is_what_one_fold_gives(
    history: list[LogRecord], chance: random.Random
) -> None:
    def cut(left: list[LogRecord]) -> Iterator[Sequence[LogRecord]]:
        while left:
            size = chance.randint(1, 3)
            yield left[:size]
            left = left[size:]

    straight = fold(Rows(), rows_of(history))
    chance.shuffle(shuffled := list(history))
    assert written(cut(shuffled), lambda: chance.random() < 0.7) == straight


@pytest.mark.parametrize("reads_on", [True, False], ids=["laid over", "loaded"])
def test_an_import_whose_root_failed_before_it_was_requested_has_failed(reads_on: bool) -> None:
    """Its state follows from the root folder, which neither the request nor a later event has."""
    events: list[e.Message] = [
        e.FolderFailed(
            import_id=JOB, folder_id=ROOT, reason="not_found", message="No.", failed_at=AT
        ),
        e.ImportRequested(import_id=JOB, folder_id=ROOT, folder_url=ROOT, requested_at=AT),
        e.FolderNamed(import_id=JOB, folder_id=ROOT, name="Summer", named_at=AT),
    ]
    for count in (2, 3):
        batches = ([LogRecord(event, event.topic, 0, 0)] for event in events[:count])
        (row,) = written(batches, lambda: reads_on).imports.values()
        assert (row.state, row.message) == ("failed", "No.")
