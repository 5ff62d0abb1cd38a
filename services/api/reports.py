"""An import as the api shows it: its counts, what is parked until when, and its failed folders."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import asdict

from services.core.catalog import FailedFolder, ImportProgress
from services.core.reasons import DOWNLOAD_QUOTA

FAILED_FOLDERS = 100
"""The most that one answer names; `folders_failed` counts them all."""
QUOTA_LASTS = timedelta(hours=24)
"""How long Google withholds a file that too many people fetched (`drive-api.md` §1.7)."""
OVER = ("completed", "completed_with_failures", "failed", "cancelled")
HOW = (
    "POST /import/google-drive with the same folderUrl: what is stored already is not fetched "
    "again, the parked files are."
)


class Offer(Struct, frozen=True, kw_only=True):
    """Files worth fetching later. `after` is when Google will have given them free again: 24 hours
    after the import ended, which is never too early; null if its end is not known."""

    files: int
    reason: str
    after: datetime | None
    how: str


class ImportView(ImportProgress, frozen=True, kw_only=True):
    """An import with its parked files: those of `failed` that can be fetched within a day. There
    is an `offer` to do so once the import is over."""

    parked: int = 0
    offer: Offer | None = None


class ImportReport(ImportView, frozen=True, kw_only=True):
    """An import with the folders that could not be listed, at most 100 of them."""

    failed_folders: Sequence[FailedFolder] = ()


def view(row: ImportProgress) -> ImportView:
    """The row with what follows from its counts."""
    parked = row.failures.get(DOWNLOAD_QUOTA, 0)
    return ImportView(**asdict(row), parked=parked, offer=_offer(row, parked))


def report(row: ImportProgress, failed: Sequence[FailedFolder]) -> ImportReport:
    """The view, with its failed folders."""
    return ImportReport(**asdict(view(row)), failed_folders=failed)


def _offer(row: ImportProgress, parked: int) -> Offer | None:
    """From the end of the import and not from the newest failure: lists are asked for every second,
    and the newest of many failures is not to be had without reading them."""
    if not parked or row.state not in OVER:
        return None
    after = row.finished_at + QUOTA_LASTS if row.finished_at else None
    return Offer(files=parked, reason=DOWNLOAD_QUOTA, after=after, how=HOW)
