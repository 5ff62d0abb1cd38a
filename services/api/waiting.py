"""What an import waits for, and what limits its speed.

An import stands still when every worker of the kind that it needs waits, or when there is none. It
also stands still when no indexer can write what became of its files.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.adapters.catalog.views.imports import ImportProgress, ImportState
from services.api.worker_cache import SILENT_AFTER
from services.core.events import Waiting, WorkerStatus

ABSENT_AFTER = timedelta(seconds=15)
"""A service that is being restarted is not reported as missing."""
NEEDED: Mapping[ImportState, str] = {
    "queued": "lister",
    "listing": "lister",
    "transferring": "transfer",
}


def waiting_for(
    row: ImportProgress, workers: Sequence[WorkerStatus], now: datetime
) -> Waiting | None:
    """What the import waits for; None if it moves, is paused or has ended."""
    if row.state not in NEEDED:
        return None
    since = row.requested_at or now
    worker = service_waits(NEEDED[row.state], since, workers, now)
    return worker or service_waits("indexer", since, workers, now)


def limited_by(workers: Sequence[WorkerStatus], now: datetime) -> Waiting | None:
    """What limits the speed of the workers that copy files."""
    limits = [
        worker.limited_by
        for worker in workers
        if worker.service == NEEDED["transferring"] and abs(now - worker.at) <= SILENT_AFTER
    ]
    return next((limit for limit in limits if limit), None)


def service_waits(
    service: str, requested_at: datetime, workers: Sequence[WorkerStatus], now: datetime
) -> Waiting | None:
    ours = [w for w in workers if w.service == service]
    # A status from the future comes from a wrong clock and must not count for ever.
    alive = [w for w in ours if w.state != "stopped" and abs(now - w.at) <= SILENT_AFTER]
    if not alive:
        last_seen = max([requested_at, *(w.at for w in ours)])
        if now - last_seen <= ABSENT_AFTER:
            return None
        message = f"The service `{service}` is not running. Start it, and the work continues."
        return Waiting(reason="no_worker", message=message)
    waits = [w.waiting_for for w in alive if w.state == "waiting" and w.waiting_for]
    if len(waits) < len(alive):
        return None
    return min(waits, key=lambda wait: wait.until or datetime.max.replace(tzinfo=UTC))
