"""One suite for reading a log without a group, on the fake and on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import LogReader, Raw, ReadsLog
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import ImportRequested, Place
from services.core.ports import PublishesEvents
from services.core.wire import decode
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.samples import SAMPLES

TOPIC = "imports.requested"
PLACE = (TOPIC, 0)
WAIT_SECONDS = 60.0


@dataclass
class Broker:
    """Something to publish to, and to read from."""

    publisher: PublishesEvents
    reader: Callable[[], ReadsLog]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "fake":
        log = FakeLog()
        publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "test")
        yield Broker(publisher, lambda: FakeLogReader(log))
        return
    settings: KafkaSettings = request.getfixturevalue("kafka_settings")
    async with Publisher(settings, source="test") as real:
        yield Broker(real, lambda: LogReader(settings, client_id="test-reader"))


async def publish(broker: Broker, *names: str) -> None:
    sample = SAMPLES["ImportRequested"]
    assert isinstance(sample, ImportRequested)
    for name in names:
        await broker.publisher.publish([replace(sample, import_id=name)])


def read(reader: ReadsLog, count: int) -> list[Raw]:
    found: list[Raw] = []
    while len(found) < count and (more := reader.read(500, WAIT_SECONDS)):
        found += more
    return found


def ids(records: list[Raw]) -> list[str]:
    events = [decode(TOPIC, record.value) for record in records]
    return [event.import_id for event in events if isinstance(event, ImportRequested)]


async def test_all_is_read_from_the_beginning_and_then_what_is_new(broker: Broker) -> None:
    await publish(broker, "a", "b")
    with closing(broker.reader()) as reader:
        assert list(reader.partitions(TOPIC)) == [0]
        assert reader.ends(TOPIC, 0) == (0, 2)
        reader.seek({PLACE: 0})
        first = await asyncio.to_thread(read, reader, 2)
        assert ids(first) == ["a", "b"]
        assert [record.offset for record in first] == [0, 1]
        await publish(broker, "c")
        assert ids(await asyncio.to_thread(read, reader, 1)) == ["c"]


async def test_reading_goes_on_from_a_given_offset(broker: Broker) -> None:
    await publish(broker, "a", "b", "c")
    with closing(broker.reader()) as reader:
        reader.seek({PLACE: 2})
        assert ids(await asyncio.to_thread(read, reader, 1)) == ["c"]


async def test_nothing_new_is_an_empty_answer_in_time(broker: Broker) -> None:
    await publish(broker, "a")
    with closing(broker.reader()) as reader:
        reader.seek({PLACE: 1})
        assert await asyncio.to_thread(reader.read, 10, 0.1) == []


async def test_a_topic_that_is_not_there_is_said(broker: Broker) -> None:
    with closing(broker.reader()) as reader, pytest.raises(KafkaUnavailableError, match="nope"):
        await asyncio.to_thread(reader.partitions, "nope")


async def test_single_records_are_read_where_they_lie_and_left_out_where_none_is(
    broker: Broker,
) -> None:
    await publish(broker, "a", "b", "c")
    places = [Place(topic=TOPIC, partition=0, offset=offset) for offset in (2, 7, 0, 1, 1)]
    async with RangeReader(broker.reader) as reader, asyncio.timeout(WAIT_SECONDS):
        found = [record async for record in reader.at(places)]
    assert ids(found) == ["c", "a", "b", "b"]
    assert [record.offset for record in found] == [2, 0, 1, 1]


async def test_records_that_lie_far_apart_are_read_quickly(broker: Broker) -> None:
    sample = SAMPLES["ImportRequested"]
    await broker.publisher.publish([sample] * 3_000)
    places = [Place(topic=TOPIC, partition=0, offset=offset) for offset in range(0, 3_000, 150)]
    async with RangeReader(broker.reader) as reader, asyncio.timeout(WAIT_SECONDS):
        found = [record.offset async for record in reader.at(places)]
    assert found == [place.offset for place in places]


async def test_the_ends_are_asked_for_once_and_before_anything_is_fetched() -> None:
    """At the end of a partition a fetch waits for more, and what is asked next waits for it."""
    log, asked = FakeLog(), list[str]()

    class Noting(FakeLogReader):
        def ends(self, topic: str, partition: int) -> tuple[int, int]:
            asked.append("ends")
            return super().ends(topic, partition)

        def seek(self, positions: Mapping[tuple[str, int], int]) -> None:
            asked.append("fetch")
            super().seek(positions)

    broker = Broker(
        FakePublisher(log, lambda: KafkaUnavailableError("away"), "test"), lambda: Noting(log)
    )
    await publish(broker, "a", "b", "c")
    places = [Place(topic=TOPIC, partition=0, offset=offset) for offset in range(3)]
    async with RangeReader(broker.reader) as reader:
        assert len([record async for record in reader.at(places)]) == 3
    assert asked == ["ends", "fetch", "fetch", "fetch"]
