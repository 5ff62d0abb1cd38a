"""What every worker last said of itself, as `workers.status` tells it: newest word per worker.

Filled by a tail's thread and read by the event loop, hence the lock. Bounded: who is silent is
forgotten, and beyond `room` whoever was silent longest.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.core.events import Message, WorkerStatus

SILENT = timedelta(seconds=60)
"""Six words missed (`core/status.py` has one said every ten seconds): it is gone."""
ROOM = 10_000


def _now() -> datetime:
    return datetime.now(UTC)


class KnownWorkers:
    """The workers that are there."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._by_id: dict[str, WorkerStatus] = {}

    def add(self, event: Message) -> None:
        """Take an event of `workers.status`, in any order and any number of times."""
        if not isinstance(event, WorkerStatus):
            return
        with self._lock:
            known = self._by_id.get(event.worker_id)
            if known is None or event.at >= known.at:
                self._by_id[event.worker_id] = event
            if len(self._by_id) > self._room:
                del self._by_id[min(self._by_id, key=lambda id: self._by_id[id].at)]

    def alive(self, now: datetime | None = None) -> Sequence[WorkerStatus]:
        """The newest word of each that is neither silent nor stopped, by service and worker.

        A word from the future is of a clock that is wrong: it must not make its worker immortal.
        """
        at = now or _now()
        with self._lock:
            silent = [id for id, said in self._by_id.items() if abs(at - said.at) > SILENT]
            for id in silent:
                del self._by_id[id]
            there = [said for said in self._by_id.values() if said.state != "stopped"]
        return sorted(there, key=lambda said: (said.service, said.worker_id))
