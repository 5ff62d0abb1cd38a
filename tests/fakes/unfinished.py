"""What is not done, in memory, and how far the readers of a `FakeLog` are. Passes the contract."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from services.adapters.catalog.rows import FileRow, FolderRow, ImportRow, ReplayRow
from services.adapters.catalog.unfinished import PAGE, UnfinishedItem
from services.adapters.catalog.writer import CatalogUnavailableError, Position
from services.adapters.kafka.errors import KafkaUnavailableError
from services.core.errors import DOWNLOAD_QUOTA
from services.core.topics import BY_NAME
from tests.fakes.catalog_writer import FakeDatabase
from tests.fakes.log import FakeLog

OPEN = ("queued", "listing", "transferring")


class FakeUnfinished:
    """`ReadsUnfinished` on the rows of a `FakeDatabase`."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database
        self._check()

    def _check(self) -> None:
        if not self._database.available:
            raise CatalogUnavailableError("connection refused")

    def close(self) -> None:
        """As the real one."""

    def read_up_to(self) -> Mapping[Position, int]:
        """As the real one."""
        self._check()
        return {place: offset for place, (_, offset) in self._database.offsets.items()}

    def open_imports(self) -> Sequence[ImportRow]:
        """As the real one."""
        self._check()
        rows = self._database.rows.imports.values()
        return [row for row in rows if row.state in OPEN]

    def root_folder(self, import_id: str) -> str | None:
        """As the real one."""
        self._check()
        rows = self._database.rows.folders.values()
        listed = [r for r in rows if r.closed or r.failed_at is not None or r.retry_round == 0]
        own = [r.folder_id for r in listed if r.import_id == import_id and not r.path]
        return min(own, default=None)

    def open_replays(self) -> Sequence[ReplayRow]:
        """As the real one."""
        self._check()
        rows = self._database.rows
        waits = {
            file.replay_id
            for file in rows.replay_files.values()
            if file.state == "pending"
            and rows.imports.get(file.import_id, ImportRow(id="")).control != "paused"
        }
        return [
            row
            for row in rows.replays.values()
            if row.state in ("planned", "running")
            and row.requested_at is not None
            and (row.parts_done < row.parts or row.id in waits)
        ]

    def parked_imports(self, finished_by: datetime, longest: timedelta) -> Sequence[ImportRow]:
        """As the real one."""
        self._check()
        return [
            row
            for row in self._database.rows.imports.values()
            if row.state == "completed_with_failures"
            and row.finished_at
            and row.requested_at
            and DOWNLOAD_QUOTA in row.failures
            and row.finished_at <= finished_by
            and row.finished_at - row.requested_at <= longest
        ]

    def newest_round(self, import_id: str) -> int:
        """As the real one."""
        self._check()
        rows = self._database.rows
        files = [file for file in rows.files.values() if file.import_id == import_id]
        rounds = [round for file in files for round in (file.tried_round, file.retry_round)]
        return max([0, *(row.round for row in rows.imports.values()), *rounds])

    def pending_files(self, import_id: str, after: str) -> Sequence[UnfinishedItem]:
        """As the real one."""
        return self._files(import_id, after, _is_pending)

    def parked_files(self, import_id: str, after: str) -> Sequence[UnfinishedItem]:
        """As the real one."""
        return self._files(
            import_id, after, lambda row: row.state == "failed" and row.reason == DOWNLOAD_QUOTA
        )

    def open_folders(self, import_id: str, after: str) -> Sequence[UnfinishedItem]:
        """As the real one."""
        return self._folders(import_id, after, _is_open)

    def unfinished_folders(self, import_id: str, after: str) -> Sequence[str]:
        """As the real one."""
        pending = {row.folder_id for row in self._of(import_id) if _is_pending(row)}
        found = self._folders(
            import_id, after, lambda row: _is_open(row) or row.folder_id in pending
        )
        return [item.id for item in found]

    def _folders(
        self, import_id: str, after: str, wanted: Callable[[FolderRow], bool]
    ) -> Sequence[UnfinishedItem]:
        self._check()
        rows = [row for row in self._database.rows.folders.values() if row.import_id == import_id]
        found = (UnfinishedItem(r.folder_id, r.retry_round, r.path) for r in rows if wanted(r))
        return _page(found, after)

    def _files(
        self, import_id: str, after: str, wanted: Callable[[FileRow], bool]
    ) -> Sequence[UnfinishedItem]:
        self._check()
        rows = filter(wanted, self._of(import_id))
        return _page((UnfinishedItem(row.file_id, row.retry_round) for row in rows), after)

    def _of(self, import_id: str) -> list[FileRow]:
        return [row for row in self._database.rows.files.values() if row.import_id == import_id]


def _is_open(row: FolderRow) -> bool:
    return row.tried_round < row.retry_round


def _is_pending(row: FileRow) -> bool:
    return row.state == "pending" and (row.listed or row.outcome_at is not None)


def _page(items: Iterable[UnfinishedItem], after: str) -> list[UnfinishedItem]:
    return sorted((x for x in items if x.id > after), key=lambda x: x.id)[:PAGE]


class FakeLogOffsets:
    """`LogOffsets` on a `FakeLog`."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log

    def _check(self) -> None:
        if not self._log.available:
            raise KafkaUnavailableError("the broker is away")

    def committed(self, group: str) -> Mapping[Position, int]:
        """As the real one."""
        self._check()
        return {
            (topic, partition): offset
            for (name, topic, partition), (offset, _) in self._log.committed.items()
            if name == group
        }

    def bounds(self, topics: Sequence[str]) -> Mapping[Position, tuple[int, int]]:
        """As the real one."""
        self._check()
        return {
            (topic, partition): (0, len(self._log.records[topic, partition]))
            for topic in topics
            for partition in range(BY_NAME[topic].partitions)
        }
