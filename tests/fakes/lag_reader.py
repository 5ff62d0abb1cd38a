"""How far the groups of a `FakeLog` have read. Passes the contract."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.lag import At, LogPositions, finished_of
from services.core.topics import BY_NAME
from tests.fakes.log import FakeLog


class FakeLagReader:
    """`ReadsPositions`. `asked` counts the questions; none is answered while `answers` is clear."""

    def __init__(
        self, log: FakeLog, topics: Iterable[str], groups: Mapping[str, Sequence[str]]
    ) -> None:
        self._log = log
        self._topics = [*topics]
        self._groups = groups
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def positions(self) -> LogPositions:
        """As the port says."""
        self.asked += 1
        await self._answer()
        log = self._log
        bounds = {
            (topic, p): (log.begins[topic, p], len(log.records[topic, p]))
            for topic in self._topics
            for p in range(BY_NAME[topic].partitions)
        }
        committed = {
            group: {
                (topic, p): offset
                for (name, topic, p), (offset, _) in log.committed.items()
                if name == group and topic in topics
            }
            for group, topics in self._groups.items()
        }
        finished = {
            group: {
                (topic, p): finished_of(*commit)
                for (name, topic, p), commit in log.committed.items()
                if name == group and topic in topics
            }
            for group, topics in self._groups.items()
        }
        return LogPositions(bounds=bounds, committed=committed, finished=finished)

    async def times(self, places: Collection[At]) -> Mapping[At, int]:
        """As the port says."""
        await self._answer()
        records = self._log.records
        return {
            (topic, p, offset): records[topic, p][offset].at_ms
            for topic, p, offset in places
            if self._log.begins[topic, p] <= offset < len(records[topic, p])
        }

    async def _answer(self) -> None:
        await self.answers.wait()
        if not self._log.available:
            raise KafkaUnavailableError("the broker is away")
