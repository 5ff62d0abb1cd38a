"""One question to Google and its answer: paid for, signed, followed, judged. Every wait is bounded.

Straight on a transport: of httpx's client nothing would be used but its cost, a third of the CPU of
a small download.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import httpx

from services.adapters.drive.credentials import Signs
from services.adapters.drive.problem import Refusal
from services.adapters.drive.refusals import Asked, Circumstances, verdict, verdict_in_disguise
from services.core.errors import RateLimited, SetAside, TryAgain, Verdict
from services.core.ports import SpendsQuota
from services.core.reasons import AUTOMATED_QUERIES, DRIVE_UNREACHABLE

BIGGEST_REFUSAL = 64 * 1024
REDIRECTS = 3
GOOGLE_HOSTS = (".googleusercontent.com", ".googleapis.com")
# Where a browser is sent to prove that it is no robot.
WALL_HOSTS = (".google.com", "/sorry")
PUBLIC_HEADERS = ("User-Agent", "Accept-Encoding", "Range")
TROUBLE = (
    httpx.HTTPError,
    httpx.InvalidURL,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
    UnicodeError,
)
"""What sending and reading can raise: the transport translates most of aiohttp's errors, and
stumbles over a status line that is no text."""
UNCONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# Google answers with compressed JSON only to agents that say "gzip".
AGENT = "drivestream (gzip)"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to wait, in seconds, and how often.

    `answer`: from asking to the last byte of a listing, or to the first of a file. `silence`:
    between two bytes. `grace`: what a file may take beside its bytes at `slowest` a second.
    `resumes`: how often in a row a big download is taken up where it broke off, `pause` being the
    first wait before that.
    """

    answer: float = 60.0
    silence: float = 30.0
    grace: float = 60.0
    slowest: int = 16 * 1024
    resumes: int = 5
    pause: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to ask: where, about what, and what it costs in units of the quota."""

    url: httpx.URL
    asked: Asked
    units: int
    headers: Mapping[str, str]


class Exchange:
    """Questions in, answers out; what is no answer is raised as one of the three verbs."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        signs: Signs,
        quota: SpendsQuota,
        limits: Limits,
        cool_down: float,
    ) -> None:
        self._transport = transport
        self._signs = signs
        self._quota = quota
        self._cool_down = cool_down
        self.limits = limits
        times = httpx.Timeout(connect=10.0, read=limits.silence, write=10.0, pool=60.0)
        self._extensions = {"timeout": times.as_dict()}

    async def ask(self, question: Question, statuses: tuple[int, ...] = (200,)) -> httpx.Response:
        """An answer of one of the statuses, open: to be closed by the caller."""
        signature = await self._signs.headers()
        response = await self._answer(question, signature)
        if response.status_code == 401 and await self._renewed(response, signature):
            response = await self._answer(question, await self._signs.headers())
        if response.status_code in statuses:
            return response
        try:
            raise await self._refused(response, question.asked)
        finally:
            await response.aclose()

    async def read(self, question: Question, limit: int) -> tuple[httpx.Response, bytes]:
        """An answer with its whole body, decompressed, of at most `limit` bytes."""
        response = await self.ask(question)
        try:
            return response, await self._read(response, limit)
        finally:
            await response.aclose()

    def unmask(self, response: httpx.Response, body: bytes, asked: Asked) -> None:
        """Raise what an answer means that calls itself a success and is an error."""
        why = verdict_in_disguise(_refusal(response, body), self._circumstances(asked))
        if why is not None:
            raise self._told(why)

    async def _answer(self, question: Question, signature: Mapping[str, str]) -> httpx.Response:
        """Pays once: the further legs of a redirect are no questions of the API."""
        await self._quota.take(question.units)
        url, headers = question.url, {**question.headers, **signature}
        response = await self._send(url, headers)
        for _ in range(REDIRECTS):
            if not response.has_redirect_location:
                break
            await response.aclose()
            url, headers = self._redirected(url, response, headers, question.asked)
            response = await self._send(url, headers)
        return response

    async def _send(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        request = httpx.Request("GET", url, headers=headers, extensions=self._extensions)
        try:
            async with asyncio.timeout(self.limits.answer):
                return await self._transport.handle_async_request(request)
        except TROUBLE as why:
            raise no_answer(why) from why

    async def _renewed(self, response: httpx.Response, signature: Mapping[str, str]) -> bool:
        renewed = await self._signs.renewed(signature)
        if renewed:
            await response.aclose()
        return renewed

    def _redirected(
        self, here: httpx.URL, response: httpx.Response, headers: dict[str, str], asked: Asked
    ) -> tuple[httpx.URL, dict[str, str]]:
        """Where to go on. The key goes back to the same host only; elsewhere must be Google's."""
        try:
            there = here.join(response.headers["location"])
        except httpx.InvalidURL:
            there = httpx.URL("")
        if (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port):
            return there, headers
        if there.scheme == "https" and there.host.endswith(GOOGLE_HOSTS):
            return there, {name: headers[name] for name in PUBLIC_HEADERS if name in headers}
        if there.host.endswith(WALL_HOSTS[0]) and there.path.startswith(WALL_HOSTS[1]):
            wall = Refusal(status=403, content_type="text/html")
            raise self._told(verdict(wall, self._circumstances(asked)))
        raise SetAside(
            "unexpected_redirect", f"Google Drive sent us to {there.host[:100]}: not taken."
        )

    async def _refused(self, response: httpx.Response, asked: Asked) -> Verdict:
        try:
            body = await self._read(response, BIGGEST_REFUSAL)
        except TryAgain:
            body = b""  # too long or broken off: the status alone must do
        return self._told(verdict(_refusal(response, body), self._circumstances(asked)))

    async def _read(self, response: httpx.Response, limit: int) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.answer):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > limit:
                        raise TryAgain("answer_unreadable", "Google Drive's answer is too long.")
        except TROUBLE as why:
            raise no_answer(why) from why
        return bytes(body)

    def _circumstances(self, asked: Asked) -> Circumstances:
        return Circumstances(
            asked=asked,
            now=datetime.now(UTC),
            account=self._signs.account,
            cool_down=self._cool_down,
        )

    def _told(self, why: Verdict) -> Verdict:
        """The same, once the limiter knows of it."""
        if isinstance(why, RateLimited) or why.reason == AUTOMATED_QUERIES:
            self._quota.refused()
        return why


def _refusal(response: httpx.Response, body: bytes) -> Refusal:
    return Refusal(
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        body=body,
        retry_after=response.headers.get("retry-after"),
    )


def no_answer(why: Exception) -> TryAgain:
    """Without a connection nothing can be had from Drive; with one, this may be about one item."""
    if isinstance(why, httpx.ConnectError) or isinstance(why.__cause__, UNCONNECTED):
        return TryAgain(DRIVE_UNREACHABLE, f"Google Drive could not be reached: {said(why)}")
    return TryAgain("drive_unavailable", f"Google Drive did not answer: {said(why)}")


def said(why: BaseException) -> str:
    """An error in a few words."""
    return (str(why) or type(why).__name__)[:200]
