"""Publishing: an idempotent producer, its acknowledgements brought back to the event loop.

The synchronous `Producer` under a poll thread, not `AIOProducer`, which carries no headers and
needs two seconds for a single message (`kafka.md` §0).
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from services.adapters.kafka.errors import Complaints, KafkaUnavailableError, sentence
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import Message
from services.core.wire import MAX_RECORD_BYTES, Record, encode

POLL_SECONDS = 0.1
FULL_QUEUE_WAIT = 0.02
GRACE_SECONDS = 2.0
AGAIN_SECONDS = 2.0
log = structlog.get_logger("kafka")
"""librdkafka looks for messages that timed out once a second."""


def producer_config(
    settings: KafkaSettings, client_id: str, timeout: float, linger_ms: int
) -> dict[str, object]:
    """Every producer partitions with murmur2, as Java's does, so keys meet in one partition."""
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": client_id,
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": linger_ms,
        "error_cb": Complaints(client_id),
        "message.max.bytes": MAX_RECORD_BYTES,
        "message.timeout.ms": int(timeout * 1000),
        "queue.buffering.max.kbytes": 32 * 1024,
        "queue.buffering.max.messages": 20_000,
        "log_level": 2,
    }


class _Batch:
    """Counts the acknowledgements of one publish; the loop is woken once, by the last of them."""

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self._left = size
        self._failure: KafkaError | None = None
        self._loop = loop
        self.acknowledged: asyncio.Future[None] = loop.create_future()

    def report(self, error: KafkaError | None, _message: object) -> None:
        """Called on the poll thread, one report after another."""
        self._failure = self._failure or error
        self._left -= 1
        if self._left == 0 and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.acknowledged.cancelled():
            return
        if self._failure is None:
            self.acknowledged.set_result(None)
        else:
            self.acknowledged.set_exception(KafkaUnavailableError(sentence(self._failure)))


class Publisher:
    """Publishes events and raw records; `timeout` (seconds) bounds the wait for each publish.

    `linger_ms` is what a record may wait for company: more spares broker and process much work
    where many publish one event each, and costs that much latency.
    """

    def __init__(
        self, settings: KafkaSettings, *, source: str, timeout: float = 60.0, linger_ms: int = 5
    ) -> None:
        self._settings = settings
        self._source = source
        self._timeout = timeout
        config = producer_config(settings, f"drivestream-{source}", timeout, linger_ms)
        self._producer = Producer(config)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="kafka-producer", daemon=True)
        self._thread.start()

    async def __aenter__(self) -> "Publisher":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _why: BaseException | None,
        _at: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_SECONDS)

    async def publish(self, events: Sequence[Message]) -> None:
        """All acknowledged, or `KafkaUnavailableError`; then some may have been written."""
        await self.publish_records([encode(event, source=self._source) for event in events])

    async def publish_records(self, records: Sequence[Record]) -> None:
        """As `publish`, for records as they are (dead letters)."""
        if not records:
            return
        batch = _Batch(len(records), asyncio.get_running_loop())
        try:
            async with asyncio.timeout(self._timeout + GRACE_SECONDS):
                for record in records:
                    await self._produce(record, batch)
                await batch.acknowledged
        except TimeoutError:
            raise KafkaUnavailableError("no acknowledgement in time") from None

    async def _produce(self, record: Record, batch: _Batch) -> None:
        while True:
            try:
                self._producer.produce(
                    self._settings.prefixed(record.topic),
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=batch.report,
                )
            except BufferError:
                await asyncio.sleep(FULL_QUEUE_WAIT)  # the poll thread is making room
            except KafkaException as why:
                raise KafkaUnavailableError(sentence(why.args[0])) from why
            else:
                return

    def close(self) -> None:
        """Wait (bounded) for what is still under way, then stop the poll thread."""
        self._producer.flush(min(self._timeout, 10.0))
        self._closing.set()
        self._thread.join(5 * POLL_SECONDS + 1)


class PatientPublisher:
    """Publishes until Kafka acknowledges, however long it is away; cancelled, it ends at once.

    Publishing again what was written already is harmless: an event's id is computed from it.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, events: Sequence[Message]) -> None:
        """As `PublishesEvents` says."""
        await self._until_acknowledged(lambda: self._publisher.publish(events))

    async def publish_records(self, records: Sequence[Record]) -> None:
        """As `publish`, for records as they are (dead letters)."""
        await self._until_acknowledged(lambda: self._publisher.publish_records(records))

    async def _until_acknowledged(self, publish: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await publish()
            except KafkaUnavailableError as why:
                log.error("kafka.not_acknowledged", why=str(why), seconds=AGAIN_SECONDS)
                await asyncio.sleep(AGAIN_SECONDS)
