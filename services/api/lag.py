"""How far every reader is behind in the log.

Consumer groups commit to Kafka, and the indexer to the database. Either may be away: then what was
seen last is shown, with its time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from msgspec import Struct

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.lag import At, LogPositions, Place, ReadsPositions
from services.api.lately import Lately
from services.core.errors import Verdict
from services.core.topics import (
    DEAD_LETTERS,
    FILES_FAILED,
    FILES_FOUND,
    FILES_STORED,
    IMPORTS_LISTED,
    IMPORTS_PAGES,
    IMPORTS_REQUESTED,
)

GROUPS: Mapping[str, Sequence[str]] = {
    "lister-requests": [IMPORTS_REQUESTED.name],
    "lister": [IMPORTS_PAGES.name],
    "lister-replays": [IMPORTS_PAGES.name],
    "transfer": [FILES_FOUND.name],
}
INDEXER = "indexer"
INDEXED = [t.name for t in (IMPORTS_REQUESTED, IMPORTS_LISTED, FILES_STORED, FILES_FAILED)]
TOPICS = sorted({DEAD_LETTERS.name, *INDEXED, *(t for topics in GROUPS.values() for t in topics)})
LETTERS = DEAD_LETTERS.name, 0
EVERY_SECONDS = 10.0
DATABASE_SECONDS, OVERDUE_SECONDS = 4.0, 5.0
KAFKA_AWAY = "Kafka is not responding, so the lag and the dead letters are not current."
DATABASE_AWAY = "The database is not responding, so the indexer's lag is not current."
RATE_SECONDS, LEAST_SECONDS = 60.0, 5.0
"""The rate at which a group works is that of the last minute. Of less time it is noise."""
Reader = tuple[str, str, int]
"""Group, topic and partition."""


class PartitionLag(Struct, frozen=True, kw_only=True):
    """How far `group` has read one partition. `end` is the offset of the next record that is
    written, `committed` that of the oldest that the group has not finished; null if it has finished
    none. `messages` are those in between that it has not finished, and `seconds` is how long the
    oldest has waited.
    `seconds_to_clear` is how long they take at the rate of the last minute; null if it is not
    known."""

    group: str
    topic: str
    partition: int
    end: int
    committed: int | None
    messages: int
    seconds: float | None
    seconds_to_clear: float | None


@dataclass(frozen=True, kw_only=True)
class Lag:
    """What is known, and `unknown` what is not, in whole sentences. Of what is not current, the
    last is kept."""

    as_of: datetime | None = None
    partitions: Sequence[PartitionLag] = ()
    dead_letters: int | None = None
    unknown: Sequence[str] = ()
    kafka_answers: bool = False
    database_answers: bool = False

    def unfinished(self, *groups: str) -> int | None:
        """The messages of these groups; None if that is not known now."""
        found = [each.messages for each in self.partitions if each.group in groups]
        known = self.kafka_answers and (self.database_answers or INDEXER not in groups)
        return sum(found) if found and known else None


@dataclass(eq=False)
class LagWatch:
    log: ReadsPositions
    catalog: ReadsCatalog
    clock: Callable[[], float] = time.monotonic
    _positions: LogPositions | None = None
    _as_of: datetime | None = None
    _consumed: Mapping[Place, int] | None = None
    _times: Mapping[At, int] = field(default_factory=dict)
    _history: deque[tuple[float, Mapping[Reader, int]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._lately = Lately(self._look, Lag(), self.clock)

    def dead_letters(self) -> int | None:
        """As seen last; None if they were never seen."""
        return self._lately.value.dead_letters

    async def newest(self) -> Lag:
        """It is no older than two seconds, unless Kafka or the database takes longer to answer."""
        lag, overdue = await self._lately.newest()
        if overdue < (OVERDUE_SECONDS if lag.as_of else 0.1):
            return lag
        return replace(lag, unknown=(KAFKA_AWAY,), kafka_answers=False)

    async def run(self) -> None:
        """Look now and then, so that the rate of the last minute is known to whoever asks."""
        try:
            while True:
                await self.newest()
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            self._lately.stop()

    async def _look(self) -> Lag:
        """Times are asked for last: which ones are wanted follows from the rest."""
        kafka, database = await asyncio.gather(self._ask_kafka(), self._ask_database())
        if kafka:
            with suppress(KafkaUnavailableError):
                await self._ask_times()
        letters = self._positions.bounds.get(LETTERS) if self._positions else None
        return Lag(
            as_of=self._as_of,
            partitions=list(self._partitions()),
            dead_letters=letters[1] - letters[0] if letters else None,
            unknown=[*([] if kafka else [KAFKA_AWAY]), *([] if database else [DATABASE_AWAY])],
            kafka_answers=kafka,
            database_answers=database,
        )

    async def _ask_kafka(self) -> bool:
        try:
            self._positions = await self.log.positions()
        except KafkaUnavailableError:
            return False
        self._as_of = datetime.now(UTC)
        return True

    async def _ask_database(self) -> bool:
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                self._consumed = await self.catalog.consumed_offsets()
        except (Verdict, TimeoutError):
            return False
        return True

    async def _ask_times(self) -> None:
        now = self.clock()
        reached = {reader: end - left for reader, _, end, left in self._reached()}
        self._history.append((now, reached))
        while len(self._history) > 2 and now - self._history[1][0] >= RATE_SECONDS:
            self._history.popleft()
        wanted = {(*reader[1:], low) for reader, low, end, _ in self._reached() if low < end}
        known = {at: ms for at, ms in self._times.items() if at in wanted}
        self._times = known | dict(await self.log.times(wanted - known.keys()))

    def _reached(self) -> Iterator[tuple[Reader, int, int, int]]:
        """Of each reader the oldest offset that it has not finished, the end, and how many are not
        finished from the one to the other."""
        if self._positions is None:
            return
        for group, topics in [*GROUPS.items(), (INDEXER, INDEXED)]:
            committed = self._committed(group)
            if committed is None:
                continue
            finished = self._positions.finished.get(group, {})
            for (topic, partition), (first, end) in sorted(self._positions.bounds.items()):
                if topic in topics:
                    low = min(max(first, committed.get((topic, partition), first)), end)
                    left = max(0, end - low - finished.get((topic, partition), 0))
                    yield (group, topic, partition), low, end, left

    def _committed(self, group: str) -> Mapping[Place, int] | None:
        """None if nobody has told yet."""
        if group == INDEXER or self._positions is None:
            return self._consumed
        return self._positions.committed.get(group, {})

    def _partitions(self) -> Iterator[PartitionLag]:
        now = datetime.now(UTC).timestamp()
        for reader, low, end, left in self._reached():
            group, topic, partition = reader
            at_ms = self._times.get((topic, partition, low))
            waited = 0.0 if low == end else None
            yield PartitionLag(
                group=group,
                topic=topic,
                partition=partition,
                end=end,
                committed=(self._committed(group) or {}).get((topic, partition)),
                messages=left,
                seconds=max(0.0, round(now - at_ms / 1000, 1)) if at_ms else waited,
                seconds_to_clear=self._clears(reader, left),
            )

    def _clears(self, reader: Reader, messages: int) -> float | None:
        if not messages:
            return 0.0
        if not self._history:
            return None
        (began, then), (ended, now) = self._history[0], self._history[-1]
        done = now.get(reader, 0) - then.get(reader, now.get(reader, 0))
        if ended - began < LEAST_SECONDS or done <= 0:
            return None
        return round(messages * (ended - began) / done, 1)
