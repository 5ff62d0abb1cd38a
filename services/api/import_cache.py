"""The imports that are known from the log, before the indexer has rows of them."""

import asyncio
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from msgspec.structs import asdict, replace

from services.adapters.catalog.views.imports import ENDED_STATES, ImportPlace, ImportProgress
from services.api.replay_cache import ReplayCache
from services.core.control import ControlState, ImportControls
from services.core.events import (
    ImportRequested,
    Message,
    Priority,
    ReplayRequested,
    RetryRequested,
)


class ImportCache:
    """What `imports.requested` tells, since an import is known before the indexer has a row of it.

    Beyond `room` the oldest requests are evicted, which are in the database by then. Controls are
    never evicted. `newest_round` is the highest that any retry or replay was given.
    """

    def __init__(self, room: int = 50_000) -> None:
        self._room = room
        self._requests: dict[str, ImportRequested] = {}
        self._in_order: list[ImportRequested] = []
        self._is_new = True
        self._controls = ImportControls()
        self.replays = ReplayCache(self._controls)
        self._taken: dict[str, dict[int, datetime]] = {}
        self._rounds: dict[str, int] = {}
        self._awaited: dict[Message, asyncio.Event] = {}
        self.newest_round = 0
        self.changed: Callable[[], None] = lambda: None
        """Called after each event."""

    def apply(self, event: Message) -> None:
        self._controls.apply(event)
        self.replays.apply(event)
        match event:
            case ImportRequested():
                self._add(event)
            case RetryRequested(import_id=id, round=round, at=at):
                taken = self._taken.setdefault(id, {})
                if round > max(taken, default=0):
                    taken[round] = at
                if event.last:
                    self._rounds[id] = max(round, self.retry_round(id))
                self.newest_round = max(round, self.newest_round)
            case ReplayRequested(round=round):
                self.newest_round = max(round, self.newest_round)
        if self._awaited and event in self._awaited:
            self._awaited[event].set()
        self.changed()

    @contextmanager
    def awaiting(self, event: Message) -> Iterator[asyncio.Event]:
        """It is set once this event has been applied."""
        applied = self._awaited[event] = asyncio.Event()
        try:
            yield applied
        finally:
            self._awaited.pop(event, None)

    def next_round(self, known: int = 0) -> int:
        """A round above `known` that nobody has used, and that no other request of this process
        will be given."""
        self.newest_round = max(known, self.newest_round) + 1
        return self.newest_round

    def retry_round(self, import_id: str) -> int:
        """The round of the newest retry of this import that is told whole, 0 without one."""
        return self._rounds.get(import_id, 0)

    def has_its_round(self, retry: RetryRequested) -> bool:
        """Whether no other retry of this import came before it in the log with the same round, or a
        higher one. A later one may have taken the next round meanwhile."""
        return self._taken.get(retry.import_id, {}).get(retry.round) == retry.at

    def _add(self, event: ImportRequested) -> None:
        self._is_new = False
        known = self._requests.get(event.import_id)
        if known is not None:
            if event.requested_at >= known.requested_at:
                return  # the earliest request counts, as in the indexer
            self._in_order.remove(known)
        self._requests[event.import_id] = event
        insort(self._in_order, event, key=place_of)
        if len(self._in_order) > self._room:
            del self._requests[self._in_order.pop(0).import_id]

    def request(self, import_id: str) -> ImportRequested | None:
        return self._requests.get(import_id)

    def priority(self, import_id: str) -> Priority:
        """As it was requested, however long ago."""
        return Priority.BULK if self._controls.is_bulk(import_id, 0) else Priority.NORMAL

    def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportRequested]:
        end = bisect_left(self._in_order, before, key=place_of) if before else len(self._in_order)
        return self._in_order[max(0, end - limit) : end][::-1]

    def begin(self) -> bool:
        """Whether nothing was requested before. From now on something was."""
        is_new, self._is_new = self._is_new, False
        return is_new

    def completed(self, import_id: str, row: ImportProgress | None) -> ImportProgress | None:
        """The row, with what was requested, controls and retries included, where the indexer has
        not written it yet."""
        request = self.request(import_id)
        if request is None:
            return None if row is None else self._controlled(row)
        begun = ImportProgress(
            id=import_id,
            state="queued",
            folder_id=request.folder_id,
            folder_url=request.folder_url,
            requested_at=request.requested_at,
            updated_at=request.requested_at,
        )
        written = asdict(row) if row else {}
        known = {name: it for name, it in written.items() if it is not None}
        return self._controlled(replace(begun, **known))

    def _controlled(self, row: ImportProgress) -> ImportProgress:
        control = self._controls.of(row.id)
        is_behind = control.epoch < row.epoch
        row = replace(row, epoch=max(control.epoch, row.epoch))
        if row.state == "cancelled":
            return row
        if control.state is ControlState.CANCELLED:  # which counts at any epoch
            return replace(row, state="cancelled", finished_at=row.updated_at)
        has_ended = row.state in ENDED_STATES
        retried = self.retry_round(row.id) > row.round
        if (has_ended and not retried) or (is_behind and not has_ended):
            return row
        going_on = row.state != "paused" and not has_ended
        state = row.state if going_on else row.running_state
        paused = control.state is ControlState.PAUSED
        return replace(row, state="paused" if paused else state, finished_at=None)


def place_of(one: ImportRequested | ImportProgress) -> ImportPlace:
    """Where an import stands in the list, which holds only those whose request is known."""
    assert one.requested_at is not None
    id = one.id if isinstance(one, ImportProgress) else one.import_id
    return ImportPlace(one.requested_at, id)
