"""Imports, the folders of them that failed, and what of one is to be tried again."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple, get_args

from msgspec import Meta, Struct, field

EndedState = Literal["completed", "completed_with_failures", "failed", "cancelled"]
ImportState = Literal["queued", "listing", "transferring", EndedState, "paused"]
ENDED_STATES: tuple[EndedState, ...] = get_args(EndedState)
"""The states in which nothing of an import is left to do."""


class ImportPlace(NamedTuple):
    """Where an import stands in the list of imports, which is ordered by time and id."""

    requested_at: Annotated[datetime, Meta(tz=True)]
    id: str


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


class FailedFolder(Struct, frozen=True, kw_only=True):
    """A folder of an import that could not be listed; `path` is its own, names joined by `/`."""

    folder_id: str
    path: str
    reason: str
    message: str
    failed_at: datetime


class RetryFilter(Struct, frozen=True, kw_only=True):
    """What of all that failed in an import is to be tried again; at most one field is given."""

    reason: str | None = None
    files: tuple[str, ...] | None = None
    folders: tuple[str, ...] | None = None
