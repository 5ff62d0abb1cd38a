"""A Drive in memory, with real pages, tokens and bytes. It passes the adapter's contract suite."""

import hashlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.core.errors import SetAside, Stop, TryAgain, Verdict
from services.core.events import FileFound
from services.core.ports import FOLDER_TYPE, Entry, Page
from services.core.reasons import CONTENT_MISMATCH, KEY_REFUSED, PAGE_TOKEN_INVALID

CHUNK = 16 * 1024


@dataclass(frozen=True)
class Answers:
    """Instead of the file's bytes, these, under this type."""

    body: bytes
    content_type: str = "image/png"


@dataclass(frozen=True)
class BreaksOff:
    """The file's first bytes, then trouble."""

    after: int
    why: Verdict


class FakeDrive:
    """`ReadsFolders` and `OpensFiles`.

    `list_troubles` and `open_troubles` hold, per folder or file, what happens at its next calls.
    """

    def __init__(self, *, page_size: int = 1000, key_is_right: bool = True) -> None:
        self._page_size = page_size
        self._key_is_right = key_is_right
        self.folders: dict[str, list[Entry]] = {}
        self.bodies: dict[str, bytes] = {}
        self.list_troubles: dict[str, deque[Verdict | Page]] = defaultdict(deque)
        self.open_troubles: dict[str, deque[Verdict | Answers | BreaksOff]] = defaultdict(deque)
        self.listed: list[tuple[str, str | None]] = []
        self.opened: list[str] = []
        self.open_now = 0
        self.most_at_once = 0
        self.sent_bytes = 0

    def add_folder(self, folder_id: str, *, parent: str | None = None, name: str = "") -> None:
        """A folder, below another or at the root of things."""
        self.folders.setdefault(folder_id, [])
        if parent is not None:
            entry = Entry(id=folder_id, name=name or folder_id, mime_type=FOLDER_TYPE)
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
        self.bodies[entry.id] = body

    async def list_page(
        self, folder_id: str, *, token: str | None, resource_key: str | None
    ) -> Page:
        """One page, as the real one would answer."""
        self.listed.append((folder_id, token))
        if not self._key_is_right:
            raise Stop(KEY_REFUSED, "Google refused the API key: check GOOGLE_API_KEY.")
        if self.list_troubles[folder_id]:
            trouble = self.list_troubles[folder_id].popleft()
            if isinstance(trouble, Verdict):
                raise trouble
            return trouble
        if folder_id not in self.folders:
            raise SetAside("not_found", "This folder does not exist, or it is not shared.")
        return self._page(folder_id, token)

    def _page(self, folder_id: str, token: str | None) -> Page:
        start = 0 if token is None else self._place(folder_id, token)
        entries: Sequence[Entry] = self.folders[folder_id][start : start + self._page_size]
        end = start + len(entries)
        more = end < len(self.folders[folder_id])
        return Page(entries=entries, next_token=f"{folder_id}@{end}" if more else None)

    def _place(self, folder_id: str, token: str) -> int:
        bound_to, _, place = token.rpartition("@")
        if bound_to != folder_id or not place.isdecimal():
            raise SetAside(PAGE_TOKEN_INVALID, "Google no longer accepts the place.")
        return int(place)

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        """The file's bytes in chunks, or the trouble that is due."""
        self.opened.append(file.file_id)
        if not self._key_is_right:
            raise Stop(KEY_REFUSED, "Google refused the API key: check GOOGLE_API_KEY.")
        troubles = self.open_troubles[file.file_id]
        trouble = troubles.popleft() if troubles else None
        if isinstance(trouble, Verdict):
            raise trouble
        if isinstance(trouble, Answers):
            chunks = self._chunks(self._answer(trouble, file), None)
        elif file.file_id not in self.bodies:
            raise SetAside("not_found", "This file does not exist, or it is not shared.")
        else:
            chunks = self._chunks(self.bodies[file.file_id], trouble)
        self.open_now += 1
        self.most_at_once = max(self.most_at_once, self.open_now)
        try:
            yield chunks
        finally:
            self.open_now -= 1

    def _answer(self, answer: Answers, file: FileFound) -> bytes:
        page = answer.content_type in {"text/html", "application/json"}
        if page and not (file.md5 or file.sha1 or file.sha256):
            raise TryAgain(CONTENT_MISMATCH, "A page came, not an image.")
        return answer.body

    async def _chunks(self, body: bytes, broken: BreaksOff | None) -> AsyncIterator[bytes]:
        whole = body if broken is None else body[: broken.after]
        for start in range(0, len(whole), CHUNK):
            chunk = whole[start : start + CHUNK]
            self.sent_bytes += len(chunk)
            yield chunk
        if broken is not None:
            raise broken.why
