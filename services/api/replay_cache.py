"""What `imports.requested` tells of replays: the api knows one before the indexer has its row."""

from bisect import bisect_left, insort
from collections.abc import Sequence

from msgspec.structs import replace

from services.adapters.catalog.views.imports import ImportPlace
from services.adapters.catalog.views.replays import ReplayProgress, ReplayState, replay_asked
from services.core.control import ControlState, ImportControl, ImportControls
from services.core.events import Message, ReplayFailed, ReplayRequested

ENDED: tuple[ReplayState, ...] = ("completed", "failed", "cancelled")


class ReplayCache:
    """Every replay that `imports.requested` tells of, as `controls` are. Beyond `room` the oldest
    are evicted, which are in the database by then."""

    def __init__(self, controls: ImportControls, room: int = 5_000) -> None:
        self._controls, self._room = controls, room
        self._requests: dict[str, ReplayRequested] = {}
        self._in_order: list[ReplayRequested] = []

    def apply(self, event: Message) -> None:
        if not isinstance(event, ReplayRequested):
            return
        known = self._requests.get(event.import_id)
        if known is not None:
            if known.at <= event.at:
                return  # the earliest counts, as in the indexer
            self._in_order.remove(known)
        self._requests[event.import_id] = event
        insort(self._in_order, event, key=_place_of_request)
        if len(self._in_order) > self._room:
            del self._requests[self._in_order.pop(0).import_id]

    def request(self, replay_id: str) -> ReplayRequested | None:
        return self._requests.get(replay_id)

    def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ReplayRequested]:
        places = self._in_order
        end = bisect_left(places, before, key=_place_of_request) if before else len(places)
        return places[max(0, end - limit) : end][::-1]

    def completed(self, replay_id: str, row: ReplayProgress | None) -> ReplayProgress | None:
        """The row, with what was asked where the indexer has not written it yet."""
        request = self._requests.get(replay_id)
        if row is None or row.requested_at is None:
            if request is None:
                return row
            row = row or ReplayProgress(id=replay_id)
            row = replace(row, **replay_asked(request), updated_at=request.at)
        if request is not None:
            row = replace(row, files_per_second=self._controls.files_per_second(replay_id))
        control = self._controls.of(replay_id)
        ended = control.state is ControlState.CANCELLED
        if (ended or control.epoch > row.epoch) and row.state not in ENDED:
            row = replace(row, state=_controlled(row, control), epoch=control.epoch)
        return row


def _place_of_request(event: ReplayRequested) -> ImportPlace:
    return ImportPlace(event.at, event.import_id)


def _controlled(row: ReplayProgress, control: ImportControl) -> ReplayState:
    if control.kind is ReplayFailed:
        return "failed"
    if control.state is ControlState.CANCELLED:
        return "cancelled"
    if control.state is ControlState.PAUSED:
        return "paused"
    return "running" if row.state == "paused" else row.state
