"""The loop of the indexer, on fakes that pass the contract suites."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from services.adapters.catalog.bulk import Packed
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.writer import Position
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw
from services.adapters.process import publish_status, run_with_background
from services.core.events import (
    FileStored,
    ImportCancelled,
    ImportEnded,
    Message,
    Waiting,
    WorkerStatus,
)
from services.core.topics import (
    BY_NAME,
    DEAD_LETTERS,
    FILES_FAILED,
    FILES_STORED,
    IMPORTS_LISTED,
    IMPORTS_REQUESTED,
    NOTIFICATIONS,
    WORKERS_STATUS,
)
from services.core.wire import Record, decode, encode
from services.indexer import reading, service
from services.indexer.reading import BYTES_A_ROW, BYTES_AN_OUTCOME, batches
from services.indexer.service import LONGEST_WAIT, Indexer
from tests.fakes.catalog_writer import FakeCatalogWriter, FakeDatabase
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.fakes.virtual_time import virtual_time
from tests.samples import AT, SAMPLES

WAIT = 60
STORED = SAMPLES["FileStored"]


class GrowingReader(FakeLogReader):
    """A reader of a log whose topics have more partitions than `setup` makes."""

    def __init__(self, log: FakeLog, more: Callable[[], int]) -> None:
        super().__init__(log)
        self._more = more
        self.asked = 0

    def partitions(self, topic: str) -> Sequence[int]:
        self.asked += 1
        return range(len(super().partitions(topic)) + self._more())


class FailingPublisher(FakePublisher):
    """Kafka takes nothing, so many times, while it can still be read."""

    failures = 0
    breaks: FakeDatabase | None = None  # as soon as an end is acknowledged

    async def publish(self, events: Sequence[Message | Record]) -> None:
        if self.failures:
            self.failures -= 1
            raise KafkaUnavailableError("no acknowledgement in time")
        await super().publish(events)
        if self.breaks and any(isinstance(event, ImportEnded) for event in events):
            self.breaks.available, self.breaks = False, None


class World:
    """What an indexer is wired to, in memory."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.database = FakeDatabase()
        self.told: list[Waiting | None] = []
        self.publisher = FailingPublisher(self.log, lambda: KafkaUnavailableError("gone"), "test")
        self.topic_id = "topic-id"
        self.made_anew: set[str] = set()
        self.more_partitions = 0
        self.beside: list[str] = []
        self.readers: list[GrowingReader] = []
        self.looked = 0

    async def run_beside(self) -> None:
        self.beside.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            self.beside.append("ended")

    def indexer(self, stopping: asyncio.Event) -> Indexer:
        return Indexer(
            open_reader=self.open_reader,
            open_writer=lambda: FakeCatalogWriter(self.database),
            topic_ids=self.topic_ids,
            bounds=self.bounds,
            publisher=self.publisher,
            tell=self.told.append,
            stopping=stopping,
            beside=self.run_beside,
        )

    def open_reader(self) -> GrowingReader:
        self.readers.append(GrowingReader(self.log, lambda: self.more_partitions))
        return self.readers[-1]

    def bounds(self, names: Sequence[str]) -> Mapping[Position, tuple[int, int]]:
        self.looked += 1
        reader = GrowingReader(self.log, lambda: self.more_partitions)
        return {(n, p): reader.ends(n, p) for n in names for p in reader.partitions(n)}

    def topic_ids(self, names: Sequence[str]) -> Mapping[str, str]:
        return {n: "made-anew" if n in self.made_anew else self.topic_id for n in names}

    @asynccontextmanager
    async def indexing(self) -> AsyncIterator[None]:
        """An indexer runs meanwhile; it is stopped at the end, and must not have failed."""
        stopping = asyncio.Event()
        async with asyncio.timeout(WAIT), asyncio.TaskGroup() as group:
            group.create_task(self.indexer(stopping).run())
            yield
            stopping.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.005)

    async def until_told(self, reason: str | None) -> None:
        """The newest that was told: a reason to wait, or None."""
        await self.until(lambda: bool(self.told) and _reason(self.told[-1]) == reason)

    async def index_until(self, files: int) -> None:
        """Run the indexer until the database has that many files, then stop it."""
        async with self.indexing():
            await self.until(lambda: len(self.database.rows.files) >= files)

    def consumed(self) -> int:
        """How many records the offsets in the database are past."""
        return sum(offset for _, offset in self.database.offsets.values())


def _reason(waiting: Waiting | None) -> str | None:
    return None if waiting is None else waiting.reason


def with_value(value: bytes) -> Record:
    record = encode(STORED, source="test")
    return Record(topic=record.topic, key=record.key, value=value, headers=record.headers)


async def test_events_become_rows_and_offsets_move_with_them() -> None:
    world = World()
    await world.publisher.publish([SAMPLES["ImportRequested"], STORED])
    await world.index_until(files=1)
    (row,) = world.database.rows.imports.values()
    assert (row.stored, row.found, row.stored_bytes) == (1, 1, 123_456)
    assert world.consumed() == 2


async def test_whoever_is_behind_does_not_wait_between_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "READ_AT_MOST", 2)
    monkeypatch.setattr(reading, "MANY", 2)
    monkeypatch.setattr(service, "BATCH_SECONDS", 10 * WAIT)
    world = World()
    await world.publisher.publish([SAMPLES["ImportRequested"], *[STORED] * 6])
    async with world.indexing():
        await world.until(lambda: world.consumed() == 7)


async def test_a_second_run_counts_nothing_twice() -> None:
    world = World()
    await world.publisher.publish([STORED])
    await world.index_until(files=1)
    before = deepcopy(world.database.rows)
    await world.index_until(files=1)
    assert world.database.rows == before


async def test_an_end_is_published_before_its_rows_and_a_crash_between_the_two_repeats_its_id() -> (
    None
):
    world = World()
    asked = SAMPLES["ImportRequested"]
    await world.publisher.publish([asked, ImportCancelled(import_id=asked.key, epoch=1, at=AT)])
    world.publisher.breaks = world.database
    async with world.indexing():
        await world.until_told("database_unavailable")
        assert not world.database.rows.imports
        world.database.available = True
        await world.until(lambda: bool(world.database.rows.imports))
    first, second = world.log.of(NOTIFICATIONS.name)
    assert first.headers["ce_id"] == second.headers["ce_id"]
    assert isinstance(decode(first.topic, first.value), ImportEnded)
    await world.index_until(files=0)
    assert len(world.log.of(NOTIFICATIONS.name)) == 2


async def test_while_kafka_is_away_the_indexer_says_so_and_waits() -> None:
    world = World()
    await world.publisher.publish([STORED])
    world.log.available = False
    async with world.indexing():
        await world.until_told("kafka_unavailable")
        waiting = world.told[-1]
        assert waiting is not None
        assert "the broker is away" in waiting.message
        assert waiting.until is not None
        assert waiting.until > datetime(2026, 1, 1, tzinfo=UTC)
        world.log.available = True
        await world.until_told(None)
        await world.until(lambda: len(world.database.rows.files) == 1)


async def test_while_postgresql_is_away_the_indexer_says_so_and_waits() -> None:
    world = World()
    async with world.indexing():
        await world.until_told(None)
        world.database.available = False
        await world.publisher.publish([STORED])
        await world.until_told("database_unavailable")
        world.database.available = True
        await world.until(lambda: len(world.database.rows.files) == 1)
    assert world.told[-1] is None


@virtual_time
async def test_an_outage_may_last_for_thousands_of_attempts() -> None:
    world, stopping = World(), asyncio.Event()
    world.database.available = False
    async with asyncio.TaskGroup() as group:
        group.create_task(world.indexer(stopping).run())
        await asyncio.sleep(2000 * LONGEST_WAIT)
        assert len(world.told) >= 2000
        assert {_reason(each) for each in world.told} == {"database_unavailable"}
        world.database.available = True
        await world.until_told(None)
        stopping.set()


async def test_a_status_that_kafka_does_not_take_does_not_end_the_indexer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, stopping = World(), asyncio.Event()

    def look() -> WorkerStatus:
        return WorkerStatus(
            worker_id="indexer", service="indexer", state="running", at=datetime.now(UTC)
        )

    for seconds in ("EVERY_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(f"services.adapters.process.{seconds}", 0.01)

    async def outage() -> None:
        await world.until_told(None)
        world.log.available = False
        await world.until_told("kafka_unavailable")
        world.log.available = True
        await world.publisher.publish([STORED])
        await world.until(lambda: len(world.database.rows.files) == 1)
        await world.until(lambda: bool(world.log.of(WORKERS_STATUS.name)))
        stopping.set()

    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        tasks.create_task(outage())
        telling = publish_status(world.publisher, look)
        await run_with_background(world.indexer(stopping).run(), telling)


async def test_what_cannot_be_read_is_a_dead_letter_before_its_offset_is_passed() -> None:
    world = World()
    world.publisher.failures = 2
    await world.log.append([with_value(b"{")])
    async with world.indexing():
        await world.until_told("kafka_unavailable")
        assert world.consumed() == 0
        await world.until(lambda: len(world.database.rows.files) == 1)  # the failure it stands for
    assert len(world.log.of(DEAD_LETTERS.name)) == 1
    assert len(world.log.of(FILES_FAILED.name)) == 1
    (row,) = world.database.rows.files.values()
    assert (row.state, row.reason) == ("failed", "undecodable_event")


async def test_an_event_of_a_newer_version_is_waited_at_and_nothing_is_passed() -> None:
    world = World()
    newer = b'{"type":"FileRotated","import_id":"import-1","file_id":"f"}'
    await world.log.append([with_value(b"{"), with_value(newer)])
    async with world.indexing():
        await world.until_told("unknown_event")
        assert world.told[-1] is not None
        assert "FileRotated, which this version does not support" in world.told[-1].message
    assert world.consumed() == 0
    assert world.log.of(DEAD_LETTERS.name) == []
    assert world.log.of(FILES_FAILED.name) == []


async def test_a_log_that_is_not_the_databases_is_not_read_and_that_is_told() -> None:
    world = World()
    await world.publisher.publish([STORED])
    await world.index_until(files=1)
    before = dict(world.database.offsets)
    own, world.topic_id = world.topic_id, "of-another-log"
    async with world.indexing():
        await world.until_told("log_changed")
        assert world.told[-1] is not None
        assert "a different Kafka log" in world.told[-1].message
        assert world.database.offsets == before
        world.topic_id = own
        await world.until_told(None)


async def test_a_topic_that_was_made_anew_is_read_from_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the indexer runs, too, although every offset that it wants may be there."""
    monkeypatch.setattr(service, "LOOK_SECONDS", 0.05)
    world = World()
    await world.publisher.publish([STORED])
    async with world.indexing():
        await world.until(lambda: len(world.database.rows.files) == 1)
        world.made_anew = {FILES_STORED.name}
        for place, records in world.log.records.items():
            if place[0] == FILES_STORED.name:
                records.clear()
        assert isinstance(STORED, FileStored)
        another = replace(STORED, file=replace(STORED.file, file_id="another"))
        await world.publisher.publish([another])
        await world.until(lambda: len(world.database.rows.files) == 2)
        await world.until(lambda: topics_made_anew(world) == world.made_anew)


def topics_made_anew(world: World) -> set[str]:
    """Those of which the database knows it."""
    ids = {topic: id for (topic, _), (id, _) in world.database.offsets.items()}
    return {topic for topic, id in ids.items() if id == "made-anew"}


@pytest.mark.parametrize("offset", [0, 99], ids=["deleted", "cut off"])
async def test_a_partition_that_lost_what_was_not_read_is_read_from_its_start(
    offset: int,
) -> None:
    class Trimmed(FakeLogReader):
        """Keeps nothing before offset 1."""

        def ends(self, topic: str, partition: int) -> tuple[int, int]:
            _, high = super().ends(topic, partition)
            return min(1, high), high

    world = World()
    await world.publisher.publish([STORED, STORED])
    place = next(p for p, records in world.log.records.items() if p[0] == FILES_STORED.name)
    world.database.offsets[place] = world.topic_id, offset
    writer, reader = FakeCatalogWriter(world.database), Trimmed(world.log)
    ids = dict.fromkeys((topic.name for topic in service.CONSUMED), world.topic_id)
    assert service.resume(reader, writer, lambda _: ids)[place] == 1
    assert world.database.offsets[place] == (world.topic_id, 1)


async def test_tables_of_a_newer_version_are_not_written_until_they_fit_again() -> None:
    world = World()
    known, world.database.version = world.database.version, "9000"
    await world.publisher.publish([STORED])
    async with world.indexing():
        await world.until_told("schema_newer")
        assert world.told[-1] is not None
        assert "Run the newer version of Drivestream." in world.told[-1].message
        assert world.database.offsets == {}
        world.database.version = known
        await world.until_told(None)


async def test_tables_that_setup_has_yet_to_make_are_waited_for() -> None:
    world = World()
    known, world.database.version = world.database.version, None
    await world.publisher.publish([STORED])
    async with world.indexing():
        await world.until_told("database_unavailable")
        assert world.database.offsets == {}
        world.database.version = known
        await world.until(lambda: len(world.database.rows.files) == 1)


async def test_a_second_indexer_stands_by_until_the_first_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "STANDBY_SECONDS", 0.05)
    world = World()
    first = FakeCatalogWriter(world.database)
    assert first.take_lock()
    await world.publisher.publish([STORED])
    async with world.indexing():
        await world.until_told("standby")
        first.close()
        await world.until(lambda: len(world.database.rows.files) == 1)
    assert list(dict.fromkeys(map(_reason, world.told))) == ["standby", None]


async def test_what_runs_beside_an_indexer_runs_while_it_is_active() -> None:
    world = World()
    first = FakeCatalogWriter(world.database)
    assert first.take_lock()
    async with world.indexing():
        await world.until_told("standby")
        assert world.beside == []
        first.close()
        await world.until(lambda: world.beside == ["begun"])
        world.database.available = False
        await world.publisher.publish([STORED])
        await world.until_told("database_unavailable")
        assert world.beside == ["begun", "ended"]
        world.database.available = True
        await world.until(lambda: world.beside == ["begun", "ended", "begun"])
    assert world.beside == ["begun", "ended"] * 2


async def test_an_indexer_that_was_overtaken_goes_on_from_the_offsets_in_the_database() -> None:
    world = World()
    async with world.indexing():
        await world.until_told(None)
        place = IMPORTS_REQUESTED.name, 0
        topic_id, _ = world.database.offsets[place]
        world.database.offsets[place] = topic_id, 1
        await world.publisher.publish([SAMPLES["ImportRequested"], SAMPLES["ImportPaused"]])
        await world.until(lambda: world.consumed() == 2)
    assert "overtaken" in [_reason(waiting) for waiting in world.told]
    (row,) = world.database.rows.imports.values()
    assert (row.control, row.requested_at) == ("paused", None)


async def test_partitions_beyond_those_that_setup_makes_are_read_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "LOOK_SECONDS", 0.05)
    world = World()
    async with world.indexing():
        await world.until_told(None)
        record = encode(STORED, source="test")
        partition = BY_NAME[FILES_STORED.name].partitions
        late = Raw(
            topic=record.topic,
            partition=partition,
            offset=0,
            key=record.key,
            value=record.value,
            headers={},
        )
        world.log.records[record.topic, partition].append(late)
        world.more_partitions = 1
        await world.until(lambda: len(world.database.rows.files) == 1)
    assert world.database.offsets[record.topic, partition][1] == 1


async def test_the_reader_is_asked_nothing_more_once_it_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each answer waits for its long poll: those of 25 partitions would hold up rows for 12 s."""
    monkeypatch.setattr(service, "LOOK_SECONDS", 0.01)
    world = World()
    async with world.indexing():
        await world.until_told(None)
        [reader] = world.readers
        asked = reader.asked
        await world.until(lambda: world.looked > 5)
    assert reader.asked == asked


@pytest.mark.parametrize(
    ("topic", "bytes_a_row"),
    [(IMPORTS_LISTED.name, BYTES_A_ROW), (FILES_STORED.name, BYTES_AN_OUTCOME)],
)
def test_batches_are_cut_by_weight_and_lose_nothing(topic: str, bytes_a_row: int) -> None:
    def raw(offset: int, size: int) -> Raw:
        value = b"x" * size
        return Raw(topic=topic, partition=0, offset=offset, key=None, value=value, headers={})

    records = [raw(n, bytes_a_row * (n % 7)) for n in range(40)]
    cut = list(batches(records, 10))
    assert [record for batch in cut for record in batch] == records
    assert all(10 <= sum(1 + r.offset % 7 for r in b) < 10 + 7 for b in cut[:-1])
    assert len(cut) > 10


class Slow(FakeCatalogWriter):
    """Writes begin, and end when they are told to."""

    def __init__(self, database: FakeDatabase) -> None:
        super().__init__(database)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def save(
        self,
        before: Rows,
        after: Rows,
        moves: Mapping[Position, tuple[int, int]],
        packed: Packed | None = None,
    ) -> None:
        self.begun.set()
        assert self.go_on.wait(WAIT)
        super().save(before, after, moves, packed)


async def test_whoever_is_behind_reads_on_while_a_batch_is_written_but_writes_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "READ_AT_MOST", 2)
    monkeypatch.setattr(reading, "MANY", 2)
    read: list[int] = []

    class Counting(FakeLogReader):
        def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
            records = super().read(at_most, timeout)
            read.append(len(records))
            return records

    world, writer = World(), Slow(FakeDatabase())
    assert isinstance(STORED, FileStored)
    files = [replace(STORED, file=replace(STORED.file, file_id=f"f{n}")) for n in range(6)]
    await world.publisher.publish(files)
    indexer = world.indexer(stopping := asyncio.Event())
    indexer.open_reader, indexer.open_writer = lambda: Counting(world.log), lambda: writer
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as group:
        group.create_task(indexer.run())
        await world.until(lambda: writer.begun.is_set() and len(read) == 3)
        await asyncio.sleep(0.05)
        assert read == [2, 2, 2]  # one batch is folded, one is decoded, and no more
        assert not writer._database.rows.files
        writer.go_on.set()
        database = writer._database
        await world.until(lambda: len(database.rows.files) == 6)
        stopping.set()
    (row,) = database.rows.imports.values()
    assert (row.stored, row.found) == (6, 6)


async def test_all_before_an_event_of_a_newer_version_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "READ_AT_MOST", 2)
    monkeypatch.setattr(reading, "MANY", 2)
    world = World()
    newer = b'{"type":"FileRotated","import_id":"import-1","file_id":"f"}'
    await world.publisher.publish([STORED, STORED])
    await world.log.append([with_value(newer)])
    async with world.indexing():
        await world.until_told("unknown_event")
    assert world.consumed() == 2
    assert len(world.database.rows.files) == 1


async def test_a_batch_is_not_told_of_before_the_one_before_it_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its dead letters and ends would tell of rows that may never be."""
    monkeypatch.setattr(reading, "READ_AT_MOST", 1)
    monkeypatch.setattr(reading, "MANY", 1)
    world, writer = World(), Slow(FakeDatabase())
    await world.publisher.publish([STORED])
    await world.log.append([with_value(b"{")])
    indexer = world.indexer(stopping := asyncio.Event())
    indexer.open_writer = lambda: writer
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as group:
        group.create_task(indexer.run())
        await world.until(writer.begun.is_set)
        await asyncio.sleep(0.05)
        assert not world.log.of(DEAD_LETTERS.name)
        writer.go_on.set()
        await world.until(lambda: bool(world.log.of(DEAD_LETTERS.name)))
        stopping.set()


async def test_the_lag_grows_while_postgresql_is_away_and_a_standby_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seconds in ("FIRST_WAIT", "LONGEST_WAIT", "STANDBY_SECONDS"):
        monkeypatch.setattr(service, seconds, 0.01)
    world, stopping = World(), asyncio.Event()
    await world.publisher.publish([STORED])
    indexer = world.indexer(stopping)
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as group:
        group.create_task(indexer.run())
        await world.until(lambda: world.consumed() == 1)
        world.database.available = False
        await world.publisher.publish([STORED] * 3)
        await world.until(lambda: sum(indexer.lag.values()) == 3)
        world.database.active = FakeCatalogWriter.__new__(FakeCatalogWriter)
        world.database.available = True
        await world.until_told("standby")
        assert not indexer.lag
        stopping.set()


async def test_the_lag_is_known_by_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "LOOK_SECONDS", 0.0)
    world, stopping = World(), asyncio.Event()
    await world.publisher.publish([STORED])
    indexer = world.indexer(stopping)
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as group:
        group.create_task(indexer.run())
        await world.until(lambda: bool(indexer.lag) and world.consumed() == 1)
        await world.until(lambda: not any(indexer.lag.values()))
        stopping.set()
    assert {topic for topic, _ in indexer.lag} == {topic.name for topic in service.CONSUMED}
