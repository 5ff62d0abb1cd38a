"""What follows from one page of a folder. Pure.

A page is identified by import, folder, pass and number. What a page found stays found, whatever
becomes of its pass. `passes.py` decides which pass closes the folder.

A shortcut carries the type that its target had when the shortcut was made, so only its target's id
is trusted, and each target is looked up once. If that fails, the old type decides whether the loss
counts as a failed file, a failed folder or a skipped entry.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.core import events as e
from services.core.errors import NOT_FOUND, PAGE_TOKEN_INVALID, SetAside
from services.core.listing import DANGLING, NO_TARGETS, Targets, why_skipped
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Page, Target
from services.lister import passes
from services.lister.passes import FolderEvent, T, derived

DEEPEST = 200  # levels of folders; Drive itself allows 100
PATH_NAME = 255
PATH_ROOM, PATH_NARROW = 4096, 16
"""Characters of a whole path, and of each name beyond that. Every file of a page carries the path,
so 200 levels of long names would make one page half a gigabyte."""
ELSEWHERE = "elsewhere"  # a folder that we may not see; greater than Google's ids, so it yields

FileEvent = e.FileFound | e.FileFailed
Brief = e.FileBrief | e.FolderBrief | e.Skipped


@dataclass(frozen=True, kw_only=True)
class PageFacts:
    """The events that follow from a page, in the order in which they must be published."""

    files: tuple[FileEvent, ...]
    folders: tuple[FolderEvent, ...]
    manifest: e.PageListed
    next_page: FolderEvent | None


def targets_of(request: e.PageRequested, entries: Sequence[Entry]) -> list[Target]:
    """The targets to look up for this page, each once: not its own entries, nor its ancestors."""
    known = {entry.id for entry in entries} | {request.folder_id, *request.ancestors}
    targets = [entry.target for entry in _shortcuts(entries) if entry.target is not None]
    # Of several shortcuts to one target, the first counts.
    first = {target.id: target for target in reversed(targets) if target.id not in known}
    return list(first.values())


def page_facts(
    request: e.PageRequested, page: Page, at: datetime, targets: Targets = NO_TARGETS
) -> PageFacts:
    """Each entry is found, opened or skipped; an entry that repeats counts once. A confirming pass
    lists only ids, so its pages lead to nothing but manifests."""
    next_page, doubt = passes.decide(request, page, at)
    sorter = _Sorter(request, at, targets)
    facts = [] if request.confirms else list(sorter.facts(page.entries))
    manifest = derived(
        e.PageListed,
        request,
        listed_at=at,
        last=next_page is None or doubt is not None,
        closes=next_page is None,
        doubt=doubt,
        entries=len(page.entries),
        opened=tuple(fact for fact in facts if isinstance(fact, e.FolderBrief)),
        skipped=tuple(fact for fact in facts if isinstance(fact, e.Skipped)),
        files=tuple(fact for fact in facts if isinstance(fact, e.FileBrief)),
    )
    return PageFacts(
        files=tuple(fact for fact in facts if isinstance(fact, FileEvent)),
        folders=tuple(fact for fact in facts if isinstance(fact, FolderEvent)),
        manifest=manifest,
        next_page=next_page,
    )


def without_page(request: e.PageRequested, why: SetAside, at: datetime) -> FolderEvent:
    """What follows if the page cannot be read: another pass, or the folder's failure."""
    if why.reason == PAGE_TOKEN_INVALID:
        return passes.next_pass(request, at)
    return derived(e.FolderFailed, request, why, failed_at=at)


@dataclass(frozen=True)
class _Sorter:
    request: e.PageRequested
    at: datetime
    targets: Targets

    def facts(self, entries: Sequence[Entry]) -> Iterator[Brief | FileEvent | FolderEvent]:
        """Shortcuts come after the folder's own items: a shortcut to one of those adds nothing."""
        own = {entry.id: entry for entry in entries}
        followed = {entry.id: entry for entry in _shortcuts(own.values())}
        for entry in own.values():
            if entry.id not in followed:
                yield from self._item(entry, entry, self.request.folder_id)
        met = set(own)
        for shortcut in followed.values():
            target = shortcut.target
            if target is None:
                yield _brief(e.Skipped, shortcut, reason=DANGLING)
            elif target.id in followed:
                yield _brief(e.Skipped, shortcut, reason="shortcut")
            elif target.id in {self.request.folder_id, *self.request.ancestors}:
                yield _brief(e.Skipped, shortcut, reason="folder_cycle")
            elif target.id not in met:
                met.add(target.id)
                yield from self._target(shortcut, target)

    def _item(
        self, item: Entry, entry: Entry, folder_id: str
    ) -> Iterator[Brief | e.FileFound | e.PageRequested]:
        """`entry` is the item itself, or a shortcut to it."""
        reason = _why_skipped(self.request, item)
        if reason is not None:
            yield _brief(e.Skipped, entry, reason=reason)
        elif item.mime_type == FOLDER_TYPE:
            yield _brief(e.FolderBrief, item)
            yield self._opened(item)
        else:
            yield _brief(e.FileBrief, item)
            more = {"file_id": item.id, "folder_id": folder_id, "found_at": self.at}
            yield derived(e.FileFound, self.request, item, **more)

    def _target(self, shortcut: Entry, target: Target) -> Iterator[Brief | FileEvent | FolderEvent]:
        """If the look-up failed, a file or folder counts as found and as failed, so that its loss
        is reported."""
        found = self.targets.get(target.id)
        if isinstance(found, Entry):
            # A file keeps its own name and folder, however it was reached.
            name = shortcut.name if found.mime_type == FOLDER_TYPE else found.name
            item = replace(found, name=name, resource_key=found.resource_key or target.resource_key)
            folder_id = min(found.parents, default=ELSEWHERE)
            yield from self._item(item, shortcut, folder_id)
            return
        lost = Entry(id=target.id, name=shortcut.name, mime_type=target.mime_type)
        if found is None or found.reason == NOT_FOUND:
            yield _brief(e.Skipped, shortcut, reason=DANGLING)
        elif target.mime_type == FOLDER_TYPE:
            yield _brief(e.FolderBrief, lost)
            yield derived(e.FolderFailed, self._opened(lost), found, failed_at=self.at)
        elif target.mime_type.startswith("image/"):
            yield _brief(e.FileBrief, lost)
            yield derived(e.FileFailed, self.request, found, file_id=lost.id, failed_at=self.at)
        else:
            yield _brief(e.Skipped, shortcut, reason=found.reason)

    def _opened(self, folder: Entry) -> e.PageRequested:
        request = self.request
        room = max(PATH_NARROW, min(PATH_NAME, PATH_ROOM - sum(map(len, request.path))))
        return e.PageRequested(
            import_id=request.import_id,
            epoch=request.epoch,
            folder_id=folder.id,
            resource_key=folder.resource_key,
            path=(*request.path, folder.name[:room]),
            ancestors=(*request.ancestors, request.folder_id),
            mode=request.mode,
            round=request.round,
        )


def _shortcuts(entries: Iterable[Entry]) -> list[Entry]:
    return [x for x in entries if x.mime_type == SHORTCUT_TYPE and not x.trashed]


def _brief(kind: type[T], entry: Entry, **fields: Any) -> T:
    return derived(kind, entry, name=entry.name[: e.BRIEF_NAME], **fields)


def _why_skipped(request: e.PageRequested, item: Entry) -> str | None:
    """A reason code; None if the item is opened or fetched."""
    reason = why_skipped(item)
    if reason or item.mime_type != FOLDER_TYPE:
        return reason
    if item.id == request.folder_id or item.id in request.ancestors:
        return "folder_cycle"
    return "too_deep" if len(request.ancestors) + 1 >= DEEPEST else None
