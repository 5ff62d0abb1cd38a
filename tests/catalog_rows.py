"""Rows as the indexer writes them, one after another: `an_image(3)` differs from `an_image(4)`."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from services.adapters.catalog.rows import FileRow, FolderRow, ImageRow, ImportRow, Rows

BEGAN = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
FOLDER = "1FolderFolderFolderFolder"


def an_image(number: int, **changes: object) -> ImageRow:
    """A stored picture of this number."""
    row = ImageRow(
        google_drive_id=f"file-{number:04}",
        name=f"Picture {number}.jpg",
        size=1000 + number,
        mime_type="image/jpeg",
        storage_path=f"s3://pictures/{FOLDER}/file-{number:04}_0123456789ab_Picture.jpg",
        created_at=BEGAN + timedelta(seconds=number),
        folder_id=FOLDER,
        path=("Holidays", "2026"),
        md5="9e107d9d372bb6826bd81d3542a419d6",
        sha256=None,
        content_type="image/jpeg",
        width=640,
        height=480,
        modified_at=BEGAN,
        metadata_at=BEGAN,
        drive_version=number,
        fetched=True,
        updated_at=BEGAN + timedelta(seconds=number),
    )
    return replace(row, **changes)


def an_import(number: int, **changes: object) -> ImportRow:
    """An import of this number, requested so many seconds after `BEGAN`."""
    row = ImportRow(
        id=f"import-{number:04}",
        state="transferring",
        folder_id=FOLDER,
        folder_url=f"https://drive.google.com/drive/folders/{FOLDER}",
        name=f"Folder {number}",
        folder_named_at=BEGAN,
        requested_at=BEGAN + timedelta(seconds=number),
        found=5,
        stored=2,
        unchanged=1,
        failed=1,
        pending=1,
        skipped={"not_an_image": 3},
        failures={"not_found": 1},
        found_bytes=5000,
        stored_bytes=2000,
        folders_found=2,
        folders_listed=1,
        folders_failed=1,
        message="One folder cannot be listed.",
        first_stored_at=BEGAN,
        updated_at=BEGAN + timedelta(hours=1),
    )
    return replace(row, **changes)


def a_file(number: int, **changes: object) -> FileRow:
    """A pending file of import 1, of this number."""
    row = FileRow(
        import_id="import-0001",
        file_id=f"file-{number:04}",
        listed=True,
        name=f"Picture {number}.jpg",
        mime_type="image/jpeg",
        size=1000 + number,
        folder_id=FOLDER,
        path=("Holidays", "2026"),
        metadata_source=2,
        metadata_at=BEGAN,
    )
    return replace(row, **changes)


def a_folder(number: int, **changes: object) -> FolderRow:
    """A folder of import 1 that could not be listed, of this number."""
    row = FolderRow(
        import_id="import-0001",
        folder_id=f"folder-{number:04}",
        path=("Holidays", f"Part {number}"),
        reason="not_found",
        message="This folder does not exist, or it is not shared.",
        failed_at=BEGAN + timedelta(seconds=number),
        tried_round=0,
    )
    return replace(row, **changes)


def rows(
    *,
    imports: Iterable[ImportRow] = (),
    folders: Iterable[FolderRow] = (),
    files: Iterable[FileRow] = (),
    images: Iterable[ImageRow] = (),
) -> Rows:
    """A working set of these rows."""
    return Rows(
        imports={row.id: row for row in imports},
        folders={(row.import_id, row.folder_id): row for row in folders},
        files={(row.import_id, row.file_id): row for row in files},
        images={row.google_drive_id: row for row in images},
    )
