"""Which imports and replays have ended, as events for the `notifications` topic. Pure.

An end is published before the rows and offsets of its batch are written, so a crash between the two
repeats it and never loses it. A repeat has the identity of the first, however the records fall into
batches the second time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.adapters.catalog.rows import ImportRow, ReplayRow, Rows
from services.adapters.catalog.views.imports import ENDED_STATES
from services.core import events as e

MOST_REASONS = 50
LONGEST_NAME, LONGEST_MESSAGE = 256, 1_000
FIELDS = ("stored", "unchanged", "failed", "stored_bytes", "requested_at")


def endings(before: Rows, after: Rows, at: datetime) -> list[e.ImportEnded | e.ReplayEnded]:
    """What ended between the two, or ended again: after a retry, or in another state."""
    imports = [
        import_ended(row, at)
        for id, row in after.imports.items()
        if has_ended(before.imports.get(id), row)
    ]
    replays = [
        _replay_ended(row, at)
        for id, row in after.replays.items()
        if has_ended(before.replays.get(id), row)
    ]
    return [*imports, *replays]


def has_ended(old: ImportRow | ReplayRow | None, row: ImportRow | ReplayRow) -> bool:
    if row.state not in ENDED_STATES:
        return False
    return old is None or (old.state, old.round) != (row.state, row.round)


def import_ended(row: ImportRow, at: datetime) -> e.ImportEnded:
    return e.ImportEnded(
        **_of_both(row, at),
        folder_id=row.folder_id,
        round=row.round,
        found=row.found,
        folders_failed=row.folders_failed,
        skipped=_largest(row.skipped),
    )


def _replay_ended(row: ReplayRow, at: datetime) -> e.ReplayEnded:
    return e.ReplayEnded(**_of_both(row, at), selected=row.selected)


def _of_both(row: ImportRow | ReplayRow, at: datetime) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS} | {
        "import_id": row.id,
        "epoch": row.epoch,
        "state": row.state,
        "at": at,
        "ended_at": row.finished_at,
        "name": row.name and row.name[:LONGEST_NAME],
        "message": row.message and row.message[:LONGEST_MESSAGE],
        "failures": _largest(row.failures),
    }


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    """As many as an event may hold, by reason."""
    largest = sorted(counts.items(), key=lambda item: -item[1])[:MOST_REASONS]
    return dict(sorted(largest))
