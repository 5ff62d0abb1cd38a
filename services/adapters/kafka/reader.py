"""Reading a log without a group: the position is ours, not Kafka's.

The indexer keeps it in PostgreSQL beside its rows; the api tails `imports.requested` from the
start. Synchronous: one thread owns the handle.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as RawMessage

from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors, sentence
from services.adapters.kafka.settings import KafkaSettings

READ_TIMEOUT = 10.0
PAUSE_SECONDS = 0.05
NO_LEADER_YET = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A record as it lies in the log; `at_ms` is its timestamp in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    at_ms: int = 0

    @property
    def place(self) -> dict[str, object]:
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset}


def raw(message: RawMessage, settings: KafkaSettings) -> Raw:
    """A message without an error as plain data. Of repeated headers the first counts."""
    # The stubs allow for messages not from a broker, and for headers as a producer may give them.
    headers: dict[str, bytes] = {}
    for name, value in cast("list[tuple[str, bytes | None]]", message.headers() or []):
        headers.setdefault(name, value or b"")
    return Raw(
        topic=settings.own(cast("str", message.topic())),
        partition=cast("int", message.partition()),
        offset=cast("int", message.offset()),
        key=message.key(),
        value=message.value(),
        headers=headers,
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
        "fetch.wait.max.ms": 100,
    }


def poll(consumer: Consumer, at_most: int, timeout: float) -> list[RawMessage]:
    """Waits for one message alone: waiting for a full batch would cost the timeout each time."""
    first = consumer.poll(timeout)
    return [] if first is None else [first, *consumer.consume(at_most - 1, 0)]


class LogReader:
    """All partitions that it is given, from the offsets that it is given (None: the start)."""

    def __init__(self, settings: KafkaSettings, *, client_id: str) -> None:
        self._settings = settings
        config = reader_config(settings, client_id) | {"group.id": f"{client_id}-no-group"}
        self._consumer = Consumer(config)

    @kafka_errors()
    def partitions(self, topic: str) -> Sequence[int]:
        """The partition numbers of a topic; raises if it is not there."""
        name = self._settings.prefixed(topic)
        found = self._consumer.list_topics(name, timeout=READ_TIMEOUT).topics[name]
        if found.error is not None:
            raise KafkaUnavailableError(f"{topic}: {sentence(found.error)}")
        return sorted(found.partitions)

    def seek(self, positions: Mapping[tuple[str, int], int | None]) -> None:
        """Read these partitions from here on; the next offset to read, or None for the first."""
        prefixed = self._settings.prefixed
        self._consumer.assign(
            [
                TopicPartition(
                    prefixed(topic), partition, OFFSET_BEGINNING if offset is None else offset
                )
                for (topic, partition), offset in positions.items()
            ]
        )

    @kafka_errors()
    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is kept, and the one after the newest."""
        place = TopicPartition(self._settings.prefixed(topic), partition)
        until = time.monotonic() + READ_TIMEOUT
        while True:
            try:
                return self._consumer.get_watermark_offsets(place, timeout=READ_TIMEOUT)
            except KafkaException as why:
                # A topic that was made just now has no leader yet.
                if why.args[0].code() not in NO_LEADER_YET or time.monotonic() > until:
                    raise
                time.sleep(PAUSE_SECONDS)

    @kafka_errors()
    def start(self, topic: str, partition: int, since: datetime | None) -> int:
        """The first offset that is kept, or the first that was written at `since` or later."""
        low, high = self.ends(topic, partition)
        if since is None:
            return low
        at_ms = int(since.timestamp() * 1000)
        place = TopicPartition(self._settings.prefixed(topic), partition, at_ms)
        found = self._consumer.offsets_for_times([place], timeout=READ_TIMEOUT)[0]
        if found.error is not None:
            raise KafkaUnavailableError(f"{topic}: {sentence(found.error)}")
        return high if found.offset < 0 else max(low, found.offset)

    def read(self, at_most: int, timeout: float) -> list[Raw]:
        """What there is: returns as soon as something came, or empty after `timeout` seconds."""
        messages = poll(self._consumer, at_most, timeout)
        for message in messages:
            error = message.error()
            if error is not None and (error.fatal() or not error.retriable()):
                raise KafkaUnavailableError(sentence(error))
        return [raw(m, self._settings) for m in messages if m.error() is None]

    def close(self) -> None:
        self._consumer.close()
