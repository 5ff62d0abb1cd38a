"""Publishing: an idempotent producer, its acknowledgements brought back to the event loop.

The synchronous `Producer` under a poll thread, not `AIOProducer`, which carries no headers and
needs two seconds for a single message (`kafka.md` §0).

What cannot be decoded becomes a dead letter: its bytes, with headers that say where they came from
and why. If key and headers still tell which file or folder it was, its failure is published too, so
that no import waits for ever. Only then may the offset be passed.
"""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Protocol

import msgspec
import structlog

from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors, sentence
from services.adapters.kafka.handles import Producer
from services.adapters.kafka.reader import Raw
from services.adapters.kafka.reports import Awaited, Reports
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import REPLAY, FileFailed, FolderFailed, Message, ReplayFailed
from services.core.topics import DEAD_LETTERS, FILES_FOUND, IMPORTS_LISTED, IMPORTS_PAGES
from services.core.wire import MAX_RECORD_BYTES, Record, encode

POLL_SECONDS = 0.1
GRACE_SECONDS = 2.0  # librdkafka looks for messages that timed out once a second
AGAIN_SECONDS = 2.0
CLOSE_SECONDS = 2.0  # nobody waits any more for what is not acknowledged
REASON = "undecodable_event"
# A dead letter must fit a record: the broker checks compressed sizes, we check ours.
LONGEST_VALUE = 1024 * 1024
LONGEST_HEADERS = 64 * 1024
log = structlog.get_logger("kafka")


class PublishesRecords(Protocol):
    async def publish(self, events: Sequence[Message | Record]) -> None:
        """Events, and records as they are: return once all are acknowledged."""


class Publisher(AbstractAsyncContextManager["Publisher"]):
    """`timeout` (seconds) bounds the wait for each publish. `linger_ms`: how long a record may wait
    for others. Longer batches cost less CPU where many tasks publish one event each."""

    def __init__(
        self, settings: KafkaSettings, *, source: str, timeout: float = 60.0, linger_ms: int = 5
    ) -> None:
        self._settings = settings
        self._source = source
        self._timeout = timeout
        self._producer = Producer(
            settings.handle(f"drivestream-{source}")
            | {
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # as Java's: one key, one partition for all
                "compression.type": "lz4",
                "linger.ms": linger_ms,
                "message.max.bytes": MAX_RECORD_BYTES,
                "message.timeout.ms": int(timeout * 1000),
                "queue.buffering.max.kbytes": 32 * 1024,
                "queue.buffering.max.messages": 20_000,
            }
        )
        self._reports = Reports(timeout + GRACE_SECONDS)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="kafka-producer", daemon=True)
        self._thread.start()

    async def __aexit__(self, *_why: object) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        """Wait (bounded) for what is still under way, then stop the poll thread."""
        self._producer.flush(CLOSE_SECONDS)
        self._closing.set()
        self._thread.join(5 * POLL_SECONDS + 1)

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_SECONDS)
            self._reports.hand_over()

    async def publish(self, events: Sequence[Message | Record]) -> None:
        """All acknowledged, or `KafkaUnavailableError`; then some may have been written."""
        if not events:
            return
        records = [e if isinstance(e, Record) else encode(e, source=self._source) for e in events]
        awaited = self._reports.awaited(len(records))
        with kafka_errors(), awaited:
            for record in records:
                while not self._produced(record, awaited):
                    await asyncio.sleep(0.02)  # the poll thread is making room
                    awaited.raise_if_late()
            await awaited.acknowledged
        if awaited.error is not None:
            raise KafkaUnavailableError(sentence(awaited.error))
        self._settings.trouble.answered()

    def _produced(self, record: Record, awaited: Awaited) -> bool:
        """Whether there was room for it."""
        try:
            self._producer.produce(
                self._settings.prefixed(record.topic),
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                on_delivery=awaited.report,
            )
        except BufferError:
            return False
        return True


@dataclass(frozen=True)
class PatientPublisher:
    """Publishes until Kafka acknowledges, however long it is away. It is harmless to publish twice:
    an event's id is computed from it."""

    publisher: PublishesRecords

    async def publish(self, events: Sequence[Message | Record]) -> None:
        while True:
            _raise_if_cancelled()
            try:
                return await self.publisher.publish(events)
            except KafkaUnavailableError as why:
                log.error("kafka.not_acknowledged", why=str(why), seconds=AGAIN_SECONDS)
                await asyncio.sleep(AGAIN_SECONDS)


def _raise_if_cancelled() -> None:
    """pyreqwest drops a cancellation that comes together with its result (seen with 0.15.1), and
    the task would wait here for a broker that hangs."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def publish_dead_letter(
    publisher: PublishesRecords, record: Raw, why: str, *, service: str
) -> None:
    log.error("kafka.undecodable", **record.place, why=why)
    reasons = {
        "dlq_original_topic": record.topic,
        "dlq_original_partition": record.partition,
        "dlq_original_offset": record.offset,
        "dlq_original_timestamp": record.at_ms,
        "dlq_original_group": service,
        "dlq_original_bytes": len(record.value or b""),
        "dlq_error_code": REASON,
        "dlq_error_message": why[:1000],
        "kafka_dlt-original-topic": record.topic,
    }
    letter = Record(
        topic=DEAD_LETTERS.name,
        key=record.key or b"",
        value=(record.value or b"")[:LONGEST_VALUE],
        headers=[*_kept(record.headers), *((k, str(v).encode()) for k, v in reasons.items())],
    )
    failure = _failure(record, why)
    await publisher.publish([letter] if failure is None else [letter, failure])


def _kept(headers: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """As many of the record's own as there is room for."""
    sizes = accumulate(len(name.encode()) + len(value) for name, value in headers.items())
    both = zip(headers.items(), sizes, strict=True)
    return [header for header, size in both if size <= LONGEST_HEADERS]


def _failure(record: Raw, why: str) -> FolderFailed | FileFailed | ReplayFailed | None:
    """Of the file, folder or replay that key and headers name; None where they do not tell."""
    key = (record.key or b"").decode("utf-8", "replace")
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers.items()}
    import_id, subject = headers.get("ce_importid"), key
    if record.topic == IMPORTS_PAGES.name and "/" in key:
        from_key, _, subject = key.partition("/")
        import_id = import_id or from_key
    elif record.topic == IMPORTS_LISTED.name:
        import_id, subject = key, headers.get("ce_subject", "")
    failure: dict[str, object] = {
        "import_id": import_id,
        "epoch": _number(headers.get("ce_epoch", "0")),
        "reason": REASON,
        "message": f"An internal message about this item could not be read: {why[:300]}",
        "failed_at": datetime.now(UTC),
    }
    # An invalid id would make the failure as undecodable as the record was.
    with suppress(msgspec.ValidationError):
        if import_id is not None and import_id.startswith(REPLAY):
            return msgspec.convert(failure | {"at": failure["failed_at"]}, ReplayFailed)
        if "LogPart" in headers.get("ce_type", ""):
            return None  # it is of a whole import, which is healed when it stands still
        if record.topic in (IMPORTS_PAGES.name, IMPORTS_LISTED.name):
            return msgspec.convert(failure | {"folder_id": subject}, FolderFailed)
        if record.topic.startswith("files."):
            failure |= {"file_id": subject, "round": _number(headers.get("ce_round", "0"))}
            if record.topic == FILES_FOUND.name:
                failure |= {"found_in": record.place}
            return msgspec.convert(failure, FileFailed)
    return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
