"""The one writer: rows and consumed offsets in one transaction, on a connection that holds a lock.

Whoever holds the advisory lock is the active indexer; it holds it on the connection that it writes
with, so who has lost the lock cannot write. The offsets are compared before they are set: a batch
that was counted already, by whomever, fails whole.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy import Table

from services.adapters.catalog.rows import (
    FileRow,
    FolderRow,
    ImageRow,
    ImportRow,
    Keys,
    PageRow,
    Rows,
)
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.tables import (
    images,
    import_files,
    import_folders,
    import_pages,
    imports,
)

Position = tuple[str, int]
Row = TypeVar("Row", FileRow, FolderRow, ImageRow, ImportRow, PageRow)
Key = TypeVar("Key")
LOCK = 0x64726976655F7331  # "drive_s1": any constant will do, as long as all indexers agree
CONNECT_SECONDS = 10
STATEMENT_MS = 120_000
# What passes without a change of ours: an outage, or tables that `setup` has yet to make. Whatever
# else PostgreSQL refuses is a fault of this program, and ends it.
PASSING = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable)
NUL = "\x00"
EARLIEST, LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


class _Consumed(msgspec.Struct):
    topic: str
    partition: int
    topic_id: str
    next_offset: int


class CatalogUnavailableError(Exception):
    """PostgreSQL did not answer, or the connection broke: connect again, read the offsets again."""


class OvertakenError(Exception):
    """The offsets in the database are not the ones that this batch starts from."""


class CatalogWriter:
    """Synchronous, one connection. Raises `CatalogUnavailableError` for whatever may pass."""

    def __init__(self, settings: DatabaseSettings) -> None:
        try:
            self._connection = psycopg.connect(
                settings.url.reveal(),
                connect_timeout=CONNECT_SECONDS,
                options=f"-c statement_timeout={STATEMENT_MS} -c timezone=UTC",
                application_name="drivestream-indexer",
                # A host that vanishes is noticed in half a minute, not by the system's hours.
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
                tcp_user_timeout=30_000,
            )
        except psycopg.Error as why:
            raise CatalogUnavailableError(_first_line(why)) from why

    def close(self) -> None:
        """Give the connection back, and the lock with it."""
        self._connection.close()

    def take_lock(self) -> bool:
        """True if this connection is now, or was already, the active writer's."""
        with self._transaction() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s) AS locked", (LOCK,))
            row = cursor.fetchone()
            return bool(row and row["locked"])

    def offsets(self) -> Mapping[Position, tuple[str, int]]:
        """The next offset to read of each partition, with the id of its topic."""
        with self._transaction() as cursor:
            cursor.execute("SELECT topic, partition, topic_id, next_offset FROM consumed_offsets")
            rows = [msgspec.convert(row, _Consumed) for row in cursor]
        return {(row.topic, row.partition): (row.topic_id, row.next_offset) for row in rows}

    def begin_offsets(self, starts: Mapping[Position, tuple[str, int]]) -> None:
        """Note where reading starts in partitions that are not known yet."""
        with self._transaction() as cursor:
            cursor.executemany(
                "INSERT INTO consumed_offsets (topic, partition, topic_id, next_offset) "
                "VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [(*position, *start) for position, start in starts.items()],
            )

    def load(self, keys: Keys) -> Rows:
        """What exists of these rows, and the root folders of these imports."""
        with self._transaction() as cursor:
            found = Rows()
            for imported in _select(cursor, imports, ImportRow, [(k,) for k in keys.imports]):
                found.imports[imported.id] = imported
            roots = {(i.id, i.folder_id) for i in found.imports.values() if i.folder_id}
            for folder in _select(cursor, import_folders, FolderRow, [*keys.folders | roots]):
                found.folders[folder.import_id, folder.folder_id] = folder
            for page in _select(cursor, import_pages, PageRow, [*keys.pages]):
                key = (page.import_id, page.folder_id, page.pass_number, page.page_number)
                found.pages[key] = page
            for file in _select(cursor, import_files, FileRow, [*keys.files]):
                found.files[file.import_id, file.file_id] = file
            by_drive_id = [(key,) for key in keys.images]
            for image in _select(cursor, images, ImageRow, by_drive_id):
                found.images[image.google_drive_id] = image
            return found

    def save(self, before: Rows, after: Rows, moves: Mapping[Position, tuple[int, int]]) -> None:
        """Write what changed, and move each offset from the first to the second value; all or
        nothing. Raises `OvertakenError` if an offset is not where the batch began."""
        with self._transaction() as cursor:
            _upsert(cursor, imports, _changed(before.imports, after.imports))
            _upsert(cursor, import_folders, _changed(before.folders, after.folders))
            _upsert(cursor, import_pages, _changed(before.pages, after.pages))
            _upsert(cursor, import_files, _changed(before.files, after.files))
            _upsert(cursor, images, _changed(before.images, after.images))
            _move(cursor, moves)

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._connection)


class _Transaction:
    """A cursor within one transaction; psycopg's errors leave it as ours."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._cursor: psycopg.Cursor[dict[str, object]] | None = None

    def __enter__(self) -> "psycopg.Cursor[dict[str, object]]":
        try:
            self._cursor = self._connection.cursor(row_factory=dict_row)
        except psycopg.Error as why:
            raise CatalogUnavailableError(_first_line(why)) from why
        return self._cursor

    def __exit__(self, _kind: object, why: BaseException | None, _at: object) -> None:
        try:
            if self._cursor is not None:
                self._cursor.close()
            if why is None:
                self._connection.commit()
            elif not self._connection.closed:
                self._connection.rollback()
        except PASSING as broken:
            raise CatalogUnavailableError(_first_line(broken)) from broken
        if isinstance(why, PASSING):
            raise CatalogUnavailableError(_first_line(why)) from why


def _first_line(why: BaseException) -> str:
    return str(why).strip().split("\n")[0] or type(why).__name__


def _key_columns(table: Table) -> list[str]:
    """What identifies a row to the fold: for images the Drive id, not the surrogate."""
    if table is images:
        return ["google_drive_id"]
    return [column.name for column in table.primary_key]


def _columns(table: Table) -> list[str]:
    return [c.name for c in table.columns if not (table is images and c.name == "id")]


def _sql_type(table: Table, column: str) -> sql.SQL:
    return sql.SQL(str(table.c[column].type))


def _select(
    cursor: "psycopg.Cursor[dict[str, object]]",
    table: Table,
    row: type[Row],
    keys: Sequence[tuple[object, ...]],
) -> list[Row]:
    if not keys:
        return []
    names = _key_columns(table)
    columns = sql.SQL(", ").join(sql.Identifier("t", name) for name in _columns(table))
    arrays = sql.SQL(", ").join(
        sql.SQL("{}::{}[]").format(sql.Placeholder(), _sql_type(table, name)) for name in names
    )
    query = sql.SQL("SELECT {} FROM {} t JOIN unnest({}) AS k({}) USING ({})").format(
        columns,
        sql.Identifier(table.name),
        arrays,
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(map(sql.Identifier, names)),
    )
    cursor.execute(query, [list(values) for values in zip(*keys, strict=True)])
    return [msgspec.convert(found, row) for found in cursor]


def _changed(before: Mapping[Key, Row], after: Mapping[Key, Row]) -> list[Row]:
    return [row for key, row in after.items() if row is not before.get(key)]


def _upsert(cursor: "psycopg.Cursor[dict[str, object]]", table: Table, rows: Sequence[Row]) -> None:
    """COPY into a temporary table, then one insert that overwrites: the fold has merged already."""
    if not rows:
        return
    columns, keys = _columns(table), _key_columns(table)
    target, staged = sql.Identifier(table.name), sql.Identifier(f"staged_{table.name}")
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    cursor.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS "
            "SELECT {} FROM {} WITH NO DATA"
        ).format(staged, listed, target)
    )
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(staged, listed)) as copy:
        for row in rows:
            copy.write_row([_value(getattr(row, name)) for name in columns])
    setters = sql.SQL(", ").join(
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name))
        for name in columns
        if name not in keys
    )
    cursor.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT ({}) DO UPDATE SET {}").format(
            target,
            listed,
            listed,
            staged,
            sql.SQL(", ").join(map(sql.Identifier, keys)),
            setters,
        )
    )


def _value(value: object) -> object:
    """A column's value. PostgreSQL's text cannot hold NUL, which a file's name can; and what is in
    year 10,000 in UTC, Python could not read again."""
    if isinstance(value, str):
        return value.replace(NUL, "\ufffd") if NUL in value else value
    if isinstance(value, datetime):
        return min(max(value, EARLIEST), LATEST)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    return Jsonb(value) if isinstance(value, dict) else value


def _move(
    cursor: "psycopg.Cursor[dict[str, object]]", moves: Mapping[Position, tuple[int, int]]
) -> None:
    if not moves:
        return
    rows = [(topic, partition, *ends) for (topic, partition), ends in moves.items()]
    cursor.execute(
        "UPDATE consumed_offsets c SET next_offset = m.after "
        "FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) "
        "AS m(topic, partition, before, after) "
        "WHERE (c.topic, c.partition, c.next_offset) = (m.topic, m.partition, m.before)",
        [list(column) for column in zip(*rows, strict=True)],
    )
    if cursor.rowcount != len(rows):
        raise OvertakenError(
            f"{len(rows) - cursor.rowcount} of {len(rows)} partitions were consumed by another "
            "indexer meanwhile"
        )
