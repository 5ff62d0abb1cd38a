"""Which control an import is under, for every reader of the whole of `imports.requested`. Pure."""

from dataclasses import dataclass
from enum import Enum

from services.core import events as e


class ControlState(Enum):
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"


STATE_OF: dict[type[e.Control], ControlState] = {
    e.ImportPaused: ControlState.PAUSED,
    e.ImportResumed: ControlState.RUNNING,
    e.ImportCancelled: ControlState.CANCELLED,
    e.ImportStalled: ControlState.RUNNING,
}


@dataclass(frozen=True)
class ImportControl:
    epoch: int = 0
    state: ControlState = ControlState.RUNNING


class ImportControls:
    """The newest control of every import that was ever controlled, some 200 bytes each.

    Nothing is forgotten, since a forgotten pause would let work go on.
    """

    def __init__(self) -> None:
        self._by_import: dict[str, ImportControl] = {}

    def of(self, import_id: str) -> ImportControl:
        return self._by_import.get(import_id, ImportControl())

    def apply(self, event: e.Message) -> None:
        """Take an event of `imports.requested`, in any order and any number of times.

        Repeats and older epochs change nothing, and nothing brings a cancelled import back to life.
        """
        if not isinstance(event, e.Control):
            return
        known = self.of(event.import_id)
        if known.state is not ControlState.CANCELLED and event.epoch > known.epoch:
            state = STATE_OF[type(event)]
            self._by_import[event.import_id] = ImportControl(event.epoch, state)
