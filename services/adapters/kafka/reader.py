"""Reading a log without a group: the position is ours, not Kafka's.

The indexer keeps it in PostgreSQL beside its rows. A `Tail` reads a topic again at each start.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import confluent_kafka as ck
import structlog
from msgspec import Struct

from services.adapters.kafka import errors
from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors, sentence
from services.adapters.kafka.handles import Consumer
from services.adapters.kafka.settings import KafkaSettings

READ_TIMEOUT = 10.0
NO_LEADER_YET = {
    ck.KafkaError.NOT_LEADER_FOR_PARTITION,
    ck.KafkaError.LEADER_NOT_AVAILABLE,
    ck.KafkaError.UNKNOWN_TOPIC_OR_PART,
}
NO_TOPIC = {ck.KafkaError.UNKNOWN_TOPIC_OR_PART, ck.KafkaError._UNKNOWN_TOPIC}
IN_BULK = {
    "queued.min.messages": 100_000,
    "queued.max.messages.kbytes": 64 * 1024,
    "fetch.message.max.bytes": 8 * 1024 * 1024,
    "fetch.wait.max.ms": 25,  # a wait at the end of one stretch delays the next
}

T = TypeVar("T")
log = structlog.get_logger()


class Raw(Struct, frozen=True, kw_only=True):
    """A record as it lies in the log; `at_ms` is its timestamp in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    at_ms: int = 0

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)

    @property
    def place(self) -> dict[str, object]:
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset}


class Headers(Mapping[str, bytes]):
    """A message's headers. They are read when somebody asks, since that takes longer than all the
    rest of a message, and the indexer needs none. Of repeated headers the first counts."""

    __slots__ = ("_message", "_read")

    def __init__(self, message: Any) -> None:
        self._message = message
        self._read: dict[str, bytes] | None = None

    def _all(self) -> dict[str, bytes]:
        if self._read is None:
            told = self._message.headers() or ()
            self._read = {name: value or b"" for name, value in reversed(told)}
            self._message = None
        return self._read

    def __getitem__(self, name: str) -> bytes:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def raw(message: Any, settings: KafkaSettings) -> Raw:
    """A message without an error as plain data."""
    return Raw(
        topic=settings.own(message.topic()),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value(),
        headers=Headers(message),
        at_ms=message.timestamp()[1],
    )


def reader_config(settings: KafkaSettings, client_id: str) -> dict[str, object]:
    """Of every consumer here: nothing is committed behind our back, and buffers are bounded."""
    return settings.handle(client_id) | {
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "queued.max.messages.kbytes": 8 * 1024,
        "queued.min.messages": 1_000,
        # Of each partition, and as the records lie in the log, which is compressed: with the
        # default of 1 MB, twelve partitions with a backlog took 60 MB beside the buffer above.
        "fetch.message.max.bytes": 128 * 1024,
        "fetch.wait.max.ms": 500,
    }


def poll(consumer: ck.Consumer, at_most: int, timeout: float) -> list[ck.Message]:
    """Waits for one message alone: waiting for a full batch would cost the timeout each time."""
    first = consumer.poll(timeout)
    return [] if first is None else [first, *consumer.consume(at_most - 1, 0)]


class LogReader:
    """Synchronous: one thread owns the handle. `in_bulk` reads further ahead, for 64 MB. A fetch
    waits for `least_bytes`, for up to `wait_ms`, and whatever is asked next waits for it."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        client_id: str,
        in_bulk: bool = False,
        wait_ms: int = 500,
        least_bytes: int = 1,
    ) -> None:
        self._settings = settings
        config = reader_config(settings, client_id) | {
            "group.id": f"{client_id}-no-group",
            "fetch.wait.max.ms": wait_ms,
            "fetch.min.bytes": least_bytes,
            # Its default of a second would also pass between a full buffer and a new position.
            "fetch.queue.backoff.ms": 20,
        }
        config |= IN_BULK if in_bulk else {}
        self._refusals = errors.Refusals(settings.complaints(client_id))
        self._consumer = Consumer(config | {"error_cb": self._refusals})

    @kafka_errors()
    def partitions(self, topic: str) -> Sequence[int]:
        """The partition numbers of a topic; raises if it is not there."""
        name = self._settings.prefixed(topic)
        with self._refusals.explained(self._report):
            found = self._consumer.list_topics(name, timeout=READ_TIMEOUT).topics[name]
        if found.error is not None and found.error.code() in NO_TOPIC:
            raise KafkaUnavailableError(f"Kafka has no topic {name}: run `drivestream setup`")
        if found.error is not None:
            raise KafkaUnavailableError(f"{topic}: {sentence(found.error)}")
        return sorted(found.partitions)

    def _report(self) -> None:
        if not self._consumer.assignment():  # else a poll would take a message
            self._consumer.poll(0)

    def seek(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Read these partitions from these offsets on."""
        name = self._settings.prefixed
        places = [ck.TopicPartition(name(t), p, offset) for (t, p), offset in positions.items()]
        self._consumer.assign(places)

    @kafka_errors()
    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is kept, and the one after the newest."""
        place = ck.TopicPartition(self._settings.prefixed(topic), partition)
        until = time.monotonic() + READ_TIMEOUT
        while True:
            try:
                found = self._consumer.get_watermark_offsets(place, timeout=READ_TIMEOUT)
            except ck.KafkaException as why:
                # A topic that was made just now has no leader yet.
                if why.args[0].code() not in NO_LEADER_YET or time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                self._settings.trouble.answered()
                return found

    @kafka_errors()
    def start(self, topic: str, partition: int, since: datetime | None) -> int:
        """The first offset that is kept, or the first that was written at `since` or later."""
        low, high = self.ends(topic, partition)
        if since is None:
            return low
        at_ms = int(since.timestamp() * 1000)
        place = ck.TopicPartition(self._settings.prefixed(topic), partition, at_ms)
        found = self._consumer.offsets_for_times([place], timeout=READ_TIMEOUT)[0]
        if found.error is not None:
            raise KafkaUnavailableError(f"{topic}: {sentence(found.error)}")
        return high if found.offset < 0 else max(low, found.offset)

    def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
        """What there is: returns as soon as something came, or empty after `timeout` seconds."""
        messages = poll(self._consumer, at_most, timeout)
        for message in messages:
            error = message.error()
            if error is not None and (error.fatal() or not error.retriable()):
                raise KafkaUnavailableError(sentence(error))
        return [raw(m, self._settings) for m in messages if m.error() is None]

    def close(self) -> None:
        self._consumer.close()


class ReadsLog(Protocol):
    def partitions(self, topic: str) -> Sequence[int]: ...
    def ends(self, topic: str, partition: int) -> tuple[int, int]: ...
    def start(self, topic: str, partition: int, since: datetime | None) -> int: ...
    def seek(self, positions: Mapping[tuple[str, int], int]) -> None: ...
    def read(self, at_most: int, timeout: float) -> Sequence[Raw]: ...
    def close(self) -> None: ...
