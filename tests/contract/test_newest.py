"""Reading the newest records of a topic, on the fake log and on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.newest import NewestReader
from services.adapters.kafka.producer import Publisher, PublishesRecords
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.core.topics import FILES_FOUND
from services.core.wire import Record
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader


@dataclass
class Newest:
    publisher: PublishesRecords
    reader: NewestReader


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def newest(request: pytest.FixtureRequest) -> AsyncIterator[Newest]:
    if request.param == "fake":
        log = FakeLog()
        publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "test")
        yield Newest(publisher, NewestReader(lambda: FakeLogReader(log)))
        return
    settings: KafkaSettings = request.getfixturevalue("kafka_settings")
    async with Publisher(settings, source="test") as real:
        yield Newest(real, NewestReader(lambda: LogReader(settings, client_id="test-newest")))


async def test_they_are_of_all_partitions_and_the_newest_first(newest: Newest) -> None:
    assert await newest.reader.newest(FILES_FOUND.name, 5) == []
    for number in range(40):
        key = b"key-%d" % number
        record = Record(topic=FILES_FOUND.name, key=key, value=b"x" * 50_000, headers=[("n", key)])
        await newest.publisher.publish([record])
        await asyncio.sleep(0.002)  # Kafka's times are in milliseconds
    events = await newest.reader.newest(FILES_FOUND.name, 5)
    assert sorted(event.key.data for event in events) == [f"key-{n}" for n in range(35, 40)]
    assert [event.at for event in events] == sorted((e.at for e in events), reverse=True)
    assert all(event.headers["n"] == event.key.data for event in events)
    assert {event.value.size for event in events} == {50_000}
