"""The map of the pipeline: each topic, what it carries, its key, how long it is kept."""

from dataclasses import dataclass
from typing import get_args

from services.core import events as e

MINUTE_MS = 60 * 1000
DAY_MS = 24 * 60 * MINUTE_MS
FILE_PARTITIONS = 12
"""Partitions of the three files.* topics, chosen once: with another number keys would move."""


@dataclass(frozen=True)
class Topic:
    """A Kafka topic. `retention_ms` of -1 keeps for ever; `compacted` keeps the newest per key.

    A segment is deleted only once it is closed, which it is after `segment_ms`.
    """

    name: str
    carries: tuple[type[e.Message], ...]
    key: str
    partitions: int = FILE_PARTITIONS
    retention_ms: int = -1
    compacted: bool = False
    segment_ms: int | None = None


IMPORTS_REQUESTED = Topic(
    e.ImportRequested.topic, get_args(e.Asked), "import or replay id", partitions=1
)
IMPORTS_PAGES = Topic(
    e.PageRequested.topic,
    get_args(e.ToList),
    "import id / folder id, or import id / partition",
    retention_ms=7 * DAY_MS,
)
IMPORTS_LISTED = Topic(e.PageListed.topic, get_args(e.Listed), "import id")
FILES_FOUND = Topic(e.FileFound.topic, (e.FileFound,), "file id")
FILES_STORED = Topic(e.FileStored.topic, (e.FileStored,), "file id")
FILES_FAILED = Topic(e.FileFailed.topic, (e.FileFailed,), "file id")
WORKERS_STATUS = Topic(
    e.WorkerStatus.topic, (e.WorkerStatus,), "worker id", partitions=1, compacted=True
)
STATS_WINDOWS = Topic(
    e.WindowCounted.topic,
    get_args(e.Watched),
    "import id, or `all`, / seconds / start; or import id",
    partitions=1,
    retention_ms=7 * DAY_MS,
)
NOTIFICATIONS = Topic(
    e.ImportEnded.topic,
    get_args(e.Notification),
    "import or replay id",
    partitions=1,
    retention_ms=7 * DAY_MS,
)
"""What webhooks tell of. In one partition, so that a repeat comes after what it repeats."""
MONITOR_WINDOWS = Topic(
    "monitor.windows",
    (),
    "as in stats.windows",
    partitions=1,
    retention_ms=20 * MINUTE_MS,
    segment_ms=5 * MINUTE_MS,
)
"""The changelog of the monitor's table. It reads all of it when it starts, so it is kept short."""
DEAD_LETTERS = Topic("dead.letters", (), "the original key", partitions=1, retention_ms=30 * DAY_MS)

ALL = (
    IMPORTS_REQUESTED,
    IMPORTS_PAGES,
    IMPORTS_LISTED,
    FILES_FOUND,
    FILES_STORED,
    FILES_FAILED,
    WORKERS_STATUS,
    STATS_WINDOWS,
    NOTIFICATIONS,
    MONITOR_WINDOWS,
    DEAD_LETTERS,
)
BY_NAME = {topic.name: topic for topic in ALL}


def feed_of(target: str) -> Topic:
    """The topic of one consumer that a replay tells of the past. Made when it is first needed."""
    carries = (*FILES_STORED.carries, *FILES_FAILED.carries)
    return Topic(f"feeds.{target}", carries, "file id", retention_ms=7 * DAY_MS)
