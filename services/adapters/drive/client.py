"""Drive, as lister and transfer see it: what is asked of it, in Google's own words."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar
from urllib.parse import quote

import httpx

from services.adapters.drive import answers
from services.adapters.drive.credentials import ApiKey, Signs
from services.adapters.drive.download import Download
from services.adapters.drive.refusals import Asked
from services.adapters.drive.requests import AGENT, Exchange, Limits, Question
from services.adapters.drive.settings import DriveSettings
from services.adapters.drive.units import DOWNLOAD, GET, LIST, Unmetered
from services.core.errors import CoolDown, TryAgain, Verdict
from services.core.events import FileFound
from services.core.ports import LARGEST_PAGE, Entry, Page, SpendsQuota

T = TypeVar("T")
BIGGEST_LISTING = 32 * 1024 * 1024
BIGGEST_ITEM = 256 * 1024
USUAL_LIMITS = Limits()
JSON_HEADERS = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
MEDIA_HEADERS = {"User-Agent": AGENT, "Accept-Encoding": "identity"}


class Drive:
    """`ReadsFolders`, `LooksUpFiles` and `OpensFiles`; all raise the three verbs.

    Without `credentials` it asks with the settings' API key; without `quota` nothing holds it back.
    """

    def __init__(
        self,
        settings: DriveSettings,
        transport: httpx.AsyncBaseTransport,
        *,
        credentials: Signs | None = None,
        quota: SpendsQuota | None = None,
        limits: Limits = USUAL_LIMITS,
    ) -> None:
        signs = credentials or ApiKey(settings.api_key, settings.quota_user)
        self._files = httpx.URL(f"{settings.api_url}/drive/v3/files")
        self._query = {"supportsAllDrives": "true", **signs.query}
        self._media = str(httpx.QueryParams({"alt": "media", **self._query}))
        self._exchange = Exchange(
            transport, signs, quota or Unmetered(), limits, settings.cool_down_seconds
        )

    async def list_page(
        self,
        folder_id: str,
        *,
        token: str | None,
        resource_key: str | None,
        page_size: int = LARGEST_PAGE,
        ids_only: bool = False,
    ) -> Page:
        """One page of what lies in the folder and is not trashed."""
        escaped = folder_id.replace("\\", "\\\\").replace("'", "\\'")
        query = {
            "q": f"'{escaped}' in parents and trashed=false",
            "pageSize": str(page_size),
            "fields": answers.ID_FIELDS if ids_only else answers.FIELDS,
            "includeItemsFromAllDrives": "true",
        } | ({"pageToken": token} if token else {})
        url = self._files.copy_merge_params(self._query | query)
        headers = JSON_HEADERS | _resource_key(folder_id, resource_key)
        question = Question(url=url, asked=Asked.FOLDER, units=LIST, headers=headers)
        return await self._read(question, BIGGEST_LISTING, answers.page)

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        """The item as it is now, in the trash too, with its parents."""
        query = self._query | {"fields": answers.ITEM_FIELDS}
        url = httpx.URL(self._item(item_id)).copy_merge_params(query)
        headers = JSON_HEADERS | _resource_key(item_id, resource_key)
        question = Question(url=url, asked=Asked.ITEM, units=GET, headers=headers)
        return await self._read(question, BIGGEST_ITEM, answers.item)

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        """The file's bytes, as they come. Raises on entering and in between."""
        question = Question(
            url=httpx.URL(f"{self._item(file.file_id)}?{self._media}"),
            asked=Asked.FILE,
            units=DOWNLOAD,
            headers=MEDIA_HEADERS | _resource_key(file.file_id, file.resource_key),
        )
        download = Download(self._exchange, question, file)
        try:
            await download.begin()
            async with aclosing(download.chunks()) as chunks:
                yield chunks
        finally:
            await download.close()

    async def answers(self) -> bool:
        """Whether Drive answers at all, if only with a refusal: a health check."""
        url = self._files.copy_with(path="/drive/v3/about").copy_merge_params(
            self._query | {"fields": "kind"}
        )
        question = Question(url=url, asked=Asked.ITEM, units=GET, headers=JSON_HEADERS)
        try:
            await self._exchange.read(question, BIGGEST_ITEM)
        except (TryAgain, CoolDown):
            return False
        except Verdict:
            return True
        return True

    def _item(self, item_id: str) -> str:
        return f"{self._files}/{quote(item_id, safe='')}"

    async def _read(self, question: Question, limit: int, parse: Callable[[bytes], T]) -> T:
        response, body = await self._exchange.read(question, limit)
        try:
            return parse(body)
        except TryAgain:
            self._exchange.unmask(response, body, question.asked)
            raise


def _resource_key(item_id: str, resource_key: str | None) -> dict[str, str]:
    if not resource_key or not answers.RESOURCE_KEY.fullmatch(resource_key):
        return {}
    return {"X-Goog-Drive-Resource-Keys": f"{quote(item_id, safe='')}/{resource_key}"}
