"""A batch of records is linked to their traces, and each trace ends with its row."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from services.adapters.kafka.reader import Raw
from services.adapters.tracing.port import Moves
from services.core.trace_context import TraceContext
from tests.fakes.tracing import FakeTracing, context_of, error_of

STORED = "files.stored"


def record(offset: int, header: bytes | None, partition: int = 0) -> Raw:
    headers = {} if header is None else {"traceparent": header}
    return Raw(
        topic=STORED, partition=partition, offset=offset, key=b"", value=b"", headers=headers
    )


def of_trace(number: int, *, sampled: bool = True) -> bytes:
    return TraceContext(number, 1, sampled).encoded()


class Log:
    """`ReadsLog` of these records."""

    def __init__(self, records: Sequence[Raw]) -> None:
        self._records = records

    def partitions(self, topic: str) -> Sequence[int]:
        return [0]

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, len(self._records)

    def start(self, topic: str, partition: int, since: datetime | None) -> int:
        return 0

    def seek(self, positions: Mapping[tuple[str, int], int]) -> None: ...

    def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
        return self._records

    def close(self) -> None: ...


def moves(begin: int, end: int, partition: int = 0) -> Moves:
    return {(STORED, partition): (begin, end)}


def read(tracing: FakeTracing, *records: Raw) -> None:
    assert tracing.reader(Log(records)).read(100, 0.0) == records


def traces_of_rows(tracing: FakeTracing) -> list[int]:
    return [context_of(span).trace_id for span in tracing.spans(f"process {STORED}")]


def test_a_batch_is_linked_to_its_records_and_each_record_to_its_batch() -> None:
    tracing = FakeTracing(service="indexer")
    read(tracing, record(0, of_trace(1)), record(1, None), record(2, of_trace(2)))
    with tracing.saving(moves(0, 3)):
        pass
    [batch], rows = tracing.spans("process batch"), tracing.spans(f"process {STORED}")
    assert [link.context.trace_id for link in batch.links] == [1, 2]
    assert [context_of(row).trace_id for row in rows] == [1, 2]
    assert [[link.context for link in row.links] for row in rows] == [[context_of(batch)]] * 2
    assert (batch.attributes or {})["messaging.batch.message_count"] == 3
    [save] = tracing.spans("save rows")
    assert save.parent == context_of(batch)


def test_a_record_belongs_to_the_batch_that_saves_it() -> None:
    tracing = FakeTracing()
    read(tracing, *(record(n, of_trace(n + 1)) for n in range(3)), record(0, of_trace(9), 1))
    with tracing.saving(moves(0, 2)):
        pass
    with tracing.saving(moves(2, 3)):
        pass
    batches = tracing.spans("process batch")
    assert [[k.context.trace_id for k in batch.links] for batch in batches] == [[1, 2], [3]]


@pytest.mark.parametrize("header", [None, b"garbage", of_trace(1, sampled=False)])
def test_without_a_trace_that_is_kept_there_is_no_span(header: bytes | None) -> None:
    tracing = FakeTracing()
    read(tracing, record(0, header))
    with tracing.saving(moves(0, 1)):
        pass
    assert tracing.spans() == []


def test_a_batch_that_is_not_saved_has_no_rows() -> None:
    tracing = FakeTracing()
    read(tracing, record(0, of_trace(1)))
    with pytest.raises(OSError, match="gone"), tracing.saving(moves(0, 1)):
        raise OSError("gone")
    assert [(span.name, error_of(span)) for span in tracing.spans()] == [
        ("save rows", "OSError"),
        ("process batch", "OSError"),
    ]


def test_what_is_read_again_is_in_one_batch_only() -> None:
    tracing = FakeTracing()
    reader = tracing.reader(Log([record(0, of_trace(1))]))
    reader.read(100, 0.0)
    reader.seek({(STORED, 0): 0})
    reader.read(100, 0.0)
    with tracing.saving(moves(0, 1)):
        pass
    assert traces_of_rows(tracing) == [1]


def test_a_batch_has_so_many_links_and_no_more() -> None:
    tracing = FakeTracing()
    read(tracing, *(record(n, of_trace(n + 1)) for n in range(300)))
    with tracing.saving(moves(0, 300)):
        pass
    [batch] = tracing.spans("process batch")
    assert len(batch.links) == 128
    assert traces_of_rows(tracing) == [*range(1, 301)]


def test_a_reader_that_is_never_saved_from_holds_so_much_and_no_more() -> None:
    tracing = FakeTracing()
    reader = tracing.reader(Log([record(n, of_trace(1)) for n in range(6_000)]))
    reader.read(100, 0.0)
    reader.read(100, 0.0)
    with tracing.saving(moves(0, 6_000)):
        pass
    [batch] = tracing.spans("process batch")
    assert (batch.attributes or {})["drivestream.batch.traced"] == 10_000
