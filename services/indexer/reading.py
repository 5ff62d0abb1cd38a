"""What is read from the log, as batches: records, and the rows that their events make.

Nothing here touches the database, so batches are read while PostgreSQL writes those before them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from services.adapters.catalog.rows import Rows
from services.adapters.kafka.reader import Raw, ReadsLog
from services.core.errors import Stop
from services.core.topics import FILES_FAILED, FILES_STORED
from services.core.wire import UndecodableError, UnknownEventError, decode
from services.indexer.fold import rows_of
from services.indexer.record import LogRecord

READ_AT_MOST = 5000
MANY = 500
"""Records that came at once. A transaction costs some 3 ms of its own, so fewer wait for others."""
IDLE_READ_SECONDS = 0.5
SOON_SECONDS = 0.05
"""Where there was more a moment ago. What is folded waits for this read before it is written."""
ROWS_A_BATCH = 5000
BYTES_A_ROW = 150
"""About a `FileBrief` in JSON: a manifest of 1,000 files weighs as much as 1,000 outcomes."""
BYTES_AN_OUTCOME = 2500
"""More than almost all have, so each weighs 1. What is larger weighs more: memory is bounded."""
OUTCOMES = {FILES_STORED.name, FILES_FAILED.name}


class Batch(NamedTuple):
    """Records in the order of the log, their rows, and those that cannot be decoded, each with the
    reason. `more` says that there is more to read at once."""

    records: Sequence[Raw]
    rows: Rows
    undecodable: Sequence[tuple[Raw, str]]
    more: bool


def read_batches(reader: ReadsLog) -> Iterator[Batch]:
    """Without end; an empty one where nothing came for a while. For an event of a newer version
    there is an empty one too, so that all before it is written; then it raises `Stop`."""
    more = False
    while True:
        records = reader.read(READ_AT_MOST, SOON_SECONDS if more else IDLE_READ_SECONDS)
        cut = list(batches(records, ROWS_A_BATCH)) or [[]]
        for number, batch in enumerate(cut, start=1):
            try:
                known, undecodable = decoded(batch)
            except Stop:
                yield Batch((), Rows(), (), more=False)
                raise
            more = number < len(cut) or len(records) >= MANY
            yield Batch(batch, rows_of(known), undecodable, more)


def decoded(batch: Iterable[Raw]) -> tuple[list[LogRecord], list[tuple[Raw, str]]]:
    """The records, and those that cannot be decoded, each with the reason. Raises `Stop` for an
    event of a newer version."""
    records: list[LogRecord] = []
    undecodable: list[tuple[Raw, str]] = []
    for raw in batch:
        try:
            event = decode(raw.topic, raw.value)
            records.append(LogRecord(event, raw.topic, raw.partition, raw.offset))
        except UnknownEventError as why:
            raise Stop("unknown_event", str(why)) from why
        except UndecodableError as why:
            undecodable.append((raw, str(why)))
    return records, undecodable


def batches(records: Iterable[Raw], rows: int) -> Iterator[list[Raw]]:
    """Split by weight, which is about the rows that the records make."""
    batch: list[Raw] = []
    weight = 0
    for record in records:
        batch.append(record)
        bytes_a_row = BYTES_AN_OUTCOME if record.topic in OUTCOMES else BYTES_A_ROW
        weight += 1 + len(record.value or b"") // bytes_a_row
        if weight >= rows:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
