"""Imports from both sides: the catalog's rows, and the requests that only Kafka knows yet.

Both lists have the same order, so the first `limit` of each contain the first `limit` of all.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from services.adapters.catalog.views import ImportPlace, ImportProgress, ReadsCatalog
from services.adapters.kafka.tail import Tail
from services.api.import_cache import ImportCache, completed
from services.api.reports import ImportView, view
from services.api.waiting import KAFKA_AWAY, NEEDED, waiting_for
from services.api.worker_cache import WorkerCache
from services.core.events import Waiting


class ImportViews:
    """Every import that is known, with what it waits for."""

    def __init__(
        self,
        catalog: ReadsCatalog,
        imports: ImportCache,
        workers: Tail[WorkerCache],
        now: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._imports = imports
        self._workers = workers
        self._now = now

    async def one(self, import_id: str) -> ImportView | None:
        """The import of this id, or None."""
        row = (await self._by_id([import_id])).get(import_id)
        return None if row is None else view(row, self._waiting_for(row))

    async def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportView]:
        """Newest first, those older than `before`."""
        rows = {r.id: r for r in await self._catalog.imports(before=before, limit=limit)}
        requests = self._imports.newest(before=before, limit=limit)
        rows |= await self._by_id([r.import_id for r in requests if r.import_id not in rows])
        newest = sorted(rows.values(), key=place_of, reverse=True)[:limit]
        return [view(row, self._waiting_for(row)) for row in newest]

    async def _by_id(self, ids: Sequence[str]) -> dict[str, ImportProgress]:
        """These imports, as far as either side knows them."""
        if not ids:
            return {}
        rows = await self._catalog.imports_by_id(ids)
        found: dict[str, ImportProgress] = {}
        for id in ids:
            row, request = rows.get(id), self._imports.request(id)
            if row is not None:
                found[id] = completed(row, request)
            elif request is not None:
                found[id] = self._imports.not_begun(request)
        return found

    def _waiting_for(self, row: ImportProgress) -> Waiting | None:
        tail = self._workers
        if tail.state.trouble is not None:
            return KAFKA_AWAY if row.state in NEEDED else None
        if not tail.state.caught_up:
            return None
        now = self._now()
        return waiting_for(row, tail.view.newest(now), now)


def place_of(row: ImportProgress) -> ImportPlace:
    """Where a row stands in the list, which holds only imports whose request is known."""
    assert row.requested_at is not None
    return ImportPlace(row.requested_at, row.id)
