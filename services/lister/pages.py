"""One page of a folder, and the facts that follow from it. Pure.

A page is (import, folder, pass, number). What was found stays found, whatever becomes of the pass:
it is a set of ids. When a pass closes the folder, `passes.py` decides.
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
"""Characters of a path, and of each name that comes when they are used up. All files of a page
carry it: 200 levels of long names would make half a gigabyte of one page."""
NO_TARGETS: Mapping[str, Entry | Unseen] = {}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What follows from a page, in the order in which it must come into the log.

    `after` comes last: so a page's manifest never follows that of the page after it.
    """

    files: tuple[e.FileFound | e.FileFailed, ...]
    listed: e.PageListed
    folders: tuple[e.PageRequested | e.FolderFailed, ...]
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


def facts(asked: e.PageRequested, page: Page, at: datetime, targets: Targets = NO_TARGETS) -> Facts:
    """Each entry ends in exactly one of found, opened and skipped; one that repeats, in its first.

    `targets` holds what `targets_of` the page asked for. A page of a pass that confirms leads to no
    facts but its manifest: ids are all that it was asked for.
    """
    step = passes.step(asked, page, at)
    leads = _Leads(asked, at)
    if not asked.confirms:
        _sort_out(leads, page.entries, targets)
    listed = e.PageListed(
        import_id=asked.import_id,
        epoch=asked.epoch,
        folder_id=asked.folder_id,
        pass_number=asked.pass_number,
        page_number=asked.page_number,
        listed_at=at,
        path=asked.path,
        last=step.last,
        closes=step.closes,
        confirms=asked.confirms,
        doubt=step.doubt,
        entries=len(page.entries),
        opened=tuple(leads.opened),
        skipped=tuple(leads.skipped),
        files=tuple(leads.briefs),
    )
    return Facts(
        files=tuple(leads.files), listed=listed, folders=tuple(leads.folders), after=step.after
    )


def without_page(
    asked: e.PageRequested, reason: str, message: str, at: datetime
) -> e.PageRequested | e.FolderFailed:
    """What follows when the page could not be had: another pass, or the folder's failure."""
    if reason == PAGE_TOKEN_INVALID:
        return passes.anew(asked, at)
    return passes.failed(asked, reason, message, at)


def why_not_empty(folder: Entry) -> tuple[str, str] | None:
    """Reason and sentence why a listing without entries says nothing of this item; None if it does.

    Drive answers with an empty list, too, where there is no such folder (drive-api.md §1.1).
    """
    if folder.trashed:
        return "trashed", "This folder is in its owner's trash."
    if folder.mime_type != FOLDER_TYPE:
        return "not_a_folder", "This is no folder: paste the link of the folder that holds it."
    return None


@dataclass
class _Leads:
    """What a page leads to, while it is sorted out."""

    asked: e.PageRequested
    at: datetime
    files: list[e.FileFound | e.FileFailed] = field(default_factory=list)
    briefs: list[e.FileBrief] = field(default_factory=list)
    folders: list[e.PageRequested | e.FolderFailed] = field(default_factory=list)
    opened: list[e.FolderBrief] = field(default_factory=list)
    skipped: list[e.Skipped] = field(default_factory=list)
    met: set[str] = field(default_factory=set)

    def meet(self, item_id: str) -> bool:
        """Whether it is the first time on this page."""
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
        """It counts, under the name that is known here, and fails: it must not vanish."""
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


def _sort_out(leads: _Leads, entries: Sequence[Entry], targets: Targets) -> None:
    """What lies here first: of a file that lies here too, a shortcut says nothing new."""
    followed = {entry.id: entry for entry in shortcuts(entries)}
    leads.met.update(followed)
    for entry in entries:
        if leads.meet(entry.id):
            _take(leads, entry, entry, leads.asked.folder_id)
    for shortcut in followed.values():
        if shortcut.target is not None and shortcut.target.id in followed:
            leads.skip(shortcut, "shortcut")
        else:
            _follow(leads, shortcut, targets)


def _take(leads: _Leads, what: Entry, here: Entry, folder_id: str) -> None:
    """`here` is the entry that led to it: the same, or a shortcut."""
    reason = _why_skipped(leads.asked, what)
    if reason is not None:
        leads.skip(here, reason)
    elif what.mime_type == FOLDER_TYPE:
        leads.open(what)
    else:
        leads.find(what, folder_id)


def _follow(leads: _Leads, shortcut: Entry, targets: Targets) -> None:
    if shortcut.target is None:
        leads.skip(shortcut, DANGLING)
        return
    aim = shortcut.target
    if aim.id in {leads.asked.folder_id, *leads.asked.ancestors}:
        leads.skip(shortcut, "folder_cycle")
        return
    if not leads.meet(aim.id):
        return
    there = targets.get(aim.id, Unseen(NOT_FOUND, "Nobody looked."))
    if isinstance(there, Entry):
        what = reached(shortcut, there)
        _take(leads, what, shortcut, folder_of(what))
        return
    known = Entry(id=aim.id, name=shortcut.name, mime_type=aim.mime_type)
    if there.reason == NOT_FOUND:
        leads.skip(shortcut, DANGLING)
    elif aim.mime_type == FOLDER_TYPE:
        leads.lose_folder(known, there)
    elif aim.mime_type.startswith("image/"):
        leads.lose_file(known, there)
    else:
        leads.skip(shortcut, there.reason)


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


def _found(leads: _Leads, entry: Entry, folder_id: str) -> e.FileFound:
    asked = leads.asked
    return e.FileFound(
        import_id=asked.import_id,
        epoch=asked.epoch,
        file_id=entry.id,
        name=entry.name,
        mime_type=entry.mime_type,
        folder_id=folder_id,
        found_at=leads.at,
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
    """Characters of the next name on it."""
    return max(PATH_NARROW, min(PATH_NAME, PATH_ROOM - sum(map(len, path))))


def _short(entry: Entry) -> str:
    return entry.name[: e.BRIEF_NAME]
