"""Which pages are done already, as far as this process remembers."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from services.core.events import PageRequested
from services.core.flow.keyed_lock import KeyedLock
from services.core.flow.lru_set import CAPACITY, LruSet


class PageDeduplicator:
    """The pages in hand, and the most recent whose facts are all in the log.

    A page can be asked for twice: a folder by two parents, by a repeat in a listing, by another
    pass of its parent; any page by a message that is delivered again. All requests for a page come
    to one partition, so mostly to one process. A page counts as done only after everything that it
    led to was acknowledged, so passing a repeat over loses nothing. What is forgotten, or was done
    by another process, is listed once more, which changes nothing.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._done = LruSet[Hashable](capacity)
        self._in_hand = KeyedLock()

    @asynccontextmanager
    async def holding(self, asked: PageRequested) -> AsyncIterator[bool]:
        """Hold the page for the block; gives False if it is done already."""
        page = _page(asked)
        async with self._in_hand.holding(page):
            yield page not in self._done

    def done(self, asked: PageRequested) -> None:
        """Everything that followed from this page is acknowledged."""
        self._done.add(_page(asked))


def _page(asked: PageRequested) -> Hashable:
    # A later epoch or round asks again on purpose.
    return *asked.identity, asked.round
