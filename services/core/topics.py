"""The map of the pipeline: each topic, what it carries, its key, how long it is kept."""

from dataclasses import dataclass, field

from services.core import events as e

DAY_MS = 24 * 60 * 60 * 1000
FOR_EVER = -1


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A Kafka topic. `retention_ms` of -1 keeps for ever; `compacted` keeps the newest per key."""

    name: str
    carries: tuple[type[e.Message], ...] = field(default=())
    key: str
    partitions: int
    retention_ms: int = FOR_EVER
    compacted: bool = False


FILE_PARTITIONS = 12
"""Partitions of the three files.* topics, chosen once: with another number keys would move."""

IMPORTS_REQUESTED = Topic(
    name=e.ImportRequested.topic,
    carries=(
        e.ImportRequested,
        e.ImportPaused,
        e.ImportResumed,
        e.ImportCancelled,
        e.ImportStalled,
    ),
    key="import id",
    partitions=1,
)
IMPORTS_PAGES = Topic(
    name=e.PageRequested.topic,
    carries=(e.PageRequested,),
    key="import id / folder id",
    partitions=FILE_PARTITIONS,
    retention_ms=7 * DAY_MS,
)
IMPORTS_LISTED = Topic(
    name=e.PageListed.topic,
    carries=(e.PageListed, e.FolderNamed, e.FolderFailed),
    key="import id",
    partitions=FILE_PARTITIONS,
)
FILES_FOUND = Topic(
    name=e.FileFound.topic, carries=(e.FileFound,), key="file id", partitions=FILE_PARTITIONS
)
FILES_STORED = Topic(
    name=e.FileStored.topic, carries=(e.FileStored,), key="file id", partitions=FILE_PARTITIONS
)
FILES_FAILED = Topic(
    name=e.FileFailed.topic, carries=(e.FileFailed,), key="file id", partitions=FILE_PARTITIONS
)
WORKERS_STATUS = Topic(
    name=e.WorkerStatus.topic,
    carries=(e.WorkerStatus,),
    key="worker id",
    partitions=1,
    compacted=True,
)
DEAD_LETTERS = Topic(name="dead.letters", key="as it came", partitions=1, retention_ms=30 * DAY_MS)

ALL = (
    IMPORTS_REQUESTED,
    IMPORTS_PAGES,
    IMPORTS_LISTED,
    FILES_FOUND,
    FILES_STORED,
    FILES_FAILED,
    WORKERS_STATUS,
    DEAD_LETTERS,
)
BY_NAME = {topic.name: topic for topic in ALL}
