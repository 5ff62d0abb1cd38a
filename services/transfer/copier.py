"""Copies one file from Drive to the store, or finds or verifies its object.

An object becomes visible only when its size and checksums equal what Drive said of the file.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from services.core.errors import CONTENT_MISMATCH, GONE, NOT_FOUND, Corrupt, SetAside, Verdict
from services.core.events import FileFound, FileStored, Mode
from services.core.flow.line import Passage
from services.core.flow.occupancy import DRIVE, STORE, Place, here, within
from services.core.flow.resilience import Resilience
from services.core.object_key import names_its_bytes, object_key, older_key
from services.core.ports import (
    READ_BYTES,
    STREAM_BYTES,
    KeepsObjects,
    ServesFiles,
    StoredObject,
)
from services.transfer.content import refuse_other_content
from services.transfer.copy import Copy
from services.transfer.lines import Lines
from services.transfer.memory import Held, MemoryBudget
from services.transfer.upload import Upload, writer
from services.transfer.verification import Checksums, newer_version

OBJECT_DIFFERS = "object_differs"
WHOLE_BYTES = 8 * 1024 * 1024
"""A file up to this size is uploaded in one request; a larger one is streamed in parts."""
PIECES, PIECE_BYTES = 3, 400 * 1024
"""What a download has beside the file: the piece in hand, the next one, and the one that arrives.
Measured: 1.1 to 1.3 MB for each connection (decisions/0059)."""
log = structlog.get_logger("transfer")


@dataclass(frozen=True, kw_only=True)
class Copier:
    """The three calls wait out every failure that is not the file's own fault. Reading and writing
    are told apart, since a store that lets us look may refuse whatever we write."""

    drive: ServesFiles
    store: KeepsObjects
    memory: MemoryBudget
    lines: Lines
    drive_calls: Resilience
    store_calls: Resilience
    store_looks: Resilience

    async def copy(self, copy: Copy, *, look_first: bool) -> FileStored:
        """Copy the file to its key. With `look_first`, keep an object that proves to be the file.

        After a mismatch, or if the file is missing, Drive is asked once what the file is now, and
        the copy starts again. Raises `SetAside`; then nothing new is visible.
        """
        try:
            return await self._copy(copy, look_first=look_first)
        except SetAside as why:
            if why.reason not in {CONTENT_MISMATCH, NOT_FOUND}:
                raise
            newer = await self._newer_version(copy)
        if newer is not None:
            log.info(
                "transfer.file_replaced",
                import_id=newer.import_id,
                file_id=newer.file_id,
                version=newer.version,
            )
            copy.file = newer
        copy.is_current = True
        return await self._copy(copy, look_first=look_first and newer is not None)

    async def _copy(self, copy: Copy, *, look_first: bool) -> FileStored:
        file, key = copy.file, object_key(copy.file)
        if look_first and names_its_bytes(file):
            found, there = await self._find(copy)
            if there is not None and _is_of(file, there):
                return self._found(copy, found, there)
        if file.size is not None and file.size <= WHOLE_BYTES:
            pieces = PIECES * min(file.size, PIECE_BYTES)
            async with self.memory.holding(file.size + pieces) as held:
                checksums = await self._put_whole(copy, key, held)
        else:
            checksums = await self._put_in_parts(copy, key)
        return self._stored(copy, key, checksums)

    async def _find(self, copy: Copy) -> tuple[str, StoredObject | None]:
        """The key that holds an object of this file, and the object; None if none does, or if we
        may not look."""
        for key in (object_key(copy.file), older_key(copy.file)):
            there = await copy.call(self.store_looks, partial(self.store.find, key))
            if there is not None:
                return key, there
        return object_key(copy.file), None

    async def verify(self, copy: Copy) -> FileStored:
        """Compare the stored object with what Drive said of the file, without asking Drive again.
        Raises `SetAside` if there is no such object, or if it differs."""
        file = copy.file
        key, there = await self._find(copy)
        # None may also mean that we may not look: reading tells which it is.
        if there is not None and file.size not in {None, there.size}:
            raise _differs(f"it has {there.size:,} bytes instead of {file.size:,}")
        async with self.memory.holding(READ_BYTES):
            checksums = await copy.call(self.store_looks, lambda: self._read(file, key))
        return self._stored(copy, key, checksums, unchanged=True)

    async def _read(self, file: FileFound, key: str) -> Checksums:
        checksums = Checksums(file)
        try:
            async with aclosing(self.store.open(key)) as chunks:
                async for chunk in chunks:
                    checksums.add(chunk)
            checksums.verify()
        except Corrupt as why:
            raise _differs("its checksum differs") from why
        return checksums

    def _found(self, copy: Copy, key: str, there: StoredObject) -> FileStored:
        """An object that was not read. A worker may have stored it for the same import and died
        before it said so: then it is not unchanged."""
        file = copy.file
        # Before the first import there was nothing.
        ours = file.mode is Mode.FRESH or there.stored_by == writer(file)
        unchanged = copy.reported or not ours
        return self._event(
            copy,
            key,
            unchanged=unchanged,
            size=there.size,
            md5=file.md5,
            # Whoever stored it may have told the store no type, which says nothing of the bytes.
            content_type=there.content_type if there.content_type.startswith("image/") else None,
        )

    def _stored(
        self, copy: Copy, key: str, sums: Checksums, *, unchanged: bool = False
    ) -> FileStored:
        return self._event(
            copy,
            key,
            unchanged=unchanged,
            size=sums.size,
            md5=sums.md5,
            sha256=sums.sha256,
            content_type=sums.content_type,
        )

    def _event(self, copy: Copy, key: str, **of_bytes: Any) -> FileStored:
        file = copy.file
        return FileStored(
            import_id=file.import_id,
            epoch=file.epoch,
            file=file,
            bucket=self.store.bucket,
            object_key=key,
            stored_at=datetime.now(UTC),
            attempts=copy.attempts,
            seconds=round(time.monotonic() - copy.since, 3),
            tries=tuple(copy.tries),
            found_in=copy.received.place,
            **of_bytes,
        )

    async def _put_whole(self, copy: Copy, key: str, held: Held) -> Checksums:
        """A file that was downloaded is kept until it is stored, however long that takes."""
        file, size = copy.file, copy.file.size or 0
        body, checksums = await copy.send(
            self.drive_calls, self.lines.down, size, lambda passage: self._download(file, passage)
        )
        held.keep(size)
        upload = Upload(store=self.store, key=key, file=file)
        try:
            await copy.send(
                self.store_calls, self.lines.up, size, lambda _: upload.put(body, checksums)
            )
        except SetAside:
            if not await upload.arrived_after_all():
                raise
        return checksums

    async def _download(self, file: FileFound, passage: Passage) -> tuple[bytearray, Checksums]:
        # Of its size at once: one that grows takes up to an eighth more.
        checksums, body = Checksums(file), bytearray(file.size or 0)
        room = memoryview(body)
        async with self.drive.open(file) as chunks:
            async for chunk in chunks:
                checksums.add(chunk)  # raises if there is no room for it
                room[: len(chunk)] = chunk
                room = room[len(chunk) :]
                passage.move(len(chunk))
        checksums.verify()
        refuse_other_content(file, checksums.head)
        return body, checksums

    async def _put_in_parts(self, copy: Copy, key: str) -> Checksums:
        """Download and upload are one call: if either fails, both start again."""
        upload = Upload(store=self.store, key=key, file=copy.file)
        size = min(copy.file.size or STREAM_BYTES, STREAM_BYTES)
        try:
            return await self.drive_calls.call(
                lambda: copy.send(
                    self.store_calls,
                    self.lines.up_in_parts,
                    size,
                    lambda passage: self._stream(upload, passage),
                    memory=self.memory.holding(STREAM_BYTES),
                ),
                retry_corrupt=copy.is_current,
            )
        except SetAside:
            if upload.sent is None or not await upload.arrived_after_all():
                raise
            return upload.sent

    async def _stream(self, upload: Upload, passage: Passage) -> Checksums:
        if upload.sent is not None and await upload.arrived():
            return upload.sent
        checksums = Checksums(upload.file)
        with _blamed_on(DRIVE):
            async with self.drive.open(upload.file) as chunks:
                with _blamed_on(STORE):
                    body = _blamed(upload.verified(chunks, checksums, passage), DRIVE, here())
                    await upload.put_stream(body, checksums)
        return checksums

    async def _newer_version(self, copy: Copy) -> FileFound | None:
        file = copy.file
        try:
            now = await copy.call(
                self.drive_calls,
                lambda: self.drive.look_up(file.file_id, resource_key=file.resource_key),
            )
        except SetAside as why:
            if why.reason != NOT_FOUND:
                raise
            raise SetAside(
                GONE,
                "After its folder was listed, this file was deleted, or it is no longer shared "
                "with "
                "anyone who has the link.",
            ) from why
        return newer_version(file, now)


async def _blamed(chunks: AsyncIterator[bytes], system: str, outer: Place) -> AsyncIterator[bytes]:
    """The same chunks. The wait for each is the system's, and the time between them is `outer`'s.
    Whoever sends them may ask from a task of its own."""
    while True:
        with _blamed_on(system, outer):
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
        yield chunk


@contextmanager
def _blamed_on(system: str, outer: Place | None = None) -> Iterator[None]:
    """The time that passes is this system's. Verdicts that leave the block name it, unless they
    already name another."""
    try:
        with within(system, outer=outer):
            yield
    except Verdict as why:
        why.system = why.system or system
        raise


def _is_of(file: FileFound, there: StoredObject) -> bool:
    """Whether the object under a key that names its bytes is the file. Where Drive tells no size to
    compare, it must bear our mark: others may have put half of it."""
    return there.size == file.size if file.size is not None else bool(there.stored_by)


def _differs(how: str) -> SetAside:
    return SetAside(
        OBJECT_DIFFERS,
        f"The stored object differs from the file that Google Drive listed: {how}. Replay the file "
        "with the mode `force` to download it again.",
    )
