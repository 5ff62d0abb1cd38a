"""Consuming as a member of a group, many messages in flight per partition.

One thread owns the handle and makes every call on it (`kafka.md` §0: a poll in one thread blocks a
commit from another). It polls, hands messages to the event loop (`message_tasks.py`), and commits
the oldest unfinished offset of each partition, with what finished beyond it in the metadata.
Completions come back through queues that only this thread empties.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from services.adapters.kafka.errors import KafkaUnavailableError, sentence
from services.adapters.kafka.message_tasks import Assignment, Delivery, MessageTasks, Work
from services.adapters.kafka.reader import raw, reader_config
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.offsets import History, Offsets, Watermarks

POLL_SECONDS = 0.1
BATCH = 100
COMMITTED_SECONDS = 10.0
CANCEL_SECONDS = 5.0
"""How long cancelled work may take to clean up, such as aborting a multipart upload."""
log = structlog.get_logger("kafka")


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How much is taken on: unfinished messages per partition, paused at high, resumed at low.

    `drain_seconds` bounds the wait for work in hand when a partition goes or the process stops.
    A killed worker's successor may repeat what it finished within `commit_every_seconds`.
    """

    watermarks: Watermarks = field(default_factory=lambda: Watermarks(high=200, low=100))
    drain_seconds: float = 5.0
    commit_every_seconds: float = 0.25


@dataclass(frozen=True)
class Backlog:
    """Messages delivered and not finished; `oldest` is when the oldest came (monotonic seconds)."""

    unfinished: int = 0
    oldest: float | None = None

    @property
    def oldest_age(self) -> float:
        """Seconds since the oldest unfinished message was delivered; 0.0 if there is none."""
        return 0.0 if self.oldest is None else time.monotonic() - self.oldest


class GroupConsumer:
    """One member of a consumer group, for one topic."""

    def __init__(
        self, settings: KafkaSettings, *, group: str, topic: str, flow: Flow | None = None
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._name = settings.prefixed(topic)
        self._flow = flow or Flow()
        self._assigned: dict[int, Assignment] = {}
        self._closing = threading.Event()
        self._next_commit = 0.0
        self._consumer = Consumer(_group_config(settings, group) | {"on_commit": self._on_commit})
        self._loop: asyncio.AbstractEventLoop
        self._tasks: MessageTasks
        self.backlog = Backlog()

    @property
    def partitions(self) -> int:
        """How many partitions are ours now: the basis of the quota share."""
        return len(self._assigned)

    async def run(self, work: Work) -> None:
        """Consume until `stop()`, then drain. Raises what stopped the work, or the consumer."""
        self._loop, self._tasks = asyncio.get_running_loop(), MessageTasks(work)
        thread = threading.Thread(target=self._consume, name=f"consumer-{self._topic}", daemon=True)
        thread.start()
        try:
            await self._tasks.run()
        finally:
            self.stop()
            limit = self._flow.drain_seconds + CANCEL_SECONDS + 20
            await asyncio.shield(asyncio.to_thread(thread.join, limit))

    def stop(self) -> None:
        """Take no more messages; work in hand may finish within the drain time."""
        self._closing.set()

    # ---- the owner thread ----

    def _consume(self) -> None:
        failure: Exception | None = None
        try:
            self._consumer.subscribe(
                [self._name],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            while not self._closing.is_set():
                self._settle()
                self._hand_over(self._poll())
            self._release(list(self._assigned))
            self._consumer.close()
        except KafkaException as why:
            failure = KafkaUnavailableError(sentence(why.args[0]))
        except Exception as why:  # noqa: BLE001 - whatever it is, the event loop must hear of it
            failure = why
        self._call(lambda: self._tasks.close(failure))

    def _call(self, act: Callable[[], None]) -> threading.Event:
        """Have the event loop do it; the event is set once it is done."""
        done = threading.Event()

        def and_tell() -> None:
            act()
            done.set()

        if self._loop.is_closed():
            done.set()
        else:
            self._loop.call_soon_threadsafe(and_tell)
        return done

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
                self._report(error)
                continue
            record = raw(message, self._settings)
            assignment = self._assigned.get(record.partition)
            if assignment is None:  # fetched before a revoke that came in the same poll
                continue
            history = assignment.offsets.begin(record.offset, now)
            if history is not History.FINISHED:
                deliveries.append(Delivery(record, assignment, history))
        if deliveries:
            self._announce_work({d.record.partition for d in deliveries})
            self._call(lambda: self._tasks.deliver(deliveries))

    def _announce_work(self, numbers: Iterable[int]) -> None:
        """Commit that partitions are being worked on, before they are.

        Else nobody would know of a message that kills its worker within a commit interval. Once per
        assignment the commit is waited for.
        """
        new = [number for number in numbers if not self._assigned[number].announced]
        for number in new:
            self._assigned[number].announced = True
        if new:
            self._commit(self._due(new), wait=True)

    def _report(self, error: KafkaError) -> None:
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
            self._commit(self._due(self._assigned))
        ages = [a.offsets.oldest for a in self._assigned.values()]
        self.backlog = Backlog(
            unfinished=sum(a.offsets.unfinished for a in self._assigned.values()),
            oldest=min((age for age in ages if age is not None), default=None),
        )

    def _absorb(self) -> None:
        tasks = self._tasks
        while tasks.started:
            started = tasks.started.popleft()
            delivery = started.delivery
            delivery.assignment.offsets.start(delivery.record.offset, alone=started.alone)
            if started.alone:
                if self._assigned.get(delivery.record.partition) is delivery.assignment:
                    self._commit(self._due([delivery.record.partition]), wait=True)
                self._call(tasks.announced)
        while tasks.finished:
            delivery = tasks.finished.popleft()
            delivery.assignment.offsets.finish(delivery.record.offset)

    def _throttle(self) -> None:
        marks = self._flow.watermarks
        for number, assignment in self._assigned.items():
            unfinished = assignment.offsets.unfinished
            partition = [TopicPartition(self._name, number)]
            if not assignment.paused and marks.should_pause(unfinished):
                self._consumer.pause(partition)
                assignment.paused = True
            elif assignment.paused and marks.should_resume(unfinished):
                self._consumer.resume(partition)
                assignment.paused = False

    def _due(self, numbers: Iterable[int], *, leaving: bool = False) -> list[TopicPartition]:
        due = []
        for number in numbers:
            commit = self._assigned[number].offsets.due(leaving=leaving)
            if commit is not None:
                due.append(
                    TopicPartition(self._name, number, commit.offset, metadata=commit.metadata)
                )
        return due

    def _commit(self, due: list[TopicPartition], *, wait: bool = False) -> None:
        if not due:
            return
        try:
            if wait:
                self._acknowledge(self._consumer.commit(offsets=due, asynchronous=False) or [])
            else:
                self._consumer.commit(offsets=due, asynchronous=True)
        except KafkaException as why:  # not committed: the next round offers it again
            log.warning("kafka.commit_failed", topic=self._topic, error=sentence(why.args[0]))

    def _on_commit(self, error: KafkaError | None, committed: list[TopicPartition]) -> None:
        if error is not None:
            log.warning("kafka.commit_failed", topic=self._topic, error=sentence(error))
            return
        self._acknowledge(committed)

    def _acknowledge(self, committed: Iterable[TopicPartition]) -> None:
        for partition in committed:
            assignment = self._assigned.get(partition.partition)
            if assignment is not None and partition.error is None:
                assignment.offsets.acknowledged(partition.offset)

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        left = self._left_by_others(partitions)
        for partition in partitions:
            offsets = left.get(partition.partition) or Offsets()
            self._assigned[partition.partition] = Assignment(offsets)
        log.info("kafka.assigned", topic=self._topic, partitions=sorted(self._assigned))

    def _left_by_others(self, partitions: list[TopicPartition]) -> Mapping[int, Offsets]:
        """From what the last owners committed; nothing where Kafka does not say."""
        if not partitions:
            return {}
        try:
            committed = self._consumer.committed(partitions, timeout=COMMITTED_SECONDS)
        except KafkaException as why:
            log.warning("kafka.no_commit_state", topic=self._topic, error=sentence(why.args[0]))
            return {}
        return {
            c.partition: Offsets.resumed(c.offset, c.metadata)
            for c in committed
            if c.error is None and c.offset >= 0
        }

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._release([p.partition for p in partitions if p.partition in self._assigned])

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Somebody else owns them already: nothing may be committed, and no work is waited for."""
        log.warning("kafka.lost", topic=self._topic, partitions=[p.partition for p in partitions])
        lost = [
            self._assigned.pop(p.partition) for p in partitions if p.partition in self._assigned
        ]
        for assignment in lost:
            assignment.offsets.end()
        self._call(lambda: self._tasks.cancel(lost))

    def _release(self, numbers: Sequence[int]) -> None:
        """Drain (bounded), cancel what is left, commit what is finished, and forget the rest."""
        leaving = [self._assigned[number] for number in numbers]
        self._call(lambda: self._tasks.drain(leaving)).wait(CANCEL_SECONDS)
        if not _all_empty(leaving, self._flow.drain_seconds):
            self._call(lambda: self._tasks.cancel(leaving)).wait(CANCEL_SECONDS)
            _all_empty(leaving, CANCEL_SECONDS)
        self._absorb()
        self._commit(self._due(numbers, leaving=True), wait=True)
        for number in numbers:
            self._assigned.pop(number).offsets.end()


def _all_empty(assignments: Sequence[Assignment], seconds: float) -> bool:
    """Whether no task of these runs any more; waits for it that long."""
    until = time.monotonic() + seconds
    return all(a.empty.wait(max(0.0, until - time.monotonic())) for a in assignments)


def _group_config(settings: KafkaSettings, group: str) -> dict[str, object]:
    return reader_config(settings, f"drivestream-{group}") | {
        "group.id": settings.prefixed(group),
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 2_000,
        "max.poll.interval.ms": 120_000,
    }
