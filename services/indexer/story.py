"""The story of each import in the log: asked for, folder opened, every tenth of it or half a
minute, each reason of failure once with its count, and how it ended.

The indexer tells it, since it alone sees an import whole. A line follows from how a row changed,
which is written once: so a restart repeats none.
"""

import time
from collections.abc import Callable

import structlog

from services.adapters.catalog.rows import ImportRow, ReplayRow, Rows
from services.adapters.catalog.views.imports import ENDED_STATES

EVERY_SECONDS = 30.0
MOST_OPEN = 10_000
log = structlog.get_logger("story")


class Story:
    """Remembers of each open import only when it was last told of."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}

    def tell(self, before: Rows, after: Rows) -> None:
        """Tell what a batch changed. To be called once it is written."""
        for id, row in after.imports.items():
            old = before.imports.get(id) or ImportRow(
                id=id, folder_id=None, folder_url=None, requested_at=None, updated_at=None
            )
            if row is not old:
                self._tell_import(old, row)
        for id, replay in after.replays.items():
            known = before.replays.get(id)
            if replay.state in ENDED_STATES and (known is None or known.state != replay.state):
                _say("replay.ended", replay)

    def _tell_import(self, old: ImportRow, row: ImportRow) -> None:
        if old.requested_at is None and row.requested_at is not None:
            log.info("import.requested", import_id=row.id, folder_id=row.folder_id)
        if old.name != row.name and row.name:
            log.info("import.folder_opened", import_id=row.id, name=_on_one_line(row.name))
        if old.state != row.state and "paused" in (old.state, row.state):
            log.info(f"import.{'paused' if row.state == 'paused' else 'resumed'}", import_id=row.id)
        if row.state in ENDED_STATES:
            self._told_at.pop(row.id, None)
            if old.state != row.state:
                self._tell_end(row)
        elif self._is_due(old, row):
            _say("import.progress", row)

    def _tell_end(self, row: ImportRow) -> None:
        for reason, files in row.failures.items():
            log.info("import.failures", import_id=row.id, reason=reason, files=files)
        _say("import.ended", row, skipped=row.skipped, folders_failed=row.folders_failed)

    def _is_due(self, old: ImportRow, row: ImportRow) -> bool:
        now = self._clock()
        if len(self._told_at) >= MOST_OPEN and row.id not in self._told_at:
            self._told_at.pop(next(iter(self._told_at)))
        since = self._told_at.setdefault(row.id, now)
        listed = row.state == "transferring"
        due = now - since >= EVERY_SECONDS or (listed and _tenths(old) < _tenths(row))
        if due:
            self._told_at[row.id] = now
        return due


def _on_one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _tenths(row: ImportRow) -> int:
    return 10 * (row.found - row.pending) // row.found if row.found else 0


def _say(event: str, row: ImportRow | ReplayRow, **more: object) -> None:
    is_import = isinstance(row, ImportRow)
    verb = "found" if is_import else "selected"
    number = row.found if isinstance(row, ImportRow) else row.selected
    parts = f"{row.stored} stored + {row.unchanged} unchanged + {row.failed} failed"
    log.info(
        event,
        **{"import_id" if is_import else "replay_id": row.id},
        state=row.state,
        equation=f"{number} {verb} = {parts} + {row.pending} pending",
        stored_bytes=row.stored_bytes,
        **more,
    )
