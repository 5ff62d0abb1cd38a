"""The SQL of the files of an import."""

from typing import Any

from sqlalchemy import Select

from services.adapters.catalog.queries.columns import fields_of
from services.adapters.catalog.rows import images, import_files
from services.adapters.catalog.views.files import FileDetails, ImportFile, ManifestRow

_FILE = import_files.c


def page(
    import_id: str, state: str | None, reason: str | None, after: str | None, limit: int
) -> Select[Any]:
    query = fields_of(ImportFile).where(_FILE.import_id == import_id)
    if state is not None:
        query = query.where(_FILE.state == state)
    if reason is not None:
        query = query.where(_FILE.reason == reason)
    if after is not None:
        query = query.where(_FILE.file_id > after)
    return query.order_by(_FILE.file_id).limit(limit)


def manifest_page(import_id: str, in_store: bool, after: str, limit: int) -> Select[Any]:
    query = fields_of(ManifestRow).select_from(
        import_files.outerjoin(images, images.c.google_drive_id == _FILE.file_id)
    )
    query = query.where(_FILE.import_id == import_id, _FILE.file_id > after)
    if in_store:
        query = query.where(_FILE.state.in_(("stored", "unchanged")), _FILE.object_key.is_not(None))
    return query.order_by(_FILE.file_id).limit(limit)


def one(import_id: str, file_id: str) -> Select[Any]:
    return fields_of(FileDetails).where(_FILE.import_id == import_id, _FILE.file_id == file_id)
