"""One file's bytes from Drive to the store.

An object becomes visible only when its size and checksum equal what Drive said of the file.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from services.core.errors import SetAside, TryAgain, Verdict
from services.core.events import FileFound
from services.core.flow.resilience import Resilience
from services.core.object_key import object_key
from services.core.ports import STREAM_BYTES, KeepsObjects, LooksUpFiles, OpensFiles
from services.core.reasons import CONTENT_MISMATCH, GONE, NOT_FOUND
from services.transfer.checksums import Checked, Checksums
from services.transfer.current_version import newer_version
from services.transfer.memory import MemoryBudget

DRIVE, STORE = "drive", "store"
WHOLE_BYTES = 8 * 1024 * 1024
"""Up to this size a file is held whole and put in one request; above it, streamed in parts."""
DOUBTFUL = {CONTENT_MISMATCH, NOT_FOUND}
"""Reasons that may mean that the file is no longer the one that was listed."""
log = structlog.get_logger("transfer")


@dataclass(kw_only=True)
class Copy:
    """One file on its way. `is_current`: Drive confirmed that this version is the newest."""

    file: FileFound
    is_current: bool = False
    attempts: int = 1
    since: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the file was taken up."""
        return time.monotonic() - self.since

    def failed_once(self, _why: TryAgain) -> None:
        """An attempt failed, and another follows."""
        self.attempts += 1


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What lies in the store now. `found`: it was there before, and nothing was fetched."""

    object_key: str
    size: int
    md5: str | None = None
    sha256: str | None = None
    found: bool = False


class ServesFiles(OpensFiles, LooksUpFiles, Protocol):
    """Drive, as the transfer needs it."""


@dataclass(frozen=True, kw_only=True)
class Copier:
    """Copies one file at a time, many at once; `memory` bounds what they hold together.

    `drive_calls` and `store_calls` wait out what is not the file's own fault.
    """

    drive: ServesFiles
    store: KeepsObjects
    memory: MemoryBudget
    drive_calls: Resilience
    store_calls: Resilience

    async def copy(self, copy: Copy, *, look_first: bool) -> Copied:
        """Bring the file's bytes to its key, unless the store has them and we look first.

        Where the bytes do not fit or are gone, Drive is asked once what the file is now, and the
        newer version is copied. Raises `SetAside`; then nothing new is visible.
        """
        try:
            return await self._copy(copy, look_first=look_first)
        except SetAside as why:
            if why.reason not in DOUBTFUL:
                raise
            newer = await self._newer_version(copy.file)
        if newer is not None:
            log.info(
                "transfer.file_replaced",
                import_id=newer.import_id,
                file_id=newer.file_id,
                version=newer.version,
            )
            copy.file = newer
        copy.is_current = True
        copy.attempts += 1
        return await self._copy(copy, look_first=False)

    async def _copy(self, copy: Copy, *, look_first: bool) -> Copied:
        file, key = copy.file, object_key(copy.file)
        if look_first and file.size is not None and await self._size(copy, key) == file.size:
            return Copied(object_key=key, size=file.size, md5=file.md5, found=True)
        if file.size is not None and file.size <= WHOLE_BYTES:
            async with self.memory.holding(file.size):
                checked = await self._put_whole(copy, key)
        else:
            async with self.memory.holding(STREAM_BYTES):
                checked = await self._put_in_parts(copy, key)
        return Copied(object_key=key, size=checked.size, md5=checked.md5, sha256=checked.sha256)

    async def _size(self, copy: Copy, key: str) -> int | None:
        return await self.store_calls.call(
            lambda: self.store.size(key), on_failure=copy.failed_once
        )

    async def _put_whole(self, copy: Copy, key: str) -> Checked:
        body, checked = await self.drive_calls.call(
            lambda: self._download(copy.file),
            on_failure=copy.failed_once,
            retry_corrupt=copy.is_current,
        )
        await self.store_calls.call(
            lambda: self.store.put(key, body, content_type=copy.file.mime_type),
            on_failure=copy.failed_once,
        )
        return checked

    async def _download(self, file: FileFound) -> tuple[bytearray, Checked]:
        checksums, body = Checksums(file), bytearray()
        async with self.drive.open(file) as chunks:
            async for chunk in chunks:
                checksums.add(chunk)
                body += chunk
        return body, checksums.verified()

    async def _put_in_parts(self, copy: Copy, key: str) -> Checked:
        """Download and upload are one call: whichever fails, both begin again."""
        return await self.drive_calls.call(
            lambda: self.store_calls.call(
                lambda: self._stream(copy.file, key), on_failure=copy.failed_once
            ),
            on_failure=copy.failed_once,
            retry_corrupt=copy.is_current,
        )

    async def _stream(self, file: FileFound, key: str) -> Checked:
        checksums = Checksums(file)
        with _blamed_on(DRIVE):
            async with self.drive.open(file) as chunks:
                with _blamed_on(STORE):
                    await self.store.put_stream(
                        key, _verified_at_the_end(chunks, checksums), content_type=file.mime_type
                    )
        return checksums.verified()

    async def _newer_version(self, file: FileFound) -> FileFound | None:
        """The file as it is now, None if it is what it was. Raises `SetAside` where it is gone."""
        try:
            now = await self.drive_calls.call(
                lambda: self.drive.look_up(file.file_id, resource_key=file.resource_key)
            )
        except SetAside as why:
            if why.reason != NOT_FOUND:
                raise
            raise SetAside(
                GONE,
                "This file was there when its folder was listed. Since then it was deleted, or it "
                "is no longer shared with anyone who has the link.",
            ) from why
        return newer_version(file, now)


async def _verified_at_the_end(
    chunks: AsyncIterator[bytes], checksums: Checksums
) -> AsyncIterator[bytes]:
    """The same bytes. Wrong ones raise before the store can make them visible."""
    with _blamed_on(DRIVE):
        async for chunk in chunks:
            checksums.add(chunk)
            yield chunk
        checksums.verified()


@contextmanager
def _blamed_on(system: str) -> Iterator[None]:
    """Verdicts that leave the block name this system, unless they name another already."""
    try:
        yield
    except Verdict as why:
        why.system = why.system or system
        raise
