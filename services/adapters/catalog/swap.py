"""New tables take the place of those in use, in one transaction: they move between schemas.

Their names stay, so it suits every search path, and a prepared statement is planned again by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.adapters.catalog.bulk import Cursor
from services.adapters.catalog.clone import Clone, quoted
from services.adapters.catalog.rows import metadata
from services.adapters.catalog.writer import refuse_other
from services.core.errors import Stop

OFFSETS = "consumed_offsets"
EVERY_TABLE = [OFFSETS, *sorted(metadata.tables.keys() - {OFFSETS})]
"""The offsets first: whoever holds a lock on them, such as the indexer, is waited for first."""
INDEXER_MS = 10_000
"""How long the swap waits for the indexer's transaction. No reader waits meanwhile."""
READERS_MS = 400
"""How long the swap waits for readers, and new ones for the swap. Below PostgreSQL's deadlock
timeout (1 s), so that no reader is ever chosen as the victim."""


@dataclass(frozen=True)
class Swap:
    """Of the tables in the schema `live`."""

    live: str

    @property
    def new(self) -> str:
        """The schema in which the new tables are made."""
        return f"{self.live}_rebuild"

    @property
    def replaced(self) -> str:
        """The schema that the old tables go to."""
        return f"{self.live}_replaced"

    @property
    def clone(self) -> Clone:
        return Clone(self.live, self.new)

    def in_use(self, table: str) -> str:
        return f"{quoted(self.live)}.{table}"

    def make(self, cursor: Cursor, catch_up: Callable[[], None]) -> None:
        """The indexer waits while `catch_up` adds what the log has now. If somebody is in the
        way, PostgreSQL cancels the query that waits."""
        self._lock(cursor, [OFFSETS], "EXCLUSIVE", INDEXER_MS)
        catch_up()
        self._lock(cursor, EVERY_TABLE, "ACCESS EXCLUSIVE", READERS_MS)
        self._refuse_other_version(cursor)
        self.refuse_views(cursor)
        self.clone.grant(cursor, EVERY_TABLE)
        cursor.execute(f"CREATE SCHEMA {quoted(self.replaced)}".encode())
        _move(cursor, self.live, self.replaced)
        _move(cursor, self.new, self.live)

    def refuse_views(self, cursor: Cursor) -> None:
        """A view would go on reading the old tables."""
        if views := ", ".join(sorted(self.clone.views(cursor, EVERY_TABLE))):
            raise Stop(
                "tables_in_use",
                f"These views would keep reading the old tables: {views}. Drop them, rebuild, and "
                "create them again.",
            )

    def _lock(self, cursor: Cursor, names: Sequence[str], mode: str, at_most_ms: int) -> None:
        """Until the transaction ends. The limit is of all tables together."""
        tables = ", ".join(self.in_use(name) for name in names)
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", (f"{at_most_ms}ms",))
        cursor.execute(f"LOCK TABLE {tables} IN {mode} MODE".encode())
        cursor.execute("SET LOCAL statement_timeout = 0")

    def _refuse_other_version(self, cursor: Cursor) -> None:
        """A migration may have been made meanwhile."""
        query = f"SELECT version_num FROM {self.in_use('alembic_version')}"
        (row,) = cursor.execute(query.encode()).fetchall()
        refuse_other(str(row["version_num"]))


def _move(cursor: Cursor, source: str, target: str) -> None:
    for name in EVERY_TABLE:
        table = f"{quoted(source)}.{name}"
        cursor.execute(f"ALTER TABLE {table} SET SCHEMA {quoted(target)}".encode())
