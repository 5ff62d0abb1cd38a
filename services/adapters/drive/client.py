"""Drive, as lister and transfer see it: listings, look-ups and downloads, in Google's own terms."""

import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from functools import partial
from urllib.parse import quote

import aiohttp
import httpx
from httpx_aiohttp.transport import AiohttpTransport
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.proxy import ProxyBuilder

from services.adapters.drive import answers, thumbnails
from services.adapters.drive.download import Download
from services.adapters.drive.media import MediaClient
from services.adapters.drive.requests import (
    CONNECT_SECONDS,
    POOL_SECONDS,
    DriveRequest,
    DriveSession,
    authenticator_for,
)
from services.adapters.drive.settings import DriveSettings
from services.adapters.environment import proxy_for
from services.core.errors import CoolDown, TryAgain, Verdict
from services.core.events import FileFound
from services.core.ports import LARGEST_PAGE, Entry, Page, SpendsQuota, Thumbnail

# Units of Google's quota, by its usage limits since 1 May 2026 (drive-api.md §0.1). They do not say
# whether `alt=media` counts as a download, so the more expensive reading is taken.
LIST, GET, DOWNLOAD = 100, 5, 200
LARGEST_LISTING, LARGEST_ITEM = 32 * 1024 * 1024, 256 * 1024
# Google compresses its JSON only for agents that contain "gzip".
AGENT = "drivestream (gzip)"
JSON_HEADERS = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
MEDIA_HEADERS = {"User-Agent": AGENT, "Accept-Encoding": "identity"}


class Drive:
    """`ReadsFolders`, `LooksUpFiles` and `ServesFiles`; all raise the three verbs. With
    `thumbnail_links` it is `PreviewsFolders` too."""

    def __init__(self, session: DriveSession, *, thumbnail_links: bool = False) -> None:
        self._session = session
        self._listed = answers.FIELDS_WITH_THUMBNAILS if thumbnail_links else answers.FIELDS
        self._files = f"{session.api_url}/files"
        self._query = {"supportsAllDrives": "true", **session.authenticator.query}
        self._media = str(httpx.QueryParams({"alt": "media", **self._query}))

    async def list_page(
        self,
        folder_id: str,
        *,
        token: str | None,
        resource_key: str | None,
        page_size: int = LARGEST_PAGE,
        ids_only: bool = False,
    ) -> Page:
        escaped = folder_id.replace("\\", "\\\\").replace("'", "\\'")
        query = {
            "q": f"'{escaped}' in parents and trashed=false",
            "pageSize": str(page_size),
            "fields": answers.ID_FIELDS if ids_only else self._listed,
            "includeItemsFromAllDrives": "true",
        } | ({"pageToken": token} if token else {})
        url = str(httpx.URL(self._files, params=self._query | query))
        headers = JSON_HEADERS | _resource_key(folder_id, resource_key)
        request = DriveRequest(url, "folder", LIST, headers)
        return await self._session.read(request, LARGEST_LISTING, answers.page)

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        """The item as it is now, in the trash too, with its parents."""
        query = self._query | {"fields": answers.ITEM_FIELDS}
        url = str(httpx.URL(self._item(item_id), params=query))
        headers = JSON_HEADERS | _resource_key(item_id, resource_key)
        request = DriveRequest(url, "item", GET, headers)
        return await self._session.read(request, LARGEST_ITEM, answers.item)

    async def thumbnail(self, link: str) -> Thumbnail | None:
        return await thumbnails.fetch(self._session, link, MEDIA_HEADERS)

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        url = f"{self._item(file.file_id)}?{self._media}"
        headers = MEDIA_HEADERS | _resource_key(file.file_id, file.resource_key)
        request = DriveRequest(url, "file", DOWNLOAD, headers)
        response = await self._session.send(request)
        async with aclosing(Download(self._session, request, response, file)) as download:
            await download.refuse_pages()
            async with aclosing(download.chunks()) as chunks:
                yield chunks

    async def answers(self) -> bool:
        """Whether Drive answers at all, if only with a refusal: a health check."""
        url = httpx.URL(f"{self._session.api_url}/about", params=self._query | {"fields": "kind"})
        request = DriveRequest(str(url), "item", GET, JSON_HEADERS)
        try:
            await self._session.read(request, LARGEST_ITEM, bytes)
        except Verdict as why:
            return not isinstance(why, TryAgain | CoolDown)
        return True

    def _item(self, item_id: str) -> str:
        return f"{self._files}/{quote(item_id, safe='')}"


def _resource_key(item_id: str, resource_key: str | None) -> dict[str, str]:
    if not resource_key or not answers.RESOURCE_KEY.fullmatch(resource_key):
        return {}
    return {"X-Goog-Drive-Resource-Keys": f"{quote(item_id, safe='')}/{resource_key}"}


@asynccontextmanager
async def open_drive(
    settings: DriveSettings,
    *,
    connections: int,
    quota: SpendsQuota,
    thumbnail_links: bool = False,
) -> AsyncIterator[Drive]:
    """Drive, on connections that are kept alive. Raises as `authenticator_for` does."""
    authenticator = authenticator_for(settings)
    # The system's certificates, or those of SSL_CERT_FILE; not a list of our own.
    trust = ssl.create_default_context()
    # A large body may leave aiohttp's read timer (`silence`) running on its idle connection. When
    # that ends, the next request on the connection would fail at once: so none is kept so long.
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=settings.limits.silence / 2, ssl=trust
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    # Read once: aiohttp would look for a proxy in a thread, at every request.
    proxy = proxy_for(settings.api_url)
    media = MediaClient(partial(media_client, settings.limits.silence, connections, proxy))
    async with AiohttpTransport(
        client=session, verify=trust, proxy=httpx.Proxy(proxy) if proxy else None
    ) as transport:
        drive_session = DriveSession(settings, transport, authenticator, quota, media.get_file)
        yield Drive(drive_session, thumbnail_links=thumbnail_links)


def media_client(silence: float, connections: int, proxy: str | None) -> Client:
    """Neither redirects nor compression are left to it, and it finds no proxy by itself. With
    HTTP/2 all files would share one connection, and its end."""
    made = (
        ClientBuilder()
        .http1_only()
        .no_proxy()
        .follow_redirects(False)
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .connect_timeout(timedelta(seconds=CONNECT_SECONDS))
        .read_timeout(timedelta(seconds=silence))
        .max_connections(connections)
        .pool_timeout(timedelta(seconds=POOL_SECONDS))
    )
    if proxy:
        made = made.proxy(ProxyBuilder.all(proxy))
    return made.build()
