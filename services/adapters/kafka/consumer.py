"""Consuming as a group, many messages in flight per partition, finished in any order.

One thread owns the handle and makes every call on it (`kafka.md` §0: a poll in one thread blocks a
commit from another). It polls, hands messages to the event loop, and commits the oldest unfinished
offset of each partition. Completions come back through a queue that only the owner empties.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from services.adapters.kafka.errors import KafkaUnavailableError, sentence
from services.adapters.kafka.reader import Raw, raw, reader_config
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.offsets import Offsets, Watermarks

POLL_SECONDS = 0.1
BATCH = 100
log = structlog.get_logger("kafka")


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How much is taken on. Unfinished messages a partition: paused at high, resumed at low.

    `drain_seconds` bounds the wait for work in hand when a partition goes or the process stops.
    What a killed worker did since its last commit, up to `commit_every_seconds` ago, is done again.
    """

    watermarks: Watermarks = field(default_factory=lambda: Watermarks(high=200, low=100))
    drain_seconds: float = 5.0
    commit_every_seconds: float = 0.25


class Assignment:
    """One partition for as long as it is ours. Only the owner thread touches `offsets`."""

    def __init__(self) -> None:
        self.offsets = Offsets()
        # librdkafka keeps a pause beyond the assignment that it was made in: a partition that comes
        # back may be paused without our knowing, so it is resumed once, as if we had paused it.
        self.paused = True
        self.leaving = False
        self.in_hand = 0  # taken by the event loop and not done; written by the loop alone


class Delivery:
    """One message in hand (`ports.Received`, before decoding)."""

    def __init__(self, record: Raw, assignment: Assignment, finished: deque["Delivery"]) -> None:
        self.record = record
        self.assignment = assignment
        self._finished = finished
        self._done = False

    @property
    def alive(self) -> bool:
        """False once the partition is going or gone: another worker gets the message."""
        return not self.assignment.leaving

    def done(self) -> None:
        """Let the offset be committed, as soon as all before it are done."""
        if not self._done:
            self._done = True
            self.assignment.in_hand -= 1
            self._finished.append(self)

    def leave(self) -> None:
        """Leave it to the partition's next owner; the drain need not wait for it any longer."""
        if not self._done:
            self._done = True
            self.assignment.in_hand -= 1


class Subscription:
    """`async with` starts it and drains it; `async for` yields deliveries, until `stop()`."""

    def __init__(
        self, settings: KafkaSettings, *, group: str, topic: str, flow: Flow | None = None
    ) -> None:
        self._topic = topic
        self._flow = flow or Flow()
        self._assigned: dict[int, Assignment] = {}
        # Bounded by the watermarks: no partition has more unfinished than high + one batch.
        self._inbox: asyncio.Queue[Delivery | Exception | None] = asyncio.Queue()
        self._finished: deque[Delivery] = deque()
        self._closing = threading.Event()
        self._next_commit = 0.0
        self._consumer = Consumer(_group_config(settings, group) | {"on_commit": self._on_commit})

    async def __aenter__(self) -> "Subscription":
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="kafka-consumer", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _why: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        self.stop()
        await asyncio.to_thread(self._thread.join, self._flow.drain_seconds + 30)

    def stop(self) -> None:
        """Take no more messages; work in hand may finish within the drain time."""
        self._closing.set()

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Delivery:
        while True:
            item = await self._inbox.get()
            if item is None:
                raise StopAsyncIteration
            if isinstance(item, Exception):
                raise item
            if item.alive:
                item.assignment.in_hand += 1
                return item

    @property
    def unfinished(self) -> int:
        """Messages delivered and not done, over all partitions."""
        return sum(a.offsets.unfinished for a in list(self._assigned.values()))

    @property
    def oldest_age(self) -> float:
        """Seconds since the oldest unfinished message was delivered."""
        now = time.monotonic()
        ages = [a.offsets.oldest_age(now) for a in list(self._assigned.values())]
        return max(ages, default=0.0)

    @property
    def partitions(self) -> int:
        """How many partitions are ours now: the basis of the quota share."""
        return len(self._assigned)

    # ---- the owner thread ----

    def _run(self) -> None:
        last: Exception | None = None
        try:
            self._consumer.subscribe(
                [self._topic],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            while not self._closing.is_set():
                self._settle()
                self._hand_over(self._poll())
            self._leave(list(self._assigned))
            self._consumer.close()
        except KafkaException as why:
            last = KafkaUnavailableError(sentence(why.args[0]))
        except Exception as why:  # noqa: BLE001 - whatever it is, the loop must hear of it
            last = why
        self._tell(last)

    def _tell(self, item: Delivery | Exception | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, item)

    def _poll(self) -> Sequence[RawMessage]:
        first = self._consumer.poll(POLL_SECONDS)
        if first is None:
            return ()
        # Only what is there already: waiting for a full batch would cost its timeout each time.
        return [first, *self._consumer.consume(BATCH - 1, 0)]

    def _hand_over(self, messages: Sequence[RawMessage]) -> None:
        now = time.monotonic()
        deliveries = []
        for message in messages:
            error = message.error()
            if error is not None:
                self._complain(error)
                continue
            record = raw(message)
            assignment = self._assigned.get(record.partition)
            if assignment is None:  # fetched before a revoke that came in the same poll
                continue
            assignment.offsets.begin(record.offset, now)
            deliveries.append(Delivery(record, assignment, self._finished))
        if deliveries and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._enqueue, deliveries)

    def _enqueue(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._inbox.put_nowait(delivery)

    def _complain(self, error: KafkaError) -> None:
        if error.fatal():
            raise KafkaUnavailableError(sentence(error))
        log.warning("kafka.trouble", topic=self._topic, error=sentence(error))

    def _settle(self) -> None:
        """Take completions in, adjust the flow, commit what is due."""
        self._absorb()
        self._throttle()
        now = time.monotonic()
        if now >= self._next_commit:
            self._next_commit = now + self._flow.commit_every_seconds
            if due := self._due(self._assigned):
                self._consumer.commit(offsets=due, asynchronous=True)

    def _absorb(self) -> None:
        while self._finished:
            delivery = self._finished.popleft()
            delivery.assignment.offsets.finish(delivery.record.offset)

    def _throttle(self) -> None:
        marks = self._flow.watermarks
        for number, assignment in self._assigned.items():
            unfinished = assignment.offsets.unfinished
            partition = [TopicPartition(self._topic, number)]
            if not assignment.paused and marks.should_pause(unfinished):
                self._consumer.pause(partition)
                assignment.paused = True
            elif assignment.paused and marks.should_resume(unfinished):
                self._consumer.resume(partition)
                assignment.paused = False

    def _due(self, partitions: Sequence[int] | dict[int, Assignment]) -> list[TopicPartition]:
        due = []
        for number in partitions:
            offset = self._assigned[number].offsets.uncommitted
            if offset is not None:
                due.append(TopicPartition(self._topic, number, offset))
        return due

    def _on_commit(self, error: KafkaError | None, committed: list[TopicPartition]) -> None:
        if error is not None:
            log.warning("kafka.commit_failed", topic=self._topic, error=sentence(error))
            return  # not committed: the next round offers it again
        for partition in committed:
            assignment = self._assigned.get(partition.partition)
            if assignment is not None and partition.error is None:
                assignment.offsets.committed(partition.offset)

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self._assigned[partition.partition] = Assignment()
        log.info("kafka.assigned", topic=self._topic, partitions=sorted(self._assigned))

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._leave([p.partition for p in partitions if p.partition in self._assigned])

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.warning("kafka.lost", topic=self._topic, partitions=[p.partition for p in partitions])
        for partition in partitions:
            assignment = self._assigned.pop(partition.partition, None)
            if assignment is not None:
                assignment.leaving = True
                assignment.offsets.end()

    def _leave(self, numbers: Sequence[int]) -> None:
        """Wait (bounded) for what is in hand, commit what is finished, and forget the rest."""
        leaving = {number: self._assigned[number] for number in numbers}
        for assignment in leaving.values():
            assignment.leaving = True
        until = time.monotonic() + self._flow.drain_seconds
        while any(a.in_hand for a in leaving.values()) and time.monotonic() < until:
            time.sleep(0.01)
        self._absorb()
        if due := self._due(leaving):
            try:
                self._consumer.commit(offsets=due, asynchronous=False)
            except KafkaException as why:
                log.warning("kafka.commit_failed", topic=self._topic, error=sentence(why.args[0]))
        for number, assignment in leaving.items():
            assignment.offsets.end()
            del self._assigned[number]


def _group_config(settings: KafkaSettings, group: str) -> dict[str, object]:
    return reader_config(settings, f"drivestream-{group}") | {
        "group.id": group,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 3_000,
        "max.poll.interval.ms": 120_000,
    }
