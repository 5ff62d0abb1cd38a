"""Copies one file from Drive to the store.

An object becomes visible only when its size and checksums equal what Drive said of the file.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import structlog

from services.core.errors import CONTENT_MISMATCH, GONE, NOT_FOUND, SetAside, TryAgain, Verdict
from services.core.events import FileFound
from services.core.flow.resilience import Resilience
from services.core.object_key import object_key
from services.core.ports import STREAM_BYTES, KeepsObjects, LooksUpFiles, OpensFiles
from services.transfer.checksums import Checksums
from services.transfer.current_version import newer_version
from services.transfer.memory import MemoryBudget

T = TypeVar("T")
DRIVE, STORE = "drive", "store"
WHOLE_BYTES = 8 * 1024 * 1024
"""A file up to this size is uploaded in one request; a larger one is streamed in parts."""
log = structlog.get_logger("transfer")


@dataclass(kw_only=True)
class Copy:
    """A file being copied. `is_current`: Drive confirmed that this is its newest version."""

    file: FileFound
    is_current: bool = False
    attempts: int = 1
    since: float = field(default_factory=time.monotonic)

    async def call(self, calls: Resilience, act: Callable[[], Awaitable[T]]) -> T:
        """Make a call for this file, and count its attempts."""
        return await calls.call(act, on_failure=self._failed_once, retry_corrupt=self.is_current)

    def _failed_once(self, _why: TryAgain) -> None:
        self.attempts += 1


@dataclass(frozen=True, kw_only=True)
class Copied:
    """The object in the store. `found`: it was there already, so nothing was downloaded."""

    object_key: str
    size: int
    md5: str | None = None
    sha256: str | None = None
    found: bool = False


class ServesFiles(OpensFiles, LooksUpFiles, Protocol):
    """Drive, as the transfer needs it."""


@dataclass(frozen=True, kw_only=True)
class Copier:
    """Makes many copies concurrently; `memory` bounds the bytes that they hold together.

    `drive_calls` and `store_calls` wait out every failure that is not the file's own fault.
    """

    drive: ServesFiles
    store: KeepsObjects
    memory: MemoryBudget
    drive_calls: Resilience
    store_calls: Resilience

    async def copy(self, copy: Copy, *, look_first: bool) -> Copied:
        """Copy the file to its key. With `look_first`, keep an object of the right size.

        A mismatch or a missing file may mean that the file changed after it was listed, so Drive is
        asked once what the file is now, and the copy starts again. Raises `SetAside`; then nothing
        new is visible.
        """
        try:
            return await self._copy(copy, look_first=look_first)
        except SetAside as why:
            if why.reason not in {CONTENT_MISMATCH, NOT_FOUND}:
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
        return await self._copy(copy, look_first=look_first and newer is not None)

    async def _copy(self, copy: Copy, *, look_first: bool) -> Copied:
        file, key = copy.file, object_key(copy.file)
        if look_first and file.size is not None:
            stored_size = await copy.call(self.store_calls, lambda: self.store.size(key))
            if stored_size == file.size:
                return Copied(object_key=key, size=file.size, md5=file.md5, found=True)
        if file.size is not None and file.size <= WHOLE_BYTES:
            async with self.memory.holding(file.size):
                checksums = await self._put_whole(copy, key)
        else:
            async with self.memory.holding(STREAM_BYTES):
                checksums = await self._put_in_parts(copy, key)
        return Copied(
            object_key=key,
            size=checksums.size,
            md5=checksums.hexdigest("md5"),
            sha256=checksums.hexdigest("sha256"),
        )

    async def _put_whole(self, copy: Copy, key: str) -> Checksums:
        file = copy.file
        body, checksums = await copy.call(self.drive_calls, lambda: self._download(file))
        await copy.call(
            self.store_calls, lambda: self.store.put(key, body, content_type=file.mime_type)
        )
        return checksums

    async def _download(self, file: FileFound) -> tuple[bytearray, Checksums]:
        checksums, body = Checksums(file), bytearray()
        async with self.drive.open(file) as chunks:
            async for chunk in chunks:
                checksums.add(chunk)
                body += chunk
        checksums.verify()
        return body, checksums

    async def _put_in_parts(self, copy: Copy, key: str) -> Checksums:
        """Download and upload are one call: if either fails, both start again."""
        return await copy.call(
            self.drive_calls,
            lambda: copy.call(self.store_calls, lambda: self._stream(copy.file, key)),
        )

    async def _stream(self, file: FileFound, key: str) -> Checksums:
        checksums = Checksums(file)
        with _blamed_on(DRIVE):
            async with self.drive.open(file) as chunks:
                with _blamed_on(STORE):
                    body = _verified(chunks, checksums)
                    await self.store.put_stream(key, body, content_type=file.mime_type)
        return checksums

    async def _newer_version(self, file: FileFound) -> FileFound | None:
        """See `newer_version`. Raises `SetAside` if the file is gone."""
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


async def _verified(chunks: AsyncIterator[bytes], checksums: Checksums) -> AsyncIterator[bytes]:
    """The same chunks. Wrong bytes raise before the store can make them visible."""
    with _blamed_on(DRIVE):
        async for chunk in chunks:
            checksums.add(chunk)
            yield chunk
        checksums.verify()


@contextmanager
def _blamed_on(system: str) -> Iterator[None]:
    """Verdicts that leave the block name this system, unless they already name another."""
    try:
        yield
    except Verdict as why:
        why.system = why.system or system
        raise
