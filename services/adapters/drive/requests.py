"""One request to Google and its response: paid for, authenticated, redirected, translated.

Every wait is bounded. Requests go straight to a transport: httpx's client would add nothing but a
third of the CPU of a small download.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import aiohttp
import httpx

from services.adapters.drive.credentials import Authenticator
from services.adapters.drive.problem import Refusal
from services.adapters.drive.refusals import ItemKind, RefusalContext, hidden_error, verdict
from services.adapters.drive.settings import DriveSettings
from services.core import errors as reasons
from services.core.errors import RateLimited, SetAside, TryAgain, Verdict
from services.core.ports import SpendsQuota

T = TypeVar("T")
LARGEST_REFUSAL = 64 * 1024
MAX_REDIRECTS = 3
GOOGLE_HOSTS = (".googleusercontent.com", ".googleapis.com")
# Where Google sends a browser that must prove that it is no robot.
CAPTCHA_HOST, CAPTCHA_PATH = ".google.com", "/sorry"
CAPTCHA = Refusal(status=403, content_type="text/html")
PUBLIC_HEADERS = ("User-Agent", "Accept-Encoding", "Range")
HTTP_ERRORS = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, UnicodeError)
"""All that sending and reading raise: httpx-aiohttp does not translate every error of aiohttp's,
and fails on a status line that is no text."""
NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class DriveRequest(NamedTuple):
    """Where to send it, what it is about, and what it costs in units of the quota."""

    url: httpx.URL
    kind: ItemKind
    units: int
    headers: Mapping[str, str]


class DriveSession:
    """Sends requests. Every response that is not what was asked for is raised as a verdict."""

    def __init__(
        self,
        settings: DriveSettings,
        transport: httpx.AsyncBaseTransport,
        authenticator: Authenticator,
        quota: SpendsQuota,
    ) -> None:
        self.api_url = f"{settings.api_url}/drive/v3"
        self.limits = settings.limits
        self.authenticator = authenticator
        self._cool_down = settings.cool_down_seconds
        self._transport = transport
        self._quota = quota
        times = httpx.Timeout(connect=10.0, read=self.limits.silence, write=10.0, pool=60.0)
        self._extensions = {"timeout": times.as_dict()}

    async def send(
        self, request: DriveRequest, statuses: tuple[int, ...] = (200,)
    ) -> httpx.Response:
        """An open response with one of the statuses; the caller closes it."""
        auth = await self.authenticator.headers()
        response = await self._follow(request, auth)
        if response.status_code == 401 and await self.authenticator.renew(auth):
            await response.aclose()
            response = await self._follow(request, await self.authenticator.headers())
        if response.status_code in statuses:
            return response
        async with aclosing(response):
            try:
                body = await self._body(response, LARGEST_REFUSAL)
            except TryAgain:
                body = b""  # too long, or broken off: the status alone decides
            raise self._reported(verdict(_refusal(response, body), self._context(request.kind)))

    async def read(self, request: DriveRequest, limit: int, parse: Callable[[bytes], T]) -> T:
        """What `parse` makes of the whole body, decompressed, of at most `limit` bytes."""
        async with aclosing(await self.send(request)) as response:
            body = await self._body(response, limit)
        try:
            return parse(body)
        except TryAgain:
            self.raise_hidden_error(response, body, request.kind)
            raise

    def raise_hidden_error(self, response: httpx.Response, body: bytes, kind: ItemKind) -> None:
        """Raise the error that a response with a success status contains, if it does."""
        why = hidden_error(_refusal(response, body), self._context(kind))
        if why is not None:
            raise self._reported(why)

    async def _follow(self, request: DriveRequest, auth: Mapping[str, str]) -> httpx.Response:
        """Send it and follow redirects. It is paid for once: redirects do not call the API."""
        await self._quota.take(request.units)
        url, headers = request.url, {**request.headers, **auth}
        response = await self._send(url, headers)
        for _ in range(MAX_REDIRECTS):
            if not response.has_redirect_location:
                break
            await response.aclose()
            url, headers = self._redirected(url, response, headers, request.kind)
            response = await self._send(url, headers)
        return response

    async def _send(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        request = httpx.Request("GET", url, headers=headers, extensions=self._extensions)
        try:
            async with asyncio.timeout(self.limits.answer):
                return await self._transport.handle_async_request(request)
        except HTTP_ERRORS as why:
            raise _no_answer(why) from why

    def _redirected(
        self, here: httpx.URL, response: httpx.Response, headers: dict[str, str], kind: ItemKind
    ) -> tuple[httpx.URL, dict[str, str]]:
        """Where to go on. Only the same host gets the key; any other host must be Google's."""
        try:
            there = here.join(response.headers["location"])
        except httpx.InvalidURL:
            there = httpx.URL("")
        if (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port):
            return there, headers
        if there.scheme == "https" and there.host.endswith(GOOGLE_HOSTS):
            return there, {name: headers[name] for name in PUBLIC_HEADERS if name in headers}
        if there.host.endswith(CAPTCHA_HOST) and there.path.startswith(CAPTCHA_PATH):
            raise self._reported(verdict(CAPTCHA, self._context(kind)))
        raise SetAside(
            "unexpected_redirect",
            f"Google Drive redirected us to {there.host[:100]}: we do not follow there.",
        )

    async def _body(self, response: httpx.Response, limit: int) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.answer):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > limit:
                        raise TryAgain("answer_unreadable", "Google Drive's answer is too long.")
        except HTTP_ERRORS as why:
            raise _no_answer(why) from why
        return bytes(body)

    def _context(self, kind: ItemKind) -> RefusalContext:
        return RefusalContext(
            kind=kind,
            now=datetime.now(UTC),
            service_account=self.authenticator.is_service_account,
            cool_down=self._cool_down,
            secret=self.authenticator.secret,
        )

    def _reported(self, why: Verdict) -> Verdict:
        """The same verdict, after the quota was told if it means that we ask too often."""
        if isinstance(why, RateLimited) or why.reason == reasons.AUTOMATED_QUERIES:
            self._quota.refused()
        return why


def _refusal(response: httpx.Response, body: bytes) -> Refusal:
    return Refusal(
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        body=body,
        retry_after=response.headers.get("retry-after"),
    )


def _no_answer(why: Exception) -> TryAgain:
    """Without a connection nothing can be had from Drive; with one, this may be about one item."""
    said = words_of(why)
    if isinstance(why, httpx.ConnectError) or isinstance(why.__cause__, NOT_CONNECTED):
        return TryAgain(reasons.DRIVE_UNREACHABLE, f"Google Drive could not be reached: {said}.")
    return TryAgain("drive_unavailable", f"Google Drive did not answer: {said}.")


def words_of(why: Exception) -> str:
    return (str(why) or type(why).__name__)[:200].rstrip(".")
