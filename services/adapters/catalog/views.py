"""What the catalog can be asked, and what it answers. The API shows these structs.

Sizes are bytes, times UTC, checksums lower-case hex. `path` is the folders from the import's root
down to the file, joined by `/` (root excluded, so it is empty for a file right in the root).
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, get_args

from msgspec import Struct, field

EndedState = Literal["completed", "completed_with_failures", "failed", "cancelled"]
ImportState = Literal["queued", "listing", "transferring", EndedState, "paused"]
ENDED_STATES: tuple[EndedState, ...] = get_args(EndedState)
"""The states in which nothing of an import is left to do."""
FileState = Literal["pending", "stored", "unchanged", "failed", "skipped"]
FILE_STATES: tuple[FileState, ...] = get_args(FileState)


class ImportPlace(NamedTuple):
    """Where an import stands in the list of imports, which is ordered by time and id."""

    requested_at: datetime
    id: str


class Image(Struct, frozen=True, kw_only=True):
    """One stored picture. `storage_path` is `s3://BUCKET/KEY` in the catalog; the API shows an
    address that opens in a browser instead."""

    id: int
    name: str
    google_drive_id: str
    size: int
    mime_type: str
    storage_path: str
    created_at: datetime


class ImageDetails(Image, frozen=True, kw_only=True):
    """A picture with everything that is known of it."""

    folder_id: str
    path: str
    md5: str | None
    sha256: str | None
    width: int | None
    height: int | None
    modified_at: datetime | None
    drive_version: int
    updated_at: datetime


class ImportProgress(Struct, frozen=True, kw_only=True):
    """One import: found = stored + unchanged + failed + pending; skipped files are counted apart.

    `name` is the folder's, null until the listing has begun. The folder and the time of the request
    are null only while the catalog has later events of the import, but not yet the request itself.
    """

    id: str
    state: ImportState
    name: str | None = None
    folder_id: str | None
    folder_url: str | None
    found: int = 0
    stored: int = 0
    unchanged: int = 0
    failed: int = 0
    pending: int = 0
    skipped: dict[str, int] = field(default_factory=dict)  # {reason: distinct files}
    failures: dict[str, int] = field(default_factory=dict)  # {reason: distinct files}
    found_bytes: int = 0
    stored_bytes: int = 0
    folders_found: int = 0
    folders_listed: int = 0
    folders_failed: int = 0
    requested_at: datetime | None
    first_stored_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime | None
    message: str | None = None
    round: int = 0  # of the newest retry


class ImportFile(Struct, frozen=True, kw_only=True):
    """One file of one import. `reason` is a code: why the file failed, or why it was skipped."""

    google_drive_id: str
    name: str
    path: str
    state: FileState
    reason: str | None
    message: str | None
    size: int | None
    mime_type: str
    round: int
    attempts: int
    object_key: str | None
    updated_at: datetime | None


class FileDetails(ImportFile, frozen=True, kw_only=True):
    """A file with everything that is known of it. `outcomes` says where the records of its newest
    outcomes lie in the log, each as `TOPIC/PARTITION/OFFSET`."""

    folder_id: str
    md5: str | None
    sha256: str | None
    drive_version: int | None
    seconds: float | None
    outcomes: Sequence[str]


class FailedFolder(Struct, frozen=True, kw_only=True):
    """A folder of an import that could not be listed; `path` is its own, names joined by `/`."""

    folder_id: str
    path: str
    reason: str
    message: str
    failed_at: datetime


class ImageFilter(Struct, frozen=True, kw_only=True):
    """Which images, and in which order: by id upwards, or the newest id first."""

    import_id: str | None = None
    folder_id: str | None = None
    newest_first: bool = False


class ReadsCatalog(Protocol):
    """PostgreSQL, as the api sees it. Every method raises `TryAgain` while the database cannot
    answer, and `SetAside` for a value that PostgreSQL cannot hold (a NUL in a text).

    Lists go on behind the last row that was given: images in the filter's order, imports from the
    newest to the oldest, files by Drive id, failed folders by path. An import whose request is not
    known yet is in no list. Pages of `every_image` are not one snapshot: no image comes twice, and
    one that is added behind the place that was reached is not seen.
    """

    async def check(self) -> None: ...
    def every_image(self, wanted: ImageFilter) -> AsyncIterator[Sequence[Image]]: ...
    async def images(
        self, wanted: ImageFilter, *, after: int | None, limit: int
    ) -> Sequence[Image]: ...
    async def image(self, google_drive_id: str) -> ImageDetails | None: ...
    async def imports(
        self, *, before: ImportPlace | None, limit: int
    ) -> Sequence[ImportProgress]: ...
    async def imports_by_id(self, ids: Collection[str]) -> Mapping[str, ImportProgress]: ...
    async def import_files(
        self, import_id: str, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[ImportFile]: ...
    async def import_file(self, import_id: str, file_id: str) -> FileDetails | None: ...
    async def failed_folders(self, import_id: str, *, limit: int) -> Sequence[FailedFolder]: ...
