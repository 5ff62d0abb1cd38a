"""One file of an import: its present state, and how it came to it.

The state is a row of the catalog. The row says where the file's outcomes lie in the log, and each
of them says where the file was found and what was tried. While there is none, the time at which its
page was listed says where in `files.found` to look.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from msgspec import Struct
from msgspec.structs import asdict

from services.adapters.catalog.views.files import FileDetails, ImportFile
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw, ReadsLog
from services.api.import_views import ImportViews
from services.api.keys import READ, SCOPE
from services.api.problems import database_problems
from services.core import outcomes
from services.core.events import (
    Attempt,
    FileFailed,
    FileFound,
    FileStored,
    Message,
    Mode,
    Outcome,
    Place,
)
from services.core.murmur2 import partition_of
from services.core.topics import FILES_FOUND
from services.core.wire import UndecodableError, UnknownEventError, decode

MOST_RECORDS = 20
MOST_SECONDS = 5.0
PUBLISHED_WITHIN = timedelta(minutes=1)
"""So long after a page was listed, its files are in the log."""
AT_ONCE = 2
"""Readers of the log. Each has a connection of its own to Kafka."""
AWAY = (
    "Kafka did not answer within {:.0f} seconds, so some attempts are not shown. Try again later."
)
GONE = "Kafka has deleted older records, so some outcomes of this file are not shown."
MANY = "Only the last {} outcomes are shown. There may be earlier ones."
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
    content_type: str | None = None
    drive_version: int | None = None
    attempts: int
    seconds: float | None = None
    tries: Sequence[Attempt]


class FileJourney(ImportFile, frozen=True, kw_only=True):
    """A file and its outcomes, by round. `found` is null if the file was skipped, or if the log no
    longer holds what says it.

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
        found = None if places else await self._found(import_id, file)
        shown = [outcome_of(file, import_id, record) for record in records]
        told = sorted(filter(None, shown), key=lambda one: (one.round, one.at))
        if trouble is None and len(told) < len(places):
            trouble = GONE
        if trouble is None and len(places) == MOST_RECORDS:
            trouble = MANY.format(MOST_RECORDS)
        row = asdict(file)
        del row["outcomes"]
        return FileJourney(
            **row,
            found=told[0].found if told else found,
            outcomes=told,
            complete=trouble is None,
            why_incomplete=trouble,
        )

    async def _records(self, places: Sequence[Place]) -> tuple[Sequence[Raw], str | None]:
        """What the log still holds of these, and what kept us from reading the rest."""
        found: list[Raw] = []
        try:
            async with self._log() as log_reader:
                async for record in log_reader.at(places):
                    found.append(record)  # noqa: PERF401 - kept if the next one fails
        except (KafkaUnavailableError, TimeoutError) as why:
            log.warning("journey.log_unreadable", why=str(why))
            return found, AWAY.format(self.seconds)
        return found, None

    async def _found(self, import_id: str, file: FileDetails) -> FoundRecord | None:
        """Where a file was found that has no outcome yet to say so: soon after its manifest's time,
        in the partition of its key. None if the log no longer tells, or does not answer."""
        key, since = file.google_drive_id.encode(), file.updated_at
        if file.state != "pending" or since is None:
            return None
        try:
            async with self._log() as log_reader:
                ends = await log_reader.ends(FILES_FOUND.name)
                own = [end for end in ends if end.partition == partition_of(key, len(ends))]
                async for records in log_reader.records(own, since):
                    for record in records:
                        if record.at - since > PUBLISHED_WITHIN:
                            return None
                        event = _decoded(record) if record.key == key else None
                        if isinstance(event, FileFound) and event.import_id == import_id:
                            return FoundRecord(at=event.found_at, place=_place_of(record))
        except (KafkaUnavailableError, TimeoutError) as why:
            log.warning("journey.log_unreadable", why=str(why))
        return None

    @asynccontextmanager
    async def _log(self) -> AsyncIterator[RangeReader]:
        async with asyncio.timeout(self.seconds), self.turns, RangeReader(self.open_log) as reader:
            yield reader


def outcome_of(file: FileDetails, import_id: str, record: Raw) -> OutcomeView | None:
    """The outcome in a record; None if it is not one of this file, as in a topic made anew."""
    event = _decoded(record)
    if not isinstance(event, FileStored | FileFailed):
        return None
    if (event.import_id, event.key) != (import_id, file.google_drive_id):
        return None
    return _view(event, _place_of(record))


def _decoded(record: Raw) -> Message | None:
    try:
        return decode(record.topic, record.value)
    except (UndecodableError, UnknownEventError):
        return None


def _place_of(record: Raw) -> Place:
    return Place(topic=record.topic, partition=record.partition, offset=record.offset)


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
        content_type=event.content_type,
        seconds=event.seconds,
        **shared,
    )


def _place(text: str) -> Place:
    topic, partition, offset = text.split("/")
    return Place(topic=topic, partition=int(partition), offset=int(offset))


@get(
    "/imports/{import_id:str}/files/{google_drive_id:str}",
    opt={SCOPE: READ},
    summary="Get a file of an import, with its history",
    responses=database_problems("unknown_import", "unknown_file"),
)
async def get_import_file(
    import_id: FromPath[str],
    google_drive_id: FromPath[str],
    journeys: NamedDependency[SkipValidation[Journeys]],
) -> FileJourney:
    """Where the file was found, each attempt and its answer, and its current state. While Kafka is
    down, only the state is shown, and `complete` is false."""
    return await journeys.of(import_id, google_drive_id)
