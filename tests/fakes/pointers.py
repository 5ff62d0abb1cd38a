"""A bucket and the rows that point into it, in memory, for those who compare them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.adapters.catalog.pointers import Row, Running
from services.adapters.store.listing import Digest, Listed
from services.core.errors import TryAgain

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=3)


@dataclass
class Thing:
    """An object."""

    body: bytes
    modified: datetime = LONG_AGO
    stored_by: str = ""


@dataclass
class FakeBucket:
    """Lists in the order of keys, `page` at a time. `breaks` pages fail before they are given;
    `asked` counts requests by kind. `on` is called before each request, with its kind."""

    things: dict[str, Thing] = field(default_factory=dict)
    bucket: str = "pictures"
    page: int = 3
    breaks: int = 0
    refuses: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    deleted: list[Sequence[str]] = field(default_factory=list)
    on: Callable[[str], None] = lambda _kind: None

    def put(self, key: str, body: bytes = b"abc", **about: object) -> None:
        self.things[key] = Thing(body, **about)  # type: ignore[arg-type]

    def pages(self, after: str = "", prefix: str = "") -> Iterator[Sequence[Listed]]:
        last = after
        while True:
            self._request("list")
            if self.breaks:
                self.breaks -= 1
                raise TryAgain("store_unreachable", "The store did not answer.")
            keys = sorted(key for key in self.things if key > last and key.startswith(prefix))
            if not keys:
                return
            yield [self._listed(key) for key in keys[: self.page]]
            last = keys[: self.page][-1]

    def look(self, key: str) -> Listed | None:
        self._request("look")
        if key not in self.things:
            return None
        return self._listed(key)._replace(stored_by=self.things[key].stored_by)

    def digest(self, key: str) -> Digest | None:
        self._request("digest")
        if key not in self.things:
            return None
        body = self.things[key].body
        return Digest(len(body), hashlib.md5(body).hexdigest(), hashlib.sha256(body).hexdigest())

    def delete(self, keys: Sequence[str]) -> Mapping[str, str]:
        self._request("delete")
        self.deleted.append(keys)
        for key in keys:
            if key not in self.refuses:
                self.things.pop(key, None)
        return {key: why for key, why in self.refuses.items() if key in keys}

    def _listed(self, key: str) -> Listed:
        return Listed(key, len(self.things[key].body), self.things[key].modified)

    def _request(self, kind: str) -> None:
        self.on(kind)
        self.asked.append(kind)


@dataclass
class FakePointers:
    """The rows, the running imports and how far the indexer has read."""

    rows: list[Row] = field(default_factory=list)
    alive: list[Running] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    read: dict[tuple[str, int], int] = field(default_factory=dict)
    size: int = 2

    def page(self, after: tuple[str, str], only_import: str = "") -> Sequence[Row]:
        found = sorted(self.rows, key=lambda row: (row.key, row.import_id))
        if only_import:
            found = [row for row in found if row.import_id == only_import]
        return [row for row in found if (row.key, row.import_id) > after][: self.size]

    def pointed_to(self, keys: Sequence[str]) -> set[str]:
        return {row.key for row in self.rows} & {*keys}

    def expected(self, only_import: str = "") -> int:
        return len(self.rows)

    def elsewhere(self) -> int:
        return 0

    def running(self) -> Sequence[Running]:
        return self.alive

    def known(self, ids: Sequence[str]) -> set[str]:
        return self.ids & {*ids}

    def read_up_to(self) -> Mapping[tuple[str, int], int]:
        return self.read
