"""What of imports and replays is not done, for the indexer's recovery. Nothing is ever written.

Files and folders come by id, at most `PAGE` at a time, from behind `after` on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import dict_row

from services.adapters.catalog.connection import Session
from services.adapters.catalog.rows import OPEN, PARKED, ImportRow, OffsetRow, ReplayRow
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import PASSING, Position, unavailable
from services.core.errors import DOWNLOAD_QUOTA

PAGE = 1_000
"""The most of anything that one answer holds, and the most ids that one event may hold."""
PENDING = "state = 'pending' AND (listed OR outcome_at IS NOT NULL)"
"""Without the files that only a retry has named yet."""
OPEN_FOLDER = "tried_round < retry_round"
OPEN_REPLAY = """state IN ('planned', 'running') AND requested_at IS NOT NULL AND (
    parts_done < parts OR EXISTS (
        SELECT FROM replay_files AS file LEFT JOIN imports ON imports.id = file.import_id
        WHERE file.replay_id = replays.id AND file.state = 'pending'
        AND imports.control IS DISTINCT FROM 'paused'))"""


class UnfinishedItem(Struct, frozen=True):
    """A file or folder, the newest round in which it was to be tried again, and a folder's path."""

    id: str
    retry_round: int
    path: tuple[str, ...] = ()


class ReadsUnfinished(Protocol):
    """Synchronous. Every method raises `CatalogUnavailableError` for whatever may pass."""

    def close(self) -> None: ...
    def read_up_to(self) -> Mapping[Position, int]:
        """The indexer's next offset of each partition."""

    def open_imports(self) -> Sequence[ImportRow]:
        """Those that are neither paused nor ended."""

    def root_folder(self, import_id: str) -> str | None:
        """The folder that was listed as the import's root; None if none was."""

    def open_replays(self) -> Sequence[ReplayRow]:
        """Those that are neither paused nor ended, whose request is known, and that wait for more
        than files of paused imports."""

    def parked_imports(self, finished_by: datetime, longest: timedelta) -> Sequence[ImportRow]:
        """Those that have ended with files that Google withholds, at most `longest` after they were
        requested."""

    def newest_round(self, import_id: str) -> int:
        """The highest in which any import, or any file of this one, was tried or is to be."""

    def pending_files(self, import_id: str, after: str) -> Sequence[UnfinishedItem]: ...
    def parked_files(self, import_id: str, after: str) -> Sequence[UnfinishedItem]: ...
    def open_folders(self, import_id: str, after: str) -> Sequence[UnfinishedItem]: ...
    def unfinished_folders(self, import_id: str, after: str) -> Sequence[str]:
        """Those of the import's folders that are open, or that hold a pending file."""


FILES = "SELECT file_id AS id, retry_round FROM import_files WHERE import_id = %s"
NEXT_FILES = f"AND file_id > %s ORDER BY file_id LIMIT {PAGE}"
FOLDERS = "SELECT folder_id AS id, retry_round, path FROM import_folders WHERE import_id = %s"
NEXT_FOLDERS = f"AND folder_id > %s ORDER BY folder_id LIMIT {PAGE}"


class UnfinishedReader:
    """Fulfils `ReadsUnfinished` on one connection."""

    def __init__(self, settings: DatabaseSettings) -> None:
        session = Session(
            settings,
            connect_timeout="10",
            options="-c default_transaction_read_only=on -c statement_timeout=60s -c timezone=UTC",
            application_name="drivestream-recovery",
            tcp_user_timeout="30000",
        )
        try:
            self._connection = session.connect(
                autocommit=True,
                row_factory=dict_row,
                prepare_threshold=None,  # the tables behind the names may be swapped
            )
        except psycopg.Error as why:
            raise unavailable(why) from why

    def close(self) -> None:
        self._connection.close()

    def read_up_to(self) -> Mapping[Position, int]:
        found = self._rows("SELECT * FROM consumed_offsets")
        rows = msgspec.convert(found, list[OffsetRow])
        return {(row.topic, row.partition): row.next_offset for row in rows}

    def open_imports(self) -> Sequence[ImportRow]:
        query = f"SELECT * FROM imports WHERE {OPEN}"
        return msgspec.convert(self._rows(query), list[ImportRow])

    def root_folder(self, import_id: str) -> str | None:
        # A folder that only a retry has named has no path either.
        listed = "path = '{}' AND (closed OR failed_at IS NOT NULL OR retry_round = 0)"
        query = f"SELECT folder_id AS id FROM import_folders WHERE import_id = %s AND {listed}"
        found = self._rows(f"{query} ORDER BY folder_id LIMIT 1", import_id)
        return msgspec.convert(found[0]["id"], str) if found else None

    def open_replays(self) -> Sequence[ReplayRow]:
        query = f"SELECT * FROM replays WHERE {OPEN_REPLAY}"
        return msgspec.convert(self._rows(query), list[ReplayRow])

    def parked_imports(self, finished_by: datetime, longest: timedelta) -> Sequence[ImportRow]:
        query = (
            f"SELECT * FROM imports WHERE {PARKED} AND finished_at <= %s "
            f"AND finished_at - requested_at <= %s ORDER BY finished_at LIMIT {PAGE}"
        )
        found = self._rows(query, finished_by, longest)
        return msgspec.convert(found, list[ImportRow])

    def newest_round(self, import_id: str) -> int:
        query = (
            "SELECT greatest((SELECT max(round) FROM imports), (SELECT max(greatest(tried_round, "
            "retry_round)) FROM import_files WHERE import_id = %s), 0) AS round"
        )
        (row,) = self._rows(query, import_id)
        return msgspec.convert(row["round"], int)

    def pending_files(self, import_id: str, after: str) -> Sequence[UnfinishedItem]:
        return self._items(f"{FILES} AND {PENDING} {NEXT_FILES}", import_id, after)

    def parked_files(self, import_id: str, after: str) -> Sequence[UnfinishedItem]:
        parked = f"state = 'failed' AND reason = '{DOWNLOAD_QUOTA}'"
        return self._items(f"{FILES} AND {parked} {NEXT_FILES}", import_id, after)

    def open_folders(self, import_id: str, after: str) -> Sequence[UnfinishedItem]:
        query = f"{FOLDERS} AND {OPEN_FOLDER} {NEXT_FOLDERS}"
        return self._items(query, import_id, after)

    def unfinished_folders(self, import_id: str, after: str) -> Sequence[str]:
        pending = f"SELECT folder_id FROM import_files WHERE import_id = %s AND {PENDING}"
        query = f"{FOLDERS} AND ({OPEN_FOLDER} OR folder_id IN ({pending})) {NEXT_FOLDERS}"
        return [item.id for item in self._items(query, import_id, import_id, after)]

    def _items(self, query: str, *values: str) -> Sequence[UnfinishedItem]:
        return msgspec.convert(self._rows(query, *values), list[UnfinishedItem])

    def _rows(self, query: str, *values: object) -> list[dict[str, object]]:
        try:
            return self._connection.execute(query.encode(), values).fetchall()
        except PASSING as why:
            raise unavailable(why) from why
