"""What the log holds of some topics: from where, up to where, and since when."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.ranges import RangeReader
from services.core.events import LogEnd

SECONDS = 15.0
Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, kw_only=True)
class LogBounds:
    """By topic its id, which changes when it is recreated; by place the first offset that is kept,
    and the one after the newest. From `earliest` on the log is whole; None if it holds nothing."""

    ids: Mapping[str, str]
    kept: Mapping[Place, tuple[int, int]]
    earliest: datetime | None = None


@dataclass(frozen=True)
class LogBoundsReader:
    """`topic_ids` is synchronous, as the admin client is."""

    open_log: Callable[[], RangeReader]
    topic_ids: Callable[[Sequence[str]], Mapping[str, str]]

    async def read(self, topics: Sequence[str], dated: Sequence[str] = ()) -> LogBounds:
        """`earliest` is that of the dated topics. Raises `KafkaUnavailableError`, also if it takes
        too long."""
        try:
            async with asyncio.timeout(SECONDS), self.open_log() as log:
                kept: dict[Place, tuple[int, int]] = {}
                for topic in topics:
                    kept |= await log.bounds(topic)
                earliest = await _earliest(log, {p: it for p, it in kept.items() if p[0] in dated})
                ids = await asyncio.to_thread(self.topic_ids, topics)
        except TimeoutError:
            raise KafkaUnavailableError(f"it did not answer within {SECONDS:.0f} seconds") from None
        return LogBounds(ids=ids, kept=kept, earliest=earliest)


async def _earliest(log: RangeReader, kept: Mapping[Place, tuple[int, int]]) -> datetime | None:
    """When the log began; where retention has removed records, since when all is still there."""
    held = {place: low for place, (low, high) in kept.items() if low < high}
    firsts = [LogEnd(topic=t, partition=p, offset=low + 1) for (t, p), low in held.items()]
    times: dict[Place, int] = {}
    async for records in log.records(firsts):
        for record in records:
            times[record.topic, record.partition] = record.at_ms
    trimmed = [at_ms for place, at_ms in times.items() if held[place] > 0]
    if not times:
        return None
    at_ms = max(trimmed) if trimmed else min(times.values())
    return datetime.fromtimestamp(at_ms / 1000, UTC)
