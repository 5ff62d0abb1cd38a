"""The writer of rows, with a span for each batch where it is traced."""

from collections.abc import Mapping

from services.adapters.catalog.bulk import Packed
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter, Position
from services.adapters.tracing.port import Tracing


class TracedWriter(CatalogWriter):
    def __init__(self, settings: DatabaseSettings, tracing: Tracing) -> None:
        super().__init__(settings)
        self._tracing = tracing

    def save(
        self,
        before: Rows,
        after: Rows,
        moves: Mapping[Position, tuple[int, int]],
        packed: Packed | None = None,
    ) -> None:
        with self._tracing.saving(moves):
            super().save(before, after, moves, packed)
