"""Tumbling windows over the log: what happened in every 10 seconds and in every minute. Pure.

A record counts in the window of its Kafka timestamp. Of each partition, a cell knows the last
offset that it has counted. So whatever is read again counts once, whichever process reads it, and
however old the cells are that it began with.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from services.core import events as e

SIZES = (10, 60)
"""Seconds of a window. Each divides a minute, so that windows begin with the minute."""
MINUTE_MS = 60_000
REREAD_MINUTES, MOST_REREAD_MINUTES = 2, 10
"""Whole minutes that are read again at the start, before the one that is running: more of them if
the process before it was behind."""
KEPT_SECONDS = 660
"""How long after its end a window stays in memory: more than what is read again."""
AHEAD_SECONDS = 60
"""A clock of a producer that is further ahead than this is wrong, and so are its timestamps."""
MOST_CELLS = 20_000
MOST_REASONS = 50
OTHER = "other"
Key = tuple[str | None, int, int]
"""Import or None for all, seconds, start in seconds since the epoch."""


class Position(Struct, frozen=True, kw_only=True):
    """Where a record lies in the log, and its timestamp in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    at_ms: int


class Cell(Struct, kw_only=True):
    """The counts of one window. `read` has the last offset counted, by topic and partition."""

    import_id: str | None
    seconds: int
    start: int
    found: int = 0
    stored: int = 0
    unchanged: int = 0
    failed: int = 0
    bytes: int = 0
    failures: dict[str, int] = msgspec.field(default_factory=dict)
    read: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.import_id, self.seconds, self.start

    def count(self, event: e.Message, partition: str, offset: int) -> bool:
        """Count the event once; whether this was the first time."""
        if offset <= self.read.get(partition, -1):
            return False
        self.read[partition] = offset
        match event:
            case e.FileFound():
                self.found += 1
            case e.FileStored(unchanged=True):
                self.unchanged += 1
            case e.FileStored():
                self.stored += 1
                self.bytes += event.size
            case e.FileFailed():
                self.failed += 1
                known = event.reason in self.failures or len(self.failures) < MOST_REASONS
                reason = event.reason if known else OTHER
                self.failures[reason] = self.failures.get(reason, 0) + 1
        return True

    def event(self, as_of: datetime, oldest_unfinished_at: datetime | None) -> e.WindowCounted:
        return e.WindowCounted(
            import_id=self.import_id,
            start=datetime.fromtimestamp(self.start, UTC),
            seconds=self.seconds,
            as_of=as_of,
            found=self.found,
            stored=self.stored,
            unchanged=self.unchanged,
            failed=self.failed,
            bytes=self.bytes,
            failures=dict(self.failures),
            oldest_unfinished_at=None if self.import_id else oldest_unfinished_at,
        )


def begin_ms(now_ms: int, minutes: int = REREAD_MINUTES) -> int:
    """From when on the log is read at a start, so that all open windows are whole."""
    return (now_ms // MINUTE_MS - minutes) * MINUTE_MS


def is_kept(seconds: int, start: int, now_ms: int) -> bool:
    """Whether a window is counted now. One that was forgotten must not begin again from zero."""
    return -AHEAD_SECONDS <= now_ms // 1000 - start <= seconds + KEPT_SECONDS


@dataclass
class Windows:
    """The windows that begin at `since_ms` or later: from there on, every record is read.

    `changed` has, of each cell that was not published since, the timestamp of the oldest record
    that it counted meanwhile; whatever changed first comes first.
    """

    since_ms: int
    cells: dict[Key, Cell] = field(default_factory=dict)
    changed: dict[Key, int] = field(default_factory=dict)
    opened_ms: int = 0

    def restore(self, values: Iterable[bytes]) -> None:
        """Go on from cells as a process before this one left them; skip what is no cell."""
        for value in values:
            try:
                cell = msgspec.json.decode(value, type=Cell)
            except ValueError:
                continue
            self.cells[cell.key] = cell

    def count(self, event: e.Message, position: Position, now_ms: int) -> None:
        """Count an event in all windows that it belongs to. Other events count nowhere."""
        if not isinstance(event, e.FileFound | e.FileStored | e.FileFailed):
            return
        partition = f"{position.topic}/{position.partition}"
        for seconds in SIZES:
            start = position.at_ms // 1000 // seconds * seconds
            if start * 1000 < self.since_ms or not is_kept(seconds, start, now_ms):
                continue
            for import_id in (None, event.import_id):
                key = import_id, seconds, start
                cell = self.cells.get(key) or self._cell(key)
                if cell is not None and cell.count(event, partition, position.offset):
                    self.changed.setdefault(key, position.at_ms)

    def open(self, now_ms: int) -> None:
        """Begin the windows of all imports together, up to the one that is running now: those in
        which nothing happens are published, too, so that a reader can tell silence from a monitor
        that is down. One that has ended is published again: its `as_of` says that it is whole."""
        opened_ms, self.opened_ms = self.opened_ms or self.since_ms, now_ms
        for seconds in SIZES:
            first, last = (ms // 1000 // seconds * seconds for ms in (opened_ms, now_ms))
            for start in range(max(first, last - KEPT_SECONDS), last + 1, seconds):
                key = None, seconds, start
                if (start < last or key not in self.cells) and self._cell(key) is not None:
                    self.changed.setdefault(key, now_ms)

    def take_changed(self, at_most: int) -> Mapping[Key, int]:
        """The cells that changed first, with the timestamps of their oldest changes. They count as
        published; `put_back` what was not."""
        taken = {key: self.changed[key] for key in list(self.changed)[:at_most]}
        for key in taken:
            del self.changed[key]
        return taken

    def put_back(self, taken: Mapping[Key, int]) -> None:
        self.changed = {**self.changed, **taken}

    def expire(self, now_ms: int) -> Iterator[Key]:
        """Forget the windows that ended long ago; their keys."""
        for key in list(self.cells):
            _, seconds, start = key
            if not is_kept(seconds, start, now_ms):
                del self.cells[key]
                self.changed.pop(key, None)
                yield key

    def _cell(self, key: Key) -> Cell | None:
        """None if there are too many: then only what happens overall is counted."""
        cell = self.cells.get(key)
        if cell is None and (key[0] is None or len(self.cells) < MOST_CELLS):
            import_id, seconds, start = key
            cell = self.cells[key] = Cell(import_id=import_id, seconds=seconds, start=start)
        return cell
