"""The SQL of the ids of all that failed in an import and is to be tried again."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, false, select, union

from services.adapters.catalog.queries.imports import FOLDER_FAILED
from services.adapters.catalog.rows import FROM_FOUND, import_files, import_folders
from services.adapters.catalog.views.imports import RetryFilter

_FILE = import_files.c


def files(import_id: str, wanted: RetryFilter, after: str | None, limit: int) -> Select[Any]:
    query = select(_FILE.file_id.label("id"))
    query = query.where(_FILE.import_id == import_id, *_failed_files(wanted))
    return _page(query, _FILE.file_id, after, limit)


def folders(import_id: str, wanted: RetryFilter, after: str | None, limit: int) -> Select[Any]:
    row = import_folders.c
    failed = select(row.folder_id).where(row.import_id == import_id, FOLDER_FAILED)
    if wanted.files is not None:
        failed = failed.where(false())
    if wanted.folders is not None:
        failed = failed.where(row.folder_id.in_(wanted.folders))
    if wanted.reason is not None:
        failed = failed.where(row.reason == wanted.reason)
    never_found = select(_FILE.folder_id).where(
        _FILE.import_id == import_id,
        _FILE.metadata_source < FROM_FOUND,
        *_failed_files(wanted),
    )
    both = union(failed, never_found).subquery()
    return _page(select(both.c.folder_id.label("id")), both.c.folder_id, after, limit)


def _failed_files(wanted: RetryFilter) -> Iterator[ColumnElement[bool]]:
    yield _FILE.state == "failed"
    yield _FILE.folder_id != ""  # else nobody knows where to look for it
    if wanted.folders is not None:
        yield false()
    if wanted.files is not None:
        yield _FILE.file_id.in_(wanted.files)
    if wanted.reason is not None:
        yield _FILE.reason == wanted.reason


def _page(query: Select[Any], id: ColumnElement[str], after: str | None, limit: int) -> Select[Any]:
    if after is not None:
        query = query.where(id > after)
    return query.order_by(id).limit(limit)
