"""Which folders were opened already, as far as this process remembers."""

from services.core.events import PageRequested
from services.core.recent import REMEMBERED, Recent


class Openings:
    """The newest openings whose facts are all in the log.

    A folder can be asked for twice: by two parents, by a repeat in a listing, by another pass of
    its parent. All requests for it come to one partition, so mostly to one process. It is noted
    only after everything that its first page led to was acknowledged: then passing a repeat over
    loses nothing, also if the repeat is the same message, delivered again. What is forgotten, or
    was seen by another process, is listed once more, which changes nothing.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._noted = Recent[tuple[object, ...]](remembered)

    def __contains__(self, asked: PageRequested) -> bool:
        return _opens(asked) and _identity(asked) in self._noted

    def note(self, asked: PageRequested) -> None:
        """All that followed from this page is acknowledged."""
        if _opens(asked):
            self._noted.note(_identity(asked))


def _opens(asked: PageRequested) -> bool:
    return asked.pass_number == 0 and asked.page_number == 0


def _identity(asked: PageRequested) -> tuple[object, ...]:
    # A later epoch or round asks again on purpose.
    return asked.import_id, asked.epoch, asked.round, asked.folder_id
