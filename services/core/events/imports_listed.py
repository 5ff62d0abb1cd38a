"""`imports.listed`: what a lister has read."""

from operator import attrgetter
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from services.core.events.event import Event, FolderEvent
from services.core.events.values import Id, Name, Natural, Path, Reason, Size, Small, Text, Time


class FolderNamed(FolderEvent, frozen=True, kw_only=True):
    """The name of an import's root folder when the import began."""

    topic: ClassVar[str] = "imports.listed"
    identity = property(attrgetter("import_id", "folder_id", "epoch"))

    name: Name
    named_at: Time


class FileBrief(Struct, frozen=True, kw_only=True):
    """A file in a manifest."""

    id: Id
    name: Name
    mime_type: Text
    size: Size | None = None


class FolderBrief(Struct, frozen=True, kw_only=True):
    """A folder that a page opened."""

    id: Id
    name: Name
    resource_key: Name | None = None


class Skipped(Struct, frozen=True, kw_only=True):
    """An entry that is not imported, and the reason code."""

    id: Id
    name: Name
    mime_type: Text
    reason: Reason
    size: Size | None = None


class PageListed(FolderEvent, frozen=True, kw_only=True):
    """The manifest of one page: the folders, files and skipped entries on it.

    `last` marks the last page of a pass. A complete and trusted pass `closes` its folder. Otherwise
    another pass follows, and `doubt` says why. The manifests of a pass that `confirms` list
    nothing, because earlier ones already did. `entries` counts everything that Drive listed on this
    page.
    """

    topic: ClassVar[str] = "imports.listed"

    pass_number: Small
    page_number: Small
    listed_at: Time
    path: Path = ()
    last: bool = False
    closes: bool = False
    confirms: bool = False
    doubt: Reason | None = None
    round: Small = 0
    entries: Small = 0
    opened: tuple[FolderBrief, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    files: tuple[FileBrief, ...] = ()


class FolderFailed(FolderEvent, frozen=True, kw_only=True):
    """A folder could not be listed. `message` says what a person can do."""

    topic: ClassVar[str] = "imports.listed"

    reason: Reason
    message: Text
    failed_at: Time
    path: Path = ()
    pass_number: Small = 0
    page_number: Small = 0
    round: Small = 0


class ReplayedFile(Struct, frozen=True, kw_only=True):
    """A file that a replay selected, and its import."""

    import_id: Id
    file_id: Id


class LogPartReplayed(Event, frozen=True, kw_only=True):
    """What a replay selected in one range of a partition.

    The replay has read up to `offset` of `end`. `import_id` is the replay's id. `read_at` is the
    time of the last record. The files in `cancelled` were selected, but are skipped because their
    import has been cancelled since. `redriven` counts the records up to `offset` that were
    published again unchanged: dead letters, or outcomes for one consumer.
    """

    topic: ClassVar[str] = "imports.listed"
    identity = property(attrgetter("import_id", "epoch", "partition", "offset"))

    partition: Small
    offset: Natural
    end: Natural
    replayed_at: Time
    read_at: Time | None = None
    last: bool = False
    files: Annotated[tuple[ReplayedFile, ...], Meta(max_length=1_000)] = ()
    cancelled: Annotated[tuple[ReplayedFile, ...], Meta(max_length=1_000)] = ()
    redriven: Natural = 0
