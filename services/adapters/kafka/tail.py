"""Keeps a view up to date with a topic, read again from the log at each start."""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw, ReadsLog
from services.core.events import Message
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import UndecodableError, UnknownEventError, decode

READ_SECONDS = 0.5  # a record ends the wait for it at once
SILENCE_SECONDS = 3.0  # without a record, a tail asks whether Kafka still answers

NOT_CONNECTED = "not connected yet"

T = TypeVar("T")
log = structlog.get_logger()


class AppliesEvents(Protocol):
    """A view of a topic; takes events in any order and any number of times."""

    def apply(self, event: Message) -> None: ...


V = TypeVar("V", bound=AppliesEvents)


@dataclass(frozen=True)
class TailState:
    """`caught_up` with what was in the log on connecting; `answered_at` is monotonic time."""

    caught_up: bool = False
    trouble: str | None = NOT_CONNECTED
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
            for record in await self._call(reader.read, 500, READ_SECONDS):
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
