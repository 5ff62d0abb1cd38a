"""What the catalog can be asked, and what it answers. The API shows these structs.

Sizes are bytes, times UTC, checksums lower-case hex. `path` is the folders from the import's root
down to the file, joined by `/` (root excluded, so it is empty for a file right in the root).
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Protocol, get_args

import msgspec
from msgspec import Meta, Struct, field

from services.core.events import FileOutcome, ReplayRequested, ReplayScope, Selection

EndedState = Literal["completed", "completed_with_failures", "failed", "cancelled"]
ImportState = Literal["queued", "listing", "transferring", EndedState, "paused"]
ENDED_STATES: tuple[EndedState, ...] = get_args(EndedState)
"""The states in which nothing of an import is left to do."""
FileState = Literal["pending", "stored", "unchanged", "failed", "skipped"]
FILE_STATES: tuple[FileState, ...] = get_args(FileState)


class ImportPlace(NamedTuple):
    """Where an import stands in the list of imports, which is ordered by time and id."""

    requested_at: Annotated[datetime, Meta(tz=True)]
    id: str


class Image(Struct, frozen=True, gc=False):
    """One stored image. `storage_path` is `s3://BUCKET/KEY` in the catalog; the API shows a URL
    that opens in a browser instead."""

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
    epoch: int = 0  # of the newest control: each pause, resume and cancel raises it

    @property
    def listed(self) -> bool:
        """Whether every folder found is closed or failed; the request itself opens the root."""
        settled = self.folders_listed + self.folders_failed
        return self.requested_at is not None and settled == self.folders_found

    @property
    def running_state(self) -> ImportState:
        """Its state while it has not ended and nobody paused it."""
        if self.listed:
            return "transferring"
        begun = self.found or self.skipped or self.folders_listed or self.folders_found > 1
        return "listing" if begun else "queued"


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


class ManifestRow(Struct, frozen=True, kw_only=True):
    """One file of one import, as a proof of what was done with it. `size` is what was stored, or
    else what Drive says. An object that was there already was not read; its `sha256` is then that
    of the import which stored it, or Drive's, or null."""

    google_drive_id: str
    name: str
    path: str
    state: FileState
    reason: str | None
    message: str | None
    size: int | None
    mime_type: str
    md5: str | None
    sha256: str | None
    object_key: str | None
    round: int
    attempts: int
    updated_at: datetime | None


class FailedFolder(Struct, frozen=True, kw_only=True):
    """A folder of an import that could not be listed; `path` is its own, names joined by `/`."""

    folder_id: str
    path: str
    reason: str
    message: str
    failed_at: datetime


PartProgress = tuple[int, int, str | None, bool, int]
ReplayState = Literal["planned", "running", "paused", "completed", "failed", "cancelled"]


class ReplayProgress(Struct, frozen=True, kw_only=True):
    """One replay: selected = stored + unchanged + failed + pending, all distinct files of imports.

    `progress` says of each partition how far it is read: offset, end, the time of the last record
    read, whether it is done, and how many records were redriven. `requested_at` is null only while
    the request itself is unknown.
    """

    id: str
    state: ReplayState = "planned"
    name: str = ""
    why: str = ""
    by: str = ""
    scope: str = ""
    transfer: str = ""
    target: str | None = None
    select: dict[str, Any] = field(default_factory=dict)  # an `events.Selection`
    requested_at: datetime | None = None
    round: int = 0
    depth: int = 0
    planned_files: int = 0
    planned_bytes: int = 0
    most: int | None = None
    selected: int = 0
    stored: int = 0
    unchanged: int = 0
    failed: int = 0
    pending: int = 0
    failures: dict[str, int] = field(default_factory=dict)  # {reason: distinct files}
    stored_bytes: int = 0
    redriven: int = 0  # records that were published again as they are
    progress: dict[str, PartProgress] = field(default_factory=dict)
    files_per_second: int | None = None
    epoch: int = 0
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    message: str | None = None


def replay_asked(event: ReplayRequested) -> dict[str, Any]:
    """The fields of a replay that its request tells; `select` is as the database gives it."""
    return {
        "name": event.name,
        "why": event.why,
        "by": event.by,
        "scope": event.scope.value,
        "transfer": event.transfer.value,
        "target": event.target,
        "select": msgspec.json.decode(msgspec.json.encode(event.select)),
        "requested_at": event.at,
        "round": event.round,
        "depth": event.depth,
        "planned_files": event.files,
        "planned_bytes": event.bytes,
        "most": event.most,
    }


class ReplayFile(Struct, frozen=True, kw_only=True):
    """A file that a replay selected. `name` is empty where the import's row is not known."""

    import_id: str
    google_drive_id: str
    name: str


class Sample(Struct, frozen=True, kw_only=True):
    """One of the files that are selected."""

    google_drive_id: str
    name: str
    import_id: str
    outcome: FileOutcome
    reason: str | None = None


class SelectionCounts(Struct, frozen=True, kw_only=True):
    """Sizes are bytes. `left_out` counts the imports with files that would be selected, were they
    not paused or cancelled. `imports` counts all of which `by_import` names the largest.

    `unreadable` files failed because their own event cannot be read, so they cannot be replayed.
    `consumed` is what the indexer had read: by topic and partition, the topic's id and the next
    offset. `unknown_reasons` are those asked for, which no file has failed with.
    """

    files: int = 0
    bytes: int = 0
    by_outcome: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    by_import: dict[str, int] = {}
    imports: int = 0
    left_out: int = 0
    unreadable: int = 0
    samples: Sequence[Sample] = ()
    consumed: Mapping[tuple[str, int], tuple[str, int]] = {}
    unknown_reasons: Sequence[str] = ()


ImageOrder = Literal["id", "google_drive_id", "name", "size", "created_at"]


class ImagePlace(NamedTuple):
    """Where an image stands in a list: its value of the list's order, and its id. A name is that
    of the image; only its first 200 characters count, without regard to case."""

    value: int | str | datetime
    id: int


class ImageFilter(Struct, frozen=True, kw_only=True):
    """Which images, and in which order. Conditions combine. A name is how names begin, without
    regard to case. Sizes are inclusive; `since` is, and `until` is not.

    Without an order it is that of the filter which the database walks along best.
    """

    import_id: str | None = None
    folder_id: str | None = None
    name: str | None = None
    mime_type: str | None = None
    min_size: int | None = None
    max_size: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    order: ImageOrder | None = None
    descending: bool = False

    @property
    def sorted_by(self) -> ImageOrder:
        if self.order is not None:
            return self.order
        if self.name is not None:  # fewer than those of most imports
            return "name"
        if self.import_id is not None:
            return "google_drive_id"
        if self.since is not None or self.until is not None:
            return "created_at"
        sized = self.min_size is not None or self.max_size is not None
        return "size" if sized else "id"

    def place_of(self, image: Image) -> ImagePlace:
        value = getattr(image, self.sorted_by)
        return ImagePlace(value[:200] if self.sorted_by == "name" else value, image.id)


class RetryFilter(Struct, frozen=True, kw_only=True):
    """What of all that failed in an import is to be tried again; at most one field is given."""

    reason: str | None = None
    files: tuple[str, ...] | None = None
    folders: tuple[str, ...] | None = None


class ReadsCatalog(Protocol):
    """PostgreSQL, as the api sees it. Every method raises `TryAgain` while the database cannot
    answer, and `SetAside` for a value that PostgreSQL cannot hold (a NUL in a text).

    Lists go on behind the last row that was given: images in the filter's order, imports from the
    newest to the oldest, files by Drive id, failed folders by path. An import whose request is not
    known yet is in no list, and so is a replay. `count_selection` counts what a replay would
    select, all at one moment. Pages of `every_image` are not one snapshot: no image comes twice,
    and one that is added behind the place that was reached is not seen. The same holds for those of
    `every_file`: all files of an import by Drive id, or those that are stored or unchanged.
    """

    async def check(self) -> None: ...
    async def consumed_offsets(self) -> Mapping[tuple[str, int], int]:
        """The next offset of each partition that the indexer reads."""
        ...

    def every_image(self, wanted: ImageFilter) -> AsyncIterator[Sequence[Image]]: ...
    async def images(
        self, wanted: ImageFilter, *, after: ImagePlace | None, limit: int
    ) -> Sequence[Image]: ...
    async def count_images(self, wanted: ImageFilter) -> int | None:
        """None if PostgreSQL cannot count them in time."""

    async def image(self, google_drive_id: str) -> ImageDetails | None: ...
    async def imports(
        self, *, before: ImportPlace | None, limit: int
    ) -> Sequence[ImportProgress]: ...
    async def imports_by_id(self, ids: Collection[str]) -> Mapping[str, ImportProgress]: ...
    async def import_files(
        self, import_id: str, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[ImportFile]: ...
    async def import_file(self, import_id: str, file_id: str) -> FileDetails | None: ...
    def every_file(
        self, import_id: str, *, in_store: bool
    ) -> AsyncIterator[Sequence[ManifestRow]]: ...
    async def live_imports(
        self, ids: Collection[str], *, newest: int, most_open: int
    ) -> Mapping[str, ImportProgress]:
        """These, so many of the newest, and of those that are neither paused nor ended; by id."""

    async def failed_folders(
        self, ids: Collection[str], *, limit: int
    ) -> Mapping[str, Sequence[FailedFolder]]:
        """The first of each of these imports."""

    async def count_selection(
        self, wanted: Selection, scope: ReplayScope, *, even_halted: bool = False
    ) -> SelectionCounts:
        """Files of paused and cancelled imports are left out, unless they count `even_halted`."""

    async def replays(
        self, *, before: ImportPlace | None, limit: int
    ) -> Sequence[ReplayProgress]: ...
    async def replays_by_id(self, ids: Collection[str]) -> Mapping[str, ReplayProgress]: ...
    async def pending_of_replay(self, replay_id: str, *, limit: int) -> Sequence[ReplayFile]: ...
    async def files_to_retry(
        self, import_id: str, wanted: RetryFilter, *, after: str | None, limit: int
    ) -> Sequence[str]:
        """Ids of files that failed, without those that no folder is known of."""

    async def folders_to_retry(
        self, import_id: str, wanted: RetryFilter, *, after: str | None, limit: int
    ) -> Sequence[str]:
        """Ids of folders that failed, and of those that must be listed again, since a file to be
        retried lies in them that no `FileFound` tells of."""
