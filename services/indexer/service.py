"""The loop: read a batch, fold it, write rows and offsets together, read on.

Whoever is behind folds the next batch, and reads and decodes the one after it, while PostgreSQL
writes this one (`folding.py`). Nothing is published of a batch before the one before it is written.

One indexer is active; others stand by for the lock. After any failure, the next session starts from
the offsets in the database, which moved only with the rows.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from services.adapters.catalog.bulk import Packed
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.writer import CatalogUnavailableError, OvertakenError, Position
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import PublishesRecords, publish_dead_letter
from services.adapters.kafka.reader import ReadsLog
from services.adapters.process import Running, run_with_background
from services.core.errors import Stop
from services.core.events import Waiting
from services.core.topics import FILES_FAILED, FILES_STORED, IMPORTS_LISTED, IMPORTS_REQUESTED
from services.indexer.endings import endings
from services.indexer.folding import Folded, Moves, folded_onto, moves_of
from services.indexer.reading import Batch, read_batches
from services.indexer.story import Story

CONSUMED = (IMPORTS_REQUESTED, IMPORTS_LISTED, FILES_STORED, FILES_FAILED)
BATCH_SECONDS = 0.25  # between transactions, where there is little to write in each
STANDBY_SECONDS = 1.0
LOOK_SECONDS = 30.0  # how often Kafka is asked how far the topics reach, and which they are
FIRST_WAIT, LONGEST_WAIT = 0.25, 15.0
REASONS = {
    CatalogUnavailableError: "database_unavailable",
    KafkaUnavailableError: "kafka_unavailable",
    OvertakenError: "overtaken",
}
T = TypeVar("T")
TopicIds = Callable[[Sequence[str]], Mapping[str, str]]
Bounds = Callable[[Sequence[str]], Mapping[Position, tuple[int, int]]]
NAMES = [topic.name for topic in CONSUMED]
log = structlog.get_logger("indexer")


class WritesCatalog(Protocol):
    """`CatalogWriter`, as the indexer sees it."""

    def close(self) -> None: ...
    def check_schema(self) -> None: ...
    def take_lock(self) -> bool: ...
    def offsets(self) -> Mapping[Position, tuple[str, int]]: ...
    def begin_offsets(self, starts: Mapping[Position, tuple[str, int]]) -> None: ...
    def restart_offsets(self, starts: Mapping[Position, tuple[str, int]]) -> None: ...
    def ask(self, wanted: Rows) -> Callable[[], Rows]: ...
    def save(
        self, before: Rows, after: Rows, moves: Moves, packed: Packed | None = None
    ) -> None: ...


@dataclass(kw_only=True)
class Indexer:
    """Each session opens its own reader and writer. `tell` is given what the indexer waits for, at
    each attempt, and None once it waits no longer. `beside` runs while this indexer is active."""

    open_reader: Callable[[], ReadsLog]
    open_writer: Callable[[], WritesCatalog]
    topic_ids: TopicIds
    bounds: Bounds
    publisher: PublishesRecords
    tell: Callable[[Waiting | None], None]
    stopping: asyncio.Event
    beside: Callable[[], Running] | None = None
    wait: float = FIRST_WAIT
    story: Story = field(default_factory=Story)
    positions: dict[Position, int] = field(default_factory=dict)  # next offsets to be written
    lag: dict[Position, int] = field(default_factory=dict)  # as of up to half a minute ago
    called: Callable[[str, float, str], None] = lambda _system, _seconds, _result: None

    async def run(self) -> None:
        """Index until told to stop, and wait for what is not there, or for somebody to act: if this
        log is not the one that the database was made from, or if events or tables are of a newer
        version. It holds no lock while it waits, so a newer indexer can take over."""
        while not self.stopping.is_set():
            try:
                await self._session()
            except tuple(REASONS) as why:
                await self._wait(
                    REASONS[type(why)], f"The indexer has stopped: {str(why).rstrip('.')}."
                )
            except Stop as why:
                await self._wait(why.reason, why.message)

    async def _wait(self, reason: str, message: str) -> None:
        until = datetime.now(UTC) + timedelta(seconds=self.wait)
        self.tell(Waiting(reason=reason, message=message, until=until))
        with suppress(KafkaUnavailableError):
            await self._count_lag()
        await self._stops_within(self.wait)
        self.wait = min(LONGEST_WAIT, self.wait * 2)

    async def _session(self) -> None:
        async with AsyncExitStack() as opened:
            writer = await asyncio.to_thread(self.open_writer)
            opened.push_async_callback(asyncio.to_thread, writer.close)
            await asyncio.to_thread(writer.check_schema)
            while not await asyncio.to_thread(writer.take_lock):
                self.positions.clear()  # the active one counts how far it is behind
                self.lag.clear()
                self.tell(
                    Waiting(
                        reason="standby",
                        message="Another indexer is active. This one is on standby.",
                    )
                )
                if await self._stops_within(STANDBY_SECONDS):
                    return
            reader = await asyncio.to_thread(self.open_reader)
            opened.push_async_callback(asyncio.to_thread, reader.close)
            ids = await asyncio.to_thread(self.topic_ids, NAMES)
            self.positions = await asyncio.to_thread(resume, reader, writer, self.topic_ids)
            self.tell(None)
            changed = asyncio.Event()
            others = [self._look(ids, changed)]
            others += [] if self.beside is None else [self.beside()]
            await run_with_background(self._follow(reader, writer, changed), *others)

    async def _follow(
        self, reader: ReadsLog, writer: WritesCatalog, changed: asyncio.Event
    ) -> None:
        """Until told to stop, or until there are other partitions for the next session to read."""
        ahead, read = read_batches(reader), dict(self.positions)
        following: asyncio.Future[Batch] | None = None
        writing: asyncio.Future[None] | None = None
        folded: Folded | None = None
        try:
            while not (self.stopping.is_set() or changed.is_set()):
                batch = await (following or _next(ahead))
                following = None
                if batch.records:
                    found = await self._call(writer.ask, batch.rows)  # it writes nothing as yet
                    writing = asyncio.ensure_future(self._write(writer, folded))
                    moves = moves_of(read, batch.records)
                    folded = await asyncio.to_thread(folded_onto, folded, found, batch, moves)
                    following = _next(ahead) if batch.more else None
                    await writing
                if following is None:
                    await self._write(writer, folded)
                    folded = None
                self.wait = FIRST_WAIT
                if not batch.more:
                    await self._stops_within(BATCH_SECONDS)
            await self._write(writer, folded)
        finally:  # their threads still use the reader and the writer; they end by themselves
            begun = [each for each in (following, writing) if each is not None]
            await asyncio.gather(*begun, return_exceptions=True)

    async def _write(self, writer: WritesCatalog, folded: Folded | None) -> None:
        """Not before all of the batch is decoded: after a `Stop`, the next start would publish its
        dead letters again."""
        if folded is None:
            return
        for raw, reason in folded.undecodable:
            await publish_dead_letter(self.publisher, raw, reason, service="indexer")
        before, after = folded.before, folded.after
        await self.publisher.publish(endings(before, after, datetime.now(UTC)))
        await self._call(writer.save, before, after, folded.moves, folded.packed)
        self.positions |= {place: end for place, (_, end) in folded.moves.items()}
        self.story.tell(before, after)

    async def _look(self, ids: Mapping[str, str], changed: asyncio.Event) -> None:
        """How far the log reaches, and whether its partitions are others by now. The reader is not
        asked: each of its answers would wait for a long poll, and all of them hold up the rows."""
        while True:
            logs = await self._count_lag()
            now = await asyncio.to_thread(self.topic_ids, NAMES)
            if (logs.keys(), now) != (self.positions.keys(), ids):
                changed.set()
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _count_lag(self) -> Mapping[Position, tuple[int, int]]:
        """Behind what is written, even while PostgreSQL takes nothing; the bounds of the log."""
        logs = await asyncio.to_thread(self.bounds, NAMES)
        for place, (_, end) in logs.items():
            if place in self.positions:
                self.lag[place] = max(0, end - self.positions[place])
        return logs

    async def _call(self, function: Callable[..., T], *args: object) -> T:
        """A call to the database, on a thread."""
        began, result = time.perf_counter(), "error"
        try:
            answer = await asyncio.to_thread(function, *args)
            result = "ok"
        finally:
            self.called("database", time.perf_counter() - began, result)
        return answer

    async def _stops_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        return self.stopping.is_set()


def resume(reader: ReadsLog, writer: WritesCatalog, topic_ids: TopicIds) -> dict[Position, int]:
    """Read on from the offsets in the database; the next one of each partition.

    Where a partition lost what was not read yet, or its topic was made anew, it is read from its
    start: a record that is read twice changes nothing. What was lost, `Recovery` brings back.
    """
    ids = topic_ids(NAMES)
    logs = log_bounds(reader)
    writer.begin_offsets({p: (ids[p[0]], low) for p, (low, _) in logs.items()})
    known = writer.offsets()
    if all(topic_id != ids.get(topic) for (topic, _), (topic_id, _) in known.items()):
        refuse_other_log(known, ids, logs)
    positions = {position: known[position][1] for position in logs}
    cut = {
        place: (ids[place[0]], low)
        for place, (low, high) in logs.items()
        if known[place][0] != ids[place[0]] or not low <= positions[place] <= high
    }
    if cut:
        places = [f"{topic}/{partition}" for topic, partition in sorted(cut)]
        log.error("indexer.records_lost", partitions=places)
        writer.restart_offsets(cut)
        positions |= {place: low for place, (_, low) in cut.items()}
    reader.seek(positions)
    return positions


def log_bounds(reader: ReadsLog) -> dict[Position, tuple[int, int]]:
    """The first offset and the end of each partition that is consumed."""
    return {position: reader.ends(*position) for position in _partitions(reader)}


def refuse_other_log(
    known: Mapping[Position, tuple[str, int]],
    ids: Mapping[str, str],
    logs: Mapping[Position, tuple[int, int]],
) -> None:
    """Raise `Stop` if these offsets are not of this log."""
    for (topic, partition), (topic_id, offset) in known.items():
        low, high = logs.get((topic, partition), (0, 0))
        is_new = topic_id != ids.get(topic)
        if is_new or not low <= offset <= high:
            raise Stop(
                "log_changed",
                f"The database was built from a different Kafka log: {topic}/{partition} was read "
                f"up to offset {offset}, but Kafka has {low} to {high}"
                f"{' in a new topic' if is_new else ''}. Set DATABASE_URL to an empty database and "
                "run `drivestream setup`. The tables are then rebuilt from the log.",
            )


def _next(ahead: Iterator[Batch]) -> asyncio.Future[Batch]:
    """The next batch, made on a thread: it is begun at once."""
    return asyncio.ensure_future(asyncio.to_thread(next, ahead))


def _partitions(reader: ReadsLog) -> set[Position]:
    return {(name, p) for name in NAMES for p in reader.partitions(name)}
