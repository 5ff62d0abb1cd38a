"""The bytes of one file, over as many connections as it takes.

What a download proves is the reader's: he knows size and checksums. Here it is seen to that nothing
else is taken for the file where Drive gives no checksum, and that a big file is not begun anew for
one broken connection. Only what has a checksum is taken up where it broke off: so two halves of two
versions are never taken for a whole.
"""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import httpx

from services.adapters.drive.requests import BIGGEST_REFUSAL, TROUBLE, Exchange, Question, said
from services.core.errors import Corrupt, TryAgain
from services.core.events import FileFound
from services.core.flow.retry import RetryPolicy
from services.core.reasons import CONTENT_MISMATCH

RESUMED_FROM = 8 * 1024 * 1024
"""Up to this size beginning anew costs no more than asking for a range."""
LONGEST_PAUSE = 60.0
"""Who is asked to wait longer than this lets the file go meanwhile."""
INTERRUPTED = "download_interrupted"
PAGES = ("text/html", "application/json")
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
_HASH = re.compile(r"\bmd5=([A-Za-z0-9+/]{22}==)")


class Download:
    """Begun once, read once, closed once. Raises the three verbs."""

    def __init__(self, exchange: Exchange, question: Question, file: FileFound) -> None:
        self._exchange = exchange
        self._question = question
        self._file = file
        self._limits = exchange.limits
        self._policy = RetryPolicy(first_wait=self._limits.pause)
        self._has_sum = bool(file.md5 or file.sha1 or file.sha256)
        self._response: httpx.Response | None = None
        self._stream: AsyncIterator[bytes]
        self._head = b""
        self._received = 0
        self._ranges, self._resumes, self._resumed_at = True, 0, 0
        # Where Drive names no checksum, what Google says of the body is better than nothing.
        self._promised, self._md5 = "", hashlib.md5(usedforsecurity=False)

    async def begin(self) -> None:
        """Until the first answer is there, and known not to be an error in disguise."""
        self._response = response = await self._exchange.ask(self._question)
        self._stream = response.aiter_raw()
        await self._refuse_pages(response)
        if not self._has_sum:
            self._promised = promised_md5(response)

    async def close(self) -> None:
        """Whether or not it was read to its end."""
        if self._response is not None:
            await self._response.aclose()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Only the time that Drive takes counts, not what the reader does between two chunks."""
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
        except TROUBLE as why:
            raise _interrupted(said(why)) from why
        if chunk is None:
            self._judge_the_end()
        return chunk

    def _judge_the_end(self) -> None:
        """Size and checksums are the reader's to judge; without them, what the answer promised."""
        if self._resumable() and self._received < (self._file.size or 0):
            raise _interrupted(f"{self._received} of {self._file.size} bytes came")
        length = _length(self._response)
        if self._file.size is None and length not in {None, self._received}:
            raise _interrupted(f"{self._received} of {length} bytes came")
        if self._promised and self._md5.hexdigest() != self._promised:
            raise Corrupt(
                CONTENT_MISMATCH, "What came is not what Google Drive said that it would send."
            )

    def _resumable(self) -> bool:
        big = (self._file.size or 0) > RESUMED_FROM
        return self._has_sum and big and self._received > 0 and self._ranges

    async def _resume(self, why: TryAgain) -> None:
        """Go on where it broke off, or raise why not. Every ask is paid for and waited for."""
        if self._received - self._resumed_at >= RESUMED_FROM:
            # The limit is of breaks in a row: a file of any size ends, each stretch being progress.
            self._resumes = 0
        self._resumed_at = self._received
        while why.reason != CONTENT_MISMATCH and self._resumable():
            if self._resumes >= self._limits.resumes or (why.retry_after or 0) > LONGEST_PAUSE:
                break
            self._resumes += 1
            await asyncio.sleep(self._policy.wait(self._resumes, why.retry_after))
            try:
                return await self._ask_for_the_rest(why)
            except TryAgain as again:
                why = again
        raise why

    async def _ask_for_the_rest(self, why: TryAgain) -> None:
        await self.close()
        wanted = {**self._question.headers, "Range": f"bytes={self._received}-"}
        response = await self._exchange.ask(replace(self._question, headers=wanted), (200, 206))
        self._response = response
        if response.status_code == 200:  # the range was ignored: the whole file begins anew
            self._ranges = False
            raise why
        self._check_range(response)
        self._stream = response.aiter_raw()

    def _check_range(self, response: httpx.Response) -> None:
        """Another total means another version, another start a hole: neither is the rest."""
        found = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
        start, end, total = map(int, found.groups()) if found else (-1, -1, -1)
        if (start, end, total) != (self._received, total - 1, self._file.size):
            raise Corrupt(
                CONTENT_MISMATCH, "Google Drive answered with another part than it was asked for."
            )

    async def _refuse_pages(self, response: httpx.Response) -> None:
        """Google has answered 200 with an error: HTML or JSON where an image was asked for."""
        content_type = response.headers.get("content-type", "").lower()
        if not content_type.startswith(PAGES) or self._file.mime_type.startswith(PAGES):
            return
        try:
            async with asyncio.timeout(self._limits.answer):
                while len(self._head) <= BIGGEST_REFUSAL:
                    chunk = await anext(self._stream, None)
                    if chunk is None:
                        break
                    self._head += chunk
        except TROUBLE as why:
            raise _interrupted(said(why)) from why
        self._exchange.unmask(response, self._head, self._question.asked)
        if not self._has_sum:
            raise Corrupt(
                CONTENT_MISMATCH,
                f"Google Drive answered with {content_type[:50]}, not with an image.",
            )


def promised_md5(response: httpx.Response) -> str:
    """The body's MD5 in hex, as `X-Goog-Hash: crc32c=…,md5=…` gives it (in base64); else empty."""
    found = _HASH.search(response.headers.get("x-goog-hash", ""))
    try:
        return base64.b64decode(found[1], validate=True).hex() if found else ""
    except binascii.Error:
        return ""


def _length(response: httpx.Response | None) -> int | None:
    text = response.headers.get("content-length", "") if response else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _interrupted(how: str) -> TryAgain:
    return TryAgain(INTERRUPTED, f"The download from Google Drive broke off: {how}")
