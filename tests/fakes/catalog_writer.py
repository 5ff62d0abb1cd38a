"""The catalog's writing side in memory: rows, offsets, and one lock. Passes the contract suite."""

from collections.abc import Callable, Mapping

from services.adapters.catalog.bulk import Packed
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.writer import (
    VERSION,
    CatalogUnavailableError,
    OvertakenError,
    Position,
    refuse_other,
)


class FakeDatabase:
    """What outlives a connection. `available = False` breaks every connection and refuses new."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.offsets: dict[Position, tuple[str, int]] = {}
        self.active: FakeCatalogWriter | None = None
        self.available = True
        self.version: str | None = VERSION
        self.generation = 0

    def replace_tables(self, offsets: Mapping[Position, tuple[str, int]]) -> None:
        """As a rebuild does at its end: other rows, other offsets."""
        self.rows, self.offsets = Rows(), dict(offsets)
        self.generation += 1


class FakeCatalogWriter:
    """One connection."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database
        self._generation: int | None = None
        self._check()

    def _check(self) -> None:
        if not self._database.available:
            raise CatalogUnavailableError("connection refused")

    def _check_tables(self) -> None:
        self._check()
        if self._generation not in (None, self._database.generation):
            raise OvertakenError("a rebuild has replaced the tables")

    def close(self) -> None:
        """Give the lock back."""
        if self._database.active is self:
            self._database.active = None

    def check_schema(self) -> None:
        """As the real one."""
        self._check()
        refuse_other(self._database.version)

    def take_lock(self) -> bool:
        """As the real one."""
        self._check()
        if self._database.active is None:
            self._database.active = self
        return self._database.active is self

    def offsets(self) -> Mapping[Position, tuple[str, int]]:
        """As the real one."""
        self._check()
        self._generation = self._database.generation
        return dict(self._database.offsets)

    def begin_offsets(self, starts: Mapping[Position, tuple[str, int]]) -> None:
        """As the real one."""
        self._check()
        for position, start in starts.items():
            self._database.offsets.setdefault(position, start)

    def restart_offsets(self, starts: Mapping[Position, tuple[str, int]]) -> None:
        """As the real one."""
        self._check()
        self._database.offsets |= starts

    def load(self, wanted: Rows) -> Rows:
        """As the real one."""
        return self.ask(wanted)()

    def ask(self, wanted: Rows) -> Callable[[], Rows]:
        """As the real one."""
        self._check_tables()
        rows = self._database.rows
        imports = {k: rows.imports[k] for k in wanted.imports if k in rows.imports}
        roots = {(row.id, row.folder_id) for row in imports.values() if row.folder_id}
        found = Rows(
            imports=imports,
            folders={
                k: rows.folders[k] for k in wanted.folders.keys() | roots if k in rows.folders
            },
            files={k: rows.files[k] for k in wanted.files if k in rows.files},
            images={k: rows.images[k] for k in wanted.images if k in rows.images},
            replays={k: rows.replays[k] for k in wanted.replays if k in rows.replays},
            replay_files={
                k: rows.replay_files[k] for k in wanted.replay_files if k in rows.replay_files
            },
        )
        return lambda: found

    def save(
        self,
        before: Rows,
        after: Rows,
        moves: Mapping[Position, tuple[int, int]],
        packed: Packed | None = None,
    ) -> None:
        """As the real one."""
        self._check_tables()
        known = self._database.offsets
        late = [p for p, (start, _) in moves.items() if p not in known or known[p][1] != start]
        if late:
            raise OvertakenError(f"{len(late)} of {len(moves)} partitions")
        rows = self._database.rows
        rows.imports.update(after.imports)
        rows.folders.update(after.folders)
        rows.files.update(after.files)
        rows.images.update(after.images)
        rows.replays.update(after.replays)
        rows.replay_files.update(after.replay_files)
        for position, (_, end) in moves.items():
            known[position] = (known[position][0], end)
