"""Why an import stands still: decided from its state and from what the workers say. Pure.

An import stands still when every worker of the kind that it needs waits, or when there is none. It
also stands still when no indexer can write what became of its files.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.adapters.catalog.views import ImportProgress, ImportState
from services.core.events import Waiting, WorkerStatus

SILENT_AFTER = timedelta(seconds=30)
"""A worker publishes its status every 10 s: after three that are missing it counts as gone."""
ABSENT_AFTER = timedelta(seconds=15)
"""A service that is being restarted is not reported as missing."""
NEEDED: Mapping[ImportState, str] = {
    "queued": "lister",
    "listing": "lister",
    "transferring": "transfer",
}
KAFKA_AWAY = Waiting(
    reason="kafka_unavailable",
    message="Kafka does not answer. The import goes on by itself when Kafka is back.",
)


def waiting_for(
    row: ImportProgress, workers: Sequence[WorkerStatus], now: datetime
) -> Waiting | None:
    """What the import waits for; None if it moves, is paused or has ended.

    `workers` is the newest status of each worker, of those that are silent or stopped too.
    """
    needed = NEEDED.get(row.state)
    if needed is None:
        return None
    requested_at = row.requested_at or now
    for service in (needed, "indexer"):
        ours = [worker for worker in workers if worker.service == service]
        found = _waiting_for_service(service, ours, requested_at, now)
        if found is not None:
            return found
    return None


def _waiting_for_service(
    service: str, workers: Sequence[WorkerStatus], requested_at: datetime, now: datetime
) -> Waiting | None:
    alive = [worker for worker in workers if _is_alive(worker, now)]
    if not alive:
        last_seen = max((worker.at for worker in workers), default=requested_at)
        absent = now - max(last_seen, requested_at)
        return _no_worker(service) if absent > ABSENT_AFTER else None
    waits = [worker.waiting_for for worker in alive if worker.state == "waiting"]
    reasons = [wait for wait in waits if wait is not None]
    if len(reasons) < len(alive):
        return None
    return min(reasons, key=lambda wait: wait.until or datetime.max.replace(tzinfo=UTC))


def _is_alive(worker: WorkerStatus, now: datetime) -> bool:
    """A status from the future comes from a wrong clock and must not count for ever."""
    return worker.state != "stopped" and abs(now - worker.at) <= SILENT_AFTER


def _no_worker(service: str) -> Waiting:
    return Waiting(
        reason="no_worker",
        message=f"The service `{service}` is not running. Start it, and the import goes on.",
    )
