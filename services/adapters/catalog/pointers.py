"""Which objects the rows point to, in the byte order of their keys: the order of a listing.

No index has that order, and one would cost each import more than all comparisons. So PostgreSQL
scans the tables and sorts once, and keeps the result outside of any transaction (a cursor `WITH
HOLD`), from which the pages come. No transaction lasts as long as the comparison does. A lost
connection costs another scan, of what follows the last page.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from services.adapters.catalog.connection import Session
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import PASSING, CatalogUnavailableError
from services.core.errors import Stop

PAGE = 10_000
STATEMENT_SECONDS = 1_800
"""The longest is the scan with its sort: minutes for tens of millions of rows."""
SORT_MEMORY = "64MB"
"""Of PostgreSQL; what is more, it sorts on disk."""
OF_FILES: LiteralString = """
SELECT object_key COLLATE "C" AS key, import_id COLLATE "C" AS import_id, file_id, stored_size,
    md5, sha256
FROM import_files
WHERE object_key IS NOT NULL AND outcome_at IS NOT NULL AND reason IS NULL
    AND (object_key COLLATE "C", import_id COLLATE "C") > (%(key)s, %(import)s)
    AND (%(only)s = '' OR import_id = %(only)s)
"""
OF_IMAGES: LiteralString = """
SELECT substr(storage_path, length(%(at)s) + 1) COLLATE "C" AS key, '' COLLATE "C" AS import_id,
    google_drive_id AS file_id, size AS stored_size, md5, sha256
FROM images
WHERE starts_with(storage_path, %(at)s)
    AND (substr(storage_path, length(%(at)s) + 1) COLLATE "C", '' COLLATE "C")
        > (%(key)s, %(import)s)
"""
OF_ONE: LiteralString = f"{OF_FILES} ORDER BY 1, 2"
BOTH: LiteralString = f"{OF_FILES} UNION ALL {OF_IMAGES} ORDER BY 1, 2"
DECLARE: LiteralString = "DECLARE pointers NO SCROLL CURSOR WITH HOLD FOR "
POINTED: LiteralString = """
SELECT object_key FROM import_files WHERE object_key = ANY(%(keys)s)
UNION SELECT substr(storage_path, length(%(at)s) + 1) FROM images
WHERE storage_path = ANY(%(paths)s)
"""
RUNNING: LiteralString = """
(SELECT 'import', id, state FROM imports WHERE state IN
    ('queued', 'listing', 'transferring', 'paused') ORDER BY id LIMIT 5)
UNION ALL (SELECT 'replay', id, state FROM replays WHERE state IN ('planned', 'running', 'paused')
    ORDER BY id LIMIT 5)
"""
KNOWN: LiteralString = """
SELECT id FROM imports WHERE id = ANY(%(ids)s) UNION SELECT id FROM replays WHERE id = ANY(%(ids)s)
"""


class Row(NamedTuple):
    """A row that points to an object, with what it says of the bytes. Without `import_id` it is one
    of `images`. A size in bytes or a checksum in hex may be unknown."""

    key: str
    import_id: str
    file_id: str
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None


class Running(NamedTuple):
    """What has not ended: an `import` or a `replay`."""

    kind: str
    id: str
    state: str


class PointerReader:
    """Synchronous, one connection, read only; a lost one is replaced at the next call. Raises
    `CatalogUnavailableError` for whatever may pass."""

    def __init__(self, settings: DatabaseSettings, bucket: str) -> None:
        self._session = Session(
            settings,
            connect_timeout="10",
            options="-c default_transaction_read_only=on -c timezone=UTC "
            f"-c statement_timeout={STATEMENT_SECONDS}s -c work_mem={SORT_MEMORY}",
            application_name="drivestream-verify",
            tcp_user_timeout="30000",
        )
        self._at = f"s3://{bucket}/"
        self._connection: psycopg.Connection[Any] | None = None
        self._sorted: tuple[tuple[str, str], str] | None = None
        """After which key and import the sorted rows go on, and which import's they are."""

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = self._sorted = None

    def page(self, after: tuple[str, str], only_import: str = "") -> Sequence[Row]:
        """The next rows after this key and import, at most `PAGE`; of one import or of all. Whoever
        goes on where the last page ended gets what was there when the first one was read."""
        with self._troubles():
            if self._sorted != (after, only_import):
                self._sort(after, only_import)
            fetch = sql.SQL("FETCH {} FROM pointers").format(PAGE)
            page = [Row(*row) for row in self._connected().execute(fetch)]
            if page:
                self._sorted = (page[-1].key, page[-1].import_id), only_import
            else:
                self._forget_sorted()
        return page

    def _sort(self, after: tuple[str, str], only_import: str) -> None:
        """Scan and sort all rows after this key and import, in place of those sorted before."""
        self._forget_sorted()
        values = {"key": after[0], "import": after[1], "only": only_import, "at": self._at}
        query = OF_ONE if only_import else BOTH
        # With parameters put in here, since the server takes none in such a statement.
        psycopg.ClientCursor(self._connected()).execute(DECLARE + query, values)
        self._sorted = after, only_import

    def _forget_sorted(self) -> None:
        if self._sorted is not None:
            self._connected().execute("CLOSE pointers")
        self._sorted = None

    def expected(self, only_import: str = "") -> int:
        """About how many objects rows point to. Rows of several imports may share one."""
        if only_import:
            query: LiteralString = (
                "SELECT count(object_key) FROM import_files WHERE import_id = %(only)s"
            )
        else:
            query = "SELECT count(*) FROM images WHERE starts_with(storage_path, %(at)s)"
        [(count,)] = self._rows(query, {"only": only_import, "at": self._at})
        return int(count)

    def elsewhere(self) -> int:
        """Images in other buckets than this one."""
        query: LiteralString = (
            "SELECT count(*) FROM images WHERE NOT starts_with(storage_path, %(at)s)"
        )
        [(count,)] = self._rows(query, {"at": self._at})
        return int(count)

    def pointed_to(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that any row points to, whatever its state."""
        paths = [f"{self._at}{key}" for key in keys]
        values = {"keys": [*keys], "paths": paths, "at": self._at}
        return {key for (key,) in self._rows(POINTED, values)} if keys else set()

    def running(self) -> Sequence[Running]:
        """The first few imports and replays that have not ended."""
        return [Running(*row) for row in self._rows(RUNNING, {})]

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that an import or a replay of this database has."""
        return {id for (id,) in self._rows(KNOWN, {"ids": [*ids]})}

    def read_up_to(self) -> Mapping[tuple[str, int], int]:
        """The next offset of each partition that the indexer has not counted yet."""
        query: LiteralString = "SELECT topic, partition, next_offset FROM consumed_offsets"
        return {(topic, partition): offset for topic, partition, offset in self._rows(query, {})}

    def _rows(self, query: LiteralString, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        with self._troubles():
            return self._connected().execute(query, values).fetchall()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            # The tables behind the names may be swapped, so nothing is prepared.
            self._connection = self._session.connect(autocommit=True, prepare_threshold=None)
        return self._connection

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as why:
            message = "The tables are missing or out of date. Run `drivestream setup`."
            raise Stop("database_not_ready", message) from why
        except PASSING as why:
            self.close()
            raise CatalogUnavailableError(str(why).strip().split("\n")[0]) from why
