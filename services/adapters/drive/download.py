"""The bytes of one file, over as many connections as it takes.

The reader verifies size and checksums. This module makes sure that nothing else is taken for the
file where Drive gave no checksum, and that a large file does not start again for one broken
connection. Only a file with a checksum is resumed, so that two halves of two versions are never
taken for a whole.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator

import httpx

from services.adapters.drive.answers import number
from services.adapters.drive.requests import (
    HTTP_ERRORS,
    LARGEST_REFUSAL,
    DriveRequest,
    DriveSession,
    words_of,
)
from services.core.errors import CONTENT_MISMATCH, Corrupt, TryAgain
from services.core.events import FileFound
from services.core.flow.resilience import RetryPolicy

# Up to this size, starting again costs no more than asking for a range.
RESUMED_FROM = 8 * 1024 * 1024
# If Drive asks for a longer wait than this, the download fails, and its slot goes to others.
LONGEST_PAUSE = 60.0
PAGE_TYPES = ("text/html", "application/json")
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
_HASH = re.compile(r"\bmd5=([A-Za-z0-9+/]{22}==)")  # X-Goog-Hash: crc32c=…,md5=…


class Download:
    """Begun once, read once, closed once. Raises the three verbs."""

    def __init__(self, session: DriveSession, request: DriveRequest, file: FileFound) -> None:
        self._session = session
        self._request = request
        self._file = file
        self._limits = session.limits
        self._has_checksum = bool(file.md5 or file.sha1 or file.sha256)
        self._response: httpx.Response | None = None
        self._stream: AsyncIterator[bytes]
        self._head = b""
        self._received, self._resumes, self._resumed_at = 0, 0, 0
        self._ranges_work = True
        # Where Drive names no checksum, the hash that Google gives the body is better than nothing.
        self._promised, self._md5 = "", hashlib.md5(usedforsecurity=False)
        self._length: int | None = None

    async def begin(self) -> None:
        """Return once there is a response that is not an error with a success status."""
        self._response = response = await self._session.send(self._request)
        self._stream = response.aiter_raw()
        self._length = number(response.headers.get("content-length"))
        await self._refuse_pages(response)
        found = _HASH.search(response.headers.get("x-goog-hash", ""))
        if found and not self._has_checksum:
            self._promised = base64.b64decode(found[1]).hex()

    async def aclose(self) -> None:
        if self._response is not None:
            await self._response.aclose()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The time limit counts Drive's time only, not the reader's time between two chunks."""
        clock = asyncio.get_running_loop().time
        waited = 0.0
        while True:
            since = clock()
            try:
                chunk = await self._next()
            except TryAgain as why:
                await self._resume(why)
                continue
            if chunk is None:
                return
            waited += clock() - since
            self._received += len(chunk)
            if self._promised:
                self._md5.update(chunk)
            yield chunk
            if waited > self._limits.grace + self._received / self._limits.slowest:
                raise TryAgain("download_too_slow", "Google Drive sent this file far too slowly.")

    async def _next(self) -> bytes | None:
        if self._head:
            head, self._head = self._head, b""
            return head
        try:
            chunk = await anext(self._stream, None)
        except HTTP_ERRORS as why:
            raise _interrupted(words_of(why)) from why
        if chunk is None:
            self._check_end()
        return chunk

    def _check_end(self) -> None:
        """The reader checks size and checksums; where there are none, check the response's own."""
        if self._resumable() and self._received < (self._file.size or 0):
            raise _interrupted(f"{self._received} of {self._file.size} bytes came")
        if self._file.size is None and self._length not in {None, self._received}:
            raise _interrupted(f"{self._received} of {self._length} bytes came")
        if self._promised and self._md5.hexdigest() != self._promised:
            raise Corrupt(
                CONTENT_MISMATCH, "The bytes that came do not match the hash that Google gave."
            )

    def _resumable(self) -> bool:
        large = (self._file.size or 0) > RESUMED_FROM
        return self._has_checksum and large and self._received > 0 and self._ranges_work

    async def _resume(self, why: TryAgain) -> None:
        """Go on where it broke off, or raise why not. Each request is paid for."""
        if self._received - self._resumed_at >= RESUMED_FROM:
            # The limit is for breaks in a row: with progress in between, a file of any size ends.
            self._resumes = 0
        self._resumed_at = self._received
        while why.reason != CONTENT_MISMATCH and self._resumable():
            if self._resumes >= self._limits.resumes or (why.retry_after or 0) > LONGEST_PAUSE:
                break
            self._resumes += 1
            policy = RetryPolicy(first_wait=self._limits.pause)
            await asyncio.sleep(policy.wait(self._resumes, why.retry_after))
            try:
                return await self._request_rest(why)
            except TryAgain as again:
                why = again
        raise why

    async def _request_rest(self, why: TryAgain) -> None:
        await self.aclose()
        headers = {**self._request.headers, "Range": f"bytes={self._received}-"}
        request = self._request._replace(headers=headers)
        self._response = response = await self._session.send(request, (200, 206))
        self._stream = response.aiter_raw()
        if response.status_code == 200:  # the range was ignored: the whole file starts again
            self._ranges_work = False
            raise why
        # Another total means another version, another start a gap: neither is the rest.
        found = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
        start, end, total = map(int, found.groups()) if found else (-1, -1, -1)
        if (start, end, total) != (self._received, total - 1, self._file.size):
            raise Corrupt(
                CONTENT_MISMATCH, "Google Drive sent another part of the file than was asked for."
            )

    async def _refuse_pages(self, response: httpx.Response) -> None:
        """Google has sent errors with status 200: HTML or JSON where an image was expected."""
        content_type = response.headers.get("content-type", "").lower()
        if not content_type.startswith(PAGE_TYPES) or self._file.mime_type.startswith(PAGE_TYPES):
            return
        try:
            async with asyncio.timeout(self._limits.answer):
                async for chunk in self._stream:
                    self._head += chunk
                    if len(self._head) > LARGEST_REFUSAL:
                        break
        except HTTP_ERRORS as why:
            raise _interrupted(words_of(why)) from why
        self._session.raise_hidden_error(response, self._head, self._request.kind)
        if not self._has_checksum:
            raise Corrupt(
                CONTENT_MISMATCH, f"Google Drive sent {content_type[:50]} instead of an image."
            )


def _interrupted(how: str) -> TryAgain:
    return TryAgain("download_interrupted", f"The download from Google Drive broke off: {how}.")
