"""The newest status of every worker, from `workers.status`.

Bounded: a worker that was silent for ten minutes is forgotten, and beyond `room` whoever was silent
longest.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.core.events import Message, WorkerStatus

FORGET_AFTER = timedelta(minutes=10)
ROOM = 10_000
NEWEST_RECORDS = 5_000
"""Where a reader of `workers.status` begins: enough for the last minute of some hundred workers."""


class WorkerCache:
    """The workers that were heard of lately, running or not."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._by_id: dict[str, WorkerStatus] = {}

    def apply(self, event: Message) -> None:
        """Take an event of `workers.status`, in any order and any number of times."""
        if not isinstance(event, WorkerStatus):
            return
        known = self._by_id.get(event.worker_id)
        if known is not None and event.at < known.at:
            return
        self._by_id[event.worker_id] = event
        if len(self._by_id) > self._room:
            del self._by_id[min(self._by_id, key=lambda id: self._by_id[id].at)]

    def newest(self, now: datetime) -> Sequence[WorkerStatus]:
        """The newest status of each worker."""
        silent = [id for id, said in self._by_id.items() if now - said.at > FORGET_AFTER]
        for id in silent:
            del self._by_id[id]
        return list(self._by_id.values())
