"""Rows of `images`: the newest object of a file, and the newest metadata, whichever import and
whichever outcome brought them. A file that is unchanged may still have a new folder, path or name.

A failure makes and changes no row here: the table holds what is stored.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from services.adapters.catalog.rows import ImageRow
from services.core import events as e
from services.indexer.imports import LONG_AGO


def keys(event: e.Message) -> Iterator[str]:
    """The Drive id of a file that is stored."""
    if isinstance(event, e.FileStored):
        yield event.file.file_id


def merge(rows: dict[str, ImageRow], event: e.Message) -> None:
    """Put what a `FileStored` says into the file's row."""
    if isinstance(event, e.FileStored):
        key = event.file.file_id
        old, new = rows.get(key), _row_of(event)
        rows[key] = new if old is None else _merged(old, new)


def _row_of(event: e.FileStored) -> ImageRow:
    """The row that this event alone would make."""
    file = event.file
    return ImageRow(
        google_drive_id=file.file_id,
        name=file.name,
        size=event.size,
        mime_type=file.mime_type,
        storage_path=f"s3://{event.bucket}/{event.object_key}",
        created_at=event.stored_at,
        folder_id=file.folder_id,
        path=file.path,
        md5=event.md5 or file.md5,
        sha256=event.sha256 or file.sha256,
        width=file.width,
        height=file.height,
        modified_at=file.modified_time,
        metadata_at=file.found_at,
        drive_version=file.version,
        fetched=not event.unchanged,
        updated_at=event.stored_at,
    )


def _merged(old: ImageRow, new: ImageRow) -> ImageRow:
    """The object of one, the metadata of one, and the time when the file was stored first.

    Both orders begin with Drive's version, so object and metadata are of one version.
    """
    image = max(old, new, key=_object_order)
    metadata = max(old, new, key=_metadata_order)
    created_at = min(old.created_at, new.created_at)
    if image is metadata is old and created_at == old.created_at:
        return old
    return replace(
        image,
        created_at=created_at,
        name=metadata.name,
        mime_type=metadata.mime_type,
        folder_id=metadata.folder_id,
        path=metadata.path,
        width=metadata.width,
        height=metadata.height,
        modified_at=metadata.modified_at,
        metadata_at=metadata.metadata_at,
    )


def _object_order(row: ImageRow) -> tuple[object, ...]:
    rest = row.storage_path, row.size, row.md5 or "", row.sha256 or ""
    return row.drive_version, row.fetched, row.updated_at, *rest


def _metadata_order(row: ImageRow) -> tuple[object, ...]:
    place = row.name, row.mime_type, row.folder_id, row.path
    pixels = (-1 if number is None else number for number in (row.width, row.height))
    return row.drive_version, row.metadata_at, *place, *pixels, row.modified_at or LONG_AGO
