"""Following a topic from its beginning or near its end, on a thread that owns the handle.

No group and no stored position: `imports.requested` is small, of `workers.status` only the newest
counts, what both tell is idempotent, and so the api has nothing of its own to keep.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw
from services.core.events import Message
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import UndecodableError, decode

TOPIC = IMPORTS_REQUESTED.name
AT_MOST, READ_SECONDS = 500, 0.1
CHECK_SECONDS = 3.0
RETRY_SECONDS = 3.0
JOIN_SECONDS = 2.0

log = structlog.get_logger()


class Takes(Protocol):
    """What is known from a topic."""

    def add(self, event: Message) -> None:
        """Take an event, in any order and any number of times."""
        ...


K = TypeVar("K", bound=Takes)


class ReadsLog(Protocol):
    """A log without a group, as `adapters/kafka/reader.py` reads it."""

    def partitions(self, topic: str) -> Sequence[int]:
        """The partition numbers of a topic."""
        ...

    def seek(self, positions: Mapping[tuple[str, int], int | None]) -> None:
        """Read on from here; None is the beginning."""
        ...

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is kept, and the one after the newest."""
        ...

    def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
        """What there is, within `timeout` seconds."""
        ...

    def close(self) -> None:
        """Give the handle back."""
        ...


@dataclass(frozen=True)
class TailState:
    """`caught_up` with what was in the log on connecting; when Kafka last answered, monotonic."""

    caught_up: bool = False
    trouble: str | None = "not connected yet"
    answered_at: float = 0.0


class Tail(Generic[K]):
    """Keeps `known` up to date with a topic, through any absence of Kafka.

    `newest` records of a partition are enough to begin with; None for all.
    """

    def __init__(
        self,
        open_log: Callable[[], ReadsLog],
        known: K,
        *,
        topic: str = TOPIC,
        newest: int | None = None,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.known = known
        self._topic = topic
        self._newest = newest
        self._retry_seconds = retry_seconds
        self.state = TailState()
        self._open_log = open_log
        self._stopping = threading.Event()
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tail-{topic}", daemon=True)

    def start(self) -> None:
        """Begin to follow; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; a handle that is waiting for a dead broker is left to the process's end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)

    def wait(self, seconds: float) -> bool:
        """Whether the log is known to its end; waits for that, on the caller's thread."""
        return self._caught_up.wait(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                reader = self._open_log()
                try:
                    self._follow(reader)
                finally:
                    self._caught_up.clear()
                    reader.close()
            except KafkaUnavailableError as why:
                self.state = TailState(trouble=str(why))
            except Exception as why:
                log.exception("tail.failed")
                self.state = TailState(trouble=f"reading failed: {type(why).__name__}")
            self._stopping.wait(self._retry_seconds)

    def _follow(self, reader: ReadsLog) -> None:
        topic = self._topic
        partitions = reader.partitions(topic)
        ends = {partition: reader.ends(topic, partition) for partition in partitions}
        reached = {partition: self._start(low, high) for partition, (low, high) in ends.items()}
        from_start = self._newest is None
        reader.seek({(topic, p): None if from_start else reached[p] for p in partitions})
        caught_up, answered_at = False, time.monotonic()
        while not self._stopping.is_set():
            caught_up = caught_up or all(reached[p] >= high for p, (_, high) in ends.items())
            self.state = TailState(caught_up, None, answered_at)
            if caught_up:
                self._caught_up.set()
            for record in reader.read(AT_MOST, READ_SECONDS):
                self._take(record)
                reached[record.partition] = record.offset + 1
                answered_at = time.monotonic()
            if time.monotonic() - answered_at > CHECK_SECONDS:
                for partition in partitions:
                    reader.ends(topic, partition)  # silence is no proof that the broker is there
                answered_at = time.monotonic()

    def _start(self, low: int, high: int) -> int:
        return low if self._newest is None else max(low, high - self._newest)

    def _take(self, record: Raw) -> None:
        try:
            self.known.add(decode(self._topic, record.value))
        except UndecodableError as why:  # the indexer sets it aside; here it tells nothing
            log.warning("tail.undecodable", offset=record.offset, why=str(why)[:200])
