"""Reads stretches of the log whose ends are fixed, without a group.

The handle lives on a thread of its own, so that a cancelled reader never meets its own close.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TypeVar

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw, ReadsLog
from services.core.events import LogEnd, Place

READ_AT_MOST, READ_SECONDS = 2_000, 0.5
SILENCE_SECONDS = 30.0
T = TypeVar("T")


def read_up_to(
    log: ReadsLog,
    bounds: Mapping[tuple[str, int], tuple[int, int]],
    *,
    at_most: int = READ_AT_MOST,
    silence: float = SILENCE_SECONDS,
) -> Iterator[Sequence[Raw]]:
    """The records of each partition from the first offset up to the second, excluded, on the
    caller's own thread, `at_most` at once. Fetching begins at once. Raises `KafkaUnavailableError`
    if nothing comes for `silence` seconds."""
    ends = {place: end for place, (start, end) in bounds.items() if start < end}
    log.seek({place: bounds[place][0] for place in ends})
    return _read_up_to(log, ends, at_most, silence)


def _read_up_to(
    log: ReadsLog, ends: Mapping[tuple[str, int], int], at_most: int, silence: float
) -> Iterator[Sequence[Raw]]:
    heard = time.monotonic()
    while ends:
        records = log.read(at_most, READ_SECONDS)
        if records:
            heard = time.monotonic()
        elif time.monotonic() - heard > silence:
            raise KafkaUnavailableError(f"nothing came of {sorted(ends)}")
        yield [r for r in records if r.offset < ends.get((r.topic, r.partition), 0)]
        reached = {(r.topic, r.partition): r.offset + 1 for r in records}
        ends = {place: end for place, end in ends.items() if reached.get(place, 0) < end}


class RangeReader(AbstractAsyncContextManager["RangeReader"]):
    """Every method raises `KafkaUnavailableError`."""

    def __init__(self, open_log: Callable[[], ReadsLog]) -> None:
        self._open_log = open_log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="range-reader")

    async def __aenter__(self) -> "RangeReader":
        self._log = await self._call(self._open_log)
        return self

    async def __aexit__(self, *_why: object) -> None:
        self._thread.submit(self._log.close)
        self._thread.shutdown(wait=False)

    async def bounds(self, topic: str) -> dict[tuple[str, int], tuple[int, int]]:
        """Of each partition, the first offset that is kept, and the one after the newest."""
        partitions = await self._call(self._log.partitions, topic)
        return {(topic, p): await self._call(self._log.ends, topic, p) for p in partitions}

    async def end(self, topic: str, partition: int) -> LogEnd:
        """Where the partition ends now."""
        _, high = await self._call(self._log.ends, topic, partition)
        return LogEnd(topic=topic, partition=partition, offset=high)

    async def ends(self, topic: str) -> list[LogEnd]:
        """Where each partition of the topic ends now."""
        bounds = await self.bounds(topic)
        return [LogEnd(topic=t, partition=p, offset=high) for (t, p), (_, high) in bounds.items()]

    async def records(
        self,
        ends: Iterable[LogEnd],
        since: datetime | None = None,
        begin: Iterable[LogEnd] = (),
    ) -> AsyncIterator[Sequence[Raw]]:
        """Everything before these ends that the log still holds, written at `since` or later, and
        not before the offsets of `begin`."""
        bounds = {(end.topic, end.partition): end.offset for end in ends}
        starts = {place: await self._call(self._log.start, *place, since) for place in bounds}
        for first in begin:
            place = first.topic, first.partition
            starts[place] = max(first.offset, starts.get(place, 0))
        left = {place: end for place, end in bounds.items() if starts[place] < end}
        if left:
            await self._call(self._log.seek, {place: starts[place] for place in left})
        silence = 0.0
        while left:
            began = time.monotonic()
            records = await self._call(self._log.read, READ_AT_MOST, READ_SECONDS)
            silence = 0.0 if records else silence + time.monotonic() - began
            if silence > SILENCE_SECONDS:
                raise KafkaUnavailableError(f"nothing came of {sorted(left)}")
            yield [r for r in records if r.offset < bounds[r.topic, r.partition]]
            reached = {(r.topic, r.partition): r.offset + 1 for r in records}
            left = {place: end for place, end in left.items() if reached.get(place, 0) < end}
        # A fetch that waits for more would hold up every question to the broker behind it.
        await self._call(self._log.seek, {})

    async def at(self, places: Iterable[Place]) -> AsyncIterator[Raw]:
        """The records at these places that the log still holds. Whoever asks must set a limit."""
        wanted = [((place.topic, place.partition), place.offset) for place in places]
        # Before anything is fetched: a fetch that waits for more would hold up each of these.
        kept = {
            it: await self._call(self._log.ends, *it) for it in dict.fromkeys(p for p, _ in wanted)
        }
        for partition, offset in wanted:
            low, high = kept[partition]
            if not low <= offset < high:
                continue
            await self._call(self._log.seek, {partition: offset})
            while not (records := await self._call(self._log.read, 1, READ_SECONDS)):
                pass
            if records[0].offset == offset:
                yield records[0]

    async def _call(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
