"""One request to Google and its response: paid for, authenticated, redirected, translated.

A key or token is never part of an address, so that no log and no proxy shows it. Every wait is
bounded. Requests go straight to a transport: httpx's client would add nothing but CPU.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from itertools import count
from typing import NamedTuple, TypeVar

import aiohttp
import httpx

from services.adapters.drive.media import Response
from services.adapters.drive.refusals import ItemKind, Refusal, meaning_by_body, verdict
from services.adapters.drive.settings import DriveSettings
from services.core import errors as reasons
from services.core.errors import RateLimited, SetAside, TryAgain, Verdict
from services.core.ports import SpendsQuota

T = TypeVar("T")
Gets = Callable[[str, Mapping[str, str]], Awaitable[Response]]
MAX_REDIRECTS = 3
GOOGLE_HOSTS = (".googleusercontent.com", ".googleapis.com")
ERRNO = re.compile(r"\[Errno -?\d+\] ")
# What can be sent in a header. A key or token with any other character is none of Google's.
HEADER_VALUE = re.compile(r"[\x21-\x7e]+")
PUBLIC_HEADERS = ("User-Agent", "Accept-Encoding", "Range")
# httpx-aiohttp lets some of aiohttp's errors through, and fails on a status line that is no text.
HTTP_ERRORS = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, UnicodeError)
NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
CONNECT_SECONDS, POOL_SECONDS = 10.0, 60.0


class DriveRequest(NamedTuple):
    url: str
    kind: ItemKind
    units: int  # of Google's quota
    headers: Mapping[str, str]


class Authenticator:
    """Who sends the requests: with an API key, anybody. No message may contain `secret`.

    Without `quota_user` (at most 40 characters) Google counts by address, and workers behind
    several addresses would not share one quota.
    """

    is_service_account = False

    def __init__(self, key: str = "", quota_user: str = "") -> None:
        self.secret = key
        self.query = {"quotaUser": quota_user} if quota_user else {}
        # A key that cannot be a header is not sent. Google then explains what to do about it.
        self._headers = {"X-Goog-Api-Key": key} if HEADER_VALUE.fullmatch(key) else {}

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """The headers, if possible others than those rejected. Raises `Stop` and `TryAgain`."""
        return self._headers


def authenticator_for(settings: DriveSettings) -> Authenticator:
    """Raises `SettingsError` where the key file of a service account is not one."""
    if settings.credentials_file is None:
        return Authenticator(settings.api_key.reveal(), settings.quota_user)
    # google-auth takes half a second to import, which a process with an API key is spared.
    from services.adapters.drive.account import read_account

    return read_account(settings.credentials_file)


class DriveSession:
    """Sends requests. Every response that is not what was asked for is raised as a verdict.

    `get_file` sends those for a file's bytes, if there is a shorter way than the transport.
    """

    def __init__(
        self,
        settings: DriveSettings,
        transport: httpx.AsyncBaseTransport,
        authenticator: Authenticator,
        quota: SpendsQuota,
        get_file: Gets | None = None,
    ) -> None:
        self.api_url = f"{settings.api_url}/drive/v3"
        server = httpx.URL(settings.api_url)
        self.origin = f"{server.scheme}://{server.netloc.decode()}"
        self.limits = settings.limits
        self.authenticator = authenticator
        self._cool_down = settings.cool_down_seconds
        self._transport = transport
        self._quota = quota
        times = httpx.Timeout(
            connect=CONNECT_SECONDS, read=self.limits.silence, write=10.0, pool=POOL_SECONDS
        )
        self._extensions = {"timeout": times.as_dict()}
        self._get_file = get_file or self._get

    async def send(self, request: DriveRequest, ok: tuple[int, ...] = (200,)) -> Response:
        """An open response with one of the statuses in `ok`; the caller closes it."""
        auth = await self.authenticator.headers()
        response = await self._follow(request, auth)
        if response.status_code == 401:
            again = await self.authenticator.headers(rejected=auth)
            if again is not auth:
                await response.aclose()
                response = await self._follow(request, again)
        if response.status_code in ok:
            return response
        async with aclosing(response):
            body = b""
            with suppress(TryAgain):  # if it breaks off, the status alone decides
                body = await self.first_bytes(response.aiter_bytes())
            raise self._judged(self._refusal(response, body, request.kind))

    async def read(self, request: DriveRequest, limit: int, parse: Callable[[bytes], T]) -> T:
        """What `parse` makes of the whole body, decompressed, of at most `limit` bytes."""
        async with aclosing(await self.send(request)) as response:
            body = await self.first_bytes(response.aiter_bytes(), limit)
        if len(body) > limit:
            raise TryAgain("answer_unreadable", "Google Drive's answer is too long.")
        try:
            return parse(body)
        except TryAgain:
            self.raise_hidden_error(response, body, request.kind)
            raise

    def raise_hidden_error(self, response: Response, body: bytes, kind: ItemKind) -> None:
        """Raise the error that a response with a success status contains, if it does."""
        refusal = self._refusal(response, body, kind)
        if meaning_by_body(refusal):
            raise self._judged(refusal)

    async def _follow(self, request: DriveRequest, auth: Mapping[str, str]) -> Response:
        """Send it and follow redirects. It is paid for once: redirects do not call the API."""
        await self._quota.take(request.units)
        url, headers = request.url, {**request.headers, **auth}
        get = self._get_file if request.kind == "file" else self._get
        for redirects in count():
            response = await self._answer(get, url, headers)
            if redirects == MAX_REDIRECTS or not response.has_redirect_location:
                break
            await response.aclose()
            url, headers = self._redirected(url, response, headers, request.kind)
        return response

    async def send_plain(self, url: str, headers: Mapping[str, str]) -> Response:
        """The response as it is, a redirect too. Nothing is paid, and no credentials are added."""
        return await self._answer(self._get, url, headers)

    async def _answer(self, get: Gets, url: str, headers: Mapping[str, str]) -> Response:
        try:
            async with asyncio.timeout(self.limits.answer):
                return await get(url, headers)
        except HTTP_ERRORS as why:
            raise _no_answer(why) from why

    async def _get(self, url: str, headers: Mapping[str, str]) -> Response:
        request = httpx.Request("GET", url, headers=headers, extensions=self._extensions)
        return await self._transport.handle_async_request(request)

    def _redirected(
        self, url: str, response: Response, headers: dict[str, str], kind: ItemKind
    ) -> tuple[str, dict[str, str]]:
        """Where to go on. Only the same host gets the key; any other host must be Google's."""
        here, there = httpx.URL(url), httpx.URL("")
        with suppress(httpx.InvalidURL):
            there = here.join(response.headers.get("location", ""))
        if (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port):
            return str(there), headers
        if there.scheme == "https" and there.host.endswith(GOOGLE_HOSTS):
            return str(there), {name: headers[name] for name in PUBLIC_HEADERS if name in headers}
        if there.host.endswith(".google.com") and there.path.startswith("/sorry"):
            # Here a browser must prove that it is no robot.
            captcha = httpx.Response(403, headers={"content-type": "text/html"})
            raise self._judged(self._refusal(captcha, b"", kind))
        raise SetAside(
            "unexpected_redirect",
            f"Google Drive redirected to {there.host[:100]}, which is not Google's.",
        )

    async def first_bytes(self, chunks: AsyncIterator[bytes], limit: int = 64 * 1024) -> bytes:
        """All that comes, or somewhat more than `limit` bytes of it."""
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.answer):
                async for chunk in chunks:
                    body += chunk
                    if len(body) > limit:
                        break
        except HTTP_ERRORS as why:
            raise _no_answer(why) from why
        return bytes(body)

    def _refusal(self, response: Response, body: bytes, kind: ItemKind) -> Refusal:
        return Refusal(
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=body,
            retry_after=response.headers.get("retry-after"),
            kind=kind,
            service_account=self.authenticator.is_service_account,
            secret=self.authenticator.secret,
            cool_down=self._cool_down,
        )

    def _judged(self, refusal: Refusal) -> Verdict:
        why = verdict(refusal)
        if isinstance(why, RateLimited) or why.reason == reasons.AUTOMATED_QUERIES:
            self._quota.refused()
        return why


def _no_answer(why: Exception) -> TryAgain:
    """Without a connection nothing can be had from Drive; with one, this may be about one item."""
    said = words_of(why)
    if isinstance(why, httpx.ConnectError) or isinstance(why.__cause__, NOT_CONNECTED):
        return TryAgain(reasons.DRIVE_UNREACHABLE, f"Google Drive could not be reached: {said}.")
    return TryAgain("drive_unavailable", f"Google Drive did not answer: {said}.")


def words_of(why: Exception) -> str:
    """The library's words, without the system's error number."""
    words = ERRNO.sub("", str(why))[:200].rstrip(".")
    if words:
        return words
    return "the request timed out" if isinstance(why, httpx.TimeoutException) else _named(why)


def _named(why: Exception) -> str:
    """`ReadError` as `read error`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(why).__name__).lower()
