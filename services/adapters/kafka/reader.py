"""Reading a log without a group: the position is ours, not Kafka's.

The indexer keeps it in PostgreSQL beside its rows; the api tails `imports.requested` from the
start. Synchronous: one thread owns the handle.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Message as RawMessage

from services.adapters.kafka.errors import Complaints, KafkaUnavailableError, sentence
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


def raw(message: RawMessage, settings: KafkaSettings) -> Raw:
    """confluent-kafka's message as plain data. Of repeated headers the first counts."""
    headers: dict[str, bytes] = {}
    pairs = message.headers() or []
    for name, value in pairs.items() if isinstance(pairs, dict) else pairs:
        headers.setdefault(name, _bytes(value) or b"")
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise KafkaUnavailableError("a message without topic, partition or offset")
    return Raw(
        topic=settings.own(topic),
        partition=partition,
        offset=offset,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=headers,
        at_ms=message.timestamp()[1],
    )


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) or value is None else str(value).encode()


def reader_config(settings: KafkaSettings, client_id: str) -> dict[str, object]:
    """Of every consumer here: nothing is committed behind our back, and buffers are bounded."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": client_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "queued.max.messages.kbytes": 8 * 1024,
        "queued.min.messages": 1_000,
        "fetch.wait.max.ms": 100,
        "log_level": 2,
        "error_cb": Complaints(client_id),
    }


class LogReader:
    """All partitions that it is given, from the offsets that it is given (None: the start)."""

    def __init__(self, settings: KafkaSettings, *, client_id: str) -> None:
        self._settings = settings
        config = reader_config(settings, client_id) | {"group.id": f"{client_id}-no-group"}
        self._consumer = Consumer(config)

    def partitions(self, topic: str) -> Sequence[int]:
        """The partition numbers of a topic; raises if it is not there."""
        try:
            name = self._settings.prefixed(topic)
            found = self._consumer.list_topics(name, timeout=READ_TIMEOUT).topics[name]
        except KafkaException as why:
            raise KafkaUnavailableError(sentence(why.args[0])) from why
        if found.error is not None:
            raise KafkaUnavailableError(f"{topic}: {sentence(found.error)}")
        return sorted(found.partitions)

    def seek(self, positions: Mapping[tuple[str, int], int | None]) -> None:
        """Read these partitions from here on; the next offset to read, or None for the first."""
        self._consumer.assign(
            [
                TopicPartition(
                    self._settings.prefixed(topic),
                    partition,
                    OFFSET_BEGINNING if offset is None else offset,
                )
                for (topic, partition), offset in positions.items()
            ]
        )

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is kept, and the one after the newest."""
        until = time.monotonic() + READ_TIMEOUT
        while True:
            try:
                low, high = self._consumer.get_watermark_offsets(
                    TopicPartition(self._settings.prefixed(topic), partition),
                    timeout=READ_TIMEOUT,
                )
            except KafkaException as why:
                # A topic that was made just now has no leader yet.
                if why.args[0].code() not in NO_LEADER_YET or time.monotonic() > until:
                    raise KafkaUnavailableError(sentence(why.args[0])) from why
                time.sleep(PAUSE_SECONDS)
            else:
                return low, high

    def read(self, at_most: int, timeout: float) -> list[Raw]:
        """What there is: returns as soon as something came, or empty after `timeout` seconds."""
        first = self._consumer.poll(timeout)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(at_most - 1, 0)]
        for message in messages:
            error = message.error()
            if error is not None and (error.fatal() or not error.retriable()):
                raise KafkaUnavailableError(sentence(error))
        return [raw(m, self._settings) for m in messages if m.error() is None]

    def close(self) -> None:
        """Give the handle back."""
        self._consumer.close()
