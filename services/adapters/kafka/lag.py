"""How far the log reaches, how far groups have read it, and since when records wait.

Groups are asked by members that never join: the admin client can do the same, but aborts the
process now and then if the broker stops answering meanwhile (librdkafka issue 4605).
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import confluent_kafka as ck

from services.adapters.kafka.admin import LogOffsets
from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors
from services.adapters.kafka.group_offsets import TIMEOUT
from services.adapters.kafka.handles import Consumer
from services.adapters.kafka.reader import poll, reader_config
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.commit_state import CommitState

SECONDS = 20.0
TIMES_SECONDS = 2.0
READ_AT_MOST = 500
SMALL_FETCH = {
    "fetch.message.max.bytes": 64 * 1024,
    "fetch.wait.max.ms": 25,
    "queued.min.messages": 1,
    "fetch.queue.backoff.ms": 20,  # by default, a partition that was read waits for a second
}
"""One record of each partition is wanted, and not what follows it."""
Place = tuple[str, int]
"""Topic and partition."""
At = tuple[str, int, int]
"""Topic, partition and offset."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class LogPositions:
    """Of each partition the first offset that is kept and the one after the newest; of each group
    the next offset of each partition in which it has committed one, and how many messages from
    there on it has finished already."""

    bounds: Mapping[Place, tuple[int, int]]
    committed: Mapping[str, Mapping[Place, int]]
    finished: Mapping[str, Mapping[Place, int]] = field(default_factory=dict)


class ReadsPositions(Protocol):
    """Both raise `KafkaUnavailableError`."""

    async def positions(self) -> LogPositions: ...

    async def times(self, places: Collection[At]) -> Mapping[At, int]:
        """When the record at each place was written, in milliseconds since the epoch. A record that
        is not there, or does not come in time, is left out."""
        ...


class LagReader:
    """`groups` names the topics that each group reads. One thread owns the handles, so a broker
    that hangs holds up one thread, however often it is asked."""

    def __init__(
        self, settings: KafkaSettings, topics: Iterable[str], groups: Mapping[str, Sequence[str]]
    ) -> None:
        self._settings = settings
        self._topics = [*topics]
        self._groups = groups
        self._offsets = LogOffsets(settings)
        config = reader_config(settings, "drivestream-lag") | SMALL_FETCH
        self._members = {
            group: Consumer(config | {"group.id": settings.prefixed(group)}) for group in groups
        }
        self._reader = Consumer(config | {"group.id": settings.prefixed("none")})
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lag")

    async def positions(self) -> LogPositions:
        return await self._call(self._positions)

    async def times(self, places: Collection[At]) -> Mapping[At, int]:
        return await self._call(lambda: self._times(places)) if places else {}

    def close(self) -> None:
        """Without a wait for a question that hangs."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _call(self, ask: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._thread, ask)
        except TimeoutError:
            raise KafkaUnavailableError(f"it did not answer within {SECONDS:.0f} seconds") from None

    @kafka_errors()
    def _positions(self) -> LogPositions:
        bounds = self._offsets.bounds(self._topics)
        committed: dict[str, Mapping[Place, int]] = {}
        finished: dict[str, Mapping[Place, int]] = {}
        for group, topics in self._groups.items():
            asked = [
                ck.TopicPartition(self._settings.prefixed(t), p) for t, p in bounds if t in topics
            ]
            found = self._members[group].committed(asked, timeout=TIMEOUT)
            known = {
                (self._settings.own(c.topic), c.partition): c
                for c in found
                if c.error is None and c.offset >= 0
            }
            committed[group] = {place: c.offset for place, c in known.items()}
            finished[group] = {
                place: finished_of(c.offset, c.metadata) for place, c in known.items()
            }
        return LogPositions(bounds=bounds, committed=committed, finished=finished)

    @kafka_errors()
    def _times(self, places: Collection[At]) -> Mapping[At, int]:
        found: dict[At, int] = {}
        left = set(places)
        until = time.monotonic() + TIMES_SECONDS
        name, own = self._settings.prefixed, self._settings.own
        self._reader.assign([ck.TopicPartition(name(t), p, offset) for t, p, offset in left])
        try:
            while left and (seconds := until - time.monotonic()) > 0:
                for message in poll(self._reader, READ_AT_MOST, seconds):
                    place = own(message.topic() or ""), message.partition(), message.offset()
                    if message.error() is None and place in left:
                        found[place] = message.timestamp()[1]
                    # What comes first of a partition is the record, or what is behind a gap.
                    left = {each for each in left if each[:2] != place[:2]}
        finally:
            self._reader.unassign()
        return found


def finished_of(offset: int, metadata: str | None) -> int:
    """How many messages from its offset on a commit names as finished."""
    state = CommitState.decode(offset, metadata) or CommitState()
    return sum(last - max(first, offset) + 1 for first, last in state.finished)
