"""Has every file found copied, and publishes the outcome."""

from datetime import UTC, datetime

import structlog

from services.core.errors import SetAside
from services.core.events import FileFailed, FileFound, FileStored, Identity, Message, Mode
from services.core.flow.concurrency import give_back
from services.core.flow.deduplication import KeyedLock, LruSet
from services.core.flow.occupancy import SAME_FILE
from services.core.ports import PublishesEvents, Received
from services.transfer.adaptation import Adaptation, Watched
from services.transfer.copier import Copier
from services.transfer.copy import Copy
from services.transfer.upload import writer

log = structlog.get_logger("transfer")


class Transfer:
    """`HandlesMessages` for files found."""

    def __init__(self, copier: Copier, publisher: PublishesEvents, adaptation: Adaptation) -> None:
        self._copier = copier
        self._publisher = publisher
        self._adaptation = adaptation
        self._told = LruSet[tuple[Identity, str]]()
        self._stored = LruSet[tuple[str, str, int, int]]()
        self._logged = LruSet[tuple[str, str]](1000)
        self._in_progress = KeyedLock(SAME_FILE)

    async def handle(self, event: Message, received: Received) -> None:
        """A file can be found twice: in two folders, in another pass, or by a lister that crashed.
        The second message waits for the first. If that one stored the file, nothing is fetched
        again; a second folder is told of all the same, for the rows to choose from."""
        if not isinstance(event, FileFound):
            return
        with self._adaptation.watching() as watched:
            await self._copy(event, received, watched)

    async def _copy(self, event: FileFound, received: Received, watched: Watched) -> None:
        told = event.identity, event.folder_id
        async with self._in_progress.holding(event.file_id):
            if told in self._told:
                return
            own = writer(event), event.file_id, event.epoch, event.round
            copy = Copy(file=event, received=received, reported=own in self._stored)
            try:
                outcome = await self._outcome(copy)
            except SetAside as why:
                give_back()
                await self._publisher.publish([self._failed(copy, why)])
                return
            watched.end(copy)
            give_back()
            await self._publisher.publish([outcome])
            self._told.add(told)
            self._stored.add(own)

    async def set_aside(self, event: Message, received: Received, why: SetAside) -> None:
        if isinstance(event, FileFound):
            failed = self._failed(Copy(file=event, received=received), why)
            await self._publisher.publish([failed])

    def _failed(self, copy: Copy, why: SetAside) -> FileFailed:
        """Log the first file of each reason: thousands may fail alike. The report has all."""
        kind = (copy.file.import_id, why.reason)
        if kind not in self._logged:
            self._logged.add(kind)
            log.warning(
                "transfer.first_failure",
                import_id=copy.file.import_id,
                file_id=copy.file.file_id,
                reason=why.reason,
                why=why.message,
            )
        return _failed(copy, why)

    async def _outcome(self, copy: Copy) -> FileStored:
        file = copy.file
        if file.mode is Mode.VERIFY:
            return await self._copier.verify(copy)
        # Whatever is published again may have been stored by a worker that told nobody.
        again = copy.reported or copy.received.redelivered or file.epoch > 0 or file.round > 0
        look_first = file.mode is Mode.CHECK or (again and file.mode is Mode.FRESH)
        return await self._copier.copy(copy, look_first=look_first)


def _failed(copy: Copy, why: SetAside) -> FileFailed:
    file = copy.file
    return FileFailed(
        import_id=file.import_id,
        epoch=file.epoch,
        file_id=file.file_id,
        reason=why.reason,
        message=why.message,
        failed_at=datetime.now(UTC),
        file=file,
        round=file.round,
        attempts=copy.attempts,
        tries=tuple(copy.tries),
        found_in=copy.received.place,
    )
