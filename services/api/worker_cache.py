"""What `workers.status` tells: the newest status of every worker."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.core.events import Message, WorkerStatus

SILENT_AFTER = timedelta(seconds=30)
"""A worker publishes its status every 10 s: after three that are missing it counts as gone."""
FORGET_AFTER = timedelta(minutes=10)
NEWEST_RECORDS = 5_000
"""Where a reader of `workers.status` begins: enough for the last minute of some hundred workers."""


class WorkerCache:
    """The newest status of every worker. One that was silent for `FORGET_AFTER` is forgotten, and
    beyond `room` whoever was silent longest."""

    def __init__(self, room: int = 10_000) -> None:
        self._room = room
        self._by_id: dict[str, WorkerStatus] = {}

    def apply(self, event: Message) -> None:
        if not isinstance(event, WorkerStatus):
            return
        if event.at >= self._by_id.get(event.worker_id, event).at:
            self._by_id[event.worker_id] = event
        if len(self._by_id) > self._room:
            del self._by_id[min(self._by_id, key=lambda id: self._by_id[id].at)]

    def newest(self, now: datetime) -> Sequence[WorkerStatus]:
        heard = {id: said for id, said in self._by_id.items() if now - said.at <= FORGET_AFTER}
        self._by_id = heard
        return list(heard.values())
