"""What services need of the outside, cut to the caller. Adapters and test fakes fulfil it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from msgspec import Struct

from services.core.errors import SetAside
from services.core.events import FileFound, Message, Place

FOLDER_TYPE = "application/vnd.google-apps.folder"
SHORTCUT_TYPE = "application/vnd.google-apps.shortcut"
GOOGLE_TYPES = "application/vnd.google-apps."
STREAM_BYTES = 20 * 1024 * 1024
"""The most memory that one `KeepsObjects.put_stream` may hold, whatever the size of its body."""
READ_BYTES = 2 * 1024 * 1024
"""The most memory that one `KeepsObjects.open` may hold."""
LARGEST_PAGE = 1000
"""Entries of one page of a listing."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a shortcut points at, as it was when the shortcut was made: the type may be stale."""

    id: str
    mime_type: str = ""
    resource_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One item of Drive, as a listing shows it. `parents` only where one item was looked up.
    `thumbnail_link`, a short-lived URL, only where it was asked for."""

    id: str
    name: str
    mime_type: str
    size: int | None = None
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    version: int = 0
    created_time: datetime | None = None
    modified_time: datetime | None = None
    width: int | None = None
    height: int | None = None
    resource_key: str | None = None
    can_download: bool = True
    trashed: bool = False
    target: Target | None = None
    parents: tuple[str, ...] = ()
    thumbnail_link: str | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a folder's children; no `next_token` means that Drive says it was the last."""

    entries: Sequence[Entry]
    next_token: str | None = None
    incomplete: bool = False


class LooksUpFiles(Protocol):
    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        """The item as it is now, with its parents. Raises the three verbs of `core.errors`."""


class ReadsFolders(LooksUpFiles, Protocol):
    async def list_page(
        self,
        folder_id: str,
        *,
        token: str | None,
        resource_key: str | None,
        page_size: int = LARGEST_PAGE,
        ids_only: bool = False,
    ) -> Page:
        """One page, at most `page_size` entries. Raises the three verbs.

        A token is good only for the `page_size` and `ids_only` that it was given for.
        """


class Thumbnail(NamedTuple):
    """A small image. `mime_type` is what its first bytes say."""

    mime_type: str
    body: bytes


class PreviewsFolders(ReadsFolders, Protocol):
    """Its pages have links to thumbnails."""

    async def thumbnail(self, link: str) -> Thumbnail | None:
        """None if the link leads elsewhere than to Drive's own servers, or to no small image."""


class ServesFiles(LooksUpFiles, Protocol):
    def open(self, file: FileFound) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The file's bytes in chunks. Raises the three verbs, on entering and while reading."""


class SpendsQuota(Protocol):
    async def take(self, units: int) -> None:
        """Return once so many units may be spent: every request pays before it is sent."""

    def refused(self) -> None:
        """Google said that it was too much all the same: slow down."""


class StoredObject(NamedTuple):
    """`size` in bytes. `stored_by` is the id of the import or replay that stored it; empty if it
    does not say. `content_type` is what the store serves it as, in lower case and without
    parameters; empty if it is no type."""

    size: int
    stored_by: str = ""
    content_type: str = ""


class KeepsObjects(Protocol):
    bucket: str

    async def put(
        self,
        key: str,
        body: bytes | bytearray,
        *,
        content_type: str,
        stored_by: str = "",
        sha256: str = "",
        md5: str = "",
    ) -> None:
        """Make the object visible whole, replacing what was there. Raises the three verbs.

        `sha256` and `md5`, in hexadecimal digits, are those of the bytes, if the caller knows them.
        """

    async def put_stream(
        self, key: str, body: AsyncIterator[bytes], *, content_type: str, stored_by: str = ""
    ) -> None:
        """As `put`, in parts. If `body` raises, so does this, and nothing becomes visible."""

    async def find(self, key: str) -> StoredObject | None:
        """The object, or None if there is no such object."""

    def open(self, key: str) -> AsyncGenerator[bytes, None]:
        """The object's bytes in chunks. Raises the three verbs, and `SetAside` with the reason
        `object_missing` if there is no such object. To be closed by the caller."""


class PublishesEvents(Protocol):
    async def publish(self, events: Sequence[Message]) -> None:
        """Return once every event is acknowledged by all in-sync replicas, else raise."""


class Received(Struct, frozen=True, kw_only=True):
    """How an event came: where its record lies, and whether it is `redelivered`. Then it may have
    been handled before, by a worker that died. `traceparent` is as it came, so it may be anything.
    """

    place: Place
    redelivered: bool = False
    traceparent: bytes = b""


class HandlesMessages(Protocol):
    """Both methods may be cancelled at any await."""

    async def handle(self, event: Message, received: Received) -> None:
        """Do what the event asks; return once all that follows from it is acknowledged."""

    async def set_aside(self, event: Message, received: Received, why: SetAside) -> None:
        """Publish that this event's item has failed."""
