"""An import as the api shows it: its counts, what is parked until when, and its failed folders."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import asdict

from services.adapters.catalog.views import FailedFolder, ImportProgress
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


class Parked(Struct, frozen=True, kw_only=True):
    """Those of `failed` that can be fetched later. `after` is when Google will have released them:
    24 hours after the import's end, which is never too early; null before it has one."""

    files: int
    reason: str
    after: datetime | None
    how: str


class ImportView(ImportProgress, frozen=True, kw_only=True):
    """An import, with its parked files told apart; null if there are none."""

    parked: Parked | None = None


class ImportReport(ImportView, frozen=True, kw_only=True):
    """An import with the folders that could not be listed, at most 100 of them."""

    failed_folders: Sequence[FailedFolder] = ()


def view(row: ImportProgress) -> ImportView:
    """The row with what follows from its counts."""
    return ImportView(**asdict(row), parked=_parked(row))


def report(row: ImportProgress, failed: Sequence[FailedFolder]) -> ImportReport:
    """The view, with its failed folders."""
    return ImportReport(**asdict(view(row)), failed_folders=failed)


def _parked(row: ImportProgress) -> Parked | None:
    """From the end of the import and not from the newest failure: lists are asked for every second,
    and the newest of many failures is not to be had without reading them."""
    files = row.failures.get(DOWNLOAD_QUOTA, 0)
    if not files:
        return None
    ended = row.finished_at if row.state in OVER else None
    after = ended + QUOTA_LASTS if ended else None
    return Parked(files=files, reason=DOWNLOAD_QUOTA, after=after, how=HOW)
