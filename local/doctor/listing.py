"""The first pages of a folder's listing, and the kinds of entries in them. Hostile input."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from local.doctor.client import Answer, DriveClient, keys
from services.core.folder_link import ID, FolderLink
from services.core.ports import FOLDER_TYPE, GOOGLE_TYPES, SHORTCUT_TYPE

MAX_PAGES = 3
PAGE_SIZE = 1000
FIELDS = (
    "nextPageToken,incompleteSearch,files(id,name,mimeType,size,md5Checksum,sha256Checksum,"
    "modifiedTime,trashed,resourceKey,shortcutDetails,capabilities(canDownload,canListChildren))"
)
Entry = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The first pages of one folder; `more` tells whether there are others."""

    link: FolderLink
    pages: Sequence[Answer]
    entries: Sequence[Entry]
    more: bool
    incomplete: bool

    @property
    def picture(self) -> Entry | None:
        """The first picture that an import would download, if it is not empty."""
        return next((entry for entry in self.entries if _wanted(entry)), None)

    def of_type(self, mime_type: str) -> Sequence[Entry]:
        """Entries of exactly this type that are not in the trash."""
        kept = (entry for entry in self.entries if entry.get("trashed") is not True)
        return [entry for entry in kept if text(entry, "mimeType") == mime_type]

    def key_of(self, entry: Entry) -> str | None:
        """An entry's own resource key."""
        return text(entry, "resourceKey") or None


def children_of(folder_id: str) -> str:
    """The query for the entries of a folder. The id must be valid."""
    return f"'{folder_id}' in parents"


def listed(client: DriveClient, link: FolderLink, max_pages: int = MAX_PAGES) -> Listing:
    """The first pages, including entries in the trash."""
    pages: list[Answer] = []
    entries: list[Entry] = []
    token, incomplete = "", False
    while len(pages) < max_pages:
        query = {"q": children_of(link.folder_id), "pageSize": str(PAGE_SIZE), "fields": FIELDS}
        headers = keys((link.folder_id, link.resource_key))
        pages.append(client.list(query | ({"pageToken": token} if token else {}), headers=headers))
        document = pages[-1].document()
        files = document.get("files")
        entries += [file for file in files if _known(file)] if isinstance(files, list) else []
        token = text(document, "nextPageToken")
        incomplete = incomplete or document.get("incompleteSearch") is True
        if not token or not pages[-1].ok:
            break
    return Listing(link=link, pages=pages, entries=entries, more=bool(token), incomplete=incomplete)


def kinds(listing: Listing) -> Mapping[str, int]:
    """The number of entries of each kind. An entry can be of several kinds."""
    counted: Counter[str] = Counter()
    for entry in listing.entries:
        counted[_kind(text(entry, "mimeType"))] += 1
        blob = not text(entry, "mimeType").startswith(GOOGLE_TYPES)
        counted["in the trash"] += entry.get("trashed") is True
        counted["that must not be downloaded"] += not can(entry, "canDownload")
        counted["files without any checksum"] += blob and not (
            text(entry, "md5Checksum") or text(entry, "sha256Checksum")
        )
        counted["with a resource key of their own"] += bool(text(entry, "resourceKey"))
    return {kind: number for kind, number in counted.items() if number}


def _wanted(entry: Entry) -> bool:
    allowed = entry.get("trashed") is not True and can(entry, "canDownload")
    return allowed and text(entry, "mimeType").startswith("image/") and entry.get("size") != "0"


def _kind(mime_type: str) -> str:
    if mime_type.startswith("image/"):
        return "images"
    if mime_type == FOLDER_TYPE:
        return "folders"
    if mime_type == SHORTCUT_TYPE:
        return "shortcuts"
    return "Google documents" if mime_type.startswith(GOOGLE_TYPES) else "other files"


def latency(listing: Listing) -> str:
    """How long the pages took."""
    seconds = [page.seconds for page in listing.pages]
    each = ", ".join(f"{value:.3f}" for value in seconds)
    return f"{each} s per page" + (f", median {median(seconds):.3f} s" if len(seconds) > 1 else "")


def text(entry: Mapping[str, Any], name: str) -> str:
    """A text field; empty if it is missing or not a text."""
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def can(entry: Entry, capability: str) -> bool:
    """Whether we are allowed to. If the answer does not say, we are."""
    capabilities = entry.get("capabilities")
    known = capabilities if isinstance(capabilities, dict) else {}
    return known.get(capability) is not False


def _known(file: object) -> bool:
    return isinstance(file, dict) and bool(ID.fullmatch(text(file, "id")))
