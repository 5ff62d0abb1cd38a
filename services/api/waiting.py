"""What an import waits for, and what limits its speed.

An import stands still when every worker of the kind that it needs waits, or when there is none. It
also stands still when no indexer can write what became of its files, and while all workers are busy
with other imports.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.adapters.catalog.views.imports import ImportProgress, ImportState
from services.api.worker_cache import SILENT_AFTER
from services.core.events import MOST_NAMED, Waiting, WorkerStatus

BEHIND_OTHERS = "behind_others"
ABSENT_AFTER = timedelta(seconds=15)
"""A service that is being restarted is not reported as missing."""
BEHIND_AFTER = timedelta(seconds=5)
"""A worker tells within a second or two what it works on."""
WORKERS = ("lister", "transfer")
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
    indexer = worker or service_waits("indexer", since, workers, now)
    return indexer or _behind_others(row, workers, now)


def _behind_others(
    row: ImportProgress, workers: Sequence[WorkerStatus], now: datetime
) -> Waiting | None:
    """Whether the workers have lately worked on other imports, and on nothing of this one."""
    if now - (row.requested_at or now) < BEHIND_AFTER:
        return None
    if row.state == "transferring" and not row.pending:
        return None
    running = [w for w in workers if w.service in WORKERS and _is_running(w, now)]
    # One that has more in hand than it names, or does not name it, may work on this one.
    if any(len(w.works_on) >= MOST_NAMED or (w.in_flight and not w.works_on) for w in running):
        return None
    others = {owner for worker in running for owner in worker.works_on}
    if not others or row.id in others:
        return None
    busy = "another import" if len(others) == 1 else f"{len(others)} other imports"
    message = f"The workers are busy with {busy}. This one continues when its turn comes."
    return Waiting(reason=BEHIND_OTHERS, message=message)


def _is_running(worker: WorkerStatus, now: datetime) -> bool:
    return worker.state == "running" and abs(now - worker.at) <= SILENT_AFTER


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
