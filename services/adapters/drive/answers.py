"""Google's JSON to a `Page`: hostile until parsed.

What is needed (an id) must be there, or the page is unreadable. What is only nice to have and
makes no sense (a size that is no number, a checksum of another shape) is dropped, not believed.
"""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from services.core.errors import TryAgain
from services.core.events import Id
from services.core.ports import LARGEST_PAGE, SHORTCUT_TYPE, Entry, Page, Target

T = TypeVar("T")
LONGEST_TOKEN = 16 * 1024
LONGEST_NAME = 1024
LONGEST_TYPE = 128
BIGGEST = 2**63 - 1
BIGGEST_FILE = 2**43
BIGGEST_SIDE = 2**31 - 1
EARLIEST_YEAR, LATEST_YEAR = 1900, 9000
MOST_PARENTS = 100
RESOURCE_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ID = re.compile(r"[^\x00-\x20\x7f]{1,256}")
# PostgreSQL and JSON hold neither; Drive can carry both in a name.
_UNTELLABLE = re.compile("[\x00\ud800-\udfff]")

_FILE_FIELDS = (
    "id,name,mimeType,size,md5Checksum,sha1Checksum,sha256Checksum,version,createdTime,"
    "modifiedTime,trashed,resourceKey,imageMediaMetadata(width,height),capabilities/canDownload,"
    "shortcutDetails(targetId,targetMimeType,targetResourceKey)"
)
FIELDS = f"nextPageToken,incompleteSearch,files({_FILE_FIELDS})"
"""What a listing is to contain. Without its name here Google gives no `nextPageToken`."""
ID_FIELDS = "nextPageToken,incompleteSearch,files(id)"
ITEM_FIELDS = f"{_FILE_FIELDS},parents"


class _File(msgspec.Struct, rename="camel"):
    id: Id
    name: Any = ""
    mime_type: Any = ""
    size: Any = None
    md5_checksum: Any = None
    sha1_checksum: Any = None
    sha256_checksum: Any = None
    version: Any = None
    created_time: Any = None
    modified_time: Any = None
    trashed: Any = False
    resource_key: Any = None
    image_media_metadata: Any = None
    capabilities: Any = None
    shortcut_details: Any = None
    parents: Any = None


# Half a surrogate is no text, so no event could carry it on.
Token = Annotated[str, msgspec.Meta(max_length=LONGEST_TOKEN, pattern=r"^[^\x00\ud800-\udfff]*$")]


class _Listing(msgspec.Struct, rename="camel"):
    files: Annotated[list[_File], msgspec.Meta(max_length=LARGEST_PAGE)]
    next_page_token: Token | None = None
    incomplete_search: bool = False


_listing = msgspec.json.Decoder(_Listing)
_item = msgspec.json.Decoder(_File)


def page(body: bytes) -> Page:
    """A page of a folder; raises `TryAgain` if the body is no such thing."""
    listing = _decoded(body, _listing, "a listing")
    return Page(
        entries=[_entry(file) for file in listing.files],
        next_token=listing.next_page_token or None,
        incomplete=listing.incomplete_search,
    )


def item(body: bytes) -> Entry:
    """One item that was asked for by its id; raises `TryAgain` if the body is no such thing."""
    return _entry(_decoded(body, _item, "an item"))


def _decoded(body: bytes, decoder: msgspec.json.Decoder[T], what: str) -> T:
    try:
        return _decode(body, decoder)
    except (ValueError, RecursionError) as why:
        raise TryAgain(
            "answer_unreadable", f"Google Drive's answer could not be read: it is not {what}."
        ) from why


def _decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        # msgspec refuses a lone surrogate anywhere in the text; the standard library reads it,
        # and one name must not cost the page.
        value: T = msgspec.convert(json.loads(body), decoder.type)
        return value


def _entry(file: _File) -> Entry:
    picture = _fields(file.image_media_metadata)
    return Entry(
        id=tellable(file.id),
        name=tellable(_text(file.name))[:LONGEST_NAME],
        mime_type=tellable(_text(file.mime_type))[:LONGEST_TYPE],
        size=_number(file.size, BIGGEST_FILE),
        md5=_hex(file.md5_checksum, 32),
        sha1=_hex(file.sha1_checksum, 40),
        sha256=_hex(file.sha256_checksum, 64),
        version=_number(file.version) or 0,
        created_time=_time(file.created_time),
        modified_time=_time(file.modified_time),
        width=_number(picture.get("width"), BIGGEST_SIDE),
        height=_number(picture.get("height"), BIGGEST_SIDE),
        resource_key=_resource_key(file.resource_key),
        can_download=_fields(file.capabilities).get("canDownload") is not False,
        trashed=file.trashed is True,
        target=_target(file),
        parents=_parents(file.parents),
    )


def _target(file: _File) -> Target | None:
    """Where a shortcut points; None where it says nothing that can be asked for."""
    details = _fields(file.shortcut_details)
    target_id = _text(details.get("targetId"))
    if file.mime_type != SHORTCUT_TYPE or not _ID.fullmatch(target_id):
        return None
    return Target(
        id=tellable(target_id),
        mime_type=tellable(_text(details.get("targetMimeType")))[:LONGEST_TYPE],
        resource_key=_resource_key(details.get("targetResourceKey")),
    )


def _parents(value: Any) -> tuple[str, ...]:
    """One as a rule; none of what is shared with us, two or more of very old files."""
    named = value[:MOST_PARENTS] if isinstance(value, list) else []
    return tuple(tellable(id) for id in named if isinstance(id, str) and _ID.fullmatch(id))


def tellable(text: str) -> str:
    """The text with what no event and no row can hold replaced."""
    return _UNTELLABLE.sub("\ufffd", text)


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any, biggest: int = BIGGEST) -> int | None:
    """Google writes 64-bit numbers as strings and 32-bit ones as numbers; both are taken."""
    if isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= biggest else None


def _hex(value: Any, digits: int) -> str | None:
    text = _text(value).lower()
    known = len(text) == digits and all(c in "0123456789abcdef" for c in text)
    return text if known else None


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(_text(value))
        known = time.tzinfo is not None and EARLIEST_YEAR <= time.year <= LATEST_YEAR
        return time.astimezone(UTC) if known else None
    except (ValueError, OverflowError):
        return None


def _resource_key(value: Any) -> str | None:
    text = _text(value)
    return text if RESOURCE_KEY.fullmatch(text) else None
