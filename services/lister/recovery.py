"""Publishes again what an import still lacks, after a control event or a retry.

`imports.requested` says what was asked; the log says what was done. The files of each partition are
folded by a message of their own (`LogPartRequested`), so that all listers share the work. Killed
midway, a part is done again: nothing is lost, and the transfer looks before it fetches.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.ranges import RangeReader
from services.core import events as e
from services.core import topics
from services.core.murmur2 import partition_of
from services.core.outcomes import FileFacts
from services.core.ports import PublishesEvents
from services.core.wire import UndecodableError, decode
from services.lister.unfinished import Asked, ListingFold

PARTS_AT_ONCE = 2
"""A part holds some 400 bytes for each file that its import has in one partition."""
CLOCKS_DIFFER = timedelta(minutes=10)
AGAIN_SECONDS = 2.0
FILE_TOPICS = (topics.FILES_FOUND, topics.FILES_STORED, topics.FILES_FAILED)
Asks = e.ImportResumed | e.ImportStalled | e.RetryRequested
T = TypeVar("T")
log = structlog.get_logger("lister")


class Recovery:
    """`start` begins the listing of an import at its root."""

    def __init__(
        self,
        open_log: Callable[[], RangeReader],
        publisher: PublishesEvents,
        start: Callable[[e.ImportRequested], Awaitable[None]],
    ) -> None:
        self._open_log = open_log
        self._publisher = publisher
        self._start = start
        self._parts = asyncio.Semaphore(PARTS_AT_ONCE)

    async def recover(self, event: Asks) -> None:
        """Ask for the parts of the import's files, and for the pages that are not listed."""
        if not isinstance(event, e.RetryRequested) or event.last:
            await until_read(lambda: self._recover(event))

    async def recover_part(self, part: e.LogPartRequested) -> None:
        """Publish the files of one partition that are pending, or that a retry names."""
        async with self._parts:
            await until_read(lambda: self._recover_part(part))

    async def _recover(self, event: Asks) -> None:
        async with self._open_log() as log_reader:
            asked = await _asked(log_reader, event.import_id)
            if asked.request is None:
                log.warning("lister.unknown_import", import_id=event.import_id)
                return
            listing = await _listing(log_reader, asked.request)
            # Last: another lister may still end a page, and its manifest follows its files.
            ends = [end for topic in FILE_TOPICS for end in await log_reader.ends(topic.name)]
        if isinstance(event, e.RetryRequested):
            event = replace(event, epoch=asked.control.epoch)
        pages = list(_pages(event, asked, listing))
        since = asked.request.requested_at - CLOCKS_DIFFER
        parts = list(_parts(event, asked, ends, since))
        await self._publisher.publish([*parts, *(replace(p, epoch=event.epoch) for p in pages)])
        if not listing.begun:
            await self._start(replace(asked.request, epoch=event.epoch))
        log.info("lister.recovering", import_id=event.import_id, pages=len(pages))

    async def _recover_part(self, part: e.LogPartRequested) -> None:
        async with self._open_log() as log_reader:
            asked = await _asked(log_reader, part.import_id, part.since)
            files: defaultdict[str, FileFacts] = defaultdict(FileFacts)
            async for events in _events(log_reader, part.ends, part.since, part.import_id):
                for event, offset in events:
                    if isinstance(event, e.FileFound | e.FileStored | e.FileFailed):
                        files[event.key].take(event, offset)
            wanted = {
                facts.found[2]: asked.files.get(id, 0)
                for id, facts in files.items()
                if facts.found is not None
                and facts.pending(asked.files.get(id, 0))
                and (part.why == "resume" or asked.files.get(id) == part.round)
            }
            del files
            found = [end for end in part.ends if wanted and end.topic == topics.FILES_FOUND.name]
            async for events in _events(log_reader, found, part.since, part.import_id):
                again = [
                    _again(event, part.epoch, wanted[offset])
                    for event, offset in events
                    if offset in wanted and isinstance(event, e.FileFound)
                ]
                await self._publisher.publish(again)
        log.info("lister.recovered", import_id=part.import_id, files=len(wanted))


def _again(found: e.FileFound, epoch: int, round: int) -> e.FileFound:
    """The file as its import's own. A replay may have published it last, which may be paused."""
    mode = found.mode if found.replay_id is None else e.Mode.CHECK
    return replace(
        found,
        epoch=epoch,
        round=max(found.round, round),
        mode=mode,
        replay_id=None,
        replay_epoch=0,
    )


def _pages(event: Asks, asked: Asked, listing: ListingFold) -> Iterable[e.PageRequested]:
    match event:
        case e.RetryRequested():
            return [listing.first_page(id, event.round) for id in asked.folders_of(event.round)]
        case e.ImportStalled(folders=[_, *_] as folders):
            # At the newest round, or what is found would not answer the retry that lost it.
            return [listing.first_page(id, asked.newest_round) for id in folders]
    return listing.unfinished(asked.folders)


def _parts(
    event: Asks, asked: Asked, ends: Sequence[e.LogEnd], since: datetime
) -> Iterable[e.LogPartRequested]:
    """One for each partition; for a retry, those in which the files lie that it names."""
    by_partition: defaultdict[int, list[e.LogEnd]] = defaultdict(list)
    for end in ends:
        by_partition[end.partition].append(end)
    wanted = set(by_partition)
    if isinstance(event, e.RetryRequested):
        named = [id for id, round in asked.files.items() if round == event.round]
        wanted = {partition_of(id.encode(), len(by_partition)) for id in named}
    for partition in sorted(wanted):
        yield e.LogPartRequested(
            import_id=event.import_id,
            epoch=event.epoch,
            partition=partition,
            why="retry" if isinstance(event, e.RetryRequested) else "resume",
            round=event.round if isinstance(event, e.RetryRequested) else 0,
            ends=tuple(by_partition[partition]),
            since=since,
        )


async def _asked(log_reader: RangeReader, import_id: str, since: datetime | None = None) -> Asked:
    asked = Asked(import_id=import_id)
    ends = await log_reader.ends(topics.IMPORTS_REQUESTED.name)
    async for events in _events(log_reader, ends, since, import_id):
        for event, _ in events:
            asked.take(event)
    return asked


async def _listing(log_reader: RangeReader, request: e.ImportRequested) -> ListingFold:
    listing = ListingFold(request)
    for topic in (topics.IMPORTS_LISTED, topics.IMPORTS_PAGES):
        ends = await log_reader.ends(topic.name)
        since = request.requested_at - CLOCKS_DIFFER
        async for events in _events(log_reader, ends, since, request.import_id):
            for event, _ in events:
                listing.take(event)
    return listing


async def _events(
    log_reader: RangeReader, ends: Iterable[e.LogEnd], since: datetime | None, import_id: str
) -> AsyncIterator[list[tuple[e.Message, int]]]:
    """This import's events before these ends, with their offsets.

    What cannot be read was made a dead letter by whoever consumed it.
    """
    own = import_id.encode()
    async for records in log_reader.records(ends, since):
        events = []
        for record in records:
            if record.headers.get("ce_importid", own) == own:  # most records are of other imports
                with suppress(UndecodableError):
                    events.append((decode(record.topic, record.value), record.offset))
        yield [(x, at) for x, at in events if getattr(x, "import_id", None) == import_id]


async def until_read(act: Callable[[], Awaitable[T]]) -> T:
    """Try again for as long as Kafka is away."""
    while True:
        try:
            return await act()
        except KafkaUnavailableError as why:
            log.warning("lister.log_not_read", why=str(why), seconds=AGAIN_SECONDS)
            await asyncio.sleep(AGAIN_SECONDS)
