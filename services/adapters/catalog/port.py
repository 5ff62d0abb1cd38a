"""What the catalog can be asked."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

from services.adapters.catalog.views.files import FileDetails, ImportFile, ManifestRow
from services.adapters.catalog.views.images import (
    ImageDetails,
    ImageFilter,
    ImageFolder,
    ImagePlace,
    ImageSections,
    ListedImage,
)
from services.adapters.catalog.views.imports import (
    FailedFolder,
    ImportPlace,
    ImportProgress,
    RetryFilter,
)
from services.adapters.catalog.views.replays import ReplayFile, ReplayProgress, SelectionCounts
from services.core.events import ReplayScope, Selection


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

    async def check(self) -> str:
        """Raises a verdict if nothing can be read. What is wrong all the same, as a sentence."""
        ...

    async def consumed_offsets(self) -> Mapping[tuple[str, int], int]:
        """The next offset of each partition that the indexer reads."""
        ...

    def every_image(self, wanted: ImageFilter) -> AsyncIterator[Sequence[ListedImage]]: ...
    async def images(
        self, wanted: ImageFilter, *, after: ImagePlace | None, limit: int
    ) -> Sequence[ListedImage]: ...
    async def count_images(self, wanted: ImageFilter) -> int | None:
        """None if PostgreSQL cannot count them in time."""

    async def image_sections(
        self, wanted: ImageFilter, *, every: int, image: str | None
    ) -> ImageSections:
        """Raises `TryAgain` if PostgreSQL cannot walk along the whole list in time."""
        ...

    async def image_folders(
        self, import_id: str, *, after: str | None, limit: int
    ) -> Sequence[ImageFolder]:
        """By id."""
        ...

    async def image(self, google_drive_id: str) -> ImageDetails | None: ...
    async def imports(
        self, *, before: ImportPlace | None, limit: int
    ) -> Sequence[ImportProgress]: ...
    async def imports_by_id(self, ids: Collection[str]) -> Mapping[str, ImportProgress]: ...
    async def import_files(
        self,
        import_id: str,
        *,
        state: str | None,
        reason: str | None = None,
        after: str | None,
        limit: int,
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
