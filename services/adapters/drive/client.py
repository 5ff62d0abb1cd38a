"""Drive, as lister and transfer see it. Every wait is bounded, every error one of the three verbs.

The API key travels as a header, never in an address, so that no log and no proxy shows it.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import aiohttp
import httpx

from services.adapters.drive import answers
from services.adapters.drive.refusals import Asked, Refusal, verdict
from services.core.drive_units import DOWNLOAD, GET, LIST, Unmetered
from services.core.errors import RateLimited, SetAside, TryAgain, Verdict
from services.core.events import FileFound
from services.core.ports import LARGEST_PAGE, Entry, Page, SpendsQuota
from services.core.reasons import CONTENT_MISMATCH, DRIVE_UNREACHABLE
from services.core.settings import DriveSettings

LIMITS = {"timeout": httpx.Timeout(connect=10.0, read=30.0, write=10.0, pool=60.0).as_dict()}
ANSWER_SECONDS = 60.0
"""From asking to the last byte of a listing, or to the first of a file."""
GRACE_SECONDS = 60.0
SLOWEST_BYTES_A_SECOND = 16 * 1024
BIGGEST_LISTING = 32 * 1024 * 1024
BIGGEST_ITEM = 256 * 1024
BIGGEST_REFUSAL = 64 * 1024
REDIRECTS = 3
GOOGLE_HOSTS = (".googleusercontent.com", ".googleapis.com")
PAGES = ("text/html", "application/json")
PUBLIC_HEADERS = ("User-Agent", "Accept-Encoding")
TROUBLE = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, TimeoutError, OSError)
"""What sending and reading can raise: the transport translates most of aiohttp's errors."""
UNCONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
# Google answers with compressed JSON only to agents that say "gzip".
AGENT = "drivestream (gzip)"
_KEY = re.compile(r"[\x21-\x7e]+")


class Drive:
    """`ReadsFolders`, `OpensFiles` and `LooksUpFiles`, straight on a transport.

    Of httpx's client nothing is used but its cost, a third of the CPU of a small download.
    """

    def __init__(
        self,
        settings: DriveSettings,
        transport: httpx.AsyncBaseTransport,
        *,
        quota: SpendsQuota | None = None,
    ) -> None:
        self._files = httpx.URL(f"{settings.api_url}/drive/v3/files")
        self._transport = transport
        self._quota = quota or Unmetered()
        key = settings.api_key.reveal()
        # What cannot be a header is left out: Google then says, as for any wrong key, what to do.
        self._headers = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
        if _KEY.fullmatch(key):
            self._headers["X-Goog-Api-Key"] = key

    async def list_page(
        self,
        folder_id: str,
        *,
        token: str | None,
        resource_key: str | None,
        page_size: int = LARGEST_PAGE,
        ids_only: bool = False,
    ) -> Page:
        """One page of what lies in the folder and is not trashed. Raises the three verbs."""
        escaped = folder_id.replace("\\", "\\\\").replace("'", "\\'")
        query = {
            "q": f"'{escaped}' in parents and trashed=false",
            "pageSize": str(page_size),
            "fields": answers.ID_FIELDS if ids_only else answers.FIELDS,
            "supportsAllDrives": "true",
            "includeItemsFromAllDrives": "true",
        } | ({"pageToken": token} if token else {})
        url = self._files.copy_merge_params(query)
        headers = self._headers | _resource_key(folder_id, resource_key)
        async with self._answer(url, headers, Asked.FOLDER, LIST) as response:
            return answers.page(await _read(response, BIGGEST_LISTING))

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        """The item as it is now, in the trash too, with its parents. Raises the three verbs."""
        url = self._item(item_id).copy_merge_params(
            {"fields": answers.ITEM_FIELDS, "supportsAllDrives": "true"}
        )
        headers = self._headers | _resource_key(item_id, resource_key)
        async with self._answer(url, headers, Asked.ITEM, GET) as response:
            return answers.item(await _read(response, BIGGEST_ITEM))

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        """The file's bytes, as they come. Raises the three verbs, on entering and in between."""
        url = self._item(file.file_id, "?alt=media&supportsAllDrives=true")
        headers = self._headers | _resource_key(file.file_id, file.resource_key)
        headers["Accept-Encoding"] = "identity"
        async with self._answer(url, headers, Asked.FILE, DOWNLOAD) as response:
            _refuse_pages(response, file)
            async with aclosing(_chunks(response)) as chunks:
                yield chunks

    def _item(self, item_id: str, query: str = "") -> httpx.URL:
        return httpx.URL(f"{self._files}/{quote(item_id, safe='')}{query}")

    @asynccontextmanager
    async def _answer(
        self, url: httpx.URL, headers: Mapping[str, str], asked: Asked, units: int
    ) -> AsyncIterator[httpx.Response]:
        await self._quota.take(units)
        response = await self._send(url, headers)
        try:
            for _ in range(REDIRECTS):
                if not response.has_redirect_location:
                    break
                await response.aclose()
                url, headers = _redirected(url, response, headers)
                response = await self._send(url, headers)
            if response.status_code != 200:
                why = await _refused(response, asked)
                if isinstance(why, RateLimited):
                    self._quota.refused()
                raise why
            yield response
        finally:
            await response.aclose()

    async def _send(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        request = httpx.Request("GET", url, headers=headers, extensions=LIMITS)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._transport.handle_async_request(request)
        except TROUBLE as why:
            raise _no_answer(why) from why


def _redirected(
    here: httpx.URL, response: httpx.Response, headers: Mapping[str, str]
) -> tuple[httpx.URL, Mapping[str, str]]:
    """Where to go on. The key goes back to the same host only; elsewhere must be Google's."""
    try:
        there = here.join(response.headers["location"])
    except httpx.InvalidURL:
        there = httpx.URL("")
    if (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port):
        return there, headers
    if there.scheme == "https" and there.host.endswith(GOOGLE_HOSTS):
        return there, {name: headers[name] for name in PUBLIC_HEADERS if name in headers}
    raise SetAside("unexpected_redirect", f"Google Drive sent us to {there.host[:100]}: not taken.")


async def _refused(response: httpx.Response, asked: Asked) -> Verdict:
    try:
        body = await _read(response, BIGGEST_REFUSAL)
    except TryAgain:
        body = b""  # too long or broken off: the status alone must do
    return verdict(
        Refusal(
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=body,
            retry_after=response.headers.get("retry-after"),
        ),
        asked,
        datetime.now(UTC),
    )


async def _read(response: httpx.Response, limit: int) -> bytes:
    """The whole body, decompressed, never more than `limit` bytes of it."""
    body = bytearray()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > limit:
                    raise TryAgain("answer_unreadable", "Google Drive's answer is far too long.")
    except TROUBLE as why:
        raise _no_answer(why) from why
    return bytes(body)


async def _chunks(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Only the time that Drive takes counts, not what the reader does between two chunks."""
    clock = asyncio.get_running_loop().time
    waited, received = 0.0, 0
    chunks = response.aiter_raw()
    while True:
        since = clock()
        try:
            chunk = await anext(chunks, None)
        except TROUBLE as why:
            raise TryAgain(
                "download_interrupted", f"The download from Google Drive broke off: {_said(why)}"
            ) from why
        if chunk is None:
            return
        waited += clock() - since
        received += len(chunk)
        yield chunk
        if waited > GRACE_SECONDS + received / SLOWEST_BYTES_A_SECOND:
            raise TryAgain("download_too_slow", "Google Drive sent this file far too slowly.")


def _refuse_pages(response: httpx.Response, file: FileFound) -> None:
    """Without a checksum, a page of HTML or JSON in place of an image would pass unseen."""
    content_type = response.headers.get("content-type", "").lower()
    if not (file.md5 or file.sha1 or file.sha256) and content_type.startswith(PAGES):
        raise TryAgain(
            CONTENT_MISMATCH, f"Google Drive answered with {content_type[:50]}, not with an image."
        )


def _resource_key(item_id: str, resource_key: str | None) -> dict[str, str]:
    if not resource_key or not answers.RESOURCE_KEY.fullmatch(resource_key):
        return {}
    return {"X-Goog-Drive-Resource-Keys": f"{quote(item_id, safe='')}/{resource_key}"}


def _no_answer(why: Exception) -> TryAgain:
    """Without a connection nothing can be had from Drive; with one, this may be about one item."""
    if isinstance(why, httpx.ConnectError) or isinstance(why.__cause__, UNCONNECTED):
        return TryAgain(DRIVE_UNREACHABLE, f"Google Drive could not be reached: {_said(why)}")
    return TryAgain("drive_unavailable", f"Google Drive did not answer: {_said(why)}")


def _said(why: BaseException) -> str:
    return (str(why) or type(why).__name__)[:200]
