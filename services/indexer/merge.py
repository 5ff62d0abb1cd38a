"""Two rows of one key become one. Each group of columns is taken from the greater row.

Every order is total. So any order, repetition and splitting of a history into batches gives the
same rows, and a batch that is read twice changes nothing.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from services.adapters.catalog.rows import FileRow, FolderRow, ImageRow, ImportRow

T = TypeVar("T", bound=Struct)
RANK = {"failed": 0, "unchanged": 1, "stored": 2}
PLACE = ("name", "mime_type", "folder_id", "path")
GROUPS: dict[type[Struct], Sequence[Sequence[str]]] = {
    ImportRow: (
        ("requested_at", "folder_id", "folder_url"),
        ("folder_named_at", "name"),
        ("epoch", "control"),
        ("first_stored_at",),
        ("updated_at",),
    ),
    FolderRow: (("failed_at", "reason", "message"), ("path",), ("closed",)),
    FileRow: (("metadata_source", "metadata_at", "size", *PLACE), ("listed",), ("skip_reason",)),
    # Object and metadata both begin with Drive's version, so they are of one version.
    ImageRow: (
        ("drive_version", "fetched", "updated_at", "storage_path", "size", "md5", "sha256"),
        ("drive_version", "metadata_at", "width", "height", "modified_at", *PLACE),
        ("created_at",),
    ),
}
LEAST = {"requested_at", "first_stored_at", "created_at"}
"""Groups that begin with one of these are taken from the smaller row."""


def merged(old: T, new: T) -> T:
    """`old` with the columns in which `new` counts; the same object if there are none."""
    changes = _changes(old, new)
    return replace(old, **changes) if changes else old


def merged_file(old: FileRow, new: FileRow) -> FileRow:
    """The greatest outcome of the two, with metadata of either."""
    if _outcome_order(new) > _outcome_order(old):
        old, new = new, old
    changes = _changes(old, new)
    if "listed" in changes and old.outcome_at is None:
        changes["state"] = "pending"
    return replace(old, **changes) if changes else old


def _changes(old: Struct, new: Struct) -> dict[str, Any]:
    """Columns are compared one after another; null never counts."""
    changes: dict[str, Any] = {}
    for columns in GROUPS[type(old)]:
        for column in columns:
            known, other = getattr(old, column), getattr(new, column)
            if known != other:
                least = columns[0] in LEAST
                if known is None or (other is not None and (other < known) == least):
                    changes |= {name: getattr(new, name) for name in columns}
                break
    return changes


def _outcome_order(row: FileRow) -> tuple[object, ...]:
    """Drive's version first, then success before failure, so that a failure never displaces what is
    stored of the same version (decisions/0002). Then the round, then stored over unchanged."""
    if row.outcome_at is None:
        return ()
    place = row.topic, row.partition, row.offset
    version, success = row.drive_version, row.state != "failed"
    return version, success, row.round, RANK[row.state], row.outcome_at, *place
