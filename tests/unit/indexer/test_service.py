"""The loop of the indexer, on fakes that pass the contract suites."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw
from services.core.errors import Stop
from services.core.topics import BY_NAME, DEAD_LETTERS, FILES_FAILED, FILES_STORED
from services.core.wire import Record, encode
from services.indexer.service import BYTES_A_ROW, Outside, batches, run
from tests.fakes.catalog_writer import FakeCatalogWriter, FakeDatabase
from tests.fakes.log import FakeLog, FakePublisher
from tests.samples import SAMPLES

WAIT = 10


class FakeLogReader:
    """`LogReader` over a `FakeLog`; the first `failures` reads find no broker."""

    def __init__(self, log: FakeLog, failures: list[None]) -> None:
        self._log = log
        self._failures = failures
        self._next: dict[tuple[str, int], int] = {}

    def partitions(self, topic: str) -> Sequence[int]:
        return range(BY_NAME[topic].partitions)

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, len(self._log.records[topic, partition])

    def seek(self, positions: Mapping[tuple[str, int], int | None]) -> None:
        self._next = {position: offset or 0 for position, offset in positions.items()}

    def read(self, at_most: int, timeout: float) -> list[Raw]:
        if self._failures:
            self._failures.pop()
            raise KafkaUnavailableError("broker gone")
        found: list[Raw] = []
        for position, offset in self._next.items():
            new = self._log.records[position][offset:][: at_most - len(found)]
            self._next[position] += len(new)
            found += new
        return found

    def close(self) -> None:
        self._next.clear()


class World:
    """An indexer's outside, in memory."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.database = FakeDatabase()
        self.failures: list[None] = []
        self.said: list[str | None] = []
        self.publisher = FakePublisher(self.log, lambda: KafkaUnavailableError("gone"), "test")
        self.topic_id = "topic-id"

    def outside(self) -> Outside:
        return Outside(
            open_reader=lambda: FakeLogReader(self.log, self.failures),
            open_writer=lambda: FakeCatalogWriter(self.database),
            topic_ids=lambda names: dict.fromkeys(names, self.topic_id),
            publisher=self.publisher,
            say=self.said.append,
        )

    async def index_until(self, files: int) -> None:
        """Run the indexer until the database has that many files, then stop it."""
        stopping = asyncio.Event()
        async with asyncio.timeout(WAIT), asyncio.TaskGroup() as group:
            group.create_task(run(self.outside(), stopping))
            while len(self.database.rows.files) < files:
                await asyncio.sleep(0.01)
            stopping.set()


async def test_events_become_rows_and_offsets_move_with_them() -> None:
    world = World()
    await world.publisher.publish([SAMPLES["ImportRequested"], SAMPLES["FileStored"]])
    await world.index_until(files=1)
    (row,) = world.database.rows.imports.values()
    assert (row.stored, row.found, row.stored_bytes) == (1, 1, 123_456)
    assert sum(offset for _, offset in world.database.offsets.values()) == 2


async def test_a_second_run_counts_nothing_twice() -> None:
    world = World()
    await world.publisher.publish([SAMPLES["FileStored"]])
    await world.index_until(files=1)
    before = world.database.rows.copy()
    await world.index_until(files=1)
    assert world.database.rows == before


async def test_an_outage_is_said_and_waited_for() -> None:
    world = World()
    world.failures.extend([None, None])
    await world.publisher.publish([SAMPLES["FileStored"]])
    await world.index_until(files=1)
    assert any("broker gone" in (sentence or "") for sentence in world.said)
    assert world.said[-1] is None


async def test_poison_is_buried_before_its_offset_is_passed() -> None:
    world = World()
    record = encode(SAMPLES["FileStored"], source="test")
    poison = Record(topic=record.topic, key=record.key, value=b"{", headers=record.headers)
    await world.publisher.publish_records([poison])
    await world.index_until(files=1)  # the failure that stands for it
    assert len(world.log.of(DEAD_LETTERS.name)) == 1
    assert len(world.log.of(FILES_FAILED.name)) == 1
    (row,) = world.database.rows.files.values()
    assert (row.state, row.reason) == ("failed", "undecodable_event")


async def test_a_log_that_is_not_the_databases_stops_the_indexer_with_a_sentence() -> None:
    world = World()
    await world.publisher.publish([SAMPLES["FileStored"]])
    await world.index_until(files=1)
    world.topic_id = "made-anew"
    with pytest.raises(Stop, match="another log"):
        await run(world.outside(), asyncio.Event())


async def test_a_second_indexer_stands_by_until_the_first_ends() -> None:
    world = World()
    first = FakeCatalogWriter(world.database)
    assert first.take_lock()
    await world.publisher.publish([SAMPLES["FileStored"]])
    asyncio.get_running_loop().call_later(0.1, first.close)
    await world.index_until(files=1)
    assert world.said == ["Another indexer is active; standing by.", None]


def test_batches_are_cut_by_weight_and_lose_nothing() -> None:
    def raw(offset: int, size: int) -> Raw:
        return Raw(
            topic=FILES_STORED.name,
            partition=0,
            offset=offset,
            key=None,
            value=b"x" * size,
            headers={},
        )

    records = [raw(n, BYTES_A_ROW * (n % 7)) for n in range(40)]
    cut = list(batches(records, 10))
    assert [record for batch in cut for record in batch] == records
    assert all(sum(1 + len(r.value or b"") // BYTES_A_ROW for r in b) < 10 + 7 for b in cut)
