"""Which pages are done already, as far as this process remembers."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from services.core.events import PageRequested
from services.core.flow.keyed_lock import Turns
from services.core.flow.lru_set import REMEMBERED, Recent


class Seen:
    """The newest pages whose facts are all in the log, and those in hand.

    A page can be asked for twice: a folder by two parents, by a repeat in a listing, by another
    pass of its parent; any page by a message that is delivered again after a crash, and then each
    of the pages after it, to the end of the folder. All requests for it come to one partition, so
    mostly to one process. It is noted only after everything that it led to was acknowledged: then
    passing a repeat over loses nothing, also if the repeat is the same message. What is forgotten,
    or was seen by another process, is listed once more, which changes nothing.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._noted = Recent[Hashable](remembered)
        self._in_hand = Turns()

    @asynccontextmanager
    async def turn(self, asked: PageRequested) -> AsyncIterator[bool]:
        """One at a time for one page; False for who comes after it was noted."""
        identity = _identity(asked)
        async with self._in_hand.of(identity):
            yield identity not in self._noted

    def note(self, asked: PageRequested) -> None:
        """All that followed from this page is acknowledged."""
        self._noted.note(_identity(asked))


def _identity(asked: PageRequested) -> Hashable:
    # A later epoch or round asks again on purpose.
    job = asked.import_id, asked.epoch, asked.round
    return *job, asked.folder_id, asked.pass_number, asked.page_number
