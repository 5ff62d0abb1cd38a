"""Drive, as lister and transfer see it: listings, look-ups and downloads, in Google's own terms."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import quote

import httpx

from services.adapters.drive import answers
from services.adapters.drive.credentials import Authenticator
from services.adapters.drive.download import Download
from services.adapters.drive.refusals import ItemKind
from services.adapters.drive.requests import DriveRequest, DriveSession
from services.adapters.drive.settings import DriveSettings
from services.adapters.drive.units import DOWNLOAD, GET, LIST
from services.core.errors import CoolDown, TryAgain, Verdict
from services.core.events import FileFound
from services.core.ports import LARGEST_PAGE, Entry, Page, SpendsQuota

LARGEST_LISTING = 32 * 1024 * 1024
LARGEST_ITEM = 256 * 1024
# Google compresses its JSON only for agents that contain "gzip".
AGENT = "drivestream (gzip)"
JSON_HEADERS = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
MEDIA_HEADERS = {"User-Agent": AGENT, "Accept-Encoding": "identity"}


class Drive:
    """`ReadsFolders`, `LooksUpFiles` and `OpensFiles`; all raise the three verbs."""

    def __init__(
        self,
        settings: DriveSettings,
        transport: httpx.AsyncBaseTransport,
        authenticator: Authenticator,
        quota: SpendsQuota,
    ) -> None:
        self._files = f"{settings.api_url}/drive/v3/files"
        self._query = {"supportsAllDrives": "true", **authenticator.query}
        about = f"{settings.api_url}/drive/v3/about"
        self._about = httpx.URL(about, params=self._query | {"fields": "kind"})
        self._media = str(httpx.QueryParams({"alt": "media", **self._query}))
        self._session = DriveSession(settings, transport, authenticator, quota)

    async def list_page(
        self,
        folder_id: str,
        *,
        token: str | None,
        resource_key: str | None,
        page_size: int = LARGEST_PAGE,
        ids_only: bool = False,
    ) -> Page:
        """One page of the folder's items that are not in the trash."""
        escaped = folder_id.replace("\\", "\\\\").replace("'", "\\'")
        query = {
            "q": f"'{escaped}' in parents and trashed=false",
            "pageSize": str(page_size),
            "fields": answers.ID_FIELDS if ids_only else answers.FIELDS,
            "includeItemsFromAllDrives": "true",
        } | ({"pageToken": token} if token else {})
        request = DriveRequest(
            url=httpx.URL(self._files, params=self._query | query),
            kind=ItemKind.FOLDER,
            units=LIST,
            headers=JSON_HEADERS | _resource_key(folder_id, resource_key),
        )
        return await self._session.read(request, LARGEST_LISTING, answers.page)

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        """The item as it is now, in the trash too, with its parents."""
        query = self._query | {"fields": answers.ITEM_FIELDS}
        request = DriveRequest(
            url=httpx.URL(self._item(item_id), params=query),
            kind=ItemKind.ITEM,
            units=GET,
            headers=JSON_HEADERS | _resource_key(item_id, resource_key),
        )
        return await self._session.read(request, LARGEST_ITEM, answers.item)

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        """The file's bytes, in chunks. Raises on entering and between two chunks."""
        request = DriveRequest(
            url=httpx.URL(f"{self._item(file.file_id)}?{self._media}"),
            kind=ItemKind.FILE,
            units=DOWNLOAD,
            headers=MEDIA_HEADERS | _resource_key(file.file_id, file.resource_key),
        )
        download = Download(self._session, request, file)
        try:
            await download.begin()
            async with aclosing(download.chunks()) as chunks:
                yield chunks
        finally:
            await download.close()

    async def answers(self) -> bool:
        """Whether Drive answers at all, if only with a refusal: a health check."""
        request = DriveRequest(url=self._about, kind=ItemKind.ITEM, units=GET, headers=JSON_HEADERS)
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
