"""What PostgreSQL keeps, one struct a table: fields are columns (`tables.py`).

Rows are values: a merge makes a new one, so a changed row is one that is another object.
"""

from datetime import datetime
from typing import TypeVar

from msgspec import Struct, field

from services.adapters.catalog.views import ImportProgress, ImportState


class FileRow(Struct, frozen=True, kw_only=True):
    """One file in one import. The outcome's fields are None while there is none."""

    import_id: str
    file_id: str
    state: str = "pending"  # pending, stored, unchanged, failed, skipped
    listed: bool = False  # opened by a manifest
    skip_reason: str | None = None
    name: str = ""
    mime_type: str = ""
    size: int | None = None
    folder_id: str = ""
    path: tuple[str, ...] = ()
    metadata_source: int = 0  # ranks the metadata against others of the file
    metadata_at: datetime | None = None
    round: int | None = None
    drive_version: int | None = None
    reason: str | None = None
    message: str | None = None
    attempts: int | None = None
    object_key: str | None = None
    stored_size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    seconds: float | None = None
    outcome_at: datetime | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    outcomes: tuple[str, ...] = ()  # where all of them lie, if there are several
    tried_round: int = -1  # the newest of any outcome
    retry_round: int = 0  # the newest in which it is to be tried again


class FolderRow(Struct, frozen=True, kw_only=True):
    """One folder in one import: open until a complete pass closes it, or it fails."""

    import_id: str
    folder_id: str
    path: tuple[str, ...] = ()
    closed: bool = False
    reason: str | None = None
    message: str | None = None
    failed_at: datetime | None = None
    tried_round: int = -1
    retry_round: int = 0


class ImageRow(Struct, frozen=True, kw_only=True):
    """One stored image, whichever import brought it: its object, and its newest metadata."""

    google_drive_id: str
    name: str
    size: int
    mime_type: str
    storage_path: str
    created_at: datetime
    folder_id: str
    path: tuple[str, ...]
    md5: str | None
    sha256: str | None
    width: int | None
    height: int | None
    modified_at: datetime | None
    metadata_at: datetime  # when Drive gave name, type, place, pixels
    drive_version: int
    fetched: bool  # the bytes were fetched, not found in place
    updated_at: datetime


class ImportRow(ImportProgress, frozen=True, kw_only=True):
    """One import as the api shows it, and what its next merge is compared with."""

    state: ImportState = "queued"
    folder_id: str | None = None
    folder_url: str | None = None
    requested_at: datetime | None = None
    updated_at: datetime | None = None  # the time of the newest event
    folder_named_at: datetime | None = None
    epoch: int = 0
    control: str | None = None  # the newest control event's kind: paused, resumed, …
    cancelled: bool = False


class OffsetRow(Struct, frozen=True, kw_only=True):
    """The next offset to read of one partition."""

    topic: str
    partition: int
    topic_id: str
    next_offset: int


Key = TypeVar("Key")
Row = TypeVar("Row", FileRow, FolderRow, ImageRow, ImportRow)


class Rows(Struct, kw_only=True):
    """A working set by key: the rows that a batch makes, those that exist, or what they become."""

    imports: dict[str, ImportRow] = field(default_factory=dict)
    folders: dict[tuple[str, str], FolderRow] = field(default_factory=dict)
    files: dict[tuple[str, str], FileRow] = field(default_factory=dict)
    images: dict[str, ImageRow] = field(default_factory=dict)
