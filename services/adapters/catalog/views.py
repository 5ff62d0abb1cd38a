"""What the catalog can be asked, and what it answers. The answers are the API's, field by field.

Sizes are bytes, times UTC, checksums lower-case hex. `path` is the folders from the import's root
down to the file, joined by `/` (root excluded, so it is empty for a file right in the root).
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, get_args

from msgspec import Struct, field

ImportState = Literal[
    "queued",
    "listing",
    "transferring",
    "completed",
    "completed_with_failures",
    "failed",
    "cancelled",
    "paused",
]
FileState = Literal["pending", "stored", "unchanged", "failed", "skipped"]
FILE_STATES: tuple[FileState, ...] = get_args(FileState)


class ImportPlace(NamedTuple):
    """Where an import stands among the imports."""

    requested_at: datetime
    id: str


class Image(Struct, frozen=True, kw_only=True):
    """One stored picture: the seven fields of the mission."""

    id: int
    name: str
    google_drive_id: str
    size: int
    mime_type: str
    storage_path: str
    created_at: datetime


class ImageDetails(Image, frozen=True, kw_only=True):
    """A picture with all that is known of it."""

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
    """One import: found = stored + unchanged + failed + pending, with the skipped beside it.

    What was asked (folder, time) is None only while the catalog has met later events of the import
    but not yet the request itself.
    """

    id: str
    state: ImportState
    folder_id: str | None
    folder_url: str | None
    found: int = 0
    stored: int = 0
    unchanged: int = 0
    failed: int = 0
    pending: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
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


class ImportFile(Struct, frozen=True, kw_only=True):
    """One file of one import. `reason` is a code: of the failure, or of why it was skipped."""

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
    """PostgreSQL, as the api sees it. Every method raises `TryAgain` while it cannot answer, and
    `SetAside` for a value that nothing in a database can have (a NUL in a text)."""

    async def check(self) -> None:
        """Return if the database answers and has its tables."""
        ...

    def every_image(
        self, wanted: ImageFilter
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Image]]]:
        """All of one moment, in batches of bounded size; leaving the context ends the reading."""
        ...

    async def images(
        self, wanted: ImageFilter, *, after: int | None, limit: int
    ) -> Sequence[Image]:
        """Those that follow the image id `after` in the filter's order."""
        ...

    async def image(self, google_drive_id: str) -> ImageDetails | None:
        """The picture of this Drive id, or None."""
        ...

    async def imports(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportProgress]:
        """Newest first, older than `before`; without those whose request is not known yet."""
        ...

    async def imports_by_id(self, ids: Collection[str]) -> Mapping[str, ImportProgress]:
        """Those of these ids that the catalog knows."""
        ...

    async def import_files(
        self, import_id: str, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[ImportFile]:
        """The files of an import by Drive id, those that follow `after`; one state, or all."""
        ...

    async def failed_folders(self, import_id: str, *, limit: int) -> Sequence[FailedFolder]:
        """The first of an import's folders that could not be listed, by path."""
        ...
