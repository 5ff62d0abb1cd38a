"""What the monitor knows: filled from the log, one record after another."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from services.adapters.kafka.reader import Raw
from services.core.topics import FILES_FAILED, FILES_FOUND, FILES_STORED, IMPORTS_LISTED
from services.core.wire import UndecodableError, UnknownEventError, decode
from services.monitor.progress import Progress
from services.monitor.windows import Position, Windows

TOPICS = tuple(t.name for t in (IMPORTS_LISTED, FILES_FOUND, FILES_STORED, FILES_FAILED))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class View:
    """`read` has the next offset of each partition, `goal` where the log ended some seconds ago.
    `still_looks` counts in how many looks in a row it was behind and had read nothing."""

    windows: Windows
    progress: Progress
    read: dict[tuple[str, int], int]
    clock: Callable[[], int] = now_ms
    goal: Mapping[tuple[str, int], int] = field(default_factory=dict)
    as_of_ms: int = 0
    still_looks: int = 0
    _unread: Mapping[tuple[str, int], int] = field(default_factory=dict)
    _read_at: dict[tuple[str, int], int] = field(default_factory=dict)

    @classmethod
    def beginning(
        cls,
        since_ms: int,
        after: float,
        read: Mapping[tuple[str, int], int],
        clock: Callable[[], int] = now_ms,
    ) -> "View":
        """One that knows nothing yet, and is given every record from then on."""
        return cls(Windows(since_ms), Progress(since_ms, after), dict(read), clock)

    def restore(self, cells: Iterable[bytes]) -> None:
        self.windows.restore(cells)

    def behind(self) -> list[tuple[str, int]]:
        """The partitions of which it has not read what was there some seconds ago."""
        return [place for place, end in self.goal.items() if self.read.get(place, 0) < end]

    def look(self) -> None:
        before, self._unread = self._unread, {p: self.read.get(p, 0) for p in self.behind()}
        self.still_looks = self.still_looks + 1 if self._unread and self._unread == before else 0

    def reached_ms(self) -> int:
        """Up to when the log is counted: the present, unless it is behind. It never goes back."""
        reached = [self._read_at.get(place, self.windows.since_ms) for place in self.behind()]
        self.as_of_ms = max(self.as_of_ms, min(reached, default=self.clock()))
        return self.as_of_ms

    def take(self, record: Raw) -> None:
        """Count a record. One that cannot be decoded, or not by this version, is passed over: it is
        for others to say so."""
        place = record.topic, record.partition
        self.read[place], self._read_at[place] = record.offset + 1, record.at_ms
        try:
            event = decode(record.topic, record.value)
        except (UndecodableError, UnknownEventError):
            return
        import_id = getattr(event, "import_id", None)
        if import_id is not None:
            self.progress.moved(import_id, record.at_ms)
        position = Position(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            at_ms=record.at_ms,
        )
        self.windows.count(event, position, self.clock())
