"""One suite for the log, on the fake and on a real Kafka: publish, consume, finish, come again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import pytest
from msgspec.structs import replace

from services.adapters.kafka.consumer import Delivery, Flow, Subscription
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader, Raw
from services.adapters.kafka.received import received
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.topics import DEAD_LETTERS, FILES_FAILED, FILES_FOUND
from services.core.wire import Record, decode
from tests.fakes.log import FakeDelivery, FakeLog, FakePublisher, FakeSubscription, murmur2
from tests.samples import FOUND

WAIT = 20


Subscribed = Subscription | FakeSubscription
Delivered = Delivery | FakeDelivery


class Broker(Protocol):
    """The fake or the real thing."""

    @property
    def publisher(self) -> Publisher | FakePublisher: ...
    def subscribe(self, group: str, topic: str) -> Subscribed: ...
    def everything(self, topic: str) -> list[Raw]: ...


@dataclass
class FakeBroker:
    log: FakeLog
    publisher: FakePublisher

    def subscribe(self, group: str, topic: str) -> FakeSubscription:
        return FakeSubscription(self.log, group=group, topic=topic)

    def everything(self, topic: str) -> list[Raw]:
        return self.log.of(topic)


@dataclass
class RealBroker:
    settings: KafkaSettings
    publisher: Publisher

    def subscribe(self, group: str, topic: str) -> Subscription:
        return Subscription(self.settings, group=group, topic=topic, flow=Flow(drain_seconds=0.5))

    def everything(self, topic: str) -> list[Raw]:
        reader = LogReader(self.settings, client_id="test")
        partitions = reader.partitions(topic)
        reader.seek({(topic, p): None for p in partitions})
        expected = sum(high - low for low, high in (reader.ends(topic, p) for p in partitions))
        found: list[Raw] = []
        while len(found) < expected:
            found += reader.read(1000, 5.0)
        reader.close()
        return found


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "fake":
        log = FakeLog()
        yield FakeBroker(log, FakePublisher(log, lambda: KafkaUnavailableError("gone"), "test"))
        return
    settings: KafkaSettings = request.getfixturevalue("kafka_settings")
    async with Publisher(settings, source="test") as publisher:
        yield RealBroker(settings, publisher)


def files(count: int) -> list[e.FileFound]:
    return [replace(FOUND, file_id=f"file-{n:04}") for n in range(count)]


async def take(subscription: Subscribed, count: int) -> list[Delivered]:
    taken: list[Delivered] = []
    async with asyncio.timeout(WAIT):
        async for delivery in subscription:
            taken.append(delivery)
            if len(taken) == count:
                break
    return taken


def ids(deliveries: Sequence[Delivered]) -> set[str]:
    return {(d.record.key or b"").decode() for d in deliveries}


async def test_what_is_published_is_delivered_with_key_value_and_headers(broker: Broker) -> None:
    await broker.publisher.publish([FOUND])
    async with broker.subscribe(f"g-{uuid4()}", FILES_FOUND.name) as subscription:
        (delivery,) = await take(subscription, 1)
        assert delivery.record.key == FOUND.file_id.encode()
        assert decode(FILES_FOUND.name, delivery.record.value) == FOUND
        assert delivery.record.headers["ce_importid"] == FOUND.import_id.encode()


async def test_a_key_lies_where_murmur2_puts_it(broker: Broker) -> None:
    await broker.publisher.publish(files(50))
    for raw in broker.everything(FILES_FOUND.name):
        expected = (murmur2(raw.key or b"") & 0x7FFFFFFF) % FILES_FOUND.partitions
        assert raw.partition == expected


async def test_messages_of_one_key_come_in_the_order_they_were_published(broker: Broker) -> None:
    rounds = [replace(FOUND, round=n) for n in range(20)]
    for event in rounds:
        await broker.publisher.publish([event])
    async with broker.subscribe(f"g-{uuid4()}", FILES_FOUND.name) as subscription:
        deliveries = await take(subscription, 20)
    assert [decode(FILES_FOUND.name, d.record.value) for d in deliveries] == rounds


async def test_what_was_done_is_not_delivered_to_the_group_again(broker: Broker) -> None:
    group = f"g-{uuid4()}"
    await broker.publisher.publish(files(30))
    async with broker.subscribe(group, FILES_FOUND.name) as subscription:
        for delivery in await take(subscription, 30):
            delivery.done()
    await broker.publisher.publish([replace(FOUND, file_id="the-last")])
    async with broker.subscribe(group, FILES_FOUND.name) as subscription:
        assert ids(await take(subscription, 1)) == {"the-last"}


async def test_what_was_not_done_is_delivered_again_and_nothing_is_lost(broker: Broker) -> None:
    group = f"g-{uuid4()}"
    await broker.publisher.publish(files(30))
    async with broker.subscribe(group, FILES_FOUND.name) as subscription:
        deliveries = await take(subscription, 30)
        unfinished = set(sorted(ids(deliveries))[::7])
        for delivery in deliveries:
            if (delivery.record.key or b"").decode() not in unfinished:
                delivery.done()
    seen: set[str] = set()
    async with broker.subscribe(group, FILES_FOUND.name) as subscription:
        while not unfinished <= seen:
            seen |= ids(await take(subscription, 1))


async def test_a_delivery_is_dead_once_its_subscription_is_closed(broker: Broker) -> None:
    await broker.publisher.publish([FOUND])
    async with broker.subscribe(f"g-{uuid4()}", FILES_FOUND.name) as subscription:
        (delivery,) = await take(subscription, 1)
        assert delivery.alive
    assert not delivery.alive
    delivery.done()  # too late: must change nothing, and not raise


async def test_another_group_gets_everything_too(broker: Broker) -> None:
    await broker.publisher.publish(files(5))
    for _ in range(2):
        async with broker.subscribe(f"g-{uuid4()}", FILES_FOUND.name) as subscription:
            assert len(ids(await take(subscription, 5))) == 5


@pytest.mark.real
async def test_the_undecodable_is_buried_reported_and_passed(kafka_settings: KafkaSettings) -> None:
    poison = Record(
        topic=FILES_FOUND.name,
        key=b"file-poison",
        value=b"{not json",
        headers=(("ce_importid", b"job-1"), ("ce_round", b"3")),
    )
    async with Publisher(kafka_settings, source="test") as publisher:
        broker = RealBroker(kafka_settings, publisher)
        await publisher.publish_records([poison])
        after = replace(FOUND, file_id="file-poison")  # of the same key, so right behind it
        await publisher.publish([after])
        async with broker.subscribe(f"g-{uuid4()}", FILES_FOUND.name) as subscription:
            events = received(subscription, publisher, service="transfer")
            async with asyncio.timeout(WAIT):
                message = await anext(events)
                assert message.event == after
                message.done()
        (letter,) = broker.everything(DEAD_LETTERS.name)
        assert (letter.key, letter.value) == (b"file-poison", b"{not json")
        assert letter.headers["dlq_original_topic"] == b"files.found"
        assert letter.headers["ce_importid"] == b"job-1"
        (failure,) = broker.everything(FILES_FAILED.name)
        event = decode(FILES_FAILED.name, failure.value)
        assert isinstance(event, e.FileFailed)
        assert (event.import_id, event.file_id, event.round) == ("job-1", "file-poison", 3)


async def test_a_broker_that_is_gone_is_said_within_the_limit() -> None:
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:9")
    async with Publisher(nowhere, source="test", timeout=0.5) as publisher:
        with pytest.raises(KafkaUnavailableError):
            await publisher.publish([FOUND])
