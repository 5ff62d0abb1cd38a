"""Copies every file found, and publishes the outcome."""

import time
from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.core.errors import SetAside
from services.core.events import FileFailed, FileFound, FileStored, Message, Mode
from services.core.flow.deduplication import KeyedLock, LruSet
from services.core.ports import PublishesEvents
from services.core.wire import event_id
from services.transfer.copy import Copied, Copier, Copy

log = structlog.get_logger("transfer")


class Transfer:
    """`HandlesMessages` for files found."""

    def __init__(self, copier: Copier, publisher: PublishesEvents, *, bucket: str) -> None:
        self._copier = copier
        self._publisher = publisher
        self._bucket = bucket
        self._stored = LruSet[UUID]()
        self._in_progress = KeyedLock()

    async def handle(self, event: Message, *, redelivered: bool) -> None:
        """Copy the file and publish the outcome.

        A file can be found twice: through a shortcut, in another pass over its folder, or by a
        lister that crashed. A second message for the same file waits for the first, and is skipped
        if that one stored it.
        """
        if not isinstance(event, FileFound):
            return
        identity = event_id(event)
        async with self._in_progress.holding(identity):
            if identity in self._stored:
                return
            outcome = await self._outcome(event, redelivered)
            await self._publisher.publish([outcome])
            if isinstance(outcome, FileStored):
                self._stored.add(identity)

    async def set_aside(self, event: Message, why: SetAside) -> None:
        """Publish the file's failure."""
        if isinstance(event, FileFound):
            await self._publisher.publish([_failed(Copy(file=event), why)])

    async def _outcome(self, file: FileFound, redelivered: bool) -> FileStored | FileFailed:
        copy = Copy(file=file)
        look_first = file.mode is Mode.CHECK or (redelivered and file.mode is Mode.FRESH)
        try:
            copied = await self._copier.copy(copy, look_first=look_first)
        except SetAside as why:
            return _failed(copy, why)
        return _stored(copy, copied, self._bucket)


def _stored(copy: Copy, copied: Copied, bucket: str) -> FileStored:
    file = copy.file
    return FileStored(
        import_id=file.import_id,
        epoch=file.epoch,
        file=file,
        bucket=bucket,
        object_key=copied.object_key,
        size=copied.size,
        stored_at=datetime.now(UTC),
        md5=copied.md5,
        sha256=copied.sha256,
        # An object that a first import finds was stored by its own worker, which then died.
        unchanged=copied.found and file.mode is Mode.CHECK,
        attempts=copy.attempts,
        seconds=round(time.monotonic() - copy.since, 3),
    )


def _failed(copy: Copy, why: SetAside) -> FileFailed:
    file = copy.file
    log.warning(
        "transfer.file_failed",
        import_id=file.import_id,
        file_id=file.file_id,
        reason=why.reason,
        why=why.message,
    )
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
    )
