"""The loop: read a batch, fold it, write rows and offsets together, read on.

One indexer is active; others stand by for the lock. Whatever breaks, the next session starts from
the offsets in the database, which moved only with the rows.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.adapters.catalog.rows import Keys, Rows
from services.adapters.catalog.writer import CatalogUnavailableError, OvertakenError, Position
from services.adapters.kafka.dead_letters import PublishesRecords, publish_dead_letter
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw
from services.core import topics
from services.core.errors import Stop
from services.core.wire import UndecodableError, decode
from services.indexer.fold import fold, touched
from services.indexer.merge import Positioned

CONSUMED = (
    topics.IMPORTS_REQUESTED,
    topics.IMPORTS_LISTED,
    topics.FILES_STORED,
    topics.FILES_FAILED,
)
READ_AT_MOST = 2000
ROWS_A_BATCH = 5000
BYTES_A_ROW = 150  # about a `FileBrief` in JSON; an outcome has some 600, and weighs a few rows
IDLE_READ_SECONDS = 0.5
PACE_SECONDS = 0.1
"""Between transactions: small batches would spend the machine on round trips."""
STANDBY_SECONDS = 1.0
LONGEST_WAIT = 15.0
BROKEN = (CatalogUnavailableError, KafkaUnavailableError, OvertakenError)


class ReadsLog(Protocol):
    """`kafka.reader.LogReader`, as the indexer sees it."""

    def partitions(self, topic: str) -> Sequence[int]: ...
    def ends(self, topic: str, partition: int) -> tuple[int, int]: ...
    def seek(self, positions: Mapping[tuple[str, int], int | None]) -> None: ...
    def read(self, at_most: int, timeout: float) -> list[Raw]: ...
    def close(self) -> None: ...


class WritesCatalog(Protocol):
    """`catalog.writer.CatalogWriter`, as the indexer sees it."""

    def close(self) -> None: ...
    def take_lock(self) -> bool: ...
    def offsets(self) -> Mapping[Position, tuple[str, int]]: ...
    def begin_offsets(self, starts: Mapping[Position, tuple[str, int]]) -> None: ...
    def load(self, keys: Keys) -> Rows: ...
    def save(
        self, before: Rows, after: Rows, moves: Mapping[Position, tuple[int, int]]
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What the indexer is wired to. Each session opens its own reader and writer; `say` is told
    what is waited for, and None once nothing is."""

    open_reader: Callable[[], ReadsLog]
    open_writer: Callable[[], WritesCatalog]
    topic_ids: Callable[[Sequence[str]], Mapping[str, str]]
    publisher: PublishesRecords
    say: Callable[[str | None], None]


async def run(outside: Outside, stopping: asyncio.Event) -> None:
    """Index until told to stop. Waits for what is not there; raises `Stop` for a log that is no
    longer the one that the database was made from."""
    failures = 0
    while not stopping.is_set():
        session = _Session(outside, stopping)
        try:
            await session.run()
        except BROKEN as why:
            failures = 0 if session.worked else failures + 1
            wait = min(LONGEST_WAIT, 0.5 * 2**failures)
            outside.say(f"The index stopped: {why}. Trying again in {wait:.0f} s.")
            await _sleep(stopping, wait)
        finally:
            await session.close()


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


class _Session:
    """From a fresh connection to whatever ends it."""

    def __init__(self, outside: Outside, stopping: asyncio.Event) -> None:
        self._outside = outside
        self._stopping = stopping
        self._reader: ReadsLog | None = None
        self._writer: WritesCatalog | None = None
        self.worked = False

    async def close(self) -> None:
        for handle in (self._reader, self._writer):
            if handle is not None:
                await asyncio.to_thread(handle.close)

    async def run(self) -> None:
        self._writer = writer = await asyncio.to_thread(self._outside.open_writer)
        if not await self._active(writer):
            return
        self._reader = reader = await asyncio.to_thread(self._outside.open_reader)
        positions = await asyncio.to_thread(self._resume, reader, writer)
        await asyncio.to_thread(reader.seek, positions)
        self._outside.say(None)
        while not self._stopping.is_set():
            records = await asyncio.to_thread(reader.read, READ_AT_MOST, IDLE_READ_SECONDS)
            for batch in batches(records, ROWS_A_BATCH):
                await self._index(writer, positions, batch)
            self.worked = True
            await _sleep(self._stopping, PACE_SECONDS)

    async def _active(self, writer: WritesCatalog) -> bool:
        told = False
        while not await asyncio.to_thread(writer.take_lock):
            if not told:
                self._outside.say("Another indexer is active; standing by.")
                told = True
            await _sleep(self._stopping, STANDBY_SECONDS)
            if self._stopping.is_set():
                return False
        return True

    def _resume(self, reader: ReadsLog, writer: WritesCatalog) -> dict[Position, int]:
        ids = self._outside.topic_ids([topic.name for topic in CONSUMED])
        known = writer.offsets()
        logs = {
            (topic.name, partition): reader.ends(topic.name, partition)
            for topic in CONSUMED
            for partition in reader.partitions(topic.name)
        }
        starts = {p: (ids[p[0]], low) for p, (low, _) in logs.items() if p not in known}
        writer.begin_offsets(starts)
        for position, (topic_id, offset) in known.items():
            _check(position, topic_id == ids.get(position[0]), offset, logs.get(position, (0, 0)))
        all_known = {**starts, **known}
        return {position: all_known[position][1] for position in logs}

    async def _index(
        self, writer: WritesCatalog, positions: dict[Position, int], batch: Sequence[Raw]
    ) -> None:
        records = [r for raw in batch if (r := await self._decoded(raw)) is not None]
        moves = {}
        for raw in batch:
            position = raw.topic, raw.partition
            moves[position] = (positions[position], raw.offset + 1)
        await asyncio.to_thread(write, writer, records, moves)
        positions.update({position: after for position, (_, after) in moves.items()})

    async def _decoded(self, raw: Raw) -> Positioned | None:
        try:
            event = decode(raw.topic, raw.value)
        except UndecodableError as why:
            await publish_dead_letter(self._outside.publisher, raw, str(why), service="indexer")
            return None
        return Positioned(event, raw.topic, raw.partition, raw.offset)


def write(
    writer: WritesCatalog, records: Sequence[Positioned], moves: Mapping[Position, tuple[int, int]]
) -> None:
    """One batch: load what it touches, fold it in, write the difference and the offsets."""
    before = writer.load(touched(record.event for record in records))
    writer.save(before, fold(before, records), moves)


def batches(records: Iterable[Raw], rows: int) -> Iterator[list[Raw]]:
    """Split by weight: a manifest of 1,000 files weighs as much as 1,000 outcomes."""
    batch: list[Raw] = []
    weight = 0
    for record in records:
        batch.append(record)
        weight += 1 + len(record.value or b"") // BYTES_A_ROW
        if weight >= rows:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _check(position: Position, same_topic: bool, offset: int, log: tuple[int, int]) -> None:
    topic, partition = position
    low, high = log
    if same_topic and low <= offset <= high:
        return
    raise Stop(
        "log_changed",
        f"The database was made from another log: {topic}/{partition} was read up to {offset}, but "
        f"Kafka holds {low} to {high}{'' if same_topic else ' in a topic made anew'}. Rows would "
        "be missing. Point DATABASE_URL at an empty database, and run `drivestream setup`: the "
        "index is built again from the log.",
    )
