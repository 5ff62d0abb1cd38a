"""One suite for how far groups have read, on the fake and on a real Kafka with a topic prefix."""

from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from services.adapters.kafka.admin import LogOffsets
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core.ports import PublishesEvents
from services.indexer.recovery import ReadsOffsets
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.patience import until
from tests.fakes.unfinished import FakeLogOffsets
from tests.samples import SAMPLES

PLACE = ("imports.requested", 0)


@dataclass
class Broker:
    """Something to publish to, to commit to, and to ask."""

    publisher: PublishesEvents
    commit: Callable[[str, int], None]
    offsets: ReadsOffsets


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "fake":
        log = FakeLog()
        publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "test")

        def commit(group: str, offset: int) -> None:
            log.committed[group, *PLACE] = offset, None

        yield Broker(publisher, commit, FakeLogOffsets(log))
        return
    settings: KafkaSettings = request.getfixturevalue("kafka_settings")

    def really_commit(group: str, offset: int) -> None:
        own = {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": settings.prefixed(group),
        }
        with closing(Consumer(own)) as consumer:
            place = TopicPartition(settings.prefixed(PLACE[0]), PLACE[1], offset)
            consumer.commit(offsets=[place], asynchronous=False)

    async with Publisher(settings, source="test") as real:
        yield Broker(real, really_commit, LogOffsets(settings))


async def test_a_group_is_where_it_has_committed(broker: Broker) -> None:
    broker.commit("lister-requests", 1)
    broker.commit("another", 2)
    assert broker.offsets.committed("lister-requests") == {PLACE: 1}


async def test_a_group_that_nobody_knows_has_committed_nothing(broker: Broker) -> None:
    assert broker.offsets.committed("nobody") == {}


async def test_the_bounds_are_those_of_every_partition(broker: Broker) -> None:
    await broker.publisher.publish([SAMPLES["ImportRequested"]])
    await until(lambda: _has_leaders(broker))
    bounds = broker.offsets.bounds(["imports.requested", "files.found"])
    assert bounds[PLACE] == (0, 1)
    assert len(bounds) == 1 + 12
    assert set(bounds.values()) == {(0, 1), (0, 0)}


@pytest.mark.real
async def test_deleted_records_are_before_the_first_that_is_kept(
    kafka_settings: KafkaSettings,
) -> None:
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish([SAMPLES["ImportRequested"]] * 3)
    admin = AdminClient({"bootstrap.servers": kafka_settings.bootstrap_servers})
    place = TopicPartition(kafka_settings.prefixed(PLACE[0]), PLACE[1], 2)
    for future in admin.delete_records([place]).values():
        future.result(60)
    assert LogOffsets(kafka_settings).bounds([PLACE[0]])[PLACE] == (2, 3)


@pytest.mark.real
async def test_a_topic_that_is_not_there_is_named_as_such(
    kafka_settings: KafkaSettings,
) -> None:
    with pytest.raises(KafkaUnavailableError, match="no topic"):
        LogOffsets(kafka_settings).bounds(["nothing"])


def _has_leaders(broker: Broker) -> bool:
    """A topic that was made just now has none for a moment."""
    try:
        broker.offsets.bounds(["files.found"])
    except KafkaUnavailableError:
        return False
    return True
