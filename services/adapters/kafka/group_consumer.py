"""Consuming as a member of a group, many messages in flight per partition.

One thread makes every call on the handle (`kafka.md` §0: a poll in one thread blocks a commit from
another). It polls, hands messages to the event loop (`message_tasks.py`), and commits the oldest
unfinished offset of each partition, with what finished beyond it in the metadata. Completions come
back through queues that only this thread empties.
"""

import asyncio
import math
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from services.adapters.kafka.ahead import IDLE, AheadReader
from services.adapters.kafka.deliveries import Assignment, Delivery
from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors, sentence
from services.adapters.kafka.flow import Flow
from services.adapters.kafka.handles import Consumer
from services.adapters.kafka.leaving import LEAVE_SECONDS, leave, left
from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.kafka.reader import poll, raw, reader_config
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.offsets import History, Offsets

UNTIL_BATCH_ENDS = 0.01
"""Seconds between two looks: nothing else begins before the commits say that it has ended."""
log = structlog.get_logger("kafka")


class GroupConsumer:
    """One member of a group, for one topic."""

    def __init__(self, settings: KafkaSettings, *, group: str, topic: str, flow: Flow) -> None:
        self._settings = settings
        self.topic = topic
        self._name = settings.prefixed(topic)
        self._flow = flow
        self._assigned: dict[int, Assignment] = {}
        self._closing = threading.Event()
        self._next_commit = 0.0
        # The suspects that are in hand, and whether the commits still have to say so.
        self._batch: Sequence[Delivery] | None = None
        self._unannounced = False
        self._consumer = Consumer(
            reader_config(settings, f"drivestream-{group}")
            | {
                "group.id": settings.prefixed(group),
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": 6_000,
                "heartbeat.interval.ms": 2_000,
                "max.poll.interval.ms": 120_000,
                "on_commit": self._on_commit,
            }
        )
        self._ahead = AheadReader(settings, group, topic) if flow.looks_ahead else None
        self._oldest = math.inf
        self.lag: dict[tuple[str, int], int] = {}

    @property
    def partitions(self) -> int:
        return len(self._assigned)

    @property
    def holds(self) -> list[str]:
        """Each partition as `TOPIC/PARTITION`."""
        return [f"{self.topic}/{number}" for number in sorted(list(self._assigned))]

    @property
    def oldest_age(self) -> float:
        """Seconds since work on the oldest unfinished message began; 0.0 if there is none. Those
        that wait for a slot do not count: in a long import they wait for hours."""
        return max(0.0, time.monotonic() - self._oldest)

    async def run(self, tasks: MessageTasks) -> None:
        """Consume until `stop()`, then drain. Raises what stopped the work, or the consumer."""
        self._loop, self._tasks = asyncio.get_running_loop(), tasks
        self._released = asyncio.Event()
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"consumer-{self.topic}")
        consuming = self._loop.run_in_executor(thread, self._consume)
        try:
            await tasks.run(left(consuming, self._released, self.topic))
        except BaseException:
            self.stop()
            await asyncio.wait({consuming}, timeout=LEAVE_SECONDS)
            raise
        finally:
            thread.shutdown(wait=False)

    def stop(self) -> None:
        self._closing.set()

    # From here on all runs on the thread that owns the handle.

    @kafka_errors()
    def _consume(self) -> None:
        self._consumer.subscribe(
            [self._name],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        while not self._closing.is_set():
            self._settle()
            self._hand_over(poll(self._consumer, at_most=100, timeout=self._look_ahead()))
        self._drain(list(self._assigned))
        self._loop.call_soon_threadsafe(self._released.set)
        self._forget(list(self._assigned))
        if self._ahead is not None:
            self._ahead.close()
        leave(self._consumer)

    def _look_ahead(self) -> float:
        """Seconds until it wants to look again. A commit says what is begun out of turn before it
        is, since nobody could tell from the offsets. If it fails, as in a rebalance, it is not."""
        if self._batch is not None or self._unannounced:
            return UNTIL_BATCH_ENDS
        if self._ahead is None:
            return IDLE
        deliveries = self._ahead.step(self._assigned, self._tasks.belongs)
        if deliveries:
            if self._commit({d.record.partition for d in deliveries}, wait=True):
                self._loop.call_soon_threadsafe(self._tasks.deliver, deliveries)
            else:
                self._ahead.withdraw(deliveries)
        return self._ahead.pause

    def _hand_over(self, messages: Sequence[RawMessage]) -> None:
        deliveries = []
        for message in messages:
            if (error := message.error()) is not None:
                if error.fatal():
                    raise KafkaUnavailableError(sentence(error))
                self._settings.trouble.tell(error, topic=self.topic)
                continue
            record = raw(message, self._settings)
            assignment = self._assigned.get(record.partition)
            if assignment is None:  # fetched before a revoke that came in the same poll
                continue
            if assignment.offsets.has_passed(record.offset):
                assignment = self._begin_anew(record.partition)
            history = assignment.offsets.begin(record.offset)
            if history not in {History.FINISHED, History.IN_HAND}:
                ownership = self._tasks.belongs(record.headers)
                assignment.in_turn[ownership.owner] += 1
                deliveries.append(Delivery(record, assignment, history, ownership))
        if deliveries:
            self._announce_work(deliveries)
            self._loop.call_soon_threadsafe(self._tasks.deliver, deliveries)

    def _begin_anew(self, number: int) -> Assignment:
        """The topic was made anew, so its offsets begin again. What is in hand still counts for a
        drain, but commits nothing."""
        log.warning("kafka.topic_made_anew", topic=self.topic, partition=number)
        old = self._assigned[number]
        old.offsets.end()
        self._assigned[number] = Assignment(tasks=old.tasks)
        self._note_batch(self._assigned[number])
        return self._assigned[number]

    def _announce_work(self, deliveries: Iterable[Delivery]) -> None:
        """Once per assignment, commit that a partition is being worked on, before it is.

        Else nobody would know of a message that kills its worker within a commit interval.
        """
        new = {d.record.partition for d in deliveries if not d.assignment.announced}
        for number in new:
            self._assigned[number].announced = True
        self._commit(new, wait=True)

    def _settle(self) -> None:
        self._absorb()
        self._throttle()
        now = time.monotonic()
        if now >= self._next_commit:
            self._next_commit = now + self._flow.commit_every_seconds
            if self._commit(self._assigned, wait=self._unannounced) and self._unannounced:
                self._unannounced = False
                self._loop.call_soon_threadsafe(self._tasks.announced.set)
            self._look_at_lag()
            oldest = (assignment.offsets.oldest for assignment in self._assigned.values())
            self._oldest = min(oldest, default=math.inf)

    def _look_at_lag(self) -> None:
        """By what the last fetches said of the ends; nothing is asked of the broker."""
        for number, assignment in self._assigned.items():
            done = assignment.offsets.committable
            _, end = self._consumer.get_watermark_offsets(
                TopicPartition(self._name, number), cached=True
            )
            if end >= 0:
                low = end if done is None else done  # nothing was delivered since the assignment
                beyond = assignment.offsets.finished_beyond
                self.lag[self.topic, number] = max(0, end - low - beyond)
        for place in [place for place in self.lag if place[1] not in self._assigned]:
            del self.lag[place]

    def _absorb(self) -> None:
        tasks = self._tasks
        batch = tasks.batch  # first of all: it changes when nothing is in hand
        while tasks.started:
            delivery = tasks.started.popleft()
            delivery.assignment.offsets.start(delivery.record.offset, time.monotonic())
        while tasks.finished:
            delivery = tasks.finished.popleft()
            delivery.assignment.finish(delivery)
        if batch is not self._batch:
            self._batch, self._unannounced, self._next_commit = batch, True, 0.0
            for assignment in self._assigned.values():
                self._note_batch(assignment)

    def _note_batch(self, assignment: Assignment) -> None:
        if self._batch is None:
            assignment.offsets.end_batch()
            return
        ours = [each.record.offset for each in self._batch if each.assignment is assignment]
        assignment.offsets.begin_batch(ours, time.monotonic(), alone=len(self._batch) == 1)

    def _throttle(self) -> None:
        for number, assignment in self._assigned.items():
            paused = assignment.paused
            if self._flow.pauses(assignment.offsets.unfinished, paused=paused) != paused:
                call = self._consumer.resume if paused else self._consumer.pause
                call([TopicPartition(self._name, number)])
                assignment.paused = not paused

    def _commit(self, numbers: Iterable[int], *, wait: bool = False, leaving: bool = False) -> bool:
        """Whether it succeeded, as far as is known."""
        due = []
        for number in numbers:
            commit = self._assigned[number].offsets.due(leaving=leaving)
            if commit is not None:
                due.append(TopicPartition(self._name, number, commit.offset, commit.metadata))
        if not due:
            return True
        try:
            if wait:
                committed = self._consumer.commit(offsets=due, asynchronous=False) or []
                self._on_commit(None, committed)
                return all(partition.error is None for partition in committed)
            self._consumer.commit(offsets=due, asynchronous=True)
        except KafkaException as why:  # not committed: the next round offers it again
            log.warning("kafka.commit_failed", topic=self.topic, error=sentence(why.args[0]))
            return False
        return True

    def _on_commit(self, error: KafkaError | None, committed: list[TopicPartition]) -> None:
        if error is not None:
            log.warning("kafka.commit_failed", topic=self.topic, error=sentence(error))
            return
        for partition in committed:
            assignment = self._assigned.get(partition.partition)
            if assignment is not None and partition.error is None:
                assignment.offsets.acknowledged(partition.offset, partition.metadata or "")

    def _on_assign(self, _consumer: object, partitions: list[TopicPartition]) -> None:
        if self._closing.is_set():
            return
        self._assigned |= {p.partition: Assignment() for p in partitions}
        try:
            committed = self._consumer.committed(partitions, timeout=10.0) if partitions else []
            for last in committed:
                if last.error is None and last.offset >= 0:
                    offsets = Offsets.resumed(last.offset, last.metadata)
                    self._assigned[last.partition] = Assignment(offsets)
        except KafkaException as why:
            log.warning("kafka.no_commit_state", topic=self.topic, error=sentence(why.args[0]))
        for partition in partitions:
            self._note_batch(self._assigned[partition.partition])
        log.info("kafka.assigned", topic=self.topic, partitions=sorted(self._assigned))

    def _on_revoke(self, _consumer: object, partitions: list[TopicPartition]) -> None:
        if numbers := [p.partition for p in partitions if p.partition in self._assigned]:
            self._release(numbers)

    def _on_lost(self, _consumer: object, partitions: list[TopicPartition]) -> None:
        """Somebody else owns them already: nothing may be committed, and no work is waited for."""
        numbers = [p.partition for p in partitions]
        log.warning("kafka.lost", topic=self.topic, partitions=numbers)
        lost = [self._assigned.pop(number) for number in numbers if number in self._assigned]
        for assignment in lost:
            assignment.offsets.end()
        asyncio.run_coroutine_threadsafe(self._tasks.release(lost, 0.0), self._loop)

    def _release(self, numbers: Sequence[int]) -> None:
        """Drain (bounded), cancel what is left, commit what is finished, and forget the rest."""
        self._drain(numbers)
        self._forget(numbers)

    def _drain(self, numbers: Sequence[int]) -> None:
        leaving = [self._assigned[number] for number in numbers]
        releasing = self._tasks.release(leaving, self._flow.drain_seconds)
        released = asyncio.run_coroutine_threadsafe(releasing, self._loop)
        with suppress(TimeoutError):
            released.result(self._flow.drain_seconds + 2 * LEAVE_SECONDS)

    def _forget(self, numbers: Sequence[int]) -> None:
        self._absorb()
        self._commit(numbers, wait=True, leaving=True)
        for number in numbers:
            self._assigned.pop(number).offsets.end()
