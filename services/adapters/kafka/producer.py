"""Publishing: an idempotent producer, its acknowledgements brought back to the event loop.

The synchronous `Producer` under a poll thread, not `AIOProducer`, which carries no headers and
needs two seconds for a single message (`kafka.md` §0).
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import structlog
from confluent_kafka import KafkaError, Producer

from services.adapters.kafka.dead_letters import PublishesRecords
from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors, sentence
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import Message
from services.core.wire import MAX_RECORD_BYTES, Record, encode

POLL_SECONDS = 0.1
FULL_QUEUE_WAIT = 0.02
GRACE_SECONDS = 2.0
"""librdkafka looks for messages that timed out once a second."""
AGAIN_SECONDS = 2.0
Report = Callable[[KafkaError | None, object], None]
log = structlog.get_logger("kafka")


class Publisher(AbstractAsyncContextManager["Publisher"]):
    """`timeout` (seconds) bounds the wait for each publish.

    `linger_ms` is how long a record may wait for others. Longer batches cost less CPU where many
    tasks publish one event each, and add that much latency.
    """

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
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="kafka-producer", daemon=True)
        self._thread.start()

    async def __aexit__(self, *_why: object) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        """Wait (bounded) for what is still under way, then stop the poll thread."""
        self._producer.flush(min(self._timeout, 10.0))
        self._closing.set()
        self._thread.join(5 * POLL_SECONDS + 1)

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_SECONDS)

    async def publish(self, events: Sequence[Message | Record]) -> None:
        """All acknowledged, or `KafkaUnavailableError`; then some may have been written."""
        if not events:
            return
        records = [e if isinstance(e, Record) else encode(e, source=self._source) for e in events]
        loop, acknowledged = asyncio.get_running_loop(), asyncio.Event()
        reports: list[KafkaError | None] = []

        def report(error: KafkaError | None, _message: object) -> None:
            """Called on the poll thread; the last report wakes the loop."""
            reports.append(error)
            if len(reports) == len(records) and not loop.is_closed():
                loop.call_soon_threadsafe(acknowledged.set)

        with kafka_errors():
            async with asyncio.timeout(self._timeout + GRACE_SECONDS):
                for record in records:
                    await self._produce(record, report)
                await acknowledged.wait()
        for error in filter(None, reports):
            raise KafkaUnavailableError(sentence(error))

    async def _produce(self, record: Record, report: Report) -> None:
        while True:
            try:
                return self._producer.produce(
                    self._settings.prefixed(record.topic),
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=report,
                )
            except BufferError:
                await asyncio.sleep(FULL_QUEUE_WAIT)  # the poll thread is making room


class PatientPublisher:
    """Publishes until Kafka acknowledges, however long it is away; cancelled, it ends at once.

    Publishing again what was written already is harmless: an event's id is computed from it.
    """

    def __init__(self, publisher: PublishesRecords) -> None:
        self._publisher = publisher

    async def publish(self, events: Sequence[Message | Record]) -> None:
        while True:
            try:
                return await self._publisher.publish(events)
            except KafkaUnavailableError as why:
                log.error("kafka.not_acknowledged", why=str(why), seconds=AGAIN_SECONDS)
                await asyncio.sleep(AGAIN_SECONDS)
