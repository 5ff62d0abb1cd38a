"""A group in motion on a real Kafka: members come and go, and nothing is lost."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from confluent_kafka import Consumer, TopicPartition
from msgspec.structs import replace

from services.adapters.kafka.flow import Flow
from services.adapters.kafka.group_consumer import GroupConsumer
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import Message
from services.core.flow.offsets import Commit, Offsets
from services.core.topics import FILES_FOUND
from tests.fakes.messages import Recorder, tasks_of
from tests.fakes.patience import until
from tests.samples import FOUND

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
FLOW = Flow(high=20, low=10, drain_seconds=1.0)
GROUP = "transfer"
WAIT = 90.0


class Member:
    """One member of the group; `recorder` says what it handled."""

    def __init__(
        self, settings: KafkaSettings, publisher: Publisher, recorder: Recorder, flow: Flow = FLOW
    ) -> None:
        self.consumer = GroupConsumer(settings, group=GROUP, topic=FILES_FOUND.name, flow=flow)
        self.recorder = recorder
        tasks = tasks_of(recorder, publisher, at_once=5000)
        self._running = asyncio.create_task(self.consumer.run(tasks))

    async def stop(self) -> None:
        """Leave the group in order."""
        self.consumer.stop()
        await asyncio.wait_for(self._running, WAIT)


@asynccontextmanager
async def found(settings: KafkaSettings, count: int) -> AsyncIterator[Publisher]:
    """So many files in the topic."""
    async with Publisher(settings, source="test") as publisher:
        await publisher.publish([replace(FOUND, file_id=f"file-{n:05}") for n in range(count)])
        yield publisher


def committed(settings: KafkaSettings) -> dict[int, int]:
    """What the group has committed, by partition."""
    group, topic = settings.prefixed(GROUP), settings.prefixed(FILES_FOUND.name)
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": group})
    partitions = [TopicPartition(topic, p) for p in range(FILES_FOUND.partitions)]
    offsets = {p.partition: p.offset for p in consumer.committed(partitions, timeout=60)}
    consumer.close()
    return offsets


async def test_members_that_come_and_go_lose_nothing_and_repeat_little(
    kafka_settings: KafkaSettings,
) -> None:
    count, done = 1500, Counter[str]()

    async def act(event: Message) -> None:
        await asyncio.sleep(random.uniform(0, 0.02))
        done[event.key] += 1

    async with found(kafka_settings, count) as publisher:

        def join() -> Member:
            return Member(kafka_settings, publisher, Recorder(act))

        members = [join(), join()]
        await until(lambda: sum(done.values()) >= count // 4, WAIT)
        members.append(join())  # one joins under load
        await until(lambda: sum(done.values()) >= count // 2, WAIT)
        await members[0].stop()  # one leaves under load
        members.append(join())
        await until(lambda: len(done) == count, WAIT)
        for member in members[1:]:
            await member.stop()
    assert sum(done.values()) - count < count // 5
    assert sum(committed(kafka_settings).values()) == count


async def test_one_message_that_hangs_holds_its_partitions_commit_and_nothing_else(
    kafka_settings: KafkaSettings,
) -> None:
    """Its partition's next owner gets that message, and none of those behind it."""

    async def act(event: Message) -> None:
        if event.key == "file-00000":
            await asyncio.Event().wait()

    async with found(kafka_settings, 600) as publisher:
        flow = Flow(high=2000, low=1000, drain_seconds=0.5)
        first = Member(kafka_settings, publisher, Recorder(act), flow)
        await until(lambda: len(first.recorder.handled) == 599, WAIT)
        await first.stop()
        again = Member(kafka_settings, publisher, Recorder(), flow)
        await until(lambda: bool(again.recorder.handled), WAIT)
        await asyncio.sleep(1.0)
        await again.stop()
    assert again.recorder.keys == ["file-00000"]
    assert again.recorder.redelivered == ["file-00000"]
    assert sum(committed(kafka_settings).values()) == 600


async def test_a_backlog_is_taken_in_bounded_bites(kafka_settings: KafkaSettings) -> None:
    released = asyncio.Event()

    async def act(_event: Message) -> None:
        await released.wait()

    async with found(kafka_settings, 5000) as publisher:
        member = Member(kafka_settings, publisher, Recorder(act))
        in_hand = member.recorder.in_hand
        await until(lambda: len(in_hand) >= FILES_FOUND.partitions * 20, WAIT)
        await asyncio.sleep(1.0)
        # High water, and at most one poll's batch beyond it, for each partition.
        assert len(in_hand) <= FILES_FOUND.partitions * (20 + 100)
        assert member.consumer.oldest_age > 0.5
        released.set()
        await until(lambda: len(member.recorder.handled) == 5000, WAIT)
        await member.stop()


async def test_a_partition_that_comes_back_after_a_pause_is_read_again(
    kafka_settings: KafkaSettings,
) -> None:
    released, every = asyncio.Event(), FILES_FOUND.partitions
    seen = set[str]()

    async def act(event: Message) -> None:
        await released.wait()
        seen.add(event.key)

    async with found(kafka_settings, 3000) as publisher:
        flow = Flow(high=20, low=10, drain_seconds=0.3)
        first = Member(kafka_settings, publisher, Recorder(act), flow)
        in_hand = first.recorder.in_hand
        await until(lambda: len(in_hand) >= every * 20, WAIT)  # each is at its high water
        second = Member(kafka_settings, publisher, Recorder(act), flow)
        await until(
            lambda: second.consumer.partitions > 0 and first.consumer.partitions < every, WAIT
        )
        await second.stop()
        await until(lambda: first.consumer.partitions == every, WAIT)  # they all come back
        released.set()
        await until(lambda: len(seen) == 3000, WAIT)
        await first.stop()


async def test_a_revoked_partitions_work_is_cancelled_after_the_drain(
    kafka_settings: KafkaSettings,
) -> None:
    async def act(_event: Message) -> None:
        await asyncio.Event().wait()

    async with found(kafka_settings, 240) as publisher:
        flow = Flow(drain_seconds=0.3)
        first = Member(kafka_settings, publisher, Recorder(act), flow)
        await until(lambda: len(first.recorder.in_hand) == 240, WAIT)
        second = Member(kafka_settings, publisher, Recorder(act), flow)
        await until(lambda: second.consumer.partitions > 0, WAIT)
        await until(lambda: len(second.recorder.in_hand) == len(first.recorder.cancelled) > 0, WAIT)
        both = [*first.recorder.in_hand, *second.recorder.in_hand]
        assert len({event.key for event in both}) == len(both) == 240
        await first.stop()
        await second.stop()


async def test_what_kafka_has_acknowledged_is_not_committed_again(
    kafka_settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer has the offset and the metadata, by which a commit is known again."""
    recorder, commits = Recorder(), list[bool]()
    due = Offsets.due

    def counted(offsets: Offsets, *, leaving: bool = False) -> Commit | None:
        commit = due(offsets, leaving=leaving)
        commits.append(commit is not None and not leaving)
        return commit

    async with found(kafka_settings, 50) as publisher:
        monkeypatch.setattr(Offsets, "due", counted)
        member = Member(kafka_settings, publisher, recorder)
        await until(lambda: len(recorder.handled) == 50, WAIT)
        await asyncio.sleep(2)
        assert sum(commits) > 0
        commits.clear()
        await asyncio.sleep(2)
        assert len(commits) > FILES_FOUND.partitions
        assert sum(commits) == 0
        await member.stop()
