"""Rows of `images`: the newest object of a file, and the newest metadata, whichever import and
whichever outcome brought them. A file that is unchanged may still have a new folder, path or name.

A failure makes and changes no row here: the table holds what is stored.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from services.adapters.catalog.rows import ImageRow
from services.core import events as e
from services.indexer.merge import greater

# Both orders begin with Drive's version, so object and metadata are of one version.
OBJECT = ("drive_version", "fetched", "updated_at", "storage_path", "size", "md5", "sha256")
METADATA = (
    "drive_version",
    "metadata_at",
    "name",
    "mime_type",
    "folder_id",
    "path",
    "width",
    "height",
    "modified_at",
)


def rows_of(event: e.Message) -> Iterator[ImageRow]:
    """The row of a file that is stored."""
    if not isinstance(event, e.FileStored):
        return
    file = event.file
    yield ImageRow(
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


def merged(old: ImageRow, new: ImageRow) -> ImageRow:
    """The object of one, the metadata of one, and the time when the file was stored first."""
    changes = (
        greater(old, new, OBJECT)
        | greater(old, new, METADATA)
        | greater(old, new, ("created_at",), least=True)
    )
    return replace(old, **changes) if changes else old
