"""From raw deliveries to events: what cannot be decoded is set aside, acknowledged, and reported.

The bytes go to `dead.letters` with headers that say where from and why; the failure that key and
headers still allow is published, so that no import waits for ever. Only then is the offset passed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from services.adapters.kafka.consumer import Delivery, Subscription
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core.topics import DEAD_LETTERS
from services.core.wire import Record, UndecodableError, decode, encode, orphan

REASON = "undecodable_event"
# A letter must fit a record, whatever it buries: the broker checks compressed sizes, we ours.
LONGEST_VALUE = 1024 * 1024
LONGEST_HEADERS = 64 * 1024
log = structlog.get_logger("kafka")


class PublishesRecords(Protocol):
    """A producer of records as they are."""

    async def publish_records(self, records: Sequence[Record]) -> None:
        """Return once all are acknowledged."""
        ...


@dataclass(frozen=True)
class ReceivedEvent:
    """`ports.Received`, over a delivery."""

    event: e.Message
    delivery: Delivery

    @property
    def alive(self) -> bool:
        """False once another worker will do it."""
        return self.delivery.alive

    def done(self) -> None:
        """Let Kafka forget the message."""
        self.delivery.done()

    def leave(self) -> None:
        """Leave the message to the next owner."""
        self.delivery.leave()


async def received(
    subscription: Subscription, publisher: PublishesRecords, *, service: str
) -> AsyncIterator[ReceivedEvent]:
    """The subscription's events; what is none is buried on the way, and never blocks."""
    async for delivery in subscription:
        try:
            event = decode(delivery.record.topic, delivery.record.value)
        except UndecodableError as why:
            await bury(publisher, delivery.record, str(why), service=service)
            delivery.done()
        else:
            yield ReceivedEvent(event, delivery)


async def bury(publisher: PublishesRecords, record: Raw, why: str, *, service: str) -> None:
    """Write the dead letter and the failure it means; returns when both are acknowledged."""
    log.error(
        "kafka.undecodable",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        why=why,
    )
    records = burial(record, why, service=service, at=datetime.now(UTC))
    await publisher.publish_records(records)


def burial(record: Raw, why: str, *, service: str, at: datetime) -> list[Record]:
    """The dead letter, and the failure event where it can be told whose message this was."""
    letter = Record(
        topic=DEAD_LETTERS.name,
        key=record.key or b"",
        value=(record.value or b"")[:LONGEST_VALUE],
        headers=(*_kept(record.headers), *_reasons(record, why, service)),
    )
    failure = _failure(record, why, at)
    return [letter] if failure is None else [letter, encode(failure, source=service)]


def _kept(headers: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """The letter's own headers, as many as there is room for."""
    kept, room = [], LONGEST_HEADERS
    for name, value in headers.items():
        room -= len(name.encode()) + len(value)
        if room < 0:
            break
        kept.append((name, value))
    return kept


def _reasons(record: Raw, why: str, service: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("dlq_original_topic", record.topic.encode()),
        ("dlq_original_partition", str(record.partition).encode()),
        ("dlq_original_offset", str(record.offset).encode()),
        ("dlq_original_timestamp", str(record.at_ms).encode()),
        ("dlq_original_group", service.encode()),
        ("dlq_original_bytes", str(len(record.value or b"")).encode()),
        ("dlq_error_code", REASON.encode()),
        ("dlq_error_message", why[:1000].encode()),
        ("kafka_dlt-original-topic", record.topic.encode()),
    )


def _failure(record: Raw, why: str, at: datetime) -> e.FolderFailed | e.FileFailed | None:
    owner = orphan(record.topic, record.key, record.headers)
    message = f"A message about this item could not be read: {why[:300]}"
    if owner is None:
        return None
    if record.topic in ("imports.pages", "imports.listed"):
        return e.FolderFailed(
            import_id=owner.import_id,
            epoch=owner.epoch,
            folder_id=owner.subject,
            reason=REASON,
            message=message,
            failed_at=at,
        )
    if record.topic.startswith("files."):
        return e.FileFailed(
            import_id=owner.import_id,
            epoch=owner.epoch,
            file_id=owner.subject,
            round=owner.round,
            reason=REASON,
            message=message,
            failed_at=at,
        )
    return None
