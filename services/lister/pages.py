"""One page of a folder, and the facts that follow from it. Pure.

A page is (import, folder, pass, number). What was found stays found whatever becomes of the pass,
since it is a set of ids. `passes.py` decides when a pass closes the folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.core import events as e
from services.core.ports import FOLDER_TYPE, GOOGLE_TYPES, SHORTCUT_TYPE, Entry, Page
from services.core.reasons import NOT_FOUND, PAGE_TOKEN_INVALID
from services.lister import passes
from services.lister.shortcuts import DANGLING, Targets, Unseen, folder_of, reached, shortcuts

DEEPEST = 200
"""Levels of folders; Drive itself allows 100."""
PATH_NAME = 255
PATH_ROOM, PATH_NARROW = 4096, 16
"""Characters of a path, and of each further name once they are used up. Every file of a page
carries the path: 200 levels of long names would make half a gigabyte of one page."""
NO_TARGETS: Mapping[str, Entry | Unseen] = {}


@dataclass(frozen=True, kw_only=True)
class PageFacts:
    """What follows from a page, in the order in which it must come into the log.

    `next_page` comes last, so a page's manifest never follows that of a later page.
    """

    files: tuple[e.FileFound | e.FileFailed, ...]
    manifest: e.PageListed
    folders: tuple[e.PageRequested | e.FolderFailed, ...]
    next_page: e.PageRequested | e.FolderFailed | None


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


def page_facts(
    asked: e.PageRequested, page: Page, at: datetime, targets: Targets = NO_TARGETS
) -> PageFacts:
    """Each entry ends in exactly one of found, opened and skipped; a repeated entry counts once.

    `targets` holds the targets that `targets_of` the page named. A page of a confirming pass leads
    to its manifest only, since it lists nothing but ids.
    """
    decision = passes.decide(asked, page, at)
    sorted_page = _SortedPage(asked, at)
    if not asked.confirms:
        _sort_out(sorted_page, page.entries, targets)
    manifest = e.PageListed(
        import_id=asked.import_id,
        epoch=asked.epoch,
        folder_id=asked.folder_id,
        pass_number=asked.pass_number,
        page_number=asked.page_number,
        listed_at=at,
        path=asked.path,
        last=decision.last,
        closes=decision.closes,
        confirms=asked.confirms,
        doubt=decision.doubt,
        entries=len(page.entries),
        opened=tuple(sorted_page.opened),
        skipped=tuple(sorted_page.skipped),
        files=tuple(sorted_page.briefs),
    )
    return PageFacts(
        files=tuple(sorted_page.files),
        manifest=manifest,
        folders=tuple(sorted_page.folders),
        next_page=decision.next_page,
    )


def without_page(
    asked: e.PageRequested, reason: str, message: str, at: datetime
) -> e.PageRequested | e.FolderFailed:
    """What follows when the page could not be read: another pass, or the folder's failure."""
    if reason == PAGE_TOKEN_INVALID:
        return passes.next_pass(asked, at)
    return passes.failed(asked, reason, message, at)


def why_not_empty(folder: Entry) -> tuple[str, str] | None:
    """Reason and sentence why an empty listing of this item proves nothing; None if it is a folder.

    Drive may answer with an empty list for a folder that does not exist (drive-api.md §1.1).
    """
    if folder.trashed:
        return "trashed", "This folder is in its owner's trash."
    if folder.mime_type != FOLDER_TYPE:
        return "not_a_folder", "This is not a folder. Paste the link of the folder that holds it."
    return None


@dataclass
class _SortedPage:
    """What a page sorted_page to, while it is sorted out."""

    asked: e.PageRequested
    at: datetime
    files: list[e.FileFound | e.FileFailed] = field(default_factory=list)
    briefs: list[e.FileBrief] = field(default_factory=list)
    folders: list[e.PageRequested | e.FolderFailed] = field(default_factory=list)
    opened: list[e.FolderBrief] = field(default_factory=list)
    skipped: list[e.Skipped] = field(default_factory=list)
    met: set[str] = field(default_factory=set)

    def meet(self, item_id: str) -> bool:
        """Whether this is the item's first time on the page."""
        known = item_id in self.met
        self.met.add(item_id)
        return not known

    def find(self, image: Entry, folder_id: str) -> None:
        self.files.append(_found(self, image, folder_id))
        self._brief(image)

    def open(self, folder: Entry) -> None:
        self.folders.append(_opened(self.asked, folder))
        self.opened.append(e.FolderBrief(id=folder.id, name=_short(folder)))

    def skip(self, entry: Entry, reason: str) -> None:
        self.skipped.append(
            e.Skipped(
                id=entry.id,
                name=_short(entry),
                mime_type=entry.mime_type,
                reason=reason,
                size=entry.size,
            )
        )

    def lose_file(self, file: Entry, why: Unseen) -> None:
        """It counts as found, under the name known here, and as failed: it must not vanish."""
        failed = e.FileFailed(
            import_id=self.asked.import_id,
            epoch=self.asked.epoch,
            file_id=file.id,
            reason=why.reason,
            message=why.message,
            failed_at=self.at,
            round=self.asked.round,
        )
        self.files.append(failed)
        self._brief(file)

    def lose_folder(self, folder: Entry, why: Unseen) -> None:
        opened = _opened(self.asked, folder)
        self.folders.append(passes.failed(opened, why.reason, why.message, self.at))
        self.opened.append(e.FolderBrief(id=folder.id, name=_short(folder)))

    def _brief(self, file: Entry) -> None:
        brief = e.FileBrief(id=file.id, name=_short(file), mime_type=file.mime_type, size=file.size)
        self.briefs.append(brief)


def _sort_out(sorted_page: _SortedPage, entries: Sequence[Entry], targets: Targets) -> None:
    """Items that lie here come first: a shortcut to one of them says nothing new."""
    followed = {entry.id: entry for entry in shortcuts(entries)}
    sorted_page.met.update(followed)
    for entry in entries:
        if sorted_page.meet(entry.id):
            _take(sorted_page, entry, entry, sorted_page.asked.folder_id)
    for shortcut in followed.values():
        if shortcut.target is not None and shortcut.target.id in followed:
            sorted_page.skip(shortcut, "shortcut")
        else:
            _follow(sorted_page, shortcut, targets)


def _take(sorted_page: _SortedPage, what: Entry, here: Entry, folder_id: str) -> None:
    """`here` is the entry that led to `what`: the same one, or a shortcut."""
    reason = _why_skipped(sorted_page.asked, what)
    if reason is not None:
        sorted_page.skip(here, reason)
    elif what.mime_type == FOLDER_TYPE:
        sorted_page.open(what)
    else:
        sorted_page.find(what, folder_id)


def _follow(sorted_page: _SortedPage, shortcut: Entry, targets: Targets) -> None:
    if shortcut.target is None:
        sorted_page.skip(shortcut, DANGLING)
        return
    aim = shortcut.target
    if aim.id in {sorted_page.asked.folder_id, *sorted_page.asked.ancestors}:
        sorted_page.skip(shortcut, "folder_cycle")
        return
    if not sorted_page.meet(aim.id):
        return
    there = targets.get(aim.id, Unseen(NOT_FOUND, "It was not looked up."))
    if isinstance(there, Entry):
        what = reached(shortcut, there)
        _take(sorted_page, what, shortcut, folder_of(what))
        return
    known = Entry(id=aim.id, name=shortcut.name, mime_type=aim.mime_type)
    if there.reason == NOT_FOUND:
        sorted_page.skip(shortcut, DANGLING)
    elif aim.mime_type == FOLDER_TYPE:
        sorted_page.lose_folder(known, there)
    elif aim.mime_type.startswith("image/"):
        sorted_page.lose_file(known, there)
    else:
        sorted_page.skip(shortcut, there.reason)


def _why_skipped(asked: e.PageRequested, entry: Entry) -> str | None:
    """Why an entry is neither followed nor fetched, as a reason code; None if it is."""
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


def _found(sorted_page: _SortedPage, entry: Entry, folder_id: str) -> e.FileFound:
    asked = sorted_page.asked
    return e.FileFound(
        import_id=asked.import_id,
        epoch=asked.epoch,
        file_id=entry.id,
        name=entry.name,
        mime_type=entry.mime_type,
        folder_id=folder_id,
        found_at=sorted_page.at,
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
        path=(*asked.path, entry.name[: _room(asked.path)]),
        ancestors=(*asked.ancestors, asked.folder_id),
        mode=asked.mode,
        round=asked.round,
    )


def _room(path: tuple[str, ...]) -> int:
    """Characters for the next name on the path."""
    return max(PATH_NARROW, min(PATH_NAME, PATH_ROOM - sum(map(len, path))))


def _short(entry: Entry) -> str:
    return entry.name[: e.BRIEF_NAME]
