"""Follows a topic from its beginning, or from near its end, and applies every event to a view.

There is no consumer group and no stored offset: each process reads the topic again when it starts.
That suits topics that are small (`imports.requested`) or compacted (`workers.status`), whose events
can be applied again without harm.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw
from services.core.events import Message
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import UndecodableError, UnknownEventError, decode

READ_AT_MOST, READ_SECONDS = 500, 0.1
CHECK_SECONDS = 3.0
RETRY_SECONDS = 3.0

T = TypeVar("T")
log = structlog.get_logger()


class AppliesEvents(Protocol):
    """A view of a topic; takes events in any order and any number of times."""

    def apply(self, event: Message) -> None: ...


V = TypeVar("V", bound=AppliesEvents)


class ReadsLog(Protocol):
    """`kafka.reader.LogReader`, as a tail sees it."""

    def partitions(self, topic: str) -> Sequence[int]: ...
    def ends(self, topic: str, partition: int) -> tuple[int, int]: ...
    def start(self, topic: str, partition: int, since: datetime | None) -> int: ...
    def seek(self, positions: Mapping[tuple[str, int], int | None]) -> None: ...
    def read(self, at_most: int, timeout: float) -> Sequence[Raw]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class TailState:
    """`caught_up` with what was in the log on connecting; `answered_at` is monotonic time."""

    caught_up: bool = False
    trouble: str | None = "not connected yet"
    answered_at: float = 0.0


class Tail(Generic[V]):
    """Keeps `view` up to date with a topic, however often Kafka goes away.

    Blocking reads run on one thread of the tail's own, so that no other work waits for a thread;
    events are applied on the event loop, so that a view needs no lock. `newest` is how many records
    of each partition are read to begin with, None for all.
    """

    def __init__(
        self,
        open_log: Callable[[], ReadsLog],
        view: V,
        *,
        topic: str = IMPORTS_REQUESTED.name,
        newest: int | None = None,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.view = view
        self.state = TailState()
        self._open_log = open_log
        self._topic = topic
        self._newest = newest
        self._retry_seconds = retry_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"tail-{topic}")
        self._caught_up = asyncio.Event()
        self._unknown: set[str] = set()

    async def caught_up(self, seconds: float) -> bool:
        """Whether the view is complete, or becomes so within this time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._caught_up.wait()
        return self._caught_up.is_set()

    async def run(self) -> None:
        """Follow the topic until cancelled. Run it once.

        Cancelling does not wait for a read in progress, which may hang on a dead broker.
        """
        try:
            while True:
                await self._connect_and_follow()
                await asyncio.sleep(self._retry_seconds)
        finally:
            self._thread.shutdown(wait=False)

    async def _connect_and_follow(self) -> None:
        try:
            reader = await self._call(self._open_log)
            try:
                await self._follow(reader)
            finally:
                self._caught_up.clear()
                self._thread.submit(reader.close)
        except KafkaUnavailableError as why:
            self.state = TailState(trouble=str(why))
        except Exception as why:
            log.exception("tail.failed", topic=self._topic)
            self.state = TailState(trouble=f"reading failed: {type(why).__name__}")

    async def _follow(self, reader: ReadsLog) -> None:
        ends = await self._call(self._ends, reader)
        newest = self._newest
        start = {
            p: low if newest is None else max(low, high - newest) for p, (low, high) in ends.items()
        }
        behind = {p: high for p, (_, high) in ends.items() if start[p] < high}
        await self._call(reader.seek, {(self._topic, p): offset for p, offset in start.items()})
        answered_at = time.monotonic()
        while True:
            self.state = TailState(not behind, None, answered_at)
            if not behind:
                self._caught_up.set()
            for record in await self._call(reader.read, READ_AT_MOST, READ_SECONDS):
                self._apply(record)
                if record.offset + 1 >= behind.get(record.partition, 0):
                    behind.pop(record.partition, None)
                answered_at = time.monotonic()
            if time.monotonic() - answered_at > CHECK_SECONDS:
                await self._call(self._ends, reader)  # raises if silence means a lost broker
                answered_at = time.monotonic()

    def _ends(self, reader: ReadsLog) -> Mapping[int, tuple[int, int]]:
        topic = self._topic
        return {partition: reader.ends(topic, partition) for partition in reader.partitions(topic)}

    def _apply(self, record: Raw) -> None:
        try:
            self.view.apply(decode(self._topic, record.value))
        except UndecodableError as why:  # the indexer makes it a dead letter
            log.warning("tail.undecodable", offset=record.offset, why=str(why)[:200])
        except UnknownEventError as why:
            # The sentence names the event's type, so there is one line per type.
            if str(why) not in self._unknown and len(self._unknown) < 100:
                self._unknown.add(str(why))
                log.warning("tail.unknown_event", why=str(why))

    async def _call(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
