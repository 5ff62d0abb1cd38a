"""The SQL of imports, and of the folders of them that failed."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func, select, text, tuple_, union

from services.adapters.catalog.queries.columns import fields_of
from services.adapters.catalog.rows import OPEN, import_folders, imports
from services.adapters.catalog.views.imports import FailedFolder, ImportPlace, ImportProgress

_IMPORT = imports.c
FOLDER_FAILED = (
    import_folders.c.failed_at.is_not(None)
    & import_folders.c.closed.is_(False)
    & (import_folders.c.tried_round >= import_folders.c.retry_round)
)


def newest(before: ImportPlace | None, limit: int) -> Select[Any]:
    place = (_IMPORT.requested_at, _IMPORT.id)
    query = fields_of(ImportProgress).where(_IMPORT.requested_at.is_not(None))
    if before is not None:
        query = query.where(tuple_(*place) < tuple_(*before))
    return query.order_by(*(column.desc() for column in place)).limit(limit)


def by_id(ids: Collection[str]) -> Select[Any]:
    return fields_of(ImportProgress).where(_IMPORT.id.in_(ids))


def live(ids: Collection[str], newest: int, most_open: int) -> Select[Any]:
    placed = select(_IMPORT.id).where(_IMPORT.requested_at.is_not(None))
    ordered = placed.order_by(_IMPORT.requested_at.desc(), _IMPORT.id.desc()).limit(newest)
    is_open = select(_IMPORT.id).where(text(OPEN)).limit(most_open)
    wanted = union(
        select(_IMPORT.id).where(_IMPORT.id.in_(ids)),
        select(ordered.subquery().c.id),
        select(is_open.subquery().c.id),
    )
    return fields_of(ImportProgress).where(_IMPORT.id.in_(wanted))


def failed_folders(ids: Collection[str], limit: int) -> Select[Any]:
    """The first of each import, with its id."""
    row = import_folders.c
    number = func.row_number().over(partition_by=row.import_id, order_by=(row.path, row.folder_id))
    numbered = fields_of(FailedFolder).add_columns(row.import_id, number.label("number"))
    found = numbered.where(row.import_id.in_(ids), FOLDER_FAILED).subquery()
    query = select(found).where(found.c.number <= limit)
    return query.order_by(found.c.import_id, found.c.number)
