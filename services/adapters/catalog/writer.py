"""The one writer: rows and consumed offsets in one transaction, on a connection that holds a lock.

Whoever holds the advisory lock is the active indexer. It writes on the connection that holds the
lock, so an indexer that has lost it cannot write. A batch that was counted already fails whole.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import LiteralString

import msgspec
import psycopg
from psycopg.rows import dict_row

from services.adapters.catalog.bulk import Cursor, Packed, ask, pack, select, upsert
from services.adapters.catalog.connection import Session, first_line
from services.adapters.catalog.rows import (
    CHANNEL,
    FileRow,
    FolderRow,
    ImageRow,
    ImportRow,
    OffsetRow,
    ReplayFileRow,
    ReplayRow,
    Rows,
)
from services.adapters.catalog.settings import DatabaseSettings
from services.core.errors import Stop

Position = tuple[str, int]
VERSION = "0003"
"""The newest migration. Revisions are numbers of four digits, so they compare as text."""
OTHER_WAYS = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")
"""Ways to find rows that PostgreSQL does without here: this writer looks up rows by their keys, and
by stale statistics PostgreSQL would scan a whole table for each batch."""
LOCK = 0x64726976655F7331  # "drive_s1": any constant will do, as long as all indexers agree
# What passes without a change of ours: an outage, a server that is a standby for now, or tables
# that are being replaced. Whatever else PostgreSQL refuses is a fault of this program, and ends it.
PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.UndefinedTable,
)


class CatalogUnavailableError(Exception):
    """PostgreSQL did not answer, or the connection broke: connect again, read the offsets again."""


class OvertakenError(Exception):
    """The offsets in the database are not the ones that this batch starts from, or a rebuild has
    replaced the tables since they were read."""


class CatalogWriter:
    """Synchronous, one connection. Raises `CatalogUnavailableError` for whatever may pass."""

    lock = LOCK
    _tables: object = None
    """The table that the offsets were read from. After a rebuild its name is another table's."""

    def __init__(self, settings: DatabaseSettings) -> None:
        session = Session(
            settings,
            connect_timeout="10",
            options="-c statement_timeout=120s -c timezone=UTC"
            + "".join(f" -c enable_{way}=off" for way in OTHER_WAYS),
            application_name="drivestream-indexer",
            # A host that vanishes is noticed in half a minute, not by the system's hours.
            keepalives_idle="10",
            keepalives_interval="5",
            keepalives_count="3",
            tcp_user_timeout="30000",
        )
        try:
            self._connection = session.connect(row_factory=dict_row)
        except psycopg.Error as why:
            raise unavailable(why) from why

    def close(self) -> None:
        # PostgreSQL notices late that a connection is closed. A lock that was not given back would
        # keep the next indexer waiting until then.
        with suppress(psycopg.Error):
            self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()

    def check_schema(self) -> None:
        """Raise `CatalogUnavailableError` for older tables or none, since `setup` may still be at
        work, and `Stop` for newer ones."""
        (found,) = self._rows("SELECT to_regclass('alembic_version') AS table")
        rows = self._rows("SELECT version_num FROM alembic_version") if found["table"] else []
        refuse_other(max((str(row["version_num"]) for row in rows), default=None))

    def take_lock(self) -> bool:
        """Whether this connection is the active writer's, now or already."""
        (row,) = self._rows("SELECT pg_try_advisory_lock(%s) AS locked", self.lock)
        return bool(row["locked"])

    def offsets(self) -> Mapping[Position, tuple[str, int]]:
        """The next offset to read of each partition, with the id of its topic."""
        with self._transaction() as cursor:
            self._tables = _tables_now(cursor)
            found = cursor.execute(
                "SELECT topic, partition, topic_id, next_offset FROM consumed_offsets"
            ).fetchall()
        return by_position(found)

    def begin_offsets(self, starts: Mapping[Position, tuple[str, int]]) -> None:
        with self._transaction() as cursor:
            cursor.executemany(
                "INSERT INTO consumed_offsets (topic, partition, topic_id, next_offset) "
                "VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [(*position, *start) for position, start in starts.items()],
            )

    def restart_offsets(self, starts: Mapping[Position, tuple[str, int]]) -> None:
        """Read these partitions from here on, as those of the topics with these ids."""
        with self._transaction() as cursor:
            cursor.executemany(
                "UPDATE consumed_offsets SET topic_id = %s, next_offset = %s "
                "WHERE (topic, partition) = (%s, %s)",
                [(*start, *position) for position, start in starts.items()],
            )

    def load(self, wanted: Rows) -> Rows:
        """What exists of the rows of these keys, and the root folders of these imports. Raises
        `OvertakenError` if a rebuild has replaced the tables since the offsets were read."""
        return self.ask(wanted)()

    def ask(self, wanted: Rows) -> Callable[[], Rows]:
        """As `load`, of this moment; the rows are made once they are called for. By then this
        writer may already save others, on another thread."""
        with self._transaction() as cursor:
            self._refuse_other_tables(cursor)
            imports = select(cursor, ImportRow, wanted.imports)
            roots = {(row.id, row.folder_id) for row in imports.values() if row.folder_id}
            new = self._connection.cursor  # each answer stays in its own
            folders = ask(new(), FolderRow, wanted.folders.keys() | roots)
            files = ask(new(), FileRow, wanted.files)
            images = ask(new(), ImageRow, wanted.images)
            replays = ask(new(), ReplayRow, wanted.replays)
            replay_files = ask(new(), ReplayFileRow, wanted.replay_files)
        return lambda: Rows(
            imports=imports,
            folders=folders(),
            files=files(),
            images=images(),
            replays=replays(),
            replay_files=replay_files(),
        )

    def save(
        self,
        before: Rows,
        after: Rows,
        moves: Mapping[Position, tuple[int, int]],
        packed: Packed | None = None,
    ) -> None:
        """Write what changed, and move each offset from the first to the second value; all or
        nothing. `packed` is what changed, if that was packed before. Raises `OvertakenError` if an
        offset is not where the batch began, or if a rebuild has replaced the tables since the
        offsets were read."""
        with self._transaction() as cursor:
            self._refuse_other_tables(cursor)
            for row, lines in pack(before, after) if packed is None else packed:
                upsert(cursor, row, lines)
            cursor.execute(f"NOTIFY {CHANNEL}".encode())
            if not moves:
                return
            cursor.executemany(
                "UPDATE consumed_offsets SET next_offset = %s "
                "WHERE (topic, partition, next_offset) = (%s, %s, %s)",
                [(end, *position, start) for position, (start, end) in moves.items()],
            )
            if late := len(moves) - cursor.rowcount:
                raise OvertakenError(
                    f"{late} of {len(moves)} partitions were consumed by another indexer meanwhile"
                )

    def _refuse_other_tables(self, cursor: Cursor) -> None:
        if self._tables is not None and _tables_now(cursor) != self._tables:
            raise OvertakenError("a rebuild has replaced the tables")

    def _rows(self, query: LiteralString, *values: object) -> list[dict[str, object]]:
        with self._transaction() as cursor:
            return cursor.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                yield cursor
        except PASSING as why:
            raise unavailable(why) from why


def by_position(found: list[dict[str, object]]) -> Mapping[Position, tuple[str, int]]:
    """Rows of `consumed_offsets`."""
    rows = msgspec.convert(found, list[OffsetRow])
    return {(row.topic, row.partition): (row.topic_id, row.next_offset) for row in rows}


def _tables_now(cursor: Cursor) -> object:
    """The identity of the table of offsets, which no rebuild can replace before this transaction
    has ended."""
    cursor.execute("LOCK TABLE consumed_offsets IN ROW SHARE MODE")
    cursor.execute("SELECT to_regclass('consumed_offsets')::oid AS tables")
    return cursor.fetchall()[0]["tables"]


def unavailable(why: Exception) -> CatalogUnavailableError:
    return CatalogUnavailableError(first_line(why) or type(why).__name__)


def other_version(found: str | None) -> str:
    """A sentence; empty for tables of this version."""
    if found is not None and found > VERSION:
        return (
            f"The tables have version {found}, and this service supports up to {VERSION}. Run the "
            "newer version of Drivestream."
        )
    if found is None:
        return "The database has no tables. Run `drivestream setup`."
    older = f"The tables have version {found}, and not yet {VERSION}. Run `drivestream setup`."
    return "" if found == VERSION else older


def refuse_newer(found: str | None) -> None:
    if found is not None and found > VERSION:
        raise Stop("schema_newer", f"{other_version(found)} Until then, it writes nothing.")


def refuse_other(found: str | None) -> None:
    refuse_newer(found)
    if why := other_version(found):
        raise CatalogUnavailableError(why)
