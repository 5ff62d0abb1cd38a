"""The bytes of one file, over as many connections as it takes.

The reader verifies size and checksums. This module makes sure that nothing else is taken for the
file where Drive gave no checksum, and that a large file does not start again for one broken
connection. Only a file with a checksum is resumed: two halves of two versions are no whole.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncGenerator

from services.adapters.drive.answers import number
from services.adapters.drive.media import Response
from services.adapters.drive.requests import HTTP_ERRORS, DriveRequest, DriveSession, words_of
from services.core.errors import CONTENT_MISMATCH, Corrupt, TryAgain
from services.core.events import FileFound
from services.core.flow.resilience import RetryPolicy

# Up to this size, starting again costs hardly more than asking for a range, even on a slow line.
RESUMED_FROM = 1024 * 1024
# If Drive asks for a longer wait than this, the download fails, and its slot goes to others.
LONGEST_PAUSE = 60.0
PAGE_TYPES = ("text/html", "application/json")
_HASH = re.compile(r"\bmd5=([A-Za-z0-9+/]{22}==)")  # X-Goog-Hash: crc32c=…,md5=…


class Download:
    """Checked once, read once, closed once. Raises the three verbs."""

    def __init__(
        self, session: DriveSession, request: DriveRequest, response: Response, file: FileFound
    ) -> None:
        self._session = session
        self._request = request
        self._response, self._stream = response, response.aiter_raw()
        self._head = b""
        self._received = self._resumes = self._resumed_at = 0
        self._clock = asyncio.get_running_loop().time
        self._waited, self._counted = 0.0, 0  # since the pace was checked
        self._limits = session.limits
        self._retry = RetryPolicy(first_wait=session.limits.pause)
        self._file = file
        self._size = file.size or 0
        self._has_checksum = bool(file.md5 or file.sha1 or file.sha256)
        self._md5 = hashlib.md5(usedforsecurity=False)

    async def refuse_pages(self) -> None:
        """Google has sent errors with status 200: HTML or JSON where an image was expected."""
        content_type = self._response.headers.get("content-type", "").lower()
        if not content_type.startswith(PAGE_TYPES) or self._file.mime_type.startswith(PAGE_TYPES):
            return
        self._head = await self._session.first_bytes(self._stream)
        self._session.raise_hidden_error(self._response, self._head, self._request.kind)
        if not self._has_checksum:
            raise _mismatch(f"Google Drive sent {content_type[:50]} instead of an image.")

    async def aclose(self) -> None:
        await self._response.aclose()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        while True:
            try:
                chunk = await self._next()
            except TryAgain as why:
                await self._resume(why)
                continue
            if chunk is None:
                return
            self._received += len(chunk)
            if not self._has_checksum:
                self._md5.update(chunk)
            yield chunk

    async def _next(self) -> bytes | None:
        if self._head:
            head, self._head = self._head, b""
            return head
        self._check_pace()
        since = self._clock()
        try:
            chunk = await anext(self._stream, None)
        except HTTP_ERRORS as why:
            raise _interrupted(words_of(why)) from why
        self._waited += self._clock() - since
        if chunk is None:
            self._check_end()
        return chunk

    def _check_pace(self) -> None:
        """Next to nothing counts as silence. Counts Drive's time only, not the reader's."""
        if self._waited <= self._limits.silence:
            return
        came = self._received - self._counted
        self._waited, self._counted = 0.0, self._received
        if came < self._limits.least:
            raise TryAgain("download_too_slow", "Google Drive stopped sending this file.")

    def _check_end(self) -> None:
        """The reader checks size and checksums; where there are none, check the response's own."""
        headers = self._response.headers
        if self._resumable() and self._received < self._size:
            raise _interrupted(f"{self._received:,} of {self._size:,} bytes arrived")
        length = number(headers.get("content-length"))
        if self._file.size is None and length not in {None, self._received}:
            raise _interrupted(f"{self._received:,} of {length:,} bytes arrived")
        hash = None if self._has_checksum else _HASH.search(headers.get("x-goog-hash", ""))
        if hash and self._md5.digest() != base64.b64decode(hash[1]):
            raise _mismatch("The downloaded bytes do not match Google's checksum.")

    def _resumable(self) -> bool:
        return self._has_checksum and self._size > RESUMED_FROM and self._received > 0

    async def _resume(self, why: TryAgain) -> None:
        if self._received - self._resumed_at >= RESUMED_FROM:
            # The limit is for breaks in a row: with progress in between, a file of any size ends.
            self._resumes = 0
        self._resumed_at = self._received
        while self._resumable() and why.reason != CONTENT_MISMATCH:
            if self._resumes >= self._limits.resumes or (why.retry_after or 0) > LONGEST_PAUSE:
                break
            self._resumes += 1
            await asyncio.sleep(self._retry.wait(self._resumes, why.retry_after))
            try:
                if await self._request_rest():
                    return
                break
            except TryAgain as again:
                why = again
        raise why

    async def _request_rest(self) -> bool:
        """Whether Drive sends it. If it ignores the range, the whole file must start again."""
        await self.aclose()
        headers = {**self._request.headers, "Range": f"bytes={self._received}-"}
        request = self._request._replace(headers=headers)
        response = await self._session.send(request, (200, 206))
        self._response, self._stream = response, response.aiter_raw()
        # Another total means another version, another start a gap: neither is the rest.
        rest = f"bytes {self._received}-{self._size - 1}/{self._size}"
        if response.status_code == 206 and response.headers.get("content-range") != rest:
            raise _mismatch("Google Drive sent a different part of the file than requested.")
        return response.status_code == 206


def _interrupted(how: str) -> TryAgain:
    return TryAgain(
        "download_interrupted", f"The download from Google Drive was interrupted: {how}."
    )


def _mismatch(how: str) -> Corrupt:
    return Corrupt(CONTENT_MISMATCH, how)
