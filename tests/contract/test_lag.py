"""One suite for how far groups are behind, on the fake and on a real Kafka with a topic prefix."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.lag import LagReader, LogPositions, ReadsPositions
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.commit_state import CommitState
from services.core.ports import PublishesEvents
from tests.fakes.lag_reader import FakeLagReader
from tests.fakes.log import FakeLog, FakePublisher
from tests.samples import SAMPLES

PLACE = ("imports.requested", 0)
TOPICS = ("imports.requested", "files.found", "dead.letters")
GROUPS = {"lister-requests": ["imports.requested"], "transfer": ["files.found"]}


@dataclass
class Broker:
    """Something to publish to, to commit to, to delete from, and to ask."""

    publisher: PublishesEvents
    commit: Callable[[str, int, str | None], None]
    delete_before: Callable[[int], None]
    lag: ReadsPositions

    async def positions(self) -> LogPositions:
        """A topic that was made just now has no leader for a moment."""
        until = time.monotonic() + 60
        while True:
            try:
                return await self.lag.positions()
            except KafkaUnavailableError:
                assert time.monotonic() < until


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "fake":
        log = FakeLog()

        def commit(group: str, offset: int, metadata: str | None) -> None:
            log.committed[group, *PLACE] = offset, metadata

        def delete_before(offset: int) -> None:
            log.begins[PLACE] = offset

        publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "test")
        yield Broker(publisher, commit, delete_before, FakeLagReader(log, TOPICS, GROUPS))
        return
    settings: KafkaSettings = request.getfixturevalue("kafka_settings")
    servers: dict[str, str | int | float | bool] = {"bootstrap.servers": settings.bootstrap_servers}
    name, admin = settings.prefixed(PLACE[0]), AdminClient(servers)

    def really_commit(group: str, offset: int, metadata: str | None) -> None:
        place = TopicPartition(name, PLACE[1], offset)
        if metadata is not None:
            place = TopicPartition(name, PLACE[1], offset, metadata)
        with closing(Consumer(servers | {"group.id": settings.prefixed(group)})) as consumer:
            consumer.commit(offsets=[place], asynchronous=False)

    def really_delete(offset: int) -> None:
        place = TopicPartition(name, PLACE[1], offset)
        for future in admin.delete_records([place]).values():
            future.result(60)

    reader = LagReader(settings, TOPICS, GROUPS)
    async with Publisher(settings, source="test") as real:
        yield Broker(real, really_commit, really_delete, reader)
    reader.close()


async def test_how_far_groups_are_and_since_when_records_wait(broker: Broker) -> None:
    before = int(time.time() * 1000)
    await broker.publisher.publish([SAMPLES["ImportRequested"]] * 5)
    broker.commit("lister-requests", 3, CommitState(finished=((4, 4),)).encode(3))
    broker.commit("another", 2, None)
    broker.delete_before(2)
    found = await broker.positions()
    assert found.bounds[PLACE] == (2, 5)
    assert len(found.bounds) == 1 + 12 + 1
    assert found.committed == {"lister-requests": {PLACE: 3}, "transfer": {}}
    assert found.finished == {"lister-requests": {PLACE: 1}, "transfer": {}}
    at, gone, to_come = (*PLACE, 3), (*PLACE, 0), ("files.found", 0, 0)
    times = await broker.lag.times({at, to_come})
    assert times.keys() == {at}
    assert before <= times[at] <= int(time.time() * 1000)
    assert await broker.lag.times({gone}) == {}
    assert await broker.lag.times(()) == {}


@pytest.mark.real
async def test_a_topic_that_is_not_there_is_named_as_such(kafka_settings: KafkaSettings) -> None:
    reader = LagReader(kafka_settings, ["nothing"], {})
    with closing(reader), pytest.raises(KafkaUnavailableError, match="no topic"):
        await reader.positions()
