"""The SQL of replays, and of the files that one has still to process."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, tuple_

from services.adapters.catalog.queries.columns import fields_of
from services.adapters.catalog.rows import import_files, replay_files, replays
from services.adapters.catalog.views.imports import ImportPlace
from services.adapters.catalog.views.replays import ReplayFile, ReplayProgress


def newest(before: ImportPlace | None, limit: int) -> Select[Any]:
    place = (replays.c.requested_at, replays.c.id)
    query = fields_of(ReplayProgress).where(replays.c.requested_at.is_not(None))
    if before is not None:
        query = query.where(tuple_(*place) < tuple_(*before))
    return query.order_by(*(column.desc() for column in place)).limit(limit)


def by_id(ids: Collection[str]) -> Select[Any]:
    return fields_of(ReplayProgress).where(replays.c.id.in_(ids))


def pending_files(replay_id: str, limit: int) -> Select[Any]:
    row, file = replay_files.c, import_files.c
    same = (file.import_id == row.import_id) & (file.file_id == row.file_id)
    query = fields_of(ReplayFile).select_from(replay_files.outerjoin(import_files, same))
    query = query.where(row.replay_id == replay_id, row.state == "pending")
    return query.order_by(row.import_id, row.file_id).limit(limit)
