"""Which control an import is under: paused, resumed or cancelled, by the newest epoch. Pure.

`imports.requested` holds everything that is asked of imports, in one order per import. Whoever
reads it from the start knows what each import may do now.
"""

from dataclasses import dataclass
from enum import Enum

from services.core import events as e


class ControlState(Enum):
    """What an import may do."""

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
    """The newest control of one import. Work of an older epoch is passed over."""

    epoch: int = 0
    state: ControlState = ControlState.RUNNING

    def after(self, event: e.Control) -> "ImportControl":
        """The control once this event is known; repeats and older epochs change nothing.

        A cancelled import stays cancelled: nothing brings it back to life.
        """
        if self.state is ControlState.CANCELLED or event.epoch <= self.epoch:
            return self
        return ImportControl(event.epoch, STATE_OF[type(event)])


UNCONTROLLED = ImportControl()


class ImportControls:
    """The control of every import that was ever paused, resumed or cancelled.

    Nothing is forgotten, since a forgotten pause would let work go on. An import that nobody ever
    controlled takes no memory; a controlled one takes some 200 bytes.
    """

    def __init__(self) -> None:
        self._by_import: dict[str, ImportControl] = {}

    def of(self, import_id: str) -> ImportControl:
        return self._by_import.get(import_id, UNCONTROLLED)

    def apply(self, event: e.Message) -> None:
        """Take an event of `imports.requested`, in any order and any number of times."""
        if isinstance(event, e.Control):
            self._by_import[event.import_id] = self.of(event.import_id).after(event)
