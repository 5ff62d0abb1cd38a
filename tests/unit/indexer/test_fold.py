"""The law of the index: the same facts, in whatever order and parts, give the same rows."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from services.adapters.catalog.rows import ImportRow, Rows
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from tests.histories import histories


def in_batches(records: list[LogRecord], cuts: random.Random) -> Rows:
    """Fold piece by piece, as a database in between would see it."""
    rows = Rows()
    while records:
        size = cuts.randint(1, len(records))
        rows = fold(rows, rows_of(records[:size]))
        records = records[size:]
    return rows


@settings(max_examples=300)
@given(history=histories(), chance=st.randoms(use_true_random=False))
def test_any_order_repetition_and_batching_gives_the_same_rows(
    history: list[LogRecord], chance: random.Random
) -> None:
    straight = fold(Rows(), rows_of(history))
    repeated = history + chance.choices(history, k=len(history)) if history else []
    chance.shuffle(repeated)
    assert in_batches(repeated, chance) == straight


@settings(max_examples=200)
@given(history=histories())
def test_the_equation_closes_when_each_part_is_counted_on_its_own(
    history: list[LogRecord],
) -> None:
    rows = fold(Rows(), rows_of(history))
    for job in rows.imports.values():
        files = [f for (owner, _), f in rows.files.items() if owner == job.id]
        states = Counter(f.state for f in files)
        assert job.found == job.stored + job.unchanged + job.failed + job.pending
        assert job.found == sum(1 for f in files if f.listed or f.outcome_at is not None)
        parts = {s: states[s] for s in ("stored", "unchanged", "failed", "pending")}
        assert parts == {s: getattr(job, s) for s in parts}
        assert sum(job.skipped.values()) == states["skipped"]
        assert sum(job.failures.values()) == states["failed"]


@given(history=histories())
def test_an_import_ends_only_when_nothing_is_pending_and_every_folder_is_settled(
    history: list[LogRecord],
) -> None:
    rows = fold(Rows(), rows_of(history))
    for job in rows.imports.values():
        if job.state in ("completed", "completed_with_failures", "failed"):
            assert job.pending == 0
            assert _unsettled(rows, job) == 0
            assert job.finished_at is not None


def _unsettled(rows: Rows, job: ImportRow) -> int:
    return sum(
        1
        for (owner, _), folder in rows.folders.items()
        if owner == job.id and not folder.closed and folder.failed_at is None
    )


@given(history=histories())
def test_the_rows_that_a_batch_makes_are_the_ones_that_were_to_be_loaded(
    history: list[LogRecord],
) -> None:
    batch = rows_of(history)
    rows = fold(Rows(), batch)
    assert set(rows.imports) == set(batch.imports)
    assert set(rows.folders) == set(batch.folders)
    assert set(rows.files) == set(batch.files)
    assert set(rows.images) == set(batch.images)
