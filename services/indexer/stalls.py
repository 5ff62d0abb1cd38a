"""Which imports and replays stand still with nothing left to consume, and what heals them. Pure.

An import that waits, for quota or for an outage to end, still has a message that is not committed.
So an import is stalled if it did not change while everything in the topics on its way was worked
off. The topics need not be empty: other imports may keep the workers busy all day. Replays alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.adapters.catalog.rows import ImportRow, ReplayRow
from services.adapters.catalog.unfinished import UnfinishedItem
from services.core import events as e
from services.core.errors import LOST
from services.core.topics import FILES_FOUND, IMPORTS_PAGES, IMPORTS_REQUESTED, Topic
from services.indexer.service import CONSUMED

GROUPS = {
    "lister-requests": IMPORTS_REQUESTED,
    "lister": IMPORTS_PAGES,
    "lister-replays": IMPORTS_PAGES,
    "transfer": FILES_FOUND,
}
INDEXER = "indexer"
PAGES_IN_A_ROW = 8
"""A page may lead to another one and change no row: an expired token starts the next of six passes.
Before these there may be a stretch of the log to fold."""
WAY: Sequence[tuple[str, Sequence[Topic]]] = (
    ("lister-requests", (IMPORTS_REQUESTED,)),
    *[("lister", (IMPORTS_PAGES,))] * PAGES_IN_A_ROW,
    ("transfer", (FILES_FOUND,)),
    (INDEXER, CONSUMED),
)
"""Whom an import's work passes, in order, and the topics that each reads."""
WAY_OF_REPLAYS: Sequence[tuple[str, Sequence[Topic]]] = (
    ("lister-requests", (IMPORTS_REQUESTED,)),
    ("lister-replays", (IMPORTS_PAGES,)),
    ("transfer", (FILES_FOUND,)),
    (INDEXER, CONSUMED),
)
"""A part that leads to another one changes the row."""
Watched = ImportRow | ReplayRow
Offsets = Mapping[tuple[str, int], int]
"""By topic and partition."""


@dataclass(frozen=True)
class LogProgress:
    """How far each reader has read, and where the log ended after that."""

    reached: Mapping[str, Offsets]
    ends: Offsets


@dataclass
class Watch:
    """An import or a replay that did not change since monotonic time `since`.

    `target` is what the reader at `step` of the way must reach before it may be stalled.
    """

    row: Watched
    since: float
    step: int = 0
    target: Offsets | None = None

    def is_passed(self, progress: LogProgress) -> bool:
        """Whether all that could still move the row was worked off since this was first asked.
        True once; then the watch begins again."""
        way = WAY_OF_REPLAYS if isinstance(self.row, ReplayRow) else WAY
        for reader, topics in way[self.step :]:
            if self.target is None:
                names = {topic.name for topic in topics}
                self.target = {p: end for p, end in progress.ends.items() if p[0] in names}
            reached = progress.reached[reader]
            if any(reached.get(place, 0) < end for place, end in self.target.items()):
                return False
            self.step, self.target = self.step + 1, None
        self.step = 0
        return True


@dataclass
class Watches:
    """Of all that is open. `after`: seconds without a change until it is suspected."""

    after: float
    _by_id: dict[str, Watch] = field(default_factory=dict)

    def look(self, rows: Iterable[Watched], now: float) -> list[Watch]:
        """The watches of rows that are suspected, given all open ones as they are now."""
        known, self._by_id = self._by_id, {}
        for row in rows:
            watch = known.get(row.id)
            self._by_id[row.id] = watch if watch and watch.row == row else Watch(row, now)
        return [watch for watch in self._by_id.values() if now - watch.since >= self.after]


@dataclass(frozen=True)
class Healing:
    """What was tried last on an import or a replay, at `epoch`.

    `settled` files and folders were done when the trying began. Of the folders that are not done,
    those up to `listed` were listed again.
    """

    epoch: int
    round: int
    settled: int
    listed: str = ""


def settled(row: Watched) -> int:
    """Files, folders and parts that are done; grows within a round."""
    files = row.stored + row.unchanged + row.failed
    if isinstance(row, ReplayRow):
        return files + row.parts_done
    return files + row.folders_listed + row.folders_failed


def goes_on(row: Watched, last: Healing | None) -> bool:
    """Whether `last` was tried on this and nobody has asked for anything since."""
    return last is not None and (last.epoch, last.round) == (row.epoch, row.round)


def next_healing(
    row: Watched, last: Healing | None, folders: Sequence[str], at: datetime
) -> tuple[e.ImportStalled, Healing] | None:
    """What to try on what is stalled; None if nothing is left to try.

    First, what the log holds is published again. Then the unfinished folders of an import are
    listed again: `folders` are the next of them behind `last.listed`. If neither helped at all,
    nothing will.
    """
    epoch = row.epoch + 1
    first = Healing(epoch, row.round, settled(row))
    if last is None or not goes_on(row, last):
        healing, folders = first, ()
    elif folders:
        healing = replace(last, epoch=epoch, listed=folders[-1])
    elif settled(row) > last.settled:
        healing = first
    else:
        return None
    event = e.ImportStalled(import_id=row.id, epoch=epoch, at=at, folders=tuple(folders))
    return event, healing


def lost_file(row: ImportRow, file: UnfinishedItem, at: datetime) -> e.FileFailed:
    return e.FileFailed(
        import_id=row.id,
        epoch=row.epoch,
        file_id=file.id,
        round=file.retry_round,
        reason=LOST,
        message="Kafka no longer has the message about this file, and listing its folder again did "
        "not recover it.",
        failed_at=at,
    )


def lost_folder(row: ImportRow, folder: UnfinishedItem, at: datetime) -> e.FolderFailed:
    return e.FolderFailed(
        import_id=row.id,
        epoch=row.epoch,
        folder_id=folder.id,
        path=folder.path,
        round=folder.retry_round,
        reason=LOST,
        message="Kafka no longer has the message about this folder, and requesting its listing "
        "again did not recover it.",
        failed_at=at,
    )


def lost_replay(row: ReplayRow, at: datetime) -> e.ReplayFailed:
    unread = row.parts - row.parts_done
    return e.ReplayFailed(
        import_id=row.id,
        epoch=row.epoch,
        at=at,
        reason=LOST,
        message=f"Kafka no longer has the messages about {row.pending:,} files without an outcome "
        f"and {unread:,} unread partitions, and requesting them again did not recover them. Plan "
        "another replay.",
    )
