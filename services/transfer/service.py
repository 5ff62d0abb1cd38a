"""Copy every file found, and publish how each one went."""

from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.core.errors import SetAside, Verdict
from services.core.events import FileFailed, FileFound, FileStored, Message, Mode
from services.core.flow.keyed_lock import KeyedLock
from services.core.flow.lru_set import LruSet
from services.core.ports import PublishesEvents
from services.core.wire import event_id
from services.transfer.copy import Copied, Copier, Copy

log = structlog.get_logger("transfer")


class Transfer:
    """`HandlesMessages`: from a `FileFound` to its outcome in the log."""

    def __init__(self, copier: Copier, publisher: PublishesEvents, *, bucket: str) -> None:
        self._copier = copier
        self._publisher = publisher
        self._bucket = bucket
        self._stored = LruSet[UUID]()
        self._in_hand = KeyedLock()

    async def handle(self, event: Message, *, redelivered: bool) -> None:
        """Copy the file and publish the outcome.

        A file can be found twice: by a shortcut, by another pass over its folder, by a lister that
        crashed. One that is in hand is waited for; one that is stored already is passed over, as
        far as this process remembers.
        """
        if not isinstance(event, FileFound):
            return
        identity = event_id(event)
        async with self._in_hand.holding(identity):
            if identity in self._stored:
                return
            outcome = await self._outcome(event, redelivered)
            await self._publisher.publish([outcome])
            if isinstance(outcome, FileStored):
                self._stored.add(identity)

    async def set_aside(self, event: Message, why: SetAside) -> None:
        """Publish the file's failure."""
        if isinstance(event, FileFound):
            await self._publisher.publish([failed(Copy(file=event), why)])

    async def _outcome(self, file: FileFound, redelivered: bool) -> FileStored | FileFailed:
        copy = Copy(file=file)
        look_first = file.mode is Mode.CHECK or (redelivered and file.mode is Mode.FRESH)
        try:
            copied = await self._copier.copy(copy, look_first=look_first)
        except SetAside as why:
            return failed(copy, why)
        return stored(copy, copied, self._bucket)


def stored(copy: Copy, copied: Copied, bucket: str) -> FileStored:
    """The fact that the file is in the store.

    What a first import finds in place was put there by a worker of its own that died before it
    could say so: that is no unchanged file.
    """
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
        unchanged=copied.found and file.mode is Mode.CHECK,
        attempts=copy.attempts,
        seconds=round(copy.seconds, 3),
    )


def failed(copy: Copy, why: Verdict) -> FileFailed:
    """The fact that the file was set aside, and why."""
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
