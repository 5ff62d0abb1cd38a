"""Lists a folder and what lies below it until it is done or a bound is met, and counts."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from services.core.errors import NOT_FOUND, RateLimited, SetAside, TryAgain, Verdict
from services.core.folder_link import FolderLink
from services.core.listing import page_of_root, why_skipped
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Page, ReadsFolders

AGAIN_SECONDS = 0.3
AT_ONCE = 4
"""Pages that one preview lists at the same time."""
MOST_PAGES = 50
MOST_FOLDERS = 10_000
"""That wait to be listed."""
NAMES = 12


@dataclass(kw_only=True)
class Tally:
    """What has been seen so far. An item that is met twice counts once. `on_image` is told of each
    image when it is counted."""

    on_image: Callable[[Entry], None]
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
            self.on_image(item)


def _pointed_at(entry: Entry) -> Entry:
    """The target of a shortcut, as far as the shortcut tells; any other item itself."""
    target = entry.target
    if entry.mime_type != SHORTCUT_TYPE or entry.trashed or target is None:
        return entry
    key = target.resource_key
    return replace(entry, id=target.id, mime_type=target.mime_type, resource_key=key)


@dataclass(frozen=True)
class Reader:
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


async def list_all(reader: Reader, tally: Tally) -> None:
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
    reader: Reader, tally: Tally, folder_id: str, key: str | None, token: str | None
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
