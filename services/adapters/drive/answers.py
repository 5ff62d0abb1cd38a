"""Google's JSON as a `Page` or an `Entry`. Nothing in it is trusted before it is checked.

Without its id an item, and so its page, cannot be read. Any other value that makes no sense (a size
that is no number, a checksum of the wrong length) is dropped.
"""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from services.core.errors import TryAgain
from services.core.ports import LARGEST_PAGE, SHORTCUT_TYPE, Entry, Page, Target

T = TypeVar("T")
LONGEST_NAME = 1024
LARGEST_FILE, LARGEST_SIDE = 2**43, 2**31 - 1
RESOURCE_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_LINK = re.compile("https?://[!-~]{1,4000}")
_ID = re.compile("[^\x00-\x20\x7f]{1,256}")
# RFC 9110 §8.3.1 and RFC 6838 §4.2: a type, a subtype, and parameters, which are dropped.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}"
_MEDIA_TYPE = re.compile(rf"\s*({_TOKEN}/{_TOKEN})\s*(?:;.*)?", re.DOTALL)
# Drive allows both in a name. PostgreSQL and JSON store neither.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_FILE_FIELDS = (
    "id,name,mimeType,size,md5Checksum,sha1Checksum,sha256Checksum,version,createdTime,"
    "modifiedTime,trashed,resourceKey,imageMediaMetadata(width,height),capabilities/canDownload,"
    "shortcutDetails(targetId,targetMimeType,targetResourceKey)"
)
# Google sends `nextPageToken` only if it is asked for.
FIELDS = f"nextPageToken,incompleteSearch,files({_FILE_FIELDS})"
FIELDS_WITH_THUMBNAILS = f"nextPageToken,incompleteSearch,files({_FILE_FIELDS},thumbnailLink)"
ID_FIELDS = "nextPageToken,incompleteSearch,files(id)"
ITEM_FIELDS = f"{_FILE_FIELDS},parents"

# No event can carry half of a surrogate pair.
Token = Annotated[str, msgspec.Meta(max_length=16 * 1024, pattern=r"^[^\x00\ud800-\udfff]*$")]


class _Listing(msgspec.Struct, rename="camel"):
    files: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=LARGEST_PAGE)]
    next_page_token: Token | None = None
    incomplete_search: bool = False


def page(body: bytes) -> Page:
    """Raises `TryAgain` if the body is no page of a folder."""
    listing = _decoded(body, _Listing)
    return Page(
        entries=[_entry(file) for file in listing.files],
        next_token=listing.next_page_token or None,
        incomplete=listing.incomplete_search,
    )


def item(body: bytes) -> Entry:
    """Raises `TryAgain` if the body is no item."""
    return _entry(_decoded(body, dict[str, Any]))


def _decoded(body: bytes, kind: type[T]) -> T:
    with suppress(ValueError, RecursionError):
        return msgspec.json.decode(body, type=kind)
    # msgspec refuses half of a surrogate pair anywhere in the text. The standard library reads it,
    # and one strange name must not cost the page.
    try:
        return msgspec.convert(json.loads(body), kind)
    except (ValueError, RecursionError) as why:
        raise TryAgain("answer_unreadable", "Google Drive's answer could not be read.") from why


def _entry(file: dict[str, Any]) -> Entry:
    item_id = _matching(_ID, storable(file.get("id")))
    if item_id is None:
        raise TryAgain("answer_unreadable", "Google Drive's answer has an item without an id.")
    picture = fields(file.get("imageMediaMetadata"))
    return Entry(
        id=item_id,
        name=storable(file.get("name"))[:LONGEST_NAME],
        mime_type=_media_type(file.get("mimeType")),
        size=number(file.get("size"), LARGEST_FILE),
        md5=_hex(file.get("md5Checksum"), 32),
        sha1=_hex(file.get("sha1Checksum"), 40),
        sha256=_hex(file.get("sha256Checksum"), 64),
        version=number(file.get("version")) or 0,
        created_time=_time(file.get("createdTime")),
        modified_time=_time(file.get("modifiedTime")),
        width=number(picture.get("width"), LARGEST_SIDE),
        height=number(picture.get("height"), LARGEST_SIDE),
        resource_key=_matching(RESOURCE_KEY, file.get("resourceKey")),
        can_download=fields(file.get("capabilities")).get("canDownload") is not False,
        trashed=file.get("trashed") is True,
        target=_target(file),
        parents=_parents(file.get("parents")),
        thumbnail_link=_matching(_LINK, file.get("thumbnailLink")),
    )


def _target(file: dict[str, Any]) -> Target | None:
    details = fields(file.get("shortcutDetails"))
    target_id = _matching(_ID, details.get("targetId"))
    if _media_type(file.get("mimeType")) != SHORTCUT_TYPE or target_id is None:
        return None
    return Target(
        id=target_id,
        mime_type=_media_type(details.get("targetMimeType")),
        resource_key=_matching(RESOURCE_KEY, details.get("targetResourceKey")),
    )


def _media_type(value: Any) -> str:
    """In lower case, as all our constants are; empty if it is none."""
    found = _MEDIA_TYPE.fullmatch(value) if isinstance(value, str) else None
    return found[1].lower() if found else ""


def _parents(value: Any) -> tuple[str, ...]:
    """Usually one. An item that is shared with us has none, a very old file may have several."""
    ids = value[:100] if isinstance(value, list) else []
    return tuple(id for id in ids if _matching(_ID, id))


def fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def storable(value: Any) -> str:
    """The text without the characters that no event and no row can hold."""
    return _UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else ""


def number(value: Any, largest: int = 2**63 - 1) -> int | None:
    """Google writes 64-bit numbers as strings and 32-bit ones as numbers."""
    if isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdigit():
        value = int(value)
    return value if type(value) is int and 0 <= value <= largest else None


def _matching(form: re.Pattern[str], value: Any) -> str | None:
    return value if isinstance(value, str) and form.fullmatch(value) else None


def _hex(value: Any, digits: int) -> str | None:
    digest = storable(value).lower()
    return digest if re.fullmatch(f"[0-9a-f]{{{digits}}}", digest) else None


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(storable(value))
        known = time.tzinfo is not None and 1900 <= time.year <= 9000
        return time.astimezone(UTC) if known else None
    except (ValueError, OverflowError):
        return None
