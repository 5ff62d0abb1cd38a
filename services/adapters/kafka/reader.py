"""Reading a log without a group: the position is ours, not Kafka's.

The indexer keeps it in PostgreSQL beside its rows (`LogReader`). The api reads small or compacted
topics again whenever it starts (`Tail`).
"""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import confluent_kafka as ck
import structlog
from msgspec import Struct

from services.adapters.kafka import errors
from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors, sentence
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import Message
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import UndecodableError, UnknownEventError, decode

READ_TIMEOUT = 10.0
SILENCE_SECONDS = 3.0  # without a record, a tail asks whether Kafka still answers
NO_LEADER_YET = {
    ck.KafkaError.NOT_LEADER_FOR_PARTITION,
    ck.KafkaError.LEADER_NOT_AVAILABLE,
    ck.KafkaError.UNKNOWN_TOPIC_OR_PART,
}
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


def raw(message: Any, settings: KafkaSettings) -> Raw:
    """A message without an error as plain data. Of repeated headers the first counts."""
    return Raw(
        topic=settings.own(message.topic()),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value(),
        headers=headers_of(message),
        at_ms=message.timestamp()[1],
    )


def headers_of(message: Any) -> dict[str, bytes]:
    return {name: value or b"" for name, value in reversed(message.headers() or ())}


def reader_config(settings: KafkaSettings, client_id: str) -> dict[str, object]:
    """Of every consumer here: nothing is committed behind our back, and buffers are bounded."""
    return settings.handle(client_id) | {
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "queued.max.messages.kbytes": 8 * 1024,
        "queued.min.messages": 1_000,
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
        self._refusals = errors.Refusals(errors.error_logger(client_id))
        self._consumer = ck.Consumer(config | {"error_cb": self._refusals})

    @kafka_errors()
    def partitions(self, topic: str) -> Sequence[int]:
        """The partition numbers of a topic; raises if it is not there."""
        name = self._settings.prefixed(topic)
        with self._refusals.explained(self._report):
            found = self._consumer.list_topics(name, timeout=READ_TIMEOUT).topics[name]
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
                return self._consumer.get_watermark_offsets(place, timeout=READ_TIMEOUT)
            except ck.KafkaException as why:
                # A topic that was made just now has no leader yet.
                if why.args[0].code() not in NO_LEADER_YET or time.monotonic() > until:
                    raise
                time.sleep(0.05)

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


class AppliesEvents(Protocol):
    """A view of a topic; takes events in any order and any number of times."""

    def apply(self, event: Message) -> None: ...


V = TypeVar("V", bound=AppliesEvents)


@dataclass(frozen=True)
class TailState:
    """`caught_up` with what was in the log on connecting; `answered_at` is monotonic time."""

    caught_up: bool = False
    trouble: str | None = "not connected yet"
    answered_at: float = 0.0


@dataclass(eq=False)
class Tail(Generic[V]):
    """Keeps `view` up to date with a topic, however often Kafka goes away.

    Reads block a thread of the tail's own, and no other work. Events are applied on the event loop,
    so a view needs no lock. To begin with, it reads the `newest` records of each partition, but
    none that is older than `since`. Records whose keys it does not want it passes over.
    """

    open_log: Callable[[], ReadsLog]
    view: V
    topic: str = IMPORTS_REQUESTED.name
    newest: int = sys.maxsize
    since: timedelta | None = None
    wants: Callable[[bytes | None], bool] = lambda _key: True
    retry_seconds: float = 3.0
    state: TailState = TailState()

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"tail-{self.topic}")
        self._caught_up = asyncio.Event()
        self._unknown: set[str] = set()

    async def caught_up(self, seconds: float | None = None) -> bool:
        """Whether the view is complete, or becomes so within this time; None waits for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._caught_up.wait()
        return self._caught_up.is_set()

    async def run(self) -> None:
        """Until cancelled, once. It ends without a read in progress, which may hang for long."""
        try:
            while True:
                await self._connect_and_follow()
                await asyncio.sleep(self.retry_seconds)
        finally:
            self._thread.shutdown(wait=False)

    async def _connect_and_follow(self) -> None:
        try:
            reader = await self._call(self.open_log)
            try:
                await self._follow(reader)
            finally:
                self._caught_up.clear()
                self._thread.submit(reader.close)
        except KafkaUnavailableError as why:
            self.state = TailState(trouble=str(why))
        except Exception as why:
            log.exception("tail.failed", topic=self.topic)
            self.state = TailState(trouble=f"reading failed: {type(why).__name__}")

    async def _follow(self, reader: ReadsLog) -> None:
        ends = await self._call(self._ends, reader)
        start = await self._call(self._starts, reader, ends)
        behind = {p: high for p, (_, high) in ends.items() if start[p] < high}
        await self._call(reader.seek, {(self.topic, p): offset for p, offset in start.items()})
        answered_at = time.monotonic()
        while True:
            self.state = TailState(not behind, None, answered_at)
            if not behind:
                self._caught_up.set()
            for record in await self._call(reader.read, 500, 0.1):
                self._apply(record)
                if record.offset + 1 >= behind.get(record.partition, 0):
                    behind.pop(record.partition, None)
                answered_at = time.monotonic()
            if time.monotonic() - answered_at > SILENCE_SECONDS:
                await self._call(self._ends, reader)  # raises if silence means a lost broker
                answered_at = time.monotonic()

    def _ends(self, reader: ReadsLog) -> Mapping[int, tuple[int, int]]:
        return {p: reader.ends(self.topic, p) for p in reader.partitions(self.topic)}

    def _starts(self, reader: ReadsLog, ends: Mapping[int, tuple[int, int]]) -> Mapping[int, int]:
        start = {p: max(low, high - self.newest) for p, (low, high) in ends.items()}
        if self.since is None:
            return start
        since = datetime.now(UTC) - self.since
        return {p: max(low, reader.start(self.topic, p, since)) for p, low in start.items()}

    def _apply(self, record: Raw) -> None:
        if not self.wants(record.key):
            return
        try:
            self.view.apply(decode(self.topic, record.value))
        except UndecodableError as why:  # the indexer makes it a dead letter
            log.warning("tail.undecodable", offset=record.offset, why=str(why)[:200])
        except UnknownEventError as why:
            # The sentence names the event's type, so there is one line per type.
            if str(why) not in self._unknown and len(self._unknown) < 100:
                self._unknown.add(str(why))
                log.warning("tail.unknown_event", why=str(why))

    async def _call(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
