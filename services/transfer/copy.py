"""One file: where it goes, how its bytes get there, and what proves that they are the right ones.

An object becomes visible only when size and checksum equal what Drive said of the file.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.core.errors import TryAgain, Verdict
from services.core.events import FileFailed, FileFound, FileStored, Mode
from services.core.object_key import object_key
from services.core.ports import STREAM_BYTES, Entry, KeepsObjects, LooksUpFiles, OpensFiles
from services.core.reasons import CONTENT_MISMATCH
from services.transfer.memory import Budget

WHOLE_BYTES = 8 * 1024 * 1024
"""Up to here a file is held whole and put in one request; above it, streamed in parts."""


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What lies in the store now. `unchanged`: it lay there before, and was not fetched."""

    object_key: str
    size: int
    md5: str | None = None
    sha256: str | None = None
    unchanged: bool = False


class ServesFiles(OpensFiles, LooksUpFiles, Protocol):
    """Drive, as the transfer needs it."""


class Copier:
    """Copies one file at a time, many at once; `memory` bounds what they hold together."""

    def __init__(self, drive: ServesFiles, store: KeepsObjects, memory: Budget) -> None:
        self._drive = drive
        self._store = store
        self._memory = memory

    async def copy(self, file: FileFound) -> Copied:
        """Bring the file's bytes to its key, unless `mode` and the store say that they are there.

        Raises the three verbs; then nothing new is visible.
        """
        key = object_key(file)
        if file.size is None:
            return await self._in_parts(file, key)
        if file.mode is Mode.CHECK and await self._store.size(key) == file.size:
            return Copied(object_key=key, size=file.size, md5=file.md5, unchanged=True)
        if file.size > WHOLE_BYTES:
            return await self._in_parts(file, key)
        return await self._whole(file, key, file.size)

    async def look_up(self, file: FileFound) -> Entry:
        """What Drive says of the file now. Raises the three verbs."""
        return await self._drive.look_up(file.file_id, resource_key=file.resource_key)

    async def _whole(self, file: FileFound, key: str, size: int) -> Copied:
        async with self._memory.take(size):
            tally, body = Tally(file), bytearray()
            async with self._drive.open(file) as chunks:
                async for chunk in chunks:
                    tally.add(chunk)
                    body += chunk
            copied = tally.judged(key)
            await self._store.put(key, body, content_type=file.mime_type)
            return copied

    async def _in_parts(self, file: FileFound, key: str) -> Copied:
        async with self._memory.take(STREAM_BYTES), self._drive.open(file) as chunks:
            tally = Tally(file)
            await self._store.put_stream(
                key, _judged_at_the_end(chunks, tally, key), content_type=file.mime_type
            )
            return tally.judged(key)


async def _judged_at_the_end(
    chunks: AsyncIterator[bytes], tally: "Tally", key: str
) -> AsyncIterator[bytes]:
    """The same bytes; a wrong one among them raises before the store can make them visible."""
    async for chunk in chunks:
        tally.add(chunk)
        yield chunk
    tally.judged(key)


class Tally:
    """Counts and hashes what passes, and judges it by what Drive said of the file.

    Hashing happens in place: a chunk is some 16 KiB, and hashlib lets other threads run meanwhile.
    """

    def __init__(self, file: FileFound) -> None:
        self._said = file
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        only_sha1 = file.sha1 is not None and file.md5 is None and file.sha256 is None
        self._sha1 = hashlib.sha1(usedforsecurity=False) if only_sha1 else None

    def add(self, chunk: bytes) -> None:
        """Raises as soon as more has come than Drive said: the rest need not be waited for."""
        self._size += len(chunk)
        if self._said.size is not None and self._size > self._said.size:
            raise _mismatch(f"more than the {self._said.size} bytes that were announced came")
        self._md5.update(chunk)
        self._sha256.update(chunk)
        if self._sha1 is not None:
            self._sha1.update(chunk)

    def judged(self, key: str) -> Copied:
        """What has passed, if it is the file; else `TryAgain`."""
        said, md5, sha256 = self._said, self._md5.hexdigest(), self._sha256.hexdigest()
        if said.size not in {None, self._size}:
            raise _mismatch(f"{self._size} of {said.size} bytes came")
        if said.md5 not in {None, md5} or said.sha256 not in {None, sha256}:
            raise _mismatch("the checksum differs")
        if self._sha1 is not None and said.sha1 != self._sha1.hexdigest():
            raise _mismatch("the checksum differs")
        return Copied(object_key=key, size=self._size, md5=md5, sha256=sha256)


def _mismatch(what: str) -> TryAgain:
    return TryAgain(
        CONTENT_MISMATCH,
        f"What Google Drive sent is not the file that it listed: {what}. If the file is being "
        "changed, import the folder again once that is done.",
    )


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What an outcome took: attempts, and seconds since the file was taken up."""

    at: datetime
    attempts: int
    seconds: float


def stored(file: FileFound, copied: Copied, bucket: str, effort: Effort) -> FileStored:
    """The fact that the file is in the store."""
    return FileStored(
        import_id=file.import_id,
        epoch=file.epoch,
        file=file,
        bucket=bucket,
        object_key=copied.object_key,
        size=copied.size,
        stored_at=effort.at,
        md5=copied.md5,
        sha256=copied.sha256,
        unchanged=copied.unchanged,
        attempts=effort.attempts,
        seconds=round(effort.seconds, 3),
    )


def failed(file: FileFound, why: Verdict, effort: Effort) -> FileFailed:
    """The fact that the file was set aside, and why."""
    return FileFailed(
        import_id=file.import_id,
        epoch=file.epoch,
        file_id=file.file_id,
        reason=why.reason,
        message=why.message,
        failed_at=effort.at,
        file=file,
        round=file.round,
        attempts=effort.attempts,
    )
