"""Replays, and what one would select."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from services.core.events import FileOutcome, ReplayRequested

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
