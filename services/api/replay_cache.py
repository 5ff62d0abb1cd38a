"""What `imports.requested` tells of replays: the api knows one before the indexer has its row."""

from bisect import bisect_left, insort
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from services.adapters.catalog import views
from services.core.control import ControlState, ImportControls
from services.core.events import Message, ReplayRateChanged, ReplayRequested

ENDED: tuple[views.ReplayState, ...] = ("completed", "failed", "cancelled")


class ReplayCache:
    """Every replay that `imports.requested` tells of. Beyond `room` the oldest are evicted, which
    are in the database by then."""

    def __init__(self, controls: ImportControls, room: int = 5_000) -> None:
        self._controls, self._room = controls, room
        self._requests: dict[str, ReplayRequested] = {}
        self._in_order: list[ReplayRequested] = []
        self._rates: dict[str, ReplayRateChanged] = {}

    def apply(self, event: Message) -> None:
        if isinstance(event, ReplayRateChanged):
            known = self._rates.get(event.import_id)
            if known is None or known.at <= event.at:
                self._rates[event.import_id] = event
        elif isinstance(event, ReplayRequested):
            self._take(event)

    def _take(self, event: ReplayRequested) -> None:
        known = self._requests.get(event.import_id)
        if known is not None:
            if known.at <= event.at:
                return  # the earliest counts, as in the indexer
            self._in_order.remove(known)
        self._requests[event.import_id] = event
        insort(self._in_order, event, key=_place_of_request)
        if len(self._in_order) > self._room:
            evicted = self._in_order.pop(0).import_id
            del self._requests[evicted]
            self._rates.pop(evicted, None)

    def request(self, replay_id: str) -> ReplayRequested | None:
        return self._requests.get(replay_id)

    def newest(self, *, before: views.ImportPlace | None, limit: int) -> Sequence[ReplayRequested]:
        places = self._in_order
        end = bisect_left(places, before, key=_place_of_request) if before else len(places)
        return places[max(0, end - limit) : end][::-1]

    def completed(
        self, replay_id: str, row: views.ReplayProgress | None
    ) -> views.ReplayProgress | None:
        """The row, with what was asked where the indexer has not written it yet."""
        request = self._requests.get(replay_id)
        if row is None or row.requested_at is None:
            if request is None:
                return row
            row = _begun(request, row)
        control, rate = self._controls.of(replay_id), self._rates.get(replay_id)
        if control.epoch > row.epoch and row.state not in ENDED:
            row = replace(row, state=_controlled(row, control.state), epoch=control.epoch)
        if rate is not None and (row.rate_at is None or rate.at > row.rate_at):
            row = replace(row, files_per_second=rate.files_per_second)
        return row


def _place_of_request(event: ReplayRequested) -> views.ImportPlace:
    return views.ImportPlace(event.at, event.import_id)


def _begun(request: ReplayRequested, written: views.ReplayProgress | None) -> views.ReplayProgress:
    return replace(
        written or views.ReplayProgress(id=request.import_id, state="planned"),
        name=request.name,
        why=request.why,
        by=request.by,
        scope=request.scope.value,
        transfer=request.transfer.value,
        select=msgspec.to_builtins(request.select),
        requested_at=request.at,
        round=request.round,
        depth=request.depth,
        planned_files=request.files,
        planned_bytes=request.bytes,
        most=request.most,
        files_per_second=request.files_per_second,
        updated_at=request.at,
    )


def _controlled(row: views.ReplayProgress, control: ControlState) -> views.ReplayState:
    if control is ControlState.CANCELLED:
        return "cancelled"
    if control is ControlState.PAUSED:
        return "paused"
    return "running" if row.state == "paused" else row.state
