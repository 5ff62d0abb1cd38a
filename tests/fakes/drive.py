"""A Drive in memory, with real pages, tokens and bytes. It passes the adapter's contract suite."""

import hashlib
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from services.core.errors import (
    CONTENT_MISMATCH,
    KEY_REFUSED,
    NOT_FOUND,
    PAGE_TOKEN_INVALID,
    Corrupt,
    SetAside,
    Stop,
    Verdict,
)
from services.core.events import FileFound
from services.core.ports import FOLDER_TYPE, LARGEST_PAGE, Entry, Page, Thumbnail

CHUNK = 16 * 1024


@dataclass(frozen=True)
class Answers:
    """These bytes with this content type, instead of the file's."""

    body: bytes
    content_type: str = "image/png"


@dataclass(frozen=True)
class BreaksOff:
    """The file's first bytes, then an error."""

    after: int
    why: Verdict


class FakeDrive:
    """`PreviewsFolders`, `ServesFiles` and `LooksUpFiles`.

    `list_troubles`, `look_up_troubles` and `open_troubles` hold, by folder or file, what happens
    at the next calls. `items` is what a look-up finds; `page_size` caps what a caller asks for.
    While `down` is set, every request meets it.
    """

    def __init__(self, *, page_size: int = 1000, key_is_right: bool = True) -> None:
        self._page_size = page_size
        refused = Stop(KEY_REFUSED, "Google rejected the API key. Check GOOGLE_API_KEY.")
        self.down: Verdict | None = None if key_is_right else refused
        self.folders: dict[str, list[Entry]] = {}
        self.items: dict[str, Entry] = {}
        self.bodies: dict[str, bytes] = {}
        self.list_troubles: dict[str, deque[Verdict | Page]] = defaultdict(deque)
        self.open_troubles: dict[str, deque[Verdict | Answers | BreaksOff]] = defaultdict(deque)
        self.look_up_troubles: dict[str, deque[Verdict]] = defaultdict(deque)
        self.thumbnails: dict[str, Thumbnail] = {}
        self.looked_up: list[str] = []
        self.listed: list[tuple[str, str | None]] = []
        self.opened: list[str] = []
        self.open_now = 0
        self.most_at_once = 0
        self.sent_bytes = 0

    def add_folder(self, folder_id: str, *, parent: str | None = None, name: str = "") -> None:
        """A folder, below `parent` or without one."""
        self.folders.setdefault(folder_id, [])
        entry = Entry(id=folder_id, name=name or folder_id, mime_type=FOLDER_TYPE)
        self.items[folder_id] = entry
        if parent is not None:
            self.folders[parent].append(entry)

    def add_file(self, folder_id: str, file_id: str, body: bytes, name: str = "") -> Entry:
        """An image of these bytes, with the checksums that Drive would give."""
        entry = Entry(
            id=file_id,
            name=name or f"{file_id}.png",
            mime_type="image/png",
            size=len(body),
            md5=hashlib.md5(body, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(body).hexdigest(),
        )
        self.add_entry(folder_id, entry, body)
        return entry

    def add_entry(self, folder_id: str, entry: Entry, body: bytes = b"") -> None:
        """A child of any kind."""
        self.folders.setdefault(folder_id, []).append(entry)
        self.items[entry.id] = entry
        self.bodies[entry.id] = body

    async def list_page(
        self,
        folder_id: str,
        *,
        token: str | None,
        resource_key: str | None,
        page_size: int = LARGEST_PAGE,
        ids_only: bool = False,
    ) -> Page:
        """One page, or what is due."""
        self.listed.append((folder_id, token))
        if self.down is not None:
            raise self.down
        if self.list_troubles[folder_id]:
            trouble = self.list_troubles[folder_id].popleft()
            if isinstance(trouble, Verdict):
                raise trouble
            return trouble
        if folder_id not in self.folders:
            raise SetAside(NOT_FOUND, "This folder does not exist, or it is not shared.")
        return self._page(folder_id, token, page_size, ids_only)

    def _page(self, folder_id: str, token: str | None, size: int, ids_only: bool) -> Page:
        usual = size == LARGEST_PAGE and not ids_only
        bound_to = folder_id if usual else f"{folder_id}/{size}/{ids_only}"
        size = min(size, self._page_size)
        start = 0 if token is None else self._place(bound_to, token)
        entries: Sequence[Entry] = self.folders[folder_id][start : start + size]
        end = start + len(entries)
        more = end < len(self.folders[folder_id])
        if ids_only:
            entries = [Entry(id=entry.id, name="", mime_type="") for entry in entries]
        return Page(entries=entries, next_token=f"{bound_to}@{end}" if more else None)

    def _place(self, bound_to: str, token: str) -> int:
        theirs, _, place = token.rpartition("@")
        if theirs != bound_to or not place.isdecimal():
            raise SetAside(PAGE_TOKEN_INVALID, "Google no longer accepts the place.")
        return int(place)

    async def thumbnail(self, link: str) -> Thumbnail | None:
        return self.thumbnails.get(link)

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        """The item as it is now, with its parents, or the trouble that is due."""
        self.looked_up.append(item_id)
        if self.down is not None:
            raise self.down
        if self.look_up_troubles[item_id]:
            raise self.look_up_troubles[item_id].popleft()
        lie_in = {e.id: folder for folder, entries in self.folders.items() for e in entries}
        if item_id in self.items:
            parents = (lie_in[item_id],) if item_id in lie_in else ()
            return replace(self.items[item_id], parents=parents)
        raise SetAside(NOT_FOUND, "This item does not exist, or it is not shared.")

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        """The file's bytes in chunks, or the trouble that is due."""
        self.opened.append(file.file_id)
        if self.down is not None:
            raise self.down
        troubles = self.open_troubles[file.file_id]
        trouble = troubles.popleft() if troubles else None
        if isinstance(trouble, Verdict):
            raise trouble
        if isinstance(trouble, Answers):
            chunks = self._chunks(self._answer(trouble, file), None)
        elif file.file_id not in self.bodies:
            raise SetAside(NOT_FOUND, "This file does not exist, or it is not shared.")
        else:
            chunks = self._chunks(self.bodies[file.file_id], trouble)
        self.open_now += 1
        self.most_at_once = max(self.most_at_once, self.open_now)
        try:
            async with aclosing(chunks):
                yield chunks
        finally:
            self.open_now -= 1

    def _answer(self, answer: Answers, file: FileFound) -> bytes:
        page = answer.content_type in {"text/html", "application/json"}
        if page and not (file.md5 or file.sha1 or file.sha256):
            raise Corrupt(CONTENT_MISMATCH, "A page came, not an image.")
        return answer.body

    async def _chunks(self, body: bytes, broken: BreaksOff | None) -> AsyncGenerator[bytes, None]:
        whole = body if broken is None else body[: broken.after]
        for start in range(0, len(whole), CHUNK):
            chunk = whole[start : start + CHUNK]
            self.sent_bytes += len(chunk)
            yield chunk
        if broken is not None:
            raise broken.why
