"""A Kafka in memory: topics, partitions, groups that remember offsets. Passes the contract suite.

It keeps real records (encoded bytes), partitions them by murmur2 as the real producers do, and
uses the same offset tracker; what it leaves out is the network and more than one member a group.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Self

from services.adapters.kafka.reader import Raw
from services.core.events import Message
from services.core.flow.offsets import Offsets
from services.core.topics import BY_NAME
from services.core.wire import Record, encode

SEED, MULTIPLIER, MASK = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """Kafka's own hash of a key (org.apache.kafka.common.utils.Utils.murmur2)."""
    h = (SEED ^ len(key)) & MASK
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * MULTIPLIER & MASK
        k = (k ^ k >> 24) * MULTIPLIER & MASK
        h = h * MULTIPLIER & MASK ^ k
    rest = key[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * MULTIPLIER & MASK
    h = (h ^ h >> 13) * MULTIPLIER & MASK
    return h ^ h >> 15


class FakeLog:
    """The broker. `available = False` makes every publish fail, as a lost broker would."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[Raw]] = defaultdict(list)
        self.committed: dict[tuple[str, str, int], int] = {}
        self.appended = asyncio.Condition()
        self.available = True

    async def append(self, records: Sequence[Record]) -> None:
        """Write the records; wakes every subscription."""
        async with self.appended:
            for record in records:
                count = BY_NAME[record.topic].partitions
                partition = (murmur2(record.key) & 0x7FFFFFFF) % count
                log = self.records[record.topic, partition]
                log.append(
                    Raw(
                        topic=record.topic,
                        partition=partition,
                        offset=len(log),
                        key=record.key,
                        value=record.value,
                        headers=dict(record.headers),
                    )
                )
            self.appended.notify_all()

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

    async def publish(self, events: Sequence[Message]) -> None:
        """As the port says."""
        await self.publish_records([encode(event, source=self._source) for event in events])

    async def publish_records(self, records: Sequence[Record]) -> None:
        """As the real publisher does."""
        if not self._log.available:
            raise self._unavailable()
        await self._log.append(records)


class FakeDelivery:
    """One message in hand."""

    def __init__(self, record: Raw, offsets: Offsets, commit: Callable[[], None]) -> None:
        self.record = record
        self._offsets = offsets
        self._commit = commit

    @property
    def alive(self) -> bool:
        """False once the subscription is closed."""
        return not self._offsets.ended

    def done(self) -> None:
        """Let the offset be committed."""
        self._offsets.finish(self.record.offset)
        self._commit()

    def leave(self) -> None:
        """It stays unfinished."""


class FakeSubscription:
    """The only member of a group: all partitions of a topic, from what the group committed."""

    def __init__(self, log: FakeLog, *, group: str, topic: str) -> None:
        self._log = log
        self._group = group
        self._topic = topic
        self._offsets = {p: Offsets() for p in range(BY_NAME[topic].partitions)}
        self._next = {p: log.committed.get((group, topic, p), 0) for p in self._offsets}
        self._stopped = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_why: object) -> None:
        self.stop()
        for offsets in self._offsets.values():
            offsets.end()

    def stop(self) -> None:
        """Take no more messages."""
        self._stopped = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FakeDelivery:
        async with self._log.appended:
            while not self._stopped:
                for partition, offset in self._next.items():
                    log = self._log.records[self._topic, partition]
                    if offset < len(log):
                        return self._deliver(partition, log[offset])
                await self._log.appended.wait()
        raise StopAsyncIteration

    def _deliver(self, partition: int, record: Raw) -> FakeDelivery:
        offsets = self._offsets[partition]
        offsets.begin(record.offset)
        self._next[partition] = record.offset + 1

        def commit() -> None:
            committable = offsets.committable
            if committable is not None:
                self._log.committed[self._group, self._topic, partition] = committable

        return FakeDelivery(record, offsets, commit)
