"""Heals what stands still, and fetches parked files again once Google releases them.

Runs beside the loop of the active indexer. It reads the database and Kafka's offsets, and acts by
publishing events. What it remembers may be lost at any time: then it tries more than it must.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

import structlog

from services.adapters.catalog.rows import ImportRow, ReplayRow
from services.adapters.catalog.unfinished import ReadsUnfinished, UnfinishedItem
from services.adapters.catalog.writer import CatalogUnavailableError
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import PublishesRecords
from services.core import events as e
from services.core.parked import ParkedFiles
from services.core.settings import Reader
from services.core.topics import IMPORTS_REQUESTED
from services.indexer.service import CONSUMED
from services.indexer.stalls import (
    GROUPS,
    INDEXER,
    Healing,
    LogProgress,
    Watched,
    Watches,
    goes_on,
    lost_file,
    lost_folder,
    lost_replay,
    next_healing,
)

T = TypeVar("T")
LOOK_SECONDS, AGAIN_SECONDS = 3.0, 15.0
HEALED_AT_ONCE = 10
"""Of one look. Each makes a lister read the log once."""
log = structlog.get_logger("indexer")


@dataclass(frozen=True, kw_only=True)
class RecoverySettings:
    stalled_after: float = 30.0
    parked: ParkedFiles = field(default_factory=ParkedFiles)

    @classmethod
    def read(cls, reader: Reader) -> "RecoverySettings":
        seconds = reader.number("STALLED_AFTER_SECONDS", 30, 1, 86_400)
        return cls(stalled_after=seconds, parked=ParkedFiles.read(reader))


class ReadsOffsets(Protocol):
    """`LogOffsets`, as the recovery sees it."""

    def committed(self, group: str) -> Mapping[tuple[str, int], int]: ...
    def bounds(self, topics: Sequence[str]) -> Mapping[tuple[str, int], tuple[int, int]]: ...


def log_progress(offsets: ReadsOffsets, catalog: ReadsUnfinished) -> LogProgress:
    """How far all readers are, the indexer too.

    A group that has committed nothing begins with the first record that is kept, and whoever is
    before that one goes on there. Commits are read before ends: what is written between the two
    counts as not read.
    """
    committed = {group: offsets.committed(group) for group in GROUPS}
    bounds = offsets.bounds(sorted({topic.name for topic in (*GROUPS.values(), *CONSUMED)}))
    reached: dict[str, Mapping[tuple[str, int], int]] = {INDEXER: catalog.read_up_to()}
    for group, topic in GROUPS.items():
        reached[group] = {
            place: max(low, committed[group].get(place, low))
            for place, (low, _) in bounds.items()
            if place[0] == topic.name
        }
    return LogProgress(reached, {place: end for place, (_, end) in bounds.items()})


class Recovery:
    """For one session of the active indexer. The database's connection lives on a thread of its
    own."""

    def __init__(
        self,
        settings: RecoverySettings,
        open_catalog: Callable[[], ReadsUnfinished],
        offsets: ReadsOffsets,
        publisher: PublishesRecords,
    ) -> None:
        self._settings = settings
        self._open_catalog = open_catalog
        self._offsets = offsets
        self._publisher = publisher
        self._watches = Watches(settings.stalled_after)
        self._healing: dict[str, Healing] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recovery")

    async def run(self) -> None:
        """Until cancelled. Nothing that goes wrong here stops the indexer."""
        catalog: ReadsUnfinished | None = None
        seconds = min(LOOK_SECONDS, self._settings.stalled_after / 2)
        try:
            while True:
                await asyncio.sleep(seconds)
                try:
                    if catalog is None:
                        catalog = await self._call(self._open_catalog)
                    await self._heal_stalled(catalog)
                    await self._retry_parked(catalog)
                except (CatalogUnavailableError, KafkaUnavailableError) as why:
                    log.warning("recovery.waits", why=str(why), seconds=AGAIN_SECONDS)
                except Exception:
                    log.exception("recovery.failed", seconds=AGAIN_SECONDS)
                else:
                    continue
                if catalog is not None:
                    self._thread.submit(catalog.close)
                catalog = None
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            if catalog is not None:
                self._thread.submit(catalog.close)
            self._thread.shutdown(wait=False)

    async def _heal_stalled(self, catalog: ReadsUnfinished) -> None:
        now = asyncio.get_running_loop().time()
        rows = await self._open(catalog)
        self._healing = {row.id: self._healing[row.id] for row in rows if row.id in self._healing}
        if not self._watches.look(rows, now):
            return
        progress = await self._call(lambda: log_progress(self._offsets, catalog))
        # Read again: these rows hold everything before the ends that the indexer has reached.
        suspected = self._watches.look(await self._open(catalog), now)
        stalled = [watch.row for watch in suspected if watch.is_passed(progress)]
        for row in stalled[:HEALED_AT_ONCE]:
            await self._heal(row, catalog)

    async def _open(self, catalog: ReadsUnfinished) -> Sequence[Watched]:
        return [*await self._call(catalog.open_imports), *await self._call(catalog.open_replays)]

    async def _heal(self, row: Watched, catalog: ReadsUnfinished) -> None:
        if isinstance(row, ImportRow) and row.requested_at is None:
            await self._ask_again(row, await self._call(catalog.root_folder, row.id))
            return
        last = self._healing.get(row.id)
        folders: Sequence[str] = ()
        if last is not None and goes_on(row, last) and not isinstance(row, ReplayRow):
            folders = await self._call(catalog.unfinished_folders, row.id, last.listed)
        healing = next_healing(row, last, folders, datetime.now(UTC))
        if healing is None:
            await self._give_up(row, catalog)
            return
        event, healed = healing
        await self._publisher.publish([event])
        self._healing[row.id] = healed
        log.warning(
            "recovery.stalled",
            import_id=row.id,
            epoch=event.epoch,
            pending=row.pending,
            folders=len(event.folders),
        )

    async def _ask_again(self, row: ImportRow, root: str | None) -> None:
        """The request is gone. The root is listed again; if nobody knows it, the import ends."""
        log.error("recovery.request_lost", import_id=row.id, folder_id=root)
        at = datetime.now(UTC)
        if root is None:
            event: e.Asked = e.ImportCancelled(import_id=row.id, epoch=row.epoch + 1, at=at)
        else:
            event = e.ImportRequested(
                import_id=row.id,
                epoch=row.epoch,
                folder_id=root,
                folder_url=f"https://drive.google.com/drive/folders/{root}",
                requested_at=row.updated_at or at,
                mode=e.Mode.CHECK,
            )
        await self._publisher.publish([event])

    async def _give_up(self, row: Watched, catalog: ReadsUnfinished) -> None:
        """Publish a failure of the replay, or of everything of the import that is not done, so that
        it ends."""
        at, lost = datetime.now(UTC), 0
        if isinstance(row, ReplayRow):
            await self._publisher.publish([lost_replay(row, at)])
            log.error("recovery.replay_lost", replay_id=row.id, files=row.pending)
            return
        async for folders in self._pages(catalog.open_folders, row.id):
            await self._publisher.publish([lost_folder(row, folder, at) for folder in folders])
            lost += len(folders)
        async for files in self._pages(catalog.pending_files, row.id):
            await self._publisher.publish([lost_file(row, file, at) for file in files])
            lost += len(files)
        log.error("recovery.lost", import_id=row.id, items=lost)

    async def _retry_parked(self, catalog: ReadsUnfinished) -> None:
        """Each end of an import once, after restarts too: a row is believed only if the indexer has
        read every request, the last such retry too."""
        parked = self._settings.parked
        finished_by = datetime.now(UTC) - parked.retry_after
        due = partial(catalog.parked_imports, finished_by, parked.longest)
        if not await self._call(due):
            return
        bounds = await self._call(self._offsets.bounds, [IMPORTS_REQUESTED.name])
        reached = await self._call(catalog.read_up_to)
        if all(reached.get(place, 0) >= end for place, (_, end) in bounds.items()):
            for row in await self._call(due):
                await self._retry(row, catalog)

    async def _retry(self, row: ImportRow, catalog: ReadsUnfinished) -> None:
        at, epoch, events = datetime.now(UTC), row.epoch, list[e.Asked]()
        if row.control == "paused":  # it ended all the same, so nobody was asked to resume it
            epoch += 1
            events.append(e.ImportResumed(import_id=row.id, epoch=epoch, at=at))
        round = 1 + await self._call(catalog.newest_round, row.id)
        parts = [page async for page in self._pages(catalog.parked_files, row.id)]
        events += [
            e.RetryRequested(
                import_id=row.id,
                epoch=epoch,
                round=round,
                at=at,
                part=number,
                last=number == len(parts) - 1,
                files=tuple(file.id for file in files),
            )
            for number, files in enumerate(parts)
        ]
        await self._publisher.publish(events)
        log.info("recovery.parked_retried", import_id=row.id, files=sum(map(len, parts)))

    async def _pages(
        self, read: Callable[[str, str], Sequence[UnfinishedItem]], import_id: str
    ) -> AsyncIterator[Sequence[UnfinishedItem]]:
        after = ""
        while page := await self._call(read, import_id, after):
            yield page
            after = page[-1].id

    async def _call(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
