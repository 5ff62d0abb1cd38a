"""Why an import stands still: decided from its state and from what the workers say.

An import stands still when every worker of the kind that it needs waits, or when there is none. It
also stands still when no indexer can write what became of its files.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.adapters.catalog.views import ImportProgress, ImportState
from services.core.events import Message, Waiting, WorkerStatus

SILENT_AFTER = timedelta(seconds=30)
"""A worker publishes its status every 10 s: after three that are missing it counts as gone."""
ABSENT_AFTER = timedelta(seconds=15)
"""A service that is being restarted is not reported as missing."""
FORGET_AFTER = timedelta(minutes=10)
NEWEST_RECORDS = 5_000
"""Where a reader of `workers.status` begins: enough for the last minute of some hundred workers."""
NEEDED: Mapping[ImportState, str] = {
    "queued": "lister",
    "listing": "lister",
    "transferring": "transfer",
}
KAFKA_AWAY = Waiting(
    reason="kafka_unavailable",
    message="Kafka does not answer. The import goes on by itself when Kafka is back.",
)


class WorkerCache:
    """The newest status of every worker, from `workers.status`.

    Bounded: a worker that was silent for `FORGET_AFTER` is forgotten, and beyond `room` whoever was
    silent longest.
    """

    def __init__(self, room: int = 10_000) -> None:
        self._room = room
        self._by_id: dict[str, WorkerStatus] = {}

    def apply(self, event: Message) -> None:
        """Take an event of `workers.status`, in any order and any number of times."""
        if not isinstance(event, WorkerStatus):
            return
        if event.at >= self._by_id.get(event.worker_id, event).at:
            self._by_id[event.worker_id] = event
        if len(self._by_id) > self._room:
            del self._by_id[min(self._by_id, key=lambda id: self._by_id[id].at)]

    def newest(self, now: datetime) -> Sequence[WorkerStatus]:
        """The newest status of each worker, of those that are silent or stopped too."""
        heard = {id: said for id, said in self._by_id.items() if now - said.at <= FORGET_AFTER}
        self._by_id = heard
        return list(heard.values())


def waiting_for(
    row: ImportProgress, workers: Sequence[WorkerStatus], now: datetime
) -> Waiting | None:
    """What the import waits for; None if it moves, is paused or has ended. Pure.

    `workers` is as `WorkerCache.newest` gives it.
    """
    if row.state not in NEEDED:
        return None
    for service in (NEEDED[row.state], "indexer"):
        ours = [worker for worker in workers if worker.service == service]
        found = _waiting_for_service(service, ours, row.requested_at or now, now)
        if found is not None:
            return found
    return None


def _waiting_for_service(
    service: str, workers: Sequence[WorkerStatus], requested_at: datetime, now: datetime
) -> Waiting | None:
    # A status from the future comes from a wrong clock and must not count for ever.
    recent = [worker for worker in workers if abs(now - worker.at) <= SILENT_AFTER]
    alive = [worker for worker in recent if worker.state != "stopped"]
    if not alive:
        last_seen = max([requested_at, *(worker.at for worker in workers)])
        if now - last_seen <= ABSENT_AFTER:
            return None
        message = f"The service `{service}` is not running. Start it, and the import goes on."
        return Waiting(reason="no_worker", message=message)
    waits = [worker.waiting_for for worker in alive if worker.state == "waiting"]
    reasons = [wait for wait in waits if wait is not None]
    if len(reasons) < len(alive):
        return None
    return min(reasons, key=lambda wait: wait.until or datetime.max.replace(tzinfo=UTC))
