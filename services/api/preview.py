"""What a link leads to, before anything is started: listed for at most five seconds.

A preview counts as the lister does, but it follows no shortcut inside a folder: it takes the type
that a shortcut was made with. It pays from the quota's own share, so it slows no import down.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from litestar import post
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Struct

from services.api import problems
from services.api.bodies import body_of
from services.api.imports import StartOperation, link_in
from services.api.keys import IMPORT, SCOPE
from services.api.problems import AnyRequest, Problem, problem_specs
from services.api.progress import SILENT_AFTER, WorkerCache
from services.core.errors import NOT_FOUND, RateLimited, SetAside, TryAgain, Verdict
from services.core.flow.quota import QuotaLimiter, QuotaSettings
from services.core.folder_link import FolderLink
from services.core.listing import page_of_root, why_skipped
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Page, ReadsFolders, SpendsQuota

SECONDS = 4.5
"""Of the whole preview; the rest of five seconds is for the answer."""
AGAIN_SECONDS = 0.3
AT_ONCE = 4
"""Pages that one preview lists at the same time."""
MOST_PREVIEWS = 8
MOST_PAGES = 50
MOST_FOLDERS = 10_000
"""That wait to be listed."""
NAMES = 12
DOWNLOAD_UNITS = 200
OpensDrive = Callable[[SpendsQuota], AbstractAsyncContextManager[ReadsFolders]]


class Preview(Struct, frozen=True, kw_only=True):
    """What was seen of a folder. If it is not `complete`, there may be more: `stopped_by` says why
    the listing stopped. `bytes` are those of the images. `seconds` is the time in which Drive's
    quota lets so many be copied, null without one. `names` are a few images."""

    folder_id: str
    folder_url: str
    name: str
    complete: bool
    stopped_by: str | None
    images: int
    bytes: int
    types: Mapping[str, int]
    skipped: Mapping[str, int]
    folders: int
    folders_listed: int
    folders_failed: Mapping[str, int]
    names: Sequence[str]
    quota_units: int
    seconds: float | None


@dataclass(kw_only=True)
class Tally:
    """What has been seen so far. An item that is met twice counts once."""

    images: int = 0
    bytes: int = 0
    types: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    met: set[str] = field(default_factory=set)
    folders: int = 0
    listed: int = 0
    pages: int = 0
    waiting: deque[tuple[str, str | None, str | None]] = field(default_factory=deque)
    """Id, resource key and page token of what is to be listed."""
    stopped_by: str | None = None

    def begin(self, link: FolderLink, page: Page) -> None:
        """Count the first page. A shortcut to a folder is not a folder itself."""
        is_folder = all(entry.id != link.folder_id for entry in page.entries)
        self.folders = self.listed = int(is_folder)
        self.pages = 1
        self.met.add(link.folder_id)
        self.add(page.entries)
        if page.next_token:
            self.waiting.append((link.folder_id, link.resource_key, page.next_token))

    def add(self, entries: Sequence[Entry]) -> None:
        """Count a page. Shortcuts come last: one to an item of the page itself adds nothing."""
        for entry in sorted(entries, key=lambda entry: entry.mime_type == SHORTCUT_TYPE):
            item = _pointed_at(entry)
            if item.id not in self.met:
                self.met.add(item.id)
                self._count(item)

    def _count(self, item: Entry) -> None:
        if reason := why_skipped(item):
            self.skipped[reason] += 1
        elif item.mime_type == FOLDER_TYPE:
            self.folders += 1
            self.waiting.append((item.id, item.resource_key, None))
        else:
            self.images += 1
            self.bytes += item.size or 0
            self.types[item.mime_type] += 1
            if len(self.names) < NAMES:
                self.names.append(item.name)


def _pointed_at(entry: Entry) -> Entry:
    """The target of a shortcut, as far as the shortcut tells; any other item itself."""
    target = entry.target
    if entry.mime_type != SHORTCUT_TYPE or entry.trashed or target is None:
        return entry
    key = target.resource_key
    return replace(entry, id=target.id, mime_type=target.mime_type, resource_key=key)


@dataclass(frozen=True)
class _Reader:
    """Drive with one more attempt for what may pass."""

    drive: ReadsFolders

    async def look_up(self, item_id: str, key: str | None) -> Entry:
        try:
            return await self.drive.look_up(item_id, resource_key=key)
        except RateLimited:
            raise
        except TryAgain:
            await asyncio.sleep(AGAIN_SECONDS)
            return await self.drive.look_up(item_id, resource_key=key)

    async def page(self, folder_id: str, key: str | None, token: str | None) -> Page:
        try:
            return await self.drive.list_page(folder_id, token=token, resource_key=key)
        except RateLimited:
            raise
        except TryAgain:
            await asyncio.sleep(AGAIN_SECONDS)
            return await self.drive.list_page(folder_id, token=token, resource_key=key)

    async def root(self, link: FolderLink) -> tuple[str, Page]:
        """The folder's name and first page. Raises the verdict that the lister would give."""
        name, is_folder = "", True
        with suppress(SetAside):  # the listing will show why
            item = await self.look_up(link.folder_id, link.resource_key)
            name, is_folder = item.name, item.mime_type == FOLDER_TYPE and not item.trashed
        refused, page = None, Page(entries=())
        try:
            if is_folder:
                page = await self.page(link.folder_id, link.resource_key, None)
        except SetAside as why:
            if why.reason != NOT_FOUND:
                raise
            refused = why
        if not (page.entries or page.next_token or page.incomplete):
            page, _ = await page_of_root(self, link.folder_id, link.resource_key, refused)
        return name, page


def our_part(workers: WorkerCache) -> Callable[[], float]:
    """Of the quota for previews: the processes of the API share it evenly."""

    def part() -> float:
        now = datetime.now(UTC)
        api = [
            worker
            for worker in workers.newest(now)
            if worker.service == "api" and worker.state != "stopped"
            if now - worker.at <= SILENT_AFTER
        ]
        return 1 / max(1, len(api))

    return part


@dataclass(eq=False)
class Previews:
    """`run` closes what the first preview opened."""

    open_drive: OpensDrive
    quota: QuotaSettings
    limiter: QuotaLimiter
    _opened: AsyncExitStack = field(default_factory=AsyncExitStack)
    _drive: ReadsFolders | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _running: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        async with self._opened:
            await asyncio.Event().wait()

    async def of(self, body: bytes) -> Preview:
        """Raises `Problem`."""
        link = link_in(body)
        if self._running >= MOST_PREVIEWS:
            raise Problem(
                "previews_busy",
                "Too many previews are being made. Send the request again in a few seconds.",
                {"Retry-After": "5"},
            )
        self._running += 1
        try:
            return await self._of(link)
        finally:
            self._running -= 1

    async def _of(self, link: FolderLink) -> Preview:
        tally, name = Tally(), None
        try:
            async with asyncio.timeout(SECONDS):
                reader = _Reader(await self._connected())
                name, page = await reader.root(link)
                tally.begin(link, page)
                await _list_all(reader, tally)
        except TimeoutError:
            tally.stopped_by = "time"
        except SetAside as why:
            raise Problem(_code(why.reason, "folder_refused"), why.message) from why
        if name is None:
            raise Problem(
                "drive_slow",
                "Google Drive did not answer within 5 seconds. The folder can be imported all the "
                "same, or send the request again.",
                {"Retry-After": "5"},
            )
        return self._told(link, name, tally)

    async def _connected(self) -> ReadsFolders:
        async with self._opening:
            if self._drive is None:
                self._drive = await self._opened.enter_async_context(self.open_drive(self.limiter))
            return self._drive

    def _told(self, link: FolderLink, name: str, tally: Tally) -> Preview:
        units = tally.images * (1 if self.quota.counts_requests else DOWNLOAD_UNITS)
        a_second = self.quota.per_minute * self.quota.shares.get("transfer", 0) / 60
        return Preview(
            folder_id=link.folder_id,
            folder_url=link.url,
            name=name,
            complete=not (tally.stopped_by or tally.waiting or tally.failed),
            stopped_by=tally.stopped_by,
            images=tally.images,
            bytes=tally.bytes,
            types=dict(tally.types.most_common(50)),
            skipped=dict(tally.skipped),
            folders=tally.folders,
            folders_listed=tally.listed,
            folders_failed=dict(tally.failed),
            names=tally.names,
            quota_units=units,
            seconds=round(units / a_second, 1) if a_second else None,
        )


async def _list_all(reader: _Reader, tally: Tally) -> None:
    """Until there is nothing left, or a bound is met. Whatever is under way then is given up."""
    under_way: set[asyncio.Task[None]] = set()
    try:
        while (tally.waiting or under_way) and tally.stopped_by is None:
            while tally.waiting and len(under_way) < AT_ONCE and tally.pages < MOST_PAGES:
                tally.pages += 1
                under_way.add(
                    asyncio.create_task(_list_one(reader, tally, *tally.waiting.popleft()))
                )
            if not under_way:
                tally.stopped_by = "pages"
                return
            done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if len(tally.waiting) > MOST_FOLDERS:
                tally.stopped_by = "folders"
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _list_one(
    reader: _Reader, tally: Tally, folder_id: str, key: str | None, token: str | None
) -> None:
    try:
        page = await reader.page(folder_id, key, token)
    except SetAside as why:
        tally.failed[why.reason] += 1
        return
    except Verdict as why:  # what was seen before is still worth telling
        tally.stopped_by = why.reason
        return
    tally.listed += token is None
    tally.add(page.entries)
    if page.next_token:
        tally.waiting.append((folder_id, key, page.next_token))


def _code(reason: str, otherwise: str) -> str:
    code = "folder_not_found" if reason == NOT_FOUND else reason
    return code if code in problems.PREVIEW else otherwise


@post(
    "/imports/preview",
    status_code=200,
    opt={SCOPE: IMPORT},
    operation_class=StartOperation,
    summary="Preview a Google Drive folder",
    description="What the link leads to, within 5 seconds and before anything is started: its "
    "name, and what it holds as far as was seen by then. It is paid from Drive's quota for "
    "previews.",
    responses=problem_specs(*problems.PREVIEW),
)
async def preview_folder(
    request: AnyRequest, previews: NamedDependency[SkipValidation[Previews]]
) -> Preview:
    return await previews.of(await body_of(request))
