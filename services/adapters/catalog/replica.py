"""Lists of images from a read replica, as long as it keeps up with the primary.

How far it has come is told by the indexer's offsets, which every transaction of its writes beside
its rows. That holds for any kind of replication, also behind a pooler, and needs no rights.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.views.images import (
    ImageFilter,
    ImageFolder,
    ImagePlace,
    ImageSections,
    ListedImage,
)
from services.core.errors import TryAgain, Verdict
from services.core.settings import Reader

MOST_BEHIND_SECONDS = 5.0
LOOK_SECONDS, ANSWER_SECONDS = 1.0, 3.0
INSTEAD = "Lists of images come from the primary database."
AWAY = f"The read replica is not responding. {INSTEAD}"
MOST_SEEN = 100
OVER = {"database_unavailable", "database_not_ready"}
"""Reasons of the replica for which the primary is asked. If it is busy, or slow, so is the list."""
Offsets = Mapping[tuple[str, int], int]
R = TypeVar("R")
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class ReplicaSettings:
    """`database` is None without a replica."""

    database: DatabaseSettings | None = None

    @classmethod
    def read(cls, reader: Reader) -> "ReplicaSettings":
        name = "DATABASE_READ_URL"
        if not reader.text(name, ""):
            return cls()
        return cls(database=DatabaseSettings.read_from(reader, name))


@dataclass(eq=False)
class ReplicaWatch:
    """Both callables return the indexer's offsets, and raise `Verdict` where they cannot."""

    primary: Callable[[], Awaitable[Offsets]]
    replica: Callable[[], Awaitable[Offsets]]
    clock: Callable[[], float] = time.monotonic
    trouble: str | None = f"The read replica has not answered yet. {INSTEAD}"
    """Why the primary is asked instead, in whole sentences; None while the replica is used."""
    _seen: deque[tuple[float, Offsets]] = field(default_factory=lambda: deque(maxlen=MOST_SEEN))
    """What the replica has not reached yet, and when the primary had."""
    _current_at: float = -math.inf

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """The primary is asked first, so that a replica without delay has come as far. While the
        primary is away, nothing tells how far it is ahead, and all stays as it is."""
        asked_at = self.clock()
        wanted = await _answer(self.primary)
        if (reached := await _answer(self.replica)) is None:
            self._tell(AWAY)
        elif wanted is not None:
            self._seen.append((asked_at, wanted))
            while self._seen and _has_reached(reached, self._seen[0][1]):
                self._current_at = self._seen.popleft()[0]
            behind = asked_at - self._current_at
            is_late = behind > MOST_BEHIND_SECONDS
            self._tell(_late(behind) if is_late else None)

    def failed(self) -> None:
        """A list could not be read; the next look decides how it goes on."""
        self._tell(AWAY)

    def _tell(self, trouble: str | None) -> None:
        if (trouble is None) != (self.trouble is None):
            if trouble is None:
                log.info("api.replica_used")
            else:
                log.warning("api.replica_not_used", why=trouble)
        self.trouble = trouble


def _late(behind: float) -> str:
    much = "not up to date" if math.isinf(behind) else f"{behind:.0f} s behind"
    return f"The read replica is {much}. {INSTEAD}"


async def _answer(ask: Callable[[], Awaitable[Offsets]]) -> Offsets | None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await ask()
    except (Verdict, TimeoutError):
        return None
    except Exception:  # else nobody would watch the replica from then on
        log.exception("api.replica_check_failed")
        return None


def _has_reached(reached: Offsets, wanted: Offsets) -> bool:
    return all(reached.get(place, -1) >= offset for place, offset in wanted.items())


class ReplicatedCatalog(CatalogReader):
    """Everything from the primary, but lists of images from `replica` while it is current."""

    def __init__(self, primary: DatabaseSettings, replica: DatabaseSettings) -> None:
        super().__init__(primary)
        self.replica = CatalogReader(replica)
        # Connections of their own: requests may take all others.
        looks = self._looks = CatalogReader(primary), CatalogReader(replica)
        self.watch = ReplicaWatch(looks[0].consumed_offsets, looks[1].consumed_offsets)

    async def close(self) -> None:
        for reader in (*self._looks, self.replica):
            await reader.close()
        await super().close()

    async def images(
        self, wanted: ImageFilter, *, after: ImagePlace | None, limit: int
    ) -> Sequence[ListedImage]:
        """`every_image` reads its pages by it, so that a replica may go away in the middle."""
        return await self._first(
            lambda: self.replica.images(wanted, after=after, limit=limit),
            lambda: super(ReplicatedCatalog, self).images(wanted, after=after, limit=limit),
        )

    async def count_images(self, wanted: ImageFilter) -> int | None:
        return await self._first(
            lambda: self.replica.count_images(wanted),
            lambda: super(ReplicatedCatalog, self).count_images(wanted),
        )

    async def image_sections(
        self, wanted: ImageFilter, *, every: int, image: str | None
    ) -> ImageSections:
        return await self._first(
            lambda: self.replica.image_sections(wanted, every=every, image=image),
            lambda: super(ReplicatedCatalog, self).image_sections(wanted, every=every, image=image),
        )

    async def image_folders(
        self, import_id: str, *, after: str | None, limit: int
    ) -> Sequence[ImageFolder]:
        return await self._first(
            lambda: self.replica.image_folders(import_id, after=after, limit=limit),
            lambda: super(ReplicatedCatalog, self).image_folders(
                import_id, after=after, limit=limit
            ),
        )

    async def _first(
        self, replica: Callable[[], Awaitable[R]], primary: Callable[[], Awaitable[R]]
    ) -> R:
        if self.watch.trouble is None:
            try:
                return await replica()
            except TryAgain as why:
                if why.reason not in OVER:
                    raise
                self.watch.failed()
        return await primary()
