"""What PostgreSQL keeps: a struct for each table, whose fields are its columns.

Each row also keeps what its next merge is compared with. All times come from events. Rows are
values: a merge makes a new one, so a changed row is one that is another object. They hold no
cycles, so those of which there are many are not looked through by Python's collector.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, Literal, LiteralString, TypeVar, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from msgspec import Struct, field
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from services.adapters.catalog.views.imports import ImportProgress, ImportState
from services.adapters.catalog.views.replays import ReplayProgress
from services.core.errors import DOWNLOAD_QUOTA

FROM_SKIPPED, FROM_MANIFEST, FROM_FOUND = 1, 2, 3
"""Where a file's metadata come from: a fuller source counts more."""


class FileRow(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
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


class ImageRow(Struct, frozen=True, kw_only=True, gc=False):
    """One stored image, whichever import brought it: its object, and its newest metadata."""

    google_drive_id: str
    name: str
    size: int
    mime_type: str  # what Drive says
    storage_path: str
    created_at: datetime
    folder_id: str
    path: tuple[str, ...]
    md5: str | None
    sha256: str | None
    content_type: str | None  # by the bytes; None if no event says it
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
    control: str | None = None  # the newest control event's kind: paused, resumed, …
    cancelled: bool = False


class ReplayRow(ReplayProgress, frozen=True, kw_only=True):
    """One replay as the api shows it, and what its next merge is compared with."""

    parts: int = 0
    parts_done: int = 0
    rate_at: datetime | None = None  # when the rate was asked for
    control: str | None = None
    cancelled: bool = False
    failed_at: datetime | None = None  # by an event that gives the message


class ReplayFileRow(Struct, frozen=True, kw_only=True):
    """One file that a replay selected, and what came of it in that replay."""

    replay_id: str
    import_id: str
    file_id: str
    state: str = "pending"  # pending, stored, unchanged, failed
    reason: str | None = None
    message: str | None = None
    stored_size: int | None = None
    outcome_at: datetime | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None


class OffsetRow(Struct, frozen=True, kw_only=True):
    topic: str
    partition: int
    topic_id: str
    next_offset: int


Key = TypeVar("Key")
Row = TypeVar("Row", FileRow, FolderRow, ImageRow, ImportRow, ReplayRow, ReplayFileRow)


class Rows(Struct, kw_only=True):
    """A working set by key: the rows that a batch makes, those that exist, or what they become."""

    imports: dict[str, ImportRow] = field(default_factory=dict)
    folders: dict[tuple[str, str], FolderRow] = field(default_factory=dict)
    files: dict[tuple[str, str], FileRow] = field(default_factory=dict)
    images: dict[str, ImageRow] = field(default_factory=dict)
    replays: dict[str, ReplayRow] = field(default_factory=dict)
    replay_files: dict[tuple[str, str, str], ReplayFileRow] = field(default_factory=dict)


TYPES: Mapping[Any, TypeEngine[Any]] = {
    str: sa.Text(),
    Literal: sa.Text(),
    int: sa.BigInteger(),
    float: sa.Double(),
    bool: sa.Boolean(),
    datetime: sa.DateTime(timezone=True),
    tuple: sa.ARRAY(sa.Text),
    dict: JSONB(),
}

metadata = sa.MetaData()


def _columns(row: type[Struct], *key: str) -> Iterator[sa.Column[Any]]:
    for name, hint in get_type_hints(row).items():
        nullable = NoneType in get_args(hint)
        kind = get_args(hint)[0] if nullable else get_origin(hint) or hint
        yield sa.Column(name, TYPES[kind], nullable=nullable, primary_key=name in key)


CHANNEL = "drivestream"
"""Where the writer notifies, and the api listens. It belongs to the database, as tables do."""
OPEN = "state IN ('queued', 'listing', 'transferring')"
PARKED = f"state = 'completed_with_failures' AND failures ? '{DOWNLOAD_QUOTA}'"
"""What the indexer looks for every few seconds. A query must say just this to use the index."""
IMAGE_NAME: LiteralString = 'lower("left"({}, 200)) COLLATE "C"'
"""Of a name, what images are sorted and found by. An index cannot hold every whole name."""
CONTENT_TYPE: LiteralString = "coalesce(content_type, mime_type)"
"""What an image is served as."""
IMAGE_TYPE: LiteralString = f'"left"({CONTENT_TYPE}, 200)'
IN_STORE: LiteralString = "state IN ('stored', 'unchanged')"
"""Of a file: it has an image. A query must say just these three to use their indexes."""
images = sa.Table(
    "images",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    *_columns(ImageRow),
    sa.UniqueConstraint("google_drive_id"),
    sa.Index("images_folder", "folder_id", "id"),
    sa.Index("images_name", sa.text(IMAGE_NAME.format("name")), "id"),
    sa.Index("images_content_type", sa.text(IMAGE_TYPE), "id"),
    sa.Index("images_size", "size", "id"),
    sa.Index("images_created", "created_at", "id"),
)
imports = sa.Table(
    "imports",
    metadata,
    *_columns(ImportRow, "id"),
    sa.Index("imports_newest", "requested_at", "id"),
    sa.Index("imports_open", "id", postgresql_where=sa.text(OPEN)),
    sa.Index("imports_parked", "finished_at", postgresql_where=sa.text(PARKED)),
)
import_folders = sa.Table(
    "import_folders", metadata, *_columns(FolderRow, "import_id", "folder_id")
)
import_files = sa.Table(
    "import_files",
    metadata,
    *_columns(FileRow, "import_id", "file_id"),
    sa.Index("import_files_state", "import_id", "state", "file_id"),
    sa.Index("import_files_file", "file_id"),
    sa.Index("import_files_stored", "import_id", "file_id", postgresql_where=sa.text(IN_STORE)),
    sa.Index(
        "import_files_imported",
        *("import_id", "outcome_at", "file_id"),
        postgresql_where=sa.text(IN_STORE),
    ),
)
replays = sa.Table(
    "replays",
    metadata,
    *_columns(ReplayRow, "id"),
    sa.Index("replays_newest", "requested_at", "id"),
)
replay_files = sa.Table(
    "replay_files",
    metadata,
    *_columns(ReplayFileRow, "replay_id", "import_id", "file_id"),
    sa.Index("replay_files_state", "replay_id", "state", "import_id", "file_id"),
)
consumed_offsets = sa.Table(
    "consumed_offsets", metadata, *_columns(OffsetRow, "topic", "partition")
)
TABLES = {
    ImageRow: images,
    ImportRow: imports,
    FolderRow: import_folders,
    FileRow: import_files,
    ReplayRow: replays,
    ReplayFileRow: replay_files,
}
