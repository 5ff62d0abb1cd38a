"""One page of a folder, and the facts that follow from it. Pure.

A page is (import, folder, pass, number). A pass that cannot be trusted ends where that is seen, and
the folder is listed anew from its first page, as the next pass; the last pass that may be tried
fails the folder instead. What was found stays found: it is a set of ids.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from services.core import events as e
from services.core.ports import FOLDER_TYPE, GOOGLE_TYPES, SHORTCUT_TYPE, Entry, Page
from services.core.reasons import PAGE_TOKEN_INVALID

PASSES = 3
MOST_PAGES = 20_000
"""Of one pass: forty times what Drive's largest folder needs (500,000 children, 1,000 a page)."""
DEEPEST = 200
"""Levels of folders; Drive itself allows 100."""
PATH_NAME = 255

INCOMPLETE = "listing_incomplete"
_INCOMPLETE_SENTENCE = (
    "Google Drive did not list this folder completely, however often it was asked: pictures may be "
    "missing. Import it again later."
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What follows from a page, in the order in which it must come into the log.

    `after` comes last: so a page's manifest never follows that of the page after it.
    """

    found: tuple[e.FileFound, ...]
    listed: e.PageListed
    opened: tuple[e.PageRequested, ...]
    after: e.PageRequested | e.FolderFailed | None


def first_page(asked: e.ImportRequested) -> e.PageRequested:
    """Where an import begins: the first page of its root folder."""
    return e.PageRequested(
        import_id=asked.import_id,
        epoch=asked.epoch,
        folder_id=asked.folder_id,
        resource_key=asked.resource_key,
        mode=asked.mode,
        round=asked.round,
    )


def facts(asked: e.PageRequested, page: Page, at: datetime) -> Facts:
    """Each entry ends in exactly one of found, opened and skipped; one that repeats, in its first.

    `last` says that the pass ends here, `closes` that it was complete to its end.
    """
    sorted_out = _sort_out(asked, page.entries)
    after, last = _after(asked, page, at)
    listed = e.PageListed(
        import_id=asked.import_id,
        epoch=asked.epoch,
        folder_id=asked.folder_id,
        pass_number=asked.pass_number,
        page_number=asked.page_number,
        listed_at=at,
        path=asked.path,
        last=last,
        closes=last and after is None,
        opened=tuple(e.FolderBrief(id=x.id, name=_brief(x)) for x in sorted_out.folders),
        skipped=tuple(sorted_out.skipped),
        files=tuple(
            e.FileBrief(id=x.id, name=_brief(x), mime_type=x.mime_type, size=x.size)
            for x in sorted_out.images
        ),
    )
    return Facts(
        found=tuple(_found(asked, entry, at) for entry in sorted_out.images),
        listed=listed,
        opened=tuple(_opened(asked, entry) for entry in sorted_out.folders),
        after=after,
    )


def without_page(
    asked: e.PageRequested, reason: str, message: str, at: datetime
) -> e.PageRequested | e.FolderFailed:
    """What follows when the page could not be had: another pass, or the folder's failure."""
    if reason == PAGE_TOKEN_INVALID:
        return _anew(asked, at)
    return _failed(asked, reason, message, at)


@dataclass
class _Sorted:
    images: list[Entry] = field(default_factory=list)
    folders: list[Entry] = field(default_factory=list)
    skipped: list[e.Skipped] = field(default_factory=list)


def _sort_out(asked: e.PageRequested, entries: Iterable[Entry]) -> _Sorted:
    sorted_out, seen = _Sorted(), set[str]()
    for entry in entries:
        if entry.id in seen:
            continue
        seen.add(entry.id)
        reason = _why_skipped(asked, entry)
        if reason is not None:
            sorted_out.skipped.append(_skipped(entry, reason))
        elif entry.mime_type == FOLDER_TYPE:
            sorted_out.folders.append(entry)
        else:
            sorted_out.images.append(entry)
    return sorted_out


def _why_skipped(asked: e.PageRequested, entry: Entry) -> str | None:
    """The code of the reason not to follow or fetch an entry, or None."""
    if entry.trashed:
        return "trashed"
    if entry.mime_type == FOLDER_TYPE:
        if entry.id == asked.folder_id or entry.id in asked.ancestors:
            return "folder_cycle"
        return "too_deep" if len(asked.ancestors) + 1 >= DEEPEST else None
    if entry.mime_type == SHORTCUT_TYPE:
        return "shortcut"
    if entry.mime_type.startswith(GOOGLE_TYPES):
        return "google_document"
    if not entry.mime_type.startswith("image/"):
        return "not_an_image"
    return None if entry.can_download else "not_downloadable"


def _after(
    asked: e.PageRequested, page: Page, at: datetime
) -> tuple[e.PageRequested | e.FolderFailed | None, bool]:
    """What comes next, and whether this pass ends here."""
    if page.incomplete or (page.next_token is not None and page.next_token == asked.token):
        return _anew(asked, at), True
    if page.next_token is None:
        return None, True
    if asked.page_number + 1 >= MOST_PAGES:
        return _failed(asked, INCOMPLETE, _INCOMPLETE_SENTENCE, at), True
    number = asked.page_number + 1
    return replace(asked, page_number=number, token=page.next_token), False


def _anew(asked: e.PageRequested, at: datetime) -> e.PageRequested | e.FolderFailed:
    if asked.pass_number + 1 >= PASSES:
        return _failed(asked, INCOMPLETE, _INCOMPLETE_SENTENCE, at)
    return replace(asked, pass_number=asked.pass_number + 1, page_number=0, token=None)


def _failed(asked: e.PageRequested, reason: str, message: str, at: datetime) -> e.FolderFailed:
    return e.FolderFailed(
        import_id=asked.import_id,
        epoch=asked.epoch,
        folder_id=asked.folder_id,
        reason=reason,
        message=message,
        failed_at=at,
        path=asked.path,
        pass_number=asked.pass_number,
        page_number=asked.page_number,
    )


def _found(asked: e.PageRequested, entry: Entry, at: datetime) -> e.FileFound:
    return e.FileFound(
        import_id=asked.import_id,
        epoch=asked.epoch,
        file_id=entry.id,
        name=entry.name,
        mime_type=entry.mime_type,
        folder_id=asked.folder_id,
        found_at=at,
        path=asked.path,
        size=entry.size,
        md5=entry.md5,
        sha1=entry.sha1,
        sha256=entry.sha256,
        version=entry.version,
        created_time=entry.created_time,
        modified_time=entry.modified_time,
        width=entry.width,
        height=entry.height,
        resource_key=entry.resource_key,
        mode=asked.mode,
        round=asked.round,
    )


def _opened(asked: e.PageRequested, entry: Entry) -> e.PageRequested:
    return e.PageRequested(
        import_id=asked.import_id,
        epoch=asked.epoch,
        folder_id=entry.id,
        resource_key=entry.resource_key,
        path=(*asked.path, entry.name[:PATH_NAME]),
        ancestors=(*asked.ancestors, asked.folder_id),
        mode=asked.mode,
        round=asked.round,
    )


def _skipped(entry: Entry, reason: str) -> e.Skipped:
    return e.Skipped(
        id=entry.id,
        name=_brief(entry),
        mime_type=entry.mime_type,
        reason=reason,
        size=entry.size,
    )


def _brief(entry: Entry) -> str:
    return entry.name[: e.BRIEF_NAME]
