"""The loop of one receiver, on a log and in a time of its own: what is sent again and for how long,
what a restart repeats, and that nobody waits for anybody else."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.metrics import EndpointFigures
from services.adapters.webhooks.client import Answer
from services.core import events as e
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.topics import DEAD_LETTERS, NOTIFICATIONS
from services.core.wire import Record, event_id
from services.webhooks.service import (
    AT_ONCE,
    LONGEST_WAIT,
    EndpointDelivery,
    Repeats,
)
from tests.fakes.log import FakeGroupConsumer, FakeLog, FakePublisher
from tests.fakes.virtual_time import virtual_time
from tests.samples import SAMPLES

BEGIN = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
TAKEN = Answer(status=204)
REFUSED = Answer(status=500, why="status 500")
DAY = 24 * 3600.0
POLL_SECONDS = 0.5
[ENDED] = [event for event in SAMPLES.values() if isinstance(event, e.ImportEnded)]
Answers = Callable[[str], Answer]


def ended(number: int) -> e.ImportEnded:
    return replace(ENDED, import_id=f"import-{number}", at=BEGIN, ended_at=BEGIN)


class Receiver:
    """Answers by the number of the import in the body; counts what it was sent."""

    def __init__(self, answers: Callable[[str], Answer] = lambda _body: TAKEN) -> None:
        self.answers = answers
        self.received: list[str] = []
        self.at: list[float] = []
        self.in_hand = self.most_in_hand = 0
        self.hangs = False

    async def send(self, id: str, body: str) -> Answer:
        self.received.append(id)
        self.at.append(asyncio.get_running_loop().time())
        self.in_hand += 1
        self.most_in_hand = max(self.in_hand, self.most_in_hand)
        try:
            if self.hangs:
                await asyncio.sleep(20)
                return Answer(why="no answer within 20 seconds")
            await asyncio.sleep(0.1)
            return self.answers(body)
        finally:
            self.in_hand -= 1


class Endpoint:
    """A receiver, and what sends to it: `running()` is the life of one process."""

    def __init__(self, log: FakeLog, receiver: Receiver, group: str = "webhooks-1") -> None:
        self.log, self.receiver, self.group = log, receiver, group
        self.figures = EndpointFigures()
        self.publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "test")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ends as a process that is killed: nothing more is committed."""
        consumer = FakeGroupConsumer(self.log, group=self.group, topic=NOTIFICATIONS.name)
        consumer.poll_seconds = POLL_SECONDS
        self.figures = EndpointFigures()
        repeats = Repeats()
        for record in self.log.of(NOTIFICATIONS.name):
            repeats.note(record.headers["ce_id"].decode(), record.offset)
        delivery = EndpointDelivery(
            name="receiver",
            client=self.receiver,
            repeats=repeats,
            figures=self.figures,
            stop=consumer.stop,
            now=lambda: BEGIN + timedelta(seconds=asyncio.get_running_loop().time()),
            jitter=lambda: 1.0,
        )
        tasks = MessageTasks(
            service="webhooks",
            handler=delivery,
            limit=ConcurrencyLimit(400),
            publisher=self.publisher,
            faults=CircuitBreaker(lambda _why, _seconds: None),
            idle=delivery.only_waits,
            allows=lambda _event: True,
            suspects=False,
        )
        self.task = asyncio.create_task(consumer.run(tasks))
        try:
            yield
        finally:
            committed = dict(self.log.committed)
            self.task.cancel()
            await asyncio.wait({self.task})
            self.log.committed = committed

    async def publish(self, *events: e.Message | Record) -> None:
        await self.publisher.publish(events)

    @property
    def committed(self) -> int:
        return self.log.committed[self.group, NOTIFICATIONS.name, 0][0]


def ids(events: Sequence[e.Message]) -> list[str]:
    return [event_id(event) for event in events]


@virtual_time
async def test_each_notification_is_sent_once() -> None:
    endpoint = Endpoint(FakeLog(), Receiver())
    events = [*map(ended, range(3)), SAMPLES["ReplayEnded"], SAMPLES["AlarmRaised"]]
    await endpoint.publish(*events)
    async with endpoint.running():
        await asyncio.sleep(2)
    assert sorted(endpoint.receiver.received) == sorted(ids(events))
    assert endpoint.figures.sent == 5
    assert endpoint.committed == 5
    async with endpoint.running():
        await asyncio.sleep(2)
    assert len(endpoint.receiver.received) == 5


@virtual_time
async def test_a_receiver_that_refuses_for_an_hour_gets_it_afterwards_once() -> None:
    receiver = Receiver(lambda _body: REFUSED if receiver.at[-1] < 3600 else TAKEN)
    endpoint = Endpoint(FakeLog(), receiver)
    await endpoint.publish(ended(1))
    async with endpoint.running():
        await asyncio.sleep(2.2 * 3600)
        assert endpoint.figures.sent == 1
        assert endpoint.figures.given_up == endpoint.figures.waiting == 0
        assert set(receiver.received) == set(ids([ended(1)]))
        assert 3600 <= receiver.at[-1] <= 3600 + LONGEST_WAIT
        assert len(receiver.received) < 12
        waits = [b - a for a, b in zip(receiver.at, receiver.at[1:], strict=False)]
        assert waits == sorted(waits), "longer each time"


@virtual_time
async def test_a_day_after_it_was_published_it_is_given_up_and_the_next_one_is_sent() -> None:
    receiver = Receiver(lambda body: REFUSED if "import-1" in body else TAKEN)
    endpoint = Endpoint(FakeLog(), receiver)
    left = 3 * LONGEST_WAIT
    at = BEGIN - timedelta(seconds=DAY - left)
    await endpoint.publish(replace(ended(1), at=at, ended_at=at))
    async with endpoint.running():
        await asyncio.sleep(left + 60)
        assert endpoint.figures.given_up == 1
        assert left - LONGEST_WAIT <= receiver.at[-1] <= left
        assert len(receiver.received) < 12
        await endpoint.publish(ended(2))
        await asyncio.sleep(1)
        assert endpoint.figures.sent == 1
        assert endpoint.committed == 2


@virtual_time
async def test_one_that_waits_holds_up_no_other_and_a_restart_repeats_only_that_one() -> None:
    receiver = Receiver(lambda body: REFUSED if "import-0" in body else TAKEN)
    endpoint = Endpoint(FakeLog(), receiver)
    await endpoint.publish(*map(ended, range(10)))
    for _ in range(6):  # killed again and again: nothing here is suspected of killing
        async with endpoint.running():
            await asyncio.sleep(2)
    counts = Counter(receiver.received)
    assert counts.pop(ids([ended(0)])[0]) == 6
    assert set(counts.values()) == {1}
    assert len(counts) == 9
    receiver.answers = lambda _body: TAKEN
    async with endpoint.running():
        await asyncio.sleep(1)
    assert endpoint.committed == 10


@virtual_time
async def test_a_process_that_is_killed_while_it_sends_sends_the_same_id_again() -> None:
    endpoint = Endpoint(FakeLog(), Receiver())
    await endpoint.publish(ended(1))
    async with endpoint.running():
        await asyncio.sleep(0.05)  # received, and not answered yet
    async with endpoint.running():
        await asyncio.sleep(1)
    assert endpoint.receiver.received == ids([ended(1)]) * 2
    assert endpoint.committed == 1


@virtual_time
async def test_a_receiver_that_hangs_holds_up_no_other() -> None:
    log, hanging, well = FakeLog(), Receiver(), Receiver()
    hanging.hangs = True
    endpoints = Endpoint(log, hanging), Endpoint(log, well, "webhooks-2")
    await endpoints[0].publish(*map(ended, range(50)))
    async with endpoints[0].running(), endpoints[1].running():
        await asyncio.sleep(15)
        assert len(well.received) == 50
        assert hanging.most_in_hand == AT_ONCE
        assert endpoints[0].figures.sent == 0


@virtual_time
async def test_a_receiver_that_is_gone_is_called_once_a_start_and_misses_nothing() -> None:
    receiver = Receiver(lambda _body: Answer(status=410, why="status 410"))
    endpoint = Endpoint(FakeLog(), receiver)
    await endpoint.publish(ended(1))
    for _ in range(2):
        async with endpoint.running():
            await asyncio.sleep(1)
            assert endpoint.figures.gone
            await endpoint.publish(ended(2))
            await asyncio.sleep(DAY)
            assert endpoint.task.done(), "it reads no more"
    assert len(receiver.received) <= 2 + AT_ONCE
    receiver.answers = lambda _body: TAKEN
    receiver.received.clear()
    async with endpoint.running():
        await asyncio.sleep(1)
    assert sorted(receiver.received) == sorted(ids([ended(1), ended(2)]))


@virtual_time
async def test_a_fact_that_is_published_again_is_not_sent_again() -> None:
    endpoint = Endpoint(FakeLog(), Receiver())
    again = replace(ended(1), at=BEGIN + timedelta(hours=1), ended_at=BEGIN + timedelta(seconds=1))
    await endpoint.publish(ended(1), ended(1), again)
    async with endpoint.running():
        await asyncio.sleep(1)
        await endpoint.publish(again)
        await asyncio.sleep(1)
    async with endpoint.running():
        await endpoint.publish(again)
        await asyncio.sleep(1)
    assert endpoint.receiver.received == ids([ended(1)])
    assert endpoint.committed == 5


@virtual_time
async def test_a_receiver_that_throttles_is_left_alone_for_as_long_as_it_says() -> None:
    waits: Mapping[str, float] = {"import-1": 600.0, "import-2": 10 * DAY}
    receiver = Receiver(
        lambda body: next(
            Answer(status=503, why="status 503", wait=wait)
            for id, wait in waits.items()
            if id in body
        )
    )
    for number, expected in ((1, 600.0), (2, LONGEST_WAIT)):
        endpoint = Endpoint(FakeLog(), receiver)
        receiver.at.clear()
        event = ended(number)
        now = asyncio.get_running_loop().time()
        await endpoint.publish(replace(event, at=BEGIN + timedelta(seconds=now)))
        async with endpoint.running():
            await asyncio.sleep(expected + 60)
        first, second = receiver.at[:2]
        assert abs(second - first - expected) < 1


@virtual_time
async def test_what_waited_in_the_log_for_days_is_tried_at_least_once() -> None:
    """Two hundred before it may have been tried for a day each."""
    endpoint = Endpoint(FakeLog(), Receiver())
    await asyncio.sleep(3 * DAY)
    await endpoint.publish(ended(1))
    async with endpoint.running():
        await asyncio.sleep(1)
    assert endpoint.figures.sent == 1


@virtual_time
async def test_what_cannot_be_read_is_a_dead_letter_and_what_is_no_news_is_passed_over() -> None:
    endpoint = Endpoint(FakeLog(), Receiver())
    old = replace(ended(1), at=BEGIN + timedelta(days=30))
    replay = SAMPLES["ReplayEnded"]
    assert isinstance(replay, e.ReplayEnded)
    nothing = Record(topic=NOTIFICATIONS.name, key=b"x", value=b"\xff", headers=[("ce_id", b"x")])
    await endpoint.publish(nothing, old, replace(replay, state="failed"), ended(2))
    async with endpoint.running():
        await asyncio.sleep(1)
    assert endpoint.receiver.received == ids([ended(2)])
    assert len(endpoint.log.of(DEAD_LETTERS.name)) == 1
    assert endpoint.committed == 4
