"""Imports as one list: the catalog's rows, and those that only the log knows yet.

Both are ordered by the same key, so the first `limit` of each hold the first `limit` of all.
"""

from collections.abc import Sequence

from services.adapters.catalog.views import ImportPlace, ImportProgress, ReadsCatalog
from services.api.known_imports import KnownImports, completed, not_begun


class ImportViews:
    """What is known of imports, from both sides."""

    def __init__(self, catalog: ReadsCatalog, known: KnownImports) -> None:
        self._catalog = catalog
        self._known = known

    async def one(self, import_id: str) -> ImportProgress | None:
        """The import of this id, or None."""
        return (await self._by_id([import_id])).get(import_id)

    async def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportProgress]:
        """Newest first, those older than `before`."""
        rows = {r.id: r for r in await self._catalog.imports(before=before, limit=limit)}
        told = self._known.newest(before=before, limit=limit)
        missing = [k.request.import_id for k in told if k.request.import_id not in rows]
        every = rows | await self._by_id(missing)
        return sorted(every.values(), key=_place, reverse=True)[:limit]

    async def _by_id(self, ids: Sequence[str]) -> dict[str, ImportProgress]:
        """These imports, as far as either side knows them."""
        if not ids:
            return {}
        rows = await self._catalog.imports_by_id(ids)
        views: dict[str, ImportProgress] = {}
        for id in ids:
            row, known = rows.get(id), self._known.get(id)
            if row is not None:
                views[id] = completed(row, known)
            elif known is not None:
                views[id] = not_begun(known)
        return views


def place_of(row: ImportProgress) -> ImportPlace | None:
    """Where a row stands; None for one whose request nobody knows, which is in no list."""
    return None if row.requested_at is None else ImportPlace(row.requested_at, row.id)


def _place(row: ImportProgress) -> ImportPlace:
    place = place_of(row)
    assert place is not None, "rows of lists have been requested"
    return place
