"""From a record of the log to its row. A batch has a span of its own, linked to those of its
records; each record that is traced gets one, too, so that its trace ends with its row."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Generic, NamedTuple

from opentelemetry.trace import Link, Span, SpanContext, SpanKind

from services.adapters.tracing.port import Moves, R_co, ReadRecord, ReadsRecords
from services.adapters.tracing.spans import ROOT, Attributes, Spans, below, current, ending, remote
from services.core.trace_context import HEADER

MOST_WAITING = 10_000
"""Traced records that were read and are not saved yet. Of more, some rows are in no trace."""
Position = tuple[str, int]


class Traced(NamedTuple):
    """A record that belongs to a trace which is kept."""

    offset: int
    context: SpanContext


class TracedRecords:
    """Read and not yet saved, by topic and partition. One thread reads while another saves."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[Position, deque[Traced]] = {}
        self._count = 0

    def forget(self) -> None:
        with self._lock:
            self._waiting.clear()
            self._count = 0

    def read(self, records: Sequence[ReadRecord]) -> None:
        with self._lock:
            for record in records:
                header = record.headers.get(HEADER)
                context = None if header is None else remote(header)
                if context is None or not context.trace_flags.sampled:
                    continue
                if self._count >= MOST_WAITING:
                    break
                place = record.topic, record.partition
                self._waiting.setdefault(place, deque()).append(Traced(record.offset, context))
                self._count += 1

    def saved(self, moves: Moves) -> list[tuple[Position, Traced]]:
        """Those that lie before the new offsets; they are taken out."""
        found: list[tuple[Position, Traced]] = []
        with self._lock:
            for place, (_, end) in moves.items():
                waiting = self._waiting.get(place, deque())
                while waiting and waiting[0].offset < end:
                    found.append((place, waiting.popleft()))
            self._count -= len(found)
        return found


class TracedReader(Generic[R_co]):
    def __init__(self, inner: ReadsRecords[R_co], records: TracedRecords) -> None:
        self._inner = inner
        self._records = records

    def partitions(self, topic: str) -> Sequence[int]:
        return self._inner.partitions(topic)

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        return self._inner.ends(topic, partition)

    def start(self, topic: str, partition: int, since: Any) -> int:
        return self._inner.start(topic, partition, since)

    def seek(self, positions: Mapping[Position, int]) -> None:
        self._records.forget()
        self._inner.seek(positions)

    def read(self, at_most: int, timeout: float) -> Sequence[R_co]:
        found = self._inner.read(at_most, timeout)
        self._records.read(found)
        return found

    def close(self) -> None:
        self._inner.close()


class TracedBatches:
    def __init__(self, spans: Spans, records: TracedRecords) -> None:
        self._spans = spans
        self._records = records

    @contextmanager
    def saving(self, moves: Moves) -> Iterator[None]:
        """A span for the batch, if any record of it is traced, and one for each that is."""
        records = self._records.saved(moves)
        if not records:
            yield
            return
        links = [traced.context for _, traced in records]
        about = _messaging(" ".join(sorted({topic for topic, _ in moves}))) | {
            "messaging.batch.message_count": sum(end - begin for begin, end in moves.values()),
            "drivestream.batch.traced": len(records),
        }
        batch = self._spans.start("process batch", SpanKind.CONSUMER, about, ROOT, links)
        began = time.time_ns()
        with current(batch), ending(batch), self._spans.call("save rows", _DATABASE):
            yield
        for place, traced in records:
            self._row(place, traced, batch, began)

    def _row(self, place: Position, traced: Traced, batch: Span, began: int) -> None:
        topic, partition = place
        about = _messaging(topic) | {
            "messaging.destination.partition.id": str(partition),
            "messaging.kafka.offset": traced.offset,
            **_DATABASE,
        }
        self._spans.finished(
            f"process {topic}",
            about,
            below(traced.context),
            Link(batch.get_span_context()),
            began,
        )


_DATABASE: Attributes = {"db.system.name": "postgresql", "db.operation.name": "COPY"}


def _messaging(topic: str) -> Attributes:
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }
