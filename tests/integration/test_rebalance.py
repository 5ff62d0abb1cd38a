"""A group in motion on a real Kafka: members come and go, and nothing is lost."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition
from msgspec.structs import replace

from services.adapters.kafka.consumer import Delivery, Flow, Subscription
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.concurrency import in_parallel
from services.core.flow.offsets import Watermarks
from services.core.topics import FILES_FOUND
from tests.samples import FOUND

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
FLOW = Flow(watermarks=Watermarks(high=20, low=10), drain_seconds=1.0)
MESSAGES = 1500


class Member:
    """A worker that takes a few milliseconds a message, and notes what it finished."""

    def __init__(self, settings: KafkaSettings, group: str, done: Counter[str]) -> None:
        self._subscription = Subscription(settings, group=group, topic=FILES_FOUND.name, flow=FLOW)
        self._done = done

    async def run(self) -> None:
        async with self._subscription as subscription:
            await in_parallel(aiter(subscription), self._handle, at_once=16)

    async def _handle(self, delivery: Delivery) -> None:
        await asyncio.sleep(random.uniform(0, 0.02))
        self._done[(delivery.record.key or b"").decode()] += 1
        delivery.done()

    def stop(self) -> None:
        self._subscription.stop()


def committed(settings: KafkaSettings, group: str) -> dict[int, int]:
    """What the group has committed, by partition."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": group})
    partitions = [TopicPartition(FILES_FOUND.name, p) for p in range(FILES_FOUND.partitions)]
    found = {p.partition: p.offset for p in consumer.committed(partitions, timeout=10)}
    consumer.close()
    return found


async def test_members_that_come_and_go_lose_nothing_and_repeat_little(
    kafka_settings: KafkaSettings,
) -> None:
    group, done = f"g-{uuid4()}", Counter[str]()
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish([replace(FOUND, file_id=f"file-{n:05}") for n in range(MESSAGES)])
    members = [Member(kafka_settings, group, done) for _ in range(4)]
    async with asyncio.TaskGroup() as running:
        tasks = [running.create_task(member.run()) for member in members[:2]]
        while sum(done.values()) < MESSAGES // 4:
            await asyncio.sleep(0.02)
        tasks.append(running.create_task(members[2].run()))  # one joins under load
        while sum(done.values()) < MESSAGES // 2:
            await asyncio.sleep(0.02)
        members[0].stop()  # one leaves under load
        tasks.append(running.create_task(members[3].run()))
        while len(done) < MESSAGES:
            await asyncio.sleep(0.05)
        # One by one: a commit that meets another member's leaving may be refused, and is done
        # again by whoever gets the partition.
        for member, task in zip(members, tasks, strict=True):
            await asyncio.sleep(1.0)
            member.stop()
            await task
    repeats = sum(done.values()) - MESSAGES
    assert set(done) == {f"file-{n:05}" for n in range(MESSAGES)}
    assert repeats < MESSAGES // 5
    assert sum(offset for offset in committed(kafka_settings, group).values()) == MESSAGES


async def test_one_message_that_hangs_holds_its_partition_and_no_other(
    kafka_settings: KafkaSettings,
) -> None:
    group = f"g-{uuid4()}"
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish([replace(FOUND, file_id=f"file-{n:05}") for n in range(600)])
    hanging: Delivery | None = None
    count = 0
    async with AsyncExitStack() as stack:
        flow = Flow(watermarks=Watermarks(high=2000, low=1000), drain_seconds=0.5)
        subscription = await stack.enter_async_context(
            Subscription(kafka_settings, group=group, topic=FILES_FOUND.name, flow=flow)
        )
        async with asyncio.timeout(30):
            async for delivery in subscription:
                if hanging is None:
                    hanging = delivery
                else:
                    delivery.done()
                count += 1
                if count == 600:
                    break
        await asyncio.sleep(2.5)  # two rounds of commits
        offsets = committed(kafka_settings, group)
        assert hanging is not None
        stuck = hanging.record.partition
        assert offsets[stuck] in (hanging.record.offset, -1001)  # never beyond it
        assert sum(offset for p, offset in offsets.items() if p != stuck) > 500


async def test_a_backlog_is_taken_in_bounded_bites(kafka_settings: KafkaSettings) -> None:
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish([replace(FOUND, file_id=f"file-{n:05}") for n in range(5000)])
    held: list[Delivery] = []
    async with Subscription(
        kafka_settings, group=f"g-{uuid4()}", topic=FILES_FOUND.name, flow=FLOW
    ) as subscription:

        async def hold() -> None:
            async for delivery in subscription:
                held.append(delivery)  # noqa: PERF401 - looked at while it grows

        holding = asyncio.create_task(hold())
        await asyncio.sleep(6)
        # High water, and at most one poll's batch beyond it, for each partition.
        assert FILES_FOUND.partitions <= len(held) <= FILES_FOUND.partitions * (20 + 100)
        taken = len(held)
        for delivery in held:
            delivery.done()
        async with asyncio.timeout(20):
            while len(held) <= taken:
                await asyncio.sleep(0.05)
        subscription.stop()
        await holding


class Taker:
    """Takes whatever comes; finishes it only when told to."""

    def __init__(self) -> None:
        self.held: list[Delivery] = []
        self.seen: set[str] = set()
        self.finishing = False

    async def run(self, subscription: Subscription) -> None:
        async for delivery in subscription:
            self.held.append(delivery)
            if self.finishing:
                self.finish()

    def finish(self) -> None:
        """Finish what is held, and from now on what comes."""
        self.finishing = True
        for delivery in self.held:
            self.seen.add((delivery.record.key or b"").decode())
            delivery.done()
        self.held.clear()


async def test_a_partition_that_comes_back_after_a_pause_is_read_again(
    kafka_settings: KafkaSettings,
) -> None:
    group, count, taker = f"g-{uuid4()}", 3000, Taker()
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish([replace(FOUND, file_id=f"file-{n:05}") for n in range(count)])
    flow = Flow(watermarks=Watermarks(high=20, low=10), drain_seconds=0.3)

    def subscription() -> Subscription:
        return Subscription(kafka_settings, group=group, topic=FILES_FOUND.name, flow=flow)

    async def until(condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.05)

    every = FILES_FOUND.partitions
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, subscription() as first:
        tasks.create_task(taker.run(first))
        await until(lambda: len(taker.held) >= every * 20)  # each is at its high water
        async with subscription() as second:
            await until(lambda: second.partitions > 0 and first.partitions < every)
        await until(lambda: first.partitions == every)  # they all come back
        taker.finish()
        await until(lambda: len(taker.seen) == count)
        first.stop()
