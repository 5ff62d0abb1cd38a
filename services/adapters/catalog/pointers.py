"""Which objects the rows point to, in the byte order of their keys: the order of a listing.

No index has that order. A page costs one scan of the tables, and PostgreSQL keeps only the page in
memory, so pages are large. Each page is a statement of its own: no transaction lasts as long as the
comparison does, and a lost connection costs a page.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, LiteralString, NamedTuple

import psycopg

from services.adapters.catalog.connection import Session
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import PASSING, CatalogUnavailableError
from services.core.errors import Stop

PAGE = 50_000
PAGE_SECONDS = 300
SORT_MEMORY = "64MB"
"""Of PostgreSQL: a page must fit, or it would sort all rows on disk."""
OF_FILES: LiteralString = """
SELECT object_key COLLATE "C" AS key, import_id COLLATE "C" AS import_id, file_id, stored_size,
    md5, sha256
FROM import_files
WHERE object_key IS NOT NULL AND outcome_at IS NOT NULL AND reason IS NULL
    AND (object_key COLLATE "C", import_id COLLATE "C") > (%(key)s, %(import)s)
    AND (%(only)s = '' OR import_id = %(only)s)
ORDER BY 1, 2 LIMIT %(page)s
"""
OF_IMAGES: LiteralString = """
SELECT substr(storage_path, length(%(at)s) + 1) COLLATE "C" AS key, '' COLLATE "C" AS import_id,
    google_drive_id AS file_id, size AS stored_size, md5, sha256
FROM images
WHERE starts_with(storage_path, %(at)s)
    AND (substr(storage_path, length(%(at)s) + 1) COLLATE "C", '' COLLATE "C")
        > (%(key)s, %(import)s)
ORDER BY 1, 2 LIMIT %(page)s
"""
BOTH: LiteralString = f"({OF_FILES}) UNION ALL ({OF_IMAGES}) ORDER BY 1, 2 LIMIT %(page)s"
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
            f"-c statement_timeout={PAGE_SECONDS}s -c work_mem={SORT_MEMORY}",
            application_name="drivestream-verify",
            tcp_user_timeout="30000",
        )
        self._at = f"s3://{bucket}/"
        self._connection: psycopg.Connection[Any] | None = None

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def page(self, after: tuple[str, str], only_import: str = "") -> Sequence[Row]:
        """The next rows after this key and import, at most `PAGE`; of one import or of all."""
        query = OF_FILES if only_import else BOTH
        values = {"key": after[0], "import": after[1], "only": only_import, "page": PAGE}
        return [Row(*row) for row in self._rows(query, values | {"at": self._at})]

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
        try:
            if self._connection is None:
                # The tables behind the names may be swapped, so nothing is prepared.
                self._connection = self._session.connect(autocommit=True, prepare_threshold=None)
            return self._connection.execute(query, values).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as why:
            message = "The tables are missing or out of date. Run `drivestream setup`."
            raise Stop("database_not_ready", message) from why
        except PASSING as why:
            self.close()
            raise CatalogUnavailableError(str(why).strip().split("\n")[0]) from why
