"""The messages that consumer groups have not finished, as far as they are next in a partition."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain

import confluent_kafka as ck

from services.adapters.kafka.admin import LogOffsets
from services.adapters.kafka.errors import KafkaUnavailableError, kafka_errors
from services.adapters.kafka.group_offsets import TIMEOUT
from services.adapters.kafka.handles import Consumer
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import LogReader, Raw, reader_config
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import LogEnd
from services.core.flow.commit_state import CommitState

SECONDS = 20.0
NEXT = 50
"""How many messages of each partition are looked at."""
Place = tuple[str, int]
Stretch = tuple[int, int, frozenset[int]]
"""The first offset, the one after the last, and the offsets between that are finished."""


class UnfinishedMessages:
    """`groups` names the topics that each group reads."""

    def __init__(self, settings: KafkaSettings, groups: Mapping[str, str]) -> None:
        self._settings = settings
        self._groups = groups
        self._offsets = LogOffsets(settings)
        self._open_log = partial(LogReader, settings, client_id="drivestream-ages", wait_ms=25)
        # They never join. The admin client can tell the same, but aborts the process now and then
        # if the broker stops answering meanwhile (librdkafka issue 4605).
        config = reader_config(settings, "drivestream-ages")
        self._members = {
            group: Consumer(config | {"group.id": settings.prefixed(group)}) for group in groups
        }

    async def read(self) -> Sequence[Raw]:
        """The oldest unfinished messages of each partition. Raises `KafkaUnavailableError`."""
        found: list[Raw] = []
        try:
            async with asyncio.timeout(SECONDS):
                for group in self._groups:
                    stretches = await asyncio.to_thread(self._stretches, group)
                    found += await self._unfinished(stretches) if stretches else ()
        except TimeoutError:
            raise KafkaUnavailableError(f"no answer within {SECONDS:.0f} seconds") from None
        return found

    @kafka_errors()
    def _stretches(self, group: str) -> Mapping[Place, Stretch]:
        """What of the log is looked at: nothing of a partition that is finished."""
        bounds = self._offsets.bounds([self._groups[group]])
        asked = [ck.TopicPartition(self._settings.prefixed(t), p) for t, p in bounds]
        stretches: dict[Place, Stretch] = {}
        for commit in self._members[group].committed(asked, timeout=TIMEOUT):
            place = self._settings.own(commit.topic), commit.partition
            low, high = bounds[place]
            begin, state = max(low, commit.offset), CommitState()  # negative if there is none
            if commit.offset >= 0:
                state = CommitState.decode(commit.offset, commit.metadata) or state
            end = min(high, begin + NEXT)
            finished = [range(max(a, begin), min(b + 1, end)) for a, b in state.finished]
            if begin < end:
                stretches[place] = begin, end, frozenset(chain.from_iterable(finished))
        return stretches

    async def _unfinished(self, stretches: Mapping[Place, Stretch]) -> Sequence[Raw]:
        begins = [LogEnd(topic=t, partition=p, offset=s[0]) for (t, p), s in stretches.items()]
        ends = [LogEnd(topic=t, partition=p, offset=s[1]) for (t, p), s in stretches.items()]
        found: list[Raw] = []
        async with RangeReader(self._open_log) as log:
            async for records in log.records(ends, begin=begins):
                found += records
        return [r for r in found if r.offset not in stretches[r.topic, r.partition][2]]
