"""Reading a `FakeLog` without a group, as `adapters/kafka/reader.py` reads the real one."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw
from services.core.topics import BY_NAME
from tests.fakes.log import FakeLog

POLL_SECONDS = 0.002
PATIENCE_SECONDS = 0.01  # whoever stops it in a test waits no longer than that


class FakeLogReader:
    """Runs on a thread of its own, beside the loop that writes."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log
        self._next: dict[tuple[str, int], int] = {}

    def partitions(self, topic: str) -> Sequence[int]:
        """The partition numbers of a topic; raises if it is not there."""
        self._check()
        if topic not in BY_NAME:
            raise KafkaUnavailableError(f"{topic}: unknown topic")
        return range(BY_NAME[topic].partitions)

    def seek(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Read these partitions from these offsets on."""
        self._next = dict(positions)

    def ends(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is kept, and the one after the newest."""
        self._check()
        return self._log.begins[topic, partition], len(self._log.records[topic, partition])

    def start(self, topic: str, partition: int, since: datetime | None) -> int:
        """The first offset, or the first that was written at `since` or later."""
        low, high = self.ends(topic, partition)
        at_ms = 0 if since is None else since.timestamp() * 1000
        later = (r.offset for r in self._log.records[topic, partition] if r.at_ms >= at_ms)
        return low if since is None else max(low, next(later, high))

    def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
        """What there is, or nothing after `timeout` seconds."""
        until = time.monotonic() + min(timeout, PATIENCE_SECONDS)
        while not (found := self._take(at_most)) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        return found

    def close(self) -> None:
        """Read no more."""
        self._next = {}

    def _take(self, at_most: int) -> list[Raw]:
        self._check()
        found: list[Raw] = []
        for place, offset in self._next.items():
            found += self._log.records[place][offset : offset + at_most - len(found)]
        for record in found:
            self._next[record.topic, record.partition] = record.offset + 1
        return found

    def _check(self) -> None:
        if not self._log.available:
            raise KafkaUnavailableError("the broker is away")
