"""A new generation of all tables: a schema of its own, filled while the old tables answer.

Everything that a rebuild must know to go on after a crash is in that schema, so there is no other
state. Tables are logged: PostgreSQL empties unlogged ones when it crashes, and to make them logged
later writes everything a second time.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import cast

import msgspec
import psycopg
from msgspec import Struct
from psycopg.types.json import Jsonb

from services.adapters.catalog.bulk import Cursor, copy_rows, select
from services.adapters.catalog.clone import quoted
from services.adapters.catalog.rows import (
    TABLES,
    FileRow,
    ImageRow,
    ImportRow,
    ReplayFileRow,
    ReplayRow,
    Rows,
)
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.swap import EVERY_TABLE, OFFSETS, Swap
from services.adapters.catalog.views.imports import ENDED_STATES
from services.adapters.catalog.writer import (
    OTHER_WAYS,
    CatalogUnavailableError,
    CatalogWriter,
    Position,
    by_position,
)
from services.core.errors import Stop
from services.core.events import LogEnd

LOCK = 0x64726976655F7231  # two rebuilds at once: the second refuses
FILE_FIELDS = {
    name: TABLES[row].name
    for name, row in (("files", FileRow), ("images", ImageRow), ("replay_files", ReplayFileRow))
}
"""Fields of `Rows` with one row or a few for each file: their rows are only ever added, and their
indexes are made when all are there."""
LOADED_IMAGES = "loaded_images"
SESSION = {
    "statement_timeout": "0",
    "maintenance_work_mem": "256MB",
    "work_mem": "128MB",
    # A rebuild that was killed while PostgreSQL makes an index gives its lock back at once.
    "client_connection_check_interval": "1s",
    **{f"enable_{way}": "on" for way in OTHER_WAYS},  # it joins whole tables, too
}


class DuplicateRowsError(Exception):
    """A file's events lie in several partitions, which no producer of ours does."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a generation is filled from: the log up to `ends`, in `partitions` x `slices` parts.

    A part is a slice of the file ids of one partition number of the `files.*` topics.
    """

    version: str
    topic_ids: dict[str, str]
    ends: tuple[LogEnd, ...]
    partitions: int
    slices: int


class Generation(CatalogWriter):
    """Writes to the new tables by their plain names. Raises as `CatalogWriter` does, and `Stop` for
    what needs a person."""

    lock = LOCK

    def __init__(self, settings: DatabaseSettings) -> None:
        super().__init__(settings)
        self.check_schema()
        query = (
            "SELECT nspname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE c.oid = to_regclass('consumed_offsets')"
        )
        self._swap = Swap(str(self._rows(query)[0]["name"]))
        with self._transaction() as cursor:
            for name, value in {**SESSION, "search_path": quoted(self._swap.new)}.items():
                # Not every system can check the connection of a client.
                refused = psycopg.errors.InvalidParameterValue
                with suppress(refused), self._connection.transaction():
                    cursor.execute("SELECT set_config(%s, %s, false)", (name, value))

    # --- beginning, and going on ---

    def plan(self) -> Plan | None:
        """What the generation is filled from; None if there is none yet."""
        if not self._exists("rebuild"):
            return None
        (row,) = self._rows("SELECT plan FROM rebuild")
        return msgspec.convert(row["plan"], Plan)

    def begin(self, plan: Plan, starts: Mapping[Position, tuple[str, int]]) -> None:
        """Make the schema with empty tables, all or nothing."""
        with self._transaction() as cursor:
            self._swap.refuse_views(cursor)
            try:
                cursor.execute(f"CREATE SCHEMA {quoted(self._swap.new)}".encode())
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.DuplicateSchema) as why:
                raise Stop(
                    "schema_refused", f"PostgreSQL did not create the schema: {why}"
                ) from None
            self._swap.clone.make(cursor, EVERY_TABLE)
            others = [name for name in EVERY_TABLE if name not in FILE_FIELDS.values()]
            for _, statement in self._swap.clone.missing_indexes(cursor, others):
                cursor.execute(statement.encode())
            cursor.execute("CREATE TABLE rebuild (plan JSONB NOT NULL)")
            plain = msgspec.to_builtins(plan)
            cursor.execute("INSERT INTO rebuild VALUES (%s)", (Jsonb(plain),))
            cursor.execute("CREATE TABLE parts (part BIGINT PRIMARY KEY)")
            count = plan.partitions * plan.slices
            cursor.execute("INSERT INTO parts SELECT generate_series(0, %s - 1)", (count,))
            cursor.execute("CREATE TABLE put_aside (part BIGINT NOT NULL, rows BYTEA NOT NULL)")
            # To compress them would take longer than to write them.
            cursor.execute("ALTER TABLE put_aside ALTER rows SET STORAGE EXTERNAL")
            cursor.execute(f"CREATE TABLE {LOADED_IMAGES} (LIKE images)")
            cursor.execute(f"ALTER TABLE {LOADED_IMAGES} DROP COLUMN id")
            self.begin_offsets(starts)

    def discard(self) -> bool:
        """Remove the generation, or what a swap has left; whether there was any."""
        with self._transaction() as cursor:
            found = [
                name for name in (self._swap.replaced, self._swap.new) if self._has_schema(name)
            ]
            for name in found:
                cursor.execute(f"DROP SCHEMA {quoted(name)} CASCADE".encode())
        return bool(found)

    def live_offsets(self) -> Mapping[Position, tuple[str, int]]:
        """The offsets of the tables that answer now, as `offsets`."""
        query = f"SELECT topic, partition, topic_id, next_offset FROM {self._swap.in_use(OFFSETS)}"
        with self._transaction() as cursor:
            return by_position(cursor.execute(query.encode()).fetchall())

    # --- filling ---

    def save_listed(
        self,
        before: Rows,
        after: Rows,
        moves: Mapping[Position, tuple[int, int]],
        aside: Mapping[int, bytes],
    ) -> None:
        """As `save`; and put rows aside, which are to be folded with what else is of their part."""
        with self._transaction() as cursor:
            cursor.executemany("INSERT INTO put_aside VALUES (%s, %s)", list(aside.items()))
            self.save(before, after, moves)

    def parts_left(self) -> Sequence[int]:
        return [int(str(r["part"])) for r in self._rows("SELECT part FROM parts ORDER BY part")]

    def put_aside(self, part: int) -> Sequence[bytes]:
        """What was put aside for a part."""
        found = self._rows("SELECT rows FROM put_aside WHERE part = %s", part)
        return [cast("bytes", row["rows"]) for row in found]

    def save_part(self, part: int, before: Rows, after: Rows) -> None:
        """Add a part's files and images, and write what changed of all else. Once a part."""
        with self._transaction() as cursor:
            if not cursor.execute("DELETE FROM parts WHERE part = %s", (part,)).rowcount:
                raise RuntimeError(f"part {part} was saved already")
            others = msgspec.structs.replace(after, **{name: {} for name in FILE_FIELDS})
            self.save(before, others, {})
            for field, table in FILE_FIELDS.items():
                rows = list(getattr(after, field).values())
                copy_rows(cursor, LOADED_IMAGES if table == "images" else table, rows)

    # --- ordering and indexing ---

    def order_images(self) -> None:
        """Fill `images`. An image keeps its id, so that lists stay in order and whoever pages
        through them goes on; a new one gets the next, by its time."""
        if not self._exists(LOADED_IMAGES):
            return
        columns = ", ".join(f'"{name}"' for name in ImageRow.__struct_fields__)
        listed = ", ".join(f'l."{name}"' for name in ImageRow.__struct_fields__)
        live = self._swap.in_use("images")
        query = f"""
            INSERT INTO images (id, {columns}) SELECT coalesce(o.id,
                (SELECT coalesce(max(id), 0) FROM {live})
                + row_number() OVER (PARTITION BY o.id IS NULL ORDER BY l.created_at,
                                     l.google_drive_id)) AS new_id, {listed}
            FROM {LOADED_IMAGES} l LEFT JOIN {live} o USING (google_drive_id) ORDER BY new_id
            """
        with self._transaction() as cursor:
            cursor.execute(query.encode())
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence('images', 'id'), "
                "coalesce(max(id), 1), max(id) IS NOT NULL) FROM images"
            )
            cursor.execute(f"DROP TABLE {LOADED_IMAGES}")
            cursor.execute("DROP TABLE put_aside")

    def missing_indexes(self) -> Sequence[tuple[str, str]]:
        """Names and statements of the indexes that the tables in use have and the new ones lack."""
        with self._transaction() as cursor:
            return self._swap.clone.missing_indexes(cursor, EVERY_TABLE)

    def make_index(self, statement: str) -> None:
        """Raises `DuplicateRowsError` if two parts hold rows of one key."""
        try:
            with self._transaction() as cursor:
                cursor.execute(statement.encode())
        except psycopg.errors.UniqueViolation as why:
            raise DuplicateRowsError from why

    def analyze(self) -> None:
        """Statistics for PostgreSQL's planner."""
        with self._transaction() as cursor:
            cursor.execute(f"ANALYZE {', '.join(EVERY_TABLE)}".encode())

    # --- swapping ---

    def swap(self, catch_up: Callable[[], None]) -> bool:
        """Put the new tables in the place of the old ones, all or nothing. The indexer waits while
        `catch_up` adds what the log has now. False if somebody is in the way: try again."""
        try:
            with self._transaction() as cursor:
                self._swap.make(cursor, catch_up)
        except CatalogUnavailableError as why:
            if isinstance(why.__cause__, psycopg.errors.QueryCanceled):
                return False
            raise
        return True

    def ended_since(self) -> Rows:
        """The imports and replays that have ended here, and not in the tables that answer now, or
        not in this state and round."""
        with self._transaction() as cursor:
            ids = {
                row: self._ended_since(cursor, TABLES[row].name) for row in (ImportRow, ReplayRow)
            }
            return Rows(
                imports=select(cursor, ImportRow, ids[ImportRow]),
                replays=select(cursor, ReplayRow, ids[ReplayRow]),
            )

    def _ended_since(self, cursor: Cursor, table: str) -> Sequence[str]:
        query = (
            f"SELECT new.id FROM {table} AS new "
            f"LEFT JOIN {self._swap.in_use(table)} AS old USING (id) "
            "WHERE new.state = ANY(%s) "
            "AND (old.state, old.round) IS DISTINCT FROM (new.state, new.round)"
        )
        found = cursor.execute(query.encode(), (list(ENDED_STATES),)).fetchall()
        return [str(row["id"]) for row in found]

    def swapped(self) -> bool:
        """Whether a swap was made whose old tables are still there."""
        return self._has_schema(self._swap.replaced)

    def _exists(self, table: str) -> bool:
        (row,) = self._rows("SELECT to_regclass(%s) AS found", f"{quoted(self._swap.new)}.{table}")
        return row["found"] is not None

    def _has_schema(self, name: str) -> bool:
        (row,) = self._rows("SELECT to_regnamespace(%s) AS found", quoted(name))
        return row["found"] is not None
