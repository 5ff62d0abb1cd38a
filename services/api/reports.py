"""An import as the api shows it: its counts, what it waits for, what can be fetched later, and the
folders that could not be listed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import asdict

from services.adapters.catalog.views import ENDED_STATES, FailedFolder, ImportProgress
from services.core.events import Waiting
from services.core.reasons import DOWNLOAD_QUOTA

FAILED_FOLDERS = 100
"""The most that one answer names; `folders_failed` counts them all."""
QUOTA_LASTS = timedelta(hours=24)
"""How long Google withholds a file that too many people fetched (`drive-api.md` §1.7)."""
HOW = (
    "POST /import/google-drive with the same folderUrl. Only the parked files are fetched again; "
    "stored files are skipped."
)


class Parked(Struct, frozen=True, kw_only=True):
    """The files among `failed` that can be fetched later. `after` is when Google will have released
    them: 24 hours after the end of the import. It is null until the import has ended."""

    files: int
    reason: str
    after: datetime | None
    how: str


class ImportView(ImportProgress, frozen=True, kw_only=True):
    """An import. `waiting_for` is null unless the import stands still; `parked` is null if no file
    can be fetched later."""

    waiting_for: Waiting | None = None
    parked: Parked | None = None


class ImportReport(ImportView, frozen=True, kw_only=True):
    """An import with at most 100 of the folders that could not be listed."""

    failed_folders: Sequence[FailedFolder] = ()


def view(row: ImportProgress, waiting_for: Waiting | None) -> ImportView:
    """The row with what it waits for and what follows from its counts."""
    return ImportView(**asdict(row), waiting_for=waiting_for, parked=_parked(row))


def report(shown: ImportView, failed: Sequence[FailedFolder]) -> ImportReport:
    """The view with its failed folders."""
    return ImportReport(**asdict(shown), failed_folders=failed)


def _parked(row: ImportProgress) -> Parked | None:
    """Counts from the end of the import, not from the newest failure: to find that one, the
    database would have to read all failures, and lists are polled every second."""
    files = row.failures.get(DOWNLOAD_QUOTA, 0)
    if not files:
        return None
    ended = row.finished_at if row.state in ENDED_STATES else None
    after = ended + QUOTA_LASTS if ended else None
    return Parked(files=files, reason=DOWNLOAD_QUOTA, after=after, how=HOW)
