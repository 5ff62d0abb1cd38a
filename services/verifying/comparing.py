"""Objects and rows side by side: two streams in the byte order of their keys, merged in one pass.

It holds one page of each, however many there are. Python compares texts by code point, which is the
order of their UTF-8 bytes.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from services.adapters.catalog.pointers import Row
from services.adapters.catalog.writer import CatalogUnavailableError
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.store.listing import Digest, Listed
from services.core.errors import Stop, TryAgain

T = TypeVar("T")
TRIES = 6
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 20.0
Sleep = Callable[[float], None]


class ReadsBucket(Protocol):
    """What a comparison needs of the store."""

    bucket: str

    def pages(self, after: str = "", prefix: str = "") -> Iterator[Sequence[Listed]]: ...
    def look(self, key: str) -> Listed | None: ...
    def digest(self, key: str) -> Digest | None: ...


class ReadsPointers(Protocol):
    """What a comparison needs of the database."""

    def page(self, after: tuple[str, str], only_import: str = "") -> Sequence[Row]: ...
    def pointed_to(self, keys: Sequence[str]) -> set[str]: ...
    def expected(self, only_import: str = "") -> int: ...
    def elsewhere(self) -> int: ...


class Pair(NamedTuple):
    """A key, with its object if there is one, and the rows that point to it."""

    key: str
    object: Listed | None
    rows: Sequence[Row]


def patiently(ask: Callable[[], T], sleep: Sleep = time.sleep) -> T:
    """Ask again while the other side is in trouble, `TRIES` times in all: about half a minute."""
    wait = FIRST_WAIT_S
    for _ in range(TRIES - 1):
        try:
            return ask()
        except (TryAgain, CatalogUnavailableError, KafkaUnavailableError) as why:
            asked = why.retry_after if isinstance(why, TryAgain) else None
            sleep(min(max(wait, asked or 0.0), LONGEST_WAIT_S))
            wait *= 2
    return ask()


class Objects(Iterator[Listed]):
    """All objects after a key. A listing that breaks off goes on after the last one. Raises `Stop`
    if they do not come in order, for a merge would then report what is not so."""

    def __init__(
        self, store: ReadsBucket, *, after: str = "", prefix: str = "", sleep: Sleep = time.sleep
    ) -> None:
        self._store, self._prefix, self._sleep = store, prefix, sleep
        self._last = after
        self._pages = store.pages(after, prefix)
        self._page: Iterator[Listed] = iter(())
        self._wanted = True

    def __next__(self) -> Listed:
        found = next(self._page, None)
        while found is None:
            page = patiently(self._next_page, self._sleep)
            if page is None:
                raise StopIteration
            self._page, self._wanted = iter(page), False
            found = next(self._page, None)
        if found.key <= self._last:
            raise Stop(
                "listing_unordered",
                f"The store does not list objects in the order of their keys: {found.key!r} came "
                f"after {self._last!r}. Such a bucket cannot be compared.",
            )
        self._last = found.key
        return found

    def reach(self, key: str) -> Listed | None:
        """The first object that is not before this key. Where a whole page had nothing that was
        asked for, the next one begins at the key."""
        for found in self:
            if found.key >= key:
                self._wanted = self._wanted or found.key == key
                return found
            if not self._wanted and found.key < key[:-1]:
                self._skip_from(found.key, key)
        return None

    def _skip_from(self, last: str, key: str) -> None:
        for found in self._page:
            if found.key >= key:
                self._page = itertools.chain([found], self._page)
                return
            self._last = found.key
        if self._last < key[:-1]:
            self._last = key[:-1]
            self._pages = self._store.pages(self._last, self._prefix)

    def _next_page(self) -> Sequence[Listed] | None:
        try:
            return next(self._pages, None)
        except TryAgain:
            self._pages = self._store.pages(self._last, self._prefix)
            raise


def rows(
    catalog: ReadsPointers, *, after: str = "", only_import: str = "", sleep: Sleep = time.sleep
) -> Iterator[Row]:
    """All rows that point to an object after this key."""
    place = (after, LAST) if after else ("", "")
    while page := patiently(partial(catalog.page, place, only_import), sleep):
        yield from page
        place = (page[-1].key, page[-1].import_id)


LAST = "\U0010ffff"
"""After the id of every import."""


def pairs(objects: Objects, rows: Iterator[Row], *, only_rows: bool = False) -> Iterator[Pair]:
    """Each key once, in order; with `only_rows`, only those that a row points to."""
    object, row = None if only_rows else next(objects, None), next(rows, None)
    while object is not None or row is not None:
        if only_rows:
            if row is None:
                return
            if object is None or object.key < row.key:
                object = objects.reach(row.key)
        key = min(each.key for each in (object, row) if each is not None)
        found = None
        if object is not None and object.key == key:
            found, object = object, next(objects, None)
        pointing: list[Row] = []
        while row is not None and row.key == key:
            pointing.append(row)
            row = next(rows, None)
        yield Pair(key, found, pointing)
