"""A history folded part by part, as a rebuild does, gives what it gives at once."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.catalog.generation import FILE_FIELDS, Plan
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.writer import VERSION
from services.core import events as e
from services.core.murmur2 import partition_of
from services.core.wire import decode
from services.indexer.fold import add, fold, rows_of
from services.indexer.rebuilding import SUMMED_IN, part_of, split
from services.indexer.record import LogRecord
from tests.drawn_histories import History
from tests.histories import histories


def a_plan(partitions: int, slices: int) -> Plan:
    return Plan(version=VERSION, topic_ids={}, ends=(), partitions=partitions, slices=slices)


def by_parts(history: list[LogRecord], plan: Plan, at_once: int) -> Rows:
    """`at_once`: how many records a batch has, before outcomes are read."""
    outcomes: defaultdict[int, list[LogRecord]] = defaultdict(list)
    others: list[LogRecord] = []
    for record in history:
        if isinstance(record.event, e.FileStored | e.FileFailed):
            outcomes[part_of(record.event.subject, plan)].append(record)
        else:
            others.append(record)
    known, aside = Rows(), defaultdict[int, list[Rows]](list)
    for begin in range(0, len(others), at_once):
        rest, of_parts = split(rows_of(others[begin : begin + at_once]), plan)
        known = fold(known, rest)
        for part, some in of_parts.items():
            aside[part].append(some)
    for part in range(plan.partitions * plan.slices):
        rows = Rows()
        for some in aside[part]:
            add(rows, some)
        rows_of(outcomes[part], rows)
        before = Rows(
            imports={id: row for id, row in known.imports.items() if id in rows.imports},
            replays={id: row for id, row in known.replays.items() if id in rows.replays},
            folders=known.folders,
        )
        after = fold(before, rows)
        for name in Rows.__struct_fields__:
            getattr(known, name).update(getattr(after, name))
    return known


@given(
    history=histories(),
    partitions=st.integers(1, 4),
    slices=st.integers(1, 3),
    at_once=st.integers(1, 100),
)
def test_parts_add_up_to_the_whole(
    history: list[LogRecord], partitions: int, slices: int, at_once: int
) -> None:
    whole = fold(Rows(), rows_of(history))
    assert by_parts(history, a_plan(partitions, slices), at_once) == whole


@pytest.mark.parametrize("seed", [1, 7])
def test_a_long_log_is_read_in_many_batches(seed: int) -> None:
    """Each of which may tell of the same import, and of the same replay."""
    records = History(seed=seed, count=1500).records
    history = [
        LogRecord(decode(record.topic, record.value), record.topic, 0, n)
        for n, record in enumerate(records)
    ]
    whole = fold(Rows(), rows_of(history))
    assert whole.replay_files
    assert by_parts(history, a_plan(partitions=2, slices=1), at_once=20) == whole


def test_a_part_is_within_the_partition_of_its_files() -> None:
    plan = a_plan(partitions=12, slices=5)
    parts = {part_of(f"file-{n}", plan) for n in range(2000)}
    assert parts == set(range(60))
    for n in range(100):
        id = f"file-{n}"
        assert part_of(id, plan) // plan.slices == partition_of(id.encode(), 12)


@pytest.mark.parametrize("name", Rows.__struct_fields__)
def test_it_is_known_of_every_kind_of_row_whether_a_file_is_all_that_it_is_about(name: str) -> None:
    """A kind of row that is new belongs into `FILE_FIELDS` if it is keyed by a file, and into
    `SUMMED_IN` if it holds sums over such rows."""
    assert name in {"folders", *SUMMED_IN, *FILE_FIELDS}
