"""Publishes a request again if Kafka lost it before the indexer read it.

The indexer makes the row of an import from its request. If the request was deleted from the topic
before, nobody but the API knows of the import, and nobody would ever work on it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from msgspec.structs import replace

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw
from services.adapters.kafka.tail import Tail
from services.api.import_cache import ImportCache
from services.core.errors import Verdict
from services.core.events import ImportRequested, Mode
from services.core.ports import PublishesEvents
from services.core.topics import IMPORTS_REQUESTED
from services.core.wire import UndecodableError, UnknownEventError, decode

NEWEST = 1_000
"""Older requests are in the database by then."""
log = structlog.get_logger()


@dataclass
class LostRequests:
    """`unread_for`: seconds that the indexer has to read a request before it is looked for."""

    tail: Tail[ImportCache]
    catalog: ReadsCatalog
    publisher: PublishesEvents
    unread_for: float
    _written: set[str] = field(default_factory=set)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self.unread_for / 2)
            try:
                await self.publish_again(datetime.now(UTC))
            except (KafkaUnavailableError, TimeoutError, Verdict) as why:
                log.warning("request.not_looked_for", why=str(why))

    async def publish_again(self, now: datetime) -> None:
        unread = await self._unread(now)
        if not unread:
            return
        held = set[str]()
        async with RangeReader(self.tail.open_log) as log_reader:
            ends = await log_reader.ends(IMPORTS_REQUESTED.name)
            async for records in log_reader.records(ends):
                held.update(_requested(records))
        lost = [replace(r, mode=Mode.CHECK) for r in unread if r.import_id not in held]
        await self.publisher.publish(lost)
        for request in lost:
            log.warning("request.published_again", import_id=request.import_id)

    async def _unread(self, now: datetime) -> Sequence[ImportRequested]:
        """Those that the indexer had time to read, and that have no row."""
        before = now - timedelta(seconds=self.unread_for)
        newest = self.tail.view.newest(before=None, limit=NEWEST)
        self._written &= {request.import_id for request in newest}
        old = [
            request
            for request in newest
            if request.import_id not in self._written and request.requested_at < before
        ]
        rows = await self.catalog.imports_by_id([r.import_id for r in old]) if old else {}
        self._written |= {id for id, row in rows.items() if row.requested_at is not None}
        return [request for request in old if request.import_id not in self._written]


def _requested(records: Sequence[Raw]) -> Iterator[str]:
    for record in records:
        with suppress(UndecodableError, UnknownEventError):
            event = decode(record.topic, record.value)
            if isinstance(event, ImportRequested):
                yield event.import_id
