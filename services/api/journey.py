"""One file of an import: its present state, and how it came to it.

The state is a row of the catalog. The row says where the file's outcomes lie in the log, and each
of them says where the file was found and what was tried. Before there is one, the record of the
find is looked for from the time on at which the file's page was listed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from msgspec import Struct
from msgspec.structs import asdict

from services.adapters.catalog.views import FileDetails, ImportFile
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw, ReadsLog
from services.api.problems import database_problems
from services.api.progress import ImportViews
from services.core import outcomes
from services.core.events import Attempt, FileFailed, FileStored, Mode, Outcome, Place
from services.core.murmur2 import partition_of
from services.core.topics import FILES_FOUND
from services.core.wire import UndecodableError, UnknownEventError, decode

MOST_RECORDS = 20
MOST_FOUND = 10_000
"""Records that are read to see where a file was found."""
MOST_SECONDS = 5.0
AT_ONCE = 2
"""Readers of the log. Each has a connection of its own to Kafka."""
AWAY = (
    "Kafka did not answer within {:.0f} seconds, so what was tried is not shown in full. Ask again "
    "later."
)
GONE = "The log no longer holds every outcome of this file. What is missing was too old to keep."
MANY = "Only the places of {} outcomes are remembered. There may have been more."
log = structlog.get_logger()


class FoundRecord(Struct, frozen=True, kw_only=True):
    """When the file was found, and where the record of it lies in the log."""

    at: datetime | None
    place: Place | None


class OutcomeView(Struct, frozen=True, kw_only=True):
    """One outcome: what was done for the file in one round. `place` is where its record lies.

    `tries` are the newest 20 calls to Drive and to the store. `attempts` counts the first, and each
    that follows a failure; being rate limited is no failure. `seconds` is the whole time.
    """

    round: int
    epoch: int
    state: outcomes.State
    at: datetime
    place: Place
    found: FoundRecord
    reason: str | None = None
    message: str | None = None
    mode: Mode | None = None
    replay_id: str | None = None
    object_key: str | None = None
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    drive_version: int | None = None
    attempts: int
    seconds: float | None = None
    tries: Sequence[Attempt]


class FileJourney(ImportFile, frozen=True, kw_only=True):
    """A file and its outcomes, by round. `found` is null where the log does not say, or not soon.

    Not `complete`: outcomes are missing, and `why_incomplete` says why. All else is as it should
    be.
    """

    folder_id: str
    md5: str | None
    sha256: str | None
    drive_version: int | None
    seconds: float | None
    found: FoundRecord | None
    outcomes: Sequence[OutcomeView]
    complete: bool
    why_incomplete: str | None = None


@dataclass(frozen=True)
class Journeys:
    views: ImportViews
    open_log: Callable[[], ReadsLog]
    seconds: float = MOST_SECONDS
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def of(self, import_id: str, google_drive_id: str) -> FileJourney:
        """Raises an `unknown_import` or `unknown_file` problem."""
        file = await self.views.file(import_id, google_drive_id)
        places = [_place(text) for text in file.outcomes[-MOST_RECORDS:]]
        records, trouble = await self._records(places) if places else ([], None)
        shown = [outcome_of(file, import_id, record) for record in records]
        told = sorted(filter(None, shown), key=lambda one: (one.round, one.at))
        if trouble is None and len(told) < len(places):
            trouble = GONE
        if trouble is None and len(places) == MOST_RECORDS:
            trouble = MANY.format(MOST_RECORDS)
        row = asdict(file)
        del row["outcomes"], row["metadata_at"]
        return FileJourney(
            **row,
            found=told[0].found if told else await self._found(import_id, file),
            outcomes=told,
            complete=trouble is None,
            why_incomplete=trouble,
        )

    async def _found(self, import_id: str, file: FileDetails) -> FoundRecord | None:
        """Where a file without an outcome was found. The lister writes that record right after it
        has listed the page, and by the same clock, so few records need to be read."""
        if file.state != "pending":
            return None
        key, owner, left = file.google_drive_id.encode(), import_id.encode(), MOST_FOUND
        with suppress(KafkaUnavailableError, TimeoutError):
            async with (
                asyncio.timeout(self.seconds),
                self.turns,
                RangeReader(self.open_log) as reader,
            ):
                ends = await reader.ends(FILES_FOUND.name)
                end = ends[partition_of(key, len(ends))]
                async for records in reader.records([end], file.metadata_at):
                    for record in records:
                        if (record.key, record.headers.get("ce_importid")) == (key, owner):
                            return FoundRecord(at=file.metadata_at, place=_place_of(record))
                    left -= len(records)
                    if left <= 0:
                        break
        return None

    async def _records(self, places: Sequence[Place]) -> tuple[Sequence[Raw], str | None]:
        """What the log still holds of these, and what kept us from reading the rest."""
        found: list[Raw] = []
        try:
            async with (
                asyncio.timeout(self.seconds),
                self.turns,
                RangeReader(self.open_log) as reader,
            ):
                async for record in reader.at(places):
                    found.append(record)  # noqa: PERF401 - kept if the next one fails
        except (KafkaUnavailableError, TimeoutError) as why:
            log.warning("journey.log_unreadable", why=str(why))
            return found, AWAY.format(self.seconds)
        return found, None


def outcome_of(file: FileDetails, import_id: str, record: Raw) -> OutcomeView | None:
    """The outcome in a record; None if it is not one of this file, as in a topic made anew."""
    try:
        event = decode(record.topic, record.value)
    except (UndecodableError, UnknownEventError):
        return None
    if not isinstance(event, FileStored | FileFailed):
        return None
    if (event.import_id, event.key) != (import_id, file.google_drive_id):
        return None
    return _view(event, _place_of(record))


def _view(event: Outcome, place: Place) -> OutcomeView:
    file = event.file
    shared: dict[str, Any] = {
        "round": event.round,
        "epoch": event.epoch,
        "state": outcomes.state_of(event),
        "place": place,
        "found": FoundRecord(at=file.found_at if file else None, place=event.found_in),
        "mode": file.mode if file else None,
        "replay_id": file.replay_id if file else None,
        "drive_version": file.version if file else None,
        "attempts": event.attempts,
        "tries": event.tries,
    }
    if isinstance(event, FileFailed):
        return OutcomeView(at=event.failed_at, reason=event.reason, message=event.message, **shared)
    return OutcomeView(
        at=event.stored_at,
        object_key=event.object_key,
        size=event.size,
        md5=event.md5,
        sha256=event.sha256,
        seconds=event.seconds,
        **shared,
    )


def _place_of(record: Raw) -> Place:
    return Place(topic=record.topic, partition=record.partition, offset=record.offset)


def _place(text: str) -> Place:
    topic, partition, offset = text.split("/")
    return Place(topic=topic, partition=int(partition), offset=int(offset))


@get(
    "/imports/{import_id:str}/files/{google_drive_id:str}",
    summary="One file of an import, and its journey",
    responses=database_problems("unknown_import", "unknown_file"),
)
async def get_import_file(
    import_id: FromPath[str],
    google_drive_id: FromPath[str],
    journeys: NamedDependency[SkipValidation[Journeys]],
) -> FileJourney:
    """Where it was found, what was tried and answered in each round, and what it is now. The state
    is shown while Kafka is away, too; then `complete` is false."""
    return await journeys.of(import_id, google_drive_id)
