"""A Kafka in memory: topics, partitions, groups that remember offsets. Passes the contract suite.

It keeps real records (encoded bytes), partitions them by murmur2 as the real producers do, and
uses the same offset tracker; what it leaves out is the network and more than one member a group.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from services.adapters.kafka.deliveries import Assignment, Delivery
from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.kafka.reader import Raw
from services.core.events import Message
from services.core.flow.offsets import History, Offsets
from services.core.murmur2 import partition_of
from services.core.topics import ALL, BY_NAME
from services.core.wire import Record, encode


class FakeLog:
    """The broker. `available = False` makes every publish fail, as a lost broker would."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[Raw]] = defaultdict(list)
        self.committed: dict[tuple[str, str, int], tuple[int, str | None]] = {}
        self.available = True
        self.ids: dict[str, str] = {}
        self.partitions = {topic.name: topic.partitions for topic in ALL}
        self.begins: defaultdict[tuple[str, int], int] = defaultdict(int)  # after retention

    def topic_ids(self, names: Sequence[str]) -> Mapping[str, str]:
        """The id of each topic: a recreated topic has another one."""
        return {name: self.ids.get(name, f"id-of-{name}") for name in names}

    async def append(self, records: Sequence[Record]) -> None:
        """Write the records."""
        for record in records:
            partition = partition_of(record.key, self.partitions[record.topic])
            log = self.records[record.topic, partition]
            log.append(
                Raw(
                    topic=record.topic,
                    partition=partition,
                    offset=len(log),
                    key=record.key,
                    value=record.value,
                    headers=dict(record.headers),
                    at_ms=int(time.time() * 1000),
                )
            )

    def of(self, topic: str) -> list[Raw]:
        """All records of a topic, partition by partition."""
        partitions = sorted(p for name, p in self.records if name == topic)
        return [raw for partition in partitions for raw in self.records[topic, partition]]


class FakePublisher:
    """`ports.PublishesEvents` on a `FakeLog`."""

    def __init__(self, log: FakeLog, unavailable: Callable[[], Exception], source: str) -> None:
        self._log = log
        self._unavailable = unavailable
        self._source = source

    async def publish(self, events: Sequence[Message | Record]) -> None:
        """As the real publisher does."""
        records = [e if isinstance(e, Record) else encode(e, source=self._source) for e in events]
        if not self._log.available:
            raise self._unavailable()
        await self._log.append(records)


class FakeGroupConsumer:
    """The only member of a group: all partitions of a topic, from what the group committed.

    Runs the same tasks as the real consumer; its commits are immediate. `drain_seconds` as there.
    """

    poll_seconds = 0.001

    def __init__(self, log: FakeLog, *, group: str, topic: str, drain_seconds: float = 0.5) -> None:
        self._log = log
        self._group = group
        self._topic = topic
        self._drain_seconds = drain_seconds
        self._next = dict.fromkeys(range(BY_NAME[topic].partitions), 0)
        self._assigned: dict[int, Assignment] = {}
        self._stopped = False
        for partition in self._next:
            offset, metadata = log.committed.get((group, topic, partition), (0, None))
            self._next[partition] = offset
            self._assigned[partition] = Assignment(Offsets.resumed(offset, metadata))

    async def run(self, tasks: MessageTasks) -> None:
        """As the real one."""
        delivering = asyncio.create_task(self._deliver_until_stopped(tasks))
        try:
            await tasks.run(asyncio.shield(delivering))
        finally:
            self.stop()
            await delivering

    def stop(self) -> None:
        """Take no more messages."""
        self._stopped = True

    async def _deliver_until_stopped(self, tasks: MessageTasks) -> None:
        while not self._stopped:
            self._settle(tasks)
            tasks.deliver(self._new())
            await asyncio.sleep(self.poll_seconds)
        await self._release(tasks)

    async def _release(self, tasks: MessageTasks) -> None:
        assignments = list(self._assigned.values())
        await tasks.release(assignments, self._drain_seconds)
        self._settle(tasks, leaving=True)
        for assignment in assignments:
            assignment.offsets.end()

    def _new(self) -> list[Delivery]:
        new = []
        for partition, offset in self._next.items():
            assignment = self._assigned[partition]
            for record in self._log.records[self._topic, partition][offset:]:
                history = assignment.offsets.begin(record.offset)
                if history is not History.FINISHED:
                    new.append(Delivery(record, assignment, history))
                self._next[partition] = record.offset + 1
        return new

    def _settle(self, tasks: MessageTasks, *, leaving: bool = False) -> None:
        while tasks.started:
            delivery = tasks.started.popleft()
            delivery.assignment.offsets.start(delivery.record.offset)
            self._commit()
        while tasks.finished:
            delivery = tasks.finished.popleft()
            delivery.assignment.offsets.finish(delivery.record.offset)
        for assignment in self._assigned.values():
            if tasks.batch is None:
                assignment.offsets.end_batch()
                continue
            ours = [x.record.offset for x in tasks.batch if x.assignment is assignment]
            assignment.offsets.begin_batch(ours, alone=len(tasks.batch) == 1)
        self._commit(leaving=leaving)
        tasks.announced.set()

    def _commit(self, *, leaving: bool = False) -> None:
        for partition, assignment in self._assigned.items():
            commit = assignment.offsets.due(leaving=leaving)
            if commit is not None:
                place = (self._group, self._topic, partition)
                self._log.committed[place] = commit.offset, commit.metadata
                assignment.offsets.acknowledged(*commit)
