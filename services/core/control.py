"""Which control an import, or a replay, is under. Pure.

`imports.requested` holds everything that is asked of imports. Whoever reads it from the start knows
what each import may do now. The greatest epoch decides. Two events of one epoch, from an api and an
indexer that did not know of each other, mean the same to every reader: the higher rank counts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.core import events as e


class ControlState(Enum):
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


STATES: dict[type[e.ControlEvent], ControlState] = {
    e.ImportStalled: ControlState.RUNNING,
    e.ImportResumed: ControlState.RUNNING,
    e.ImportPaused: ControlState.PAUSED,
    e.ReplayFailed: ControlState.CANCELLED,
    e.ImportCancelled: ControlState.CANCELLED,
}
"""By rank, the lowest first."""
RANKS = {kind: rank for rank, kind in enumerate(STATES)}


@dataclass(frozen=True)
class ImportControl:
    epoch: int = 0
    kind: type[e.ControlEvent] = e.ImportStalled

    @property
    def state(self) -> ControlState:
        return STATES[self.kind]

    def after(self, event: e.ControlEvent) -> "ImportControl":
        """The control once this event is known; repeats and older epochs change nothing.

        What is cancelled stays cancelled, and a replay that failed stays so: nothing brings them
        back to life.
        """
        return max(self, ImportControl(event.epoch, type(event)), key=ImportControl._order)

    def _order(self) -> tuple[bool, bool, int, int]:
        ended = self.state is ControlState.CANCELLED
        return ended, self.kind is e.ImportCancelled, self.epoch, RANKS[self.kind]


FEW = 100
"""A retry of so many files and folders is not bulk."""


class ImportControls:
    """The newest control of every import that was ever controlled, some 200 bytes each, the rate of
    every replay, which imports are bulk, and which retries are not.

    Nothing is forgotten, since a forgotten pause would let work go on.
    """

    def __init__(self) -> None:
        self._by_import: dict[str, ImportControl] = {}
        self._rates: dict[str, tuple[datetime, int]] = {}
        self._bulk: set[str] = set()
        self._small_retries: set[tuple[str, int]] = set()

    def of(self, import_id: str) -> ImportControl:
        return self._by_import.get(import_id, ImportControl())

    def apply(self, event: e.Message) -> None:
        """Take an event of `imports.requested`, in any order and any number of times."""
        if isinstance(event, e.ControlEvent):
            self._by_import[event.import_id] = self.of(event.import_id).after(event)
        elif isinstance(event, e.ReplayRequested | e.ReplayRateChanged):
            rate = -1 if event.files_per_second is None else event.files_per_second
            newest = event.at, rate
            self._rates[event.import_id] = max(newest, self._rates.get(event.import_id, newest))
        elif isinstance(event, e.ImportRequested) and event.priority is e.Priority.BULK:
            self._bulk.add(event.import_id)
        elif isinstance(event, e.RetryRequested) and _is_small(event):
            self._small_retries.add((event.import_id, event.round))

    def is_bulk(self, import_id: str, round: int) -> bool:
        """Whether everything else goes first. It may be asked in any thread."""
        retried = round > 0 and (import_id, round) not in self._small_retries
        return retried or import_id in self._bulk

    def files_per_second(self, replay_id: str) -> int | None:
        """The newest rate that was asked for; None for as fast as possible."""
        _, rate = self._rates.get(replay_id, (None, -1))
        return None if rate < 0 else rate

    def allow(self, event: e.Message) -> bool:
        """Whether this may be worked on now: neither its import nor its replay is paused,
        cancelled, or under a later epoch."""
        if isinstance(event, e.OfNoImport):
            return True
        if isinstance(event, e.RetryRequested):  # its api may not have known the newest epoch
            return self.of(event.import_id).state is ControlState.RUNNING
        if not self._allow(event.import_id, event.epoch):
            return False
        if isinstance(event, e.FileFound) and event.replay_id is not None:
            return self._allow(event.replay_id, event.replay_epoch)
        return True

    def _allow(self, import_id: str, epoch: int) -> bool:
        control = self.of(import_id)
        if epoch > control.epoch:  # of a control that this process does not know yet
            return control.state is not ControlState.CANCELLED
        return control.state is ControlState.RUNNING and epoch == control.epoch


def _is_small(retry: e.RetryRequested) -> bool:
    return retry.last and retry.part == 0 and len(retry.files) + len(retry.folders) <= FEW
