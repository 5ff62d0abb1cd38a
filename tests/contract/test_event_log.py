"""One suite for the log, on the fake and on a real Kafka: publish, consume, finish, come again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import pytest
from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.flow import Flow
from services.adapters.kafka.group_consumer import GroupConsumer
from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader, Raw
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.errors import Stop
from services.core.flow import circuit_breaker
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.murmur2 import partition_of
from services.core.topics import DEAD_LETTERS, FILES_FAILED, FILES_FOUND
from services.core.wire import Record, decode
from tests.fakes.log import FakeGroupConsumer, FakeLog, FakePublisher
from tests.fakes.messages import Recorder, tasks_of
from tests.fakes.patience import until
from tests.samples import FOUND

WAIT = 60.0

Consumer = GroupConsumer | FakeGroupConsumer


class Broker(Protocol):
    """The fake or the real thing."""

    @property
    def publisher(self) -> Publisher | FakePublisher: ...
    def consumer(self, group: str) -> Consumer: ...
    def everything(self, topic: str) -> list[Raw]: ...


@dataclass
class FakeBroker:
    log: FakeLog
    publisher: FakePublisher

    def consumer(self, group: str) -> FakeGroupConsumer:
        return FakeGroupConsumer(self.log, group=group, topic=FILES_FOUND.name)

    def everything(self, topic: str) -> list[Raw]:
        return self.log.of(topic)


@dataclass
class RealBroker:
    settings: KafkaSettings
    publisher: Publisher

    def consumer(self, group: str) -> GroupConsumer:
        flow = Flow(drain_seconds=0.5)
        return GroupConsumer(self.settings, group=group, topic=FILES_FOUND.name, flow=flow)

    def everything(self, topic: str) -> list[Raw]:
        reader = LogReader(self.settings, client_id="test")
        partitions = reader.partitions(topic)
        reader.seek({(topic, p): 0 for p in partitions})
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


@asynccontextmanager
async def consuming(consumer: Consumer, tasks: MessageTasks) -> AsyncIterator[asyncio.Task[None]]:
    """The consumer runs for the block, and then stops in order."""
    task = asyncio.create_task(consumer.run(tasks))
    try:
        yield task
    finally:
        consumer.stop()
        await asyncio.wait_for(asyncio.wait({task}), WAIT)
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def handled(
    broker: Broker, group: str, recorder: Recorder, enough: Callable[[], bool]
) -> None:
    async with consuming(broker.consumer(group), tasks_of(recorder, broker.publisher)) as task:
        await until(lambda: enough() or task.done(), WAIT)


async def test_what_is_published_is_handled(broker: Broker) -> None:
    recorder = Recorder()
    await broker.publisher.publish([FOUND])
    await handled(broker, f"g-{uuid4()}", recorder, lambda: len(recorder.handled) == 1)
    assert recorder.handled == [FOUND]
    assert recorder.redelivered == []
    (record,) = broker.everything(FILES_FOUND.name)
    place = e.Place(topic=FILES_FOUND.name, partition=record.partition, offset=record.offset)
    assert recorder.places == [place]


async def test_a_record_has_key_value_and_headers(broker: Broker) -> None:
    await broker.publisher.publish([FOUND])
    (record,) = broker.everything(FILES_FOUND.name)
    assert record.key == FOUND.file_id.encode()
    assert decode(FILES_FOUND.name, record.value) == FOUND
    assert record.headers["ce_importid"] == FOUND.import_id.encode()


async def test_a_key_lies_where_murmur2_puts_it(broker: Broker) -> None:
    await broker.publisher.publish(files(50))
    for raw in broker.everything(FILES_FOUND.name):
        assert raw.partition == partition_of(raw.key or b"", FILES_FOUND.partitions)


async def test_messages_of_one_key_are_started_in_the_order_they_were_published(
    broker: Broker,
) -> None:
    rounds = [replace(FOUND, round=n) for n in range(20)]
    for event in rounds:
        await broker.publisher.publish([event])
    recorder = Recorder()
    await handled(broker, f"g-{uuid4()}", recorder, lambda: len(recorder.handled) == 20)
    assert recorder.handled == rounds


async def test_what_was_handled_is_not_delivered_to_the_group_again(broker: Broker) -> None:
    group, recorder = f"g-{uuid4()}", Recorder()
    await broker.publisher.publish(files(30))
    await handled(broker, group, recorder, lambda: len(recorder.handled) == 30)
    await broker.publisher.publish([replace(FOUND, file_id="the-last")])
    after = Recorder()
    await handled(broker, group, after, lambda: bool(after.handled))
    assert after.keys == ["the-last"]


async def test_what_was_cancelled_is_delivered_again_and_nothing_else(broker: Broker) -> None:
    """Finished ranges travel in the commit's metadata, also behind a message that hangs."""
    group = f"g-{uuid4()}"
    await broker.publisher.publish(files(120))
    hanging = {f"file-{n:04}" for n in range(0, 120, 7)}

    async def act(event: e.Message) -> None:
        if event.key in hanging:
            await asyncio.Event().wait()

    first = Recorder(act)
    await handled(broker, group, first, lambda: len(first.handled) == 120 - len(hanging))
    assert {event.key for event in first.cancelled} == hanging
    again = Recorder()
    await handled(broker, group, again, lambda: len(again.handled) >= len(hanging))
    assert sorted(again.keys) == sorted(hanging)
    assert sorted(again.redelivered) == sorted(hanging)


async def test_no_more_than_the_limit_are_in_hand(broker: Broker) -> None:
    await broker.publisher.publish(files(60))
    most, released = 0, asyncio.Event()

    async def act(_event: e.Message) -> None:
        nonlocal most
        most = max(most, len(recorder.in_hand))
        await released.wait()
        await asyncio.sleep(0.002)

    recorder = Recorder(act)
    tasks = tasks_of(recorder, broker.publisher, at_once=5)
    async with consuming(broker.consumer(f"g-{uuid4()}"), tasks):
        await until(lambda: len(recorder.in_hand) >= 5, WAIT)
        await asyncio.sleep(0.1)
        released.set()
        await until(lambda: len(recorder.handled) == 60, WAIT)
    assert most == 5


async def test_work_in_hand_may_finish_when_the_consumer_stops(broker: Broker) -> None:
    group = f"g-{uuid4()}"
    await broker.publisher.publish([FOUND])

    async def act(_event: e.Message) -> None:
        await asyncio.sleep(0.1)

    recorder = Recorder(act)
    await handled(broker, group, recorder, lambda: bool(recorder.in_hand))
    assert recorder.handled == [FOUND]


async def test_what_only_waits_is_not_drained_but_cancelled(broker: Broker) -> None:
    await broker.publisher.publish(files(3))

    async def act(_event: e.Message) -> None:
        await asyncio.Event().wait()

    recorder = Recorder(act)
    tasks = tasks_of(recorder, broker.publisher, idle=lambda _task: True)
    async with consuming(broker.consumer(f"g-{uuid4()}"), tasks):
        await until(lambda: len(recorder.in_hand) == 3, WAIT)
    assert len(recorder.cancelled) == 3


async def test_another_group_gets_everything_too(broker: Broker) -> None:
    await broker.publisher.publish(files(5))
    for _ in range(2):
        recorder = Recorder()
        await handled(broker, f"g-{uuid4()}", recorder, lambda r=recorder: len(r.handled) == 5)  # type: ignore[misc]


async def test_an_undecodable_record_becomes_a_dead_letter_and_a_failure(broker: Broker) -> None:
    poison = Record(
        topic=FILES_FOUND.name,
        key=b"file-poison",
        value=b"{not json",
        headers=(("ce_importid", b"job-1"), ("ce_round", b"3")),
    )
    after = replace(FOUND, file_id="file-poison")  # of the same key, so right behind it
    await broker.publisher.publish([poison])
    await broker.publisher.publish([after])
    recorder = Recorder()
    await handled(
        broker,
        f"g-{uuid4()}",
        recorder,
        lambda: bool(recorder.handled and broker.everything(FILES_FAILED.name)),
    )
    assert recorder.handled == [after]
    (letter,) = broker.everything(DEAD_LETTERS.name)
    assert (letter.key, letter.value) == (b"file-poison", b"{not json")
    assert letter.headers["dlq_original_topic"] == b"files.found"
    assert letter.headers["ce_importid"] == b"job-1"
    (failure,) = broker.everything(FILES_FAILED.name)
    event = decode(FILES_FAILED.name, failure.value)
    assert isinstance(event, e.FileFailed)
    assert (event.import_id, event.file_id, event.round) == ("job-1", "file-poison", 3)


async def test_an_event_of_a_newer_version_stops_the_consumer_and_is_kept(broker: Broker) -> None:
    group = f"g-{uuid4()}"
    newer = b'{"type":"FileInvented","import_id":"job-1","what":"nobody knows yet"}'
    await broker.publisher.publish(
        [Record(topic=FILES_FOUND.name, key=b"k", value=newer, headers=())]
    )
    for _ in range(2):  # it is not passed, however often the worker comes back
        recorder = Recorder()
        with pytest.raises(Stop, match="FileInvented") as stopped:
            await handled(broker, group, recorder, lambda: False)
        assert stopped.value.reason == "unknown_event"
    assert broker.everything(DEAD_LETTERS.name) == []
    assert broker.everything(FILES_FAILED.name) == []


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> CircuitBreaker:
    """A breaker that waits for no longer than a test may."""
    monkeypatch.setattr(circuit_breaker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(circuit_breaker, "LONGEST_WAIT", 0.02)
    return CircuitBreaker(lambda _why, _seconds: None)


async def test_an_error_of_our_own_that_meets_every_message_waits_and_fails_nothing(
    broker: Broker, faults: CircuitBreaker
) -> None:
    await broker.publisher.publish(files(8))
    broken = True

    async def act(_event: e.Message) -> None:
        if broken:
            raise LookupError("a bug")

    recorder = Recorder(act)
    tasks = tasks_of(recorder, broker.publisher, faults=faults)
    async with consuming(broker.consumer(f"g-{uuid4()}"), tasks):
        await until(lambda: faults.waiting_for is not None, WAIT)
        await asyncio.sleep(0.3)
        assert recorder.failed == []
        broken = False
        await until(lambda: len(recorder.handled) == 8, WAIT)
    assert recorder.failed == []


async def test_an_error_of_our_own_that_meets_one_message_sets_it_aside(
    broker: Broker, faults: CircuitBreaker
) -> None:
    await broker.publisher.publish(files(200))

    async def act(event: e.Message) -> None:
        await asyncio.sleep(0.01)
        if event.key == "file-0003":
            raise LookupError("a bug")

    recorder = Recorder(act)
    tasks = tasks_of(recorder, broker.publisher, at_once=4, faults=faults)
    async with consuming(broker.consumer(f"g-{uuid4()}"), tasks):
        await until(lambda: len(recorder.handled) == 199, WAIT)
        await until(lambda: bool(recorder.failed), WAIT)
    assert [(event.key, why) for event, why in recorder.failed] == [("file-0003", "unforeseen")]


async def test_a_broker_that_is_gone_is_reported_within_the_limit() -> None:
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:9")
    async with Publisher(nowhere, source="test", timeout=0.5) as publisher:
        with pytest.raises(KafkaUnavailableError):
            await publisher.publish([FOUND])
