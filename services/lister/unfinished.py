"""What of an import has no outcome yet, folded from its log. Pure; see decisions/0014."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from services.core import events as e
from services.core.control import ImportControl
from services.lister.passes import derived


@dataclass(kw_only=True)
class Asked:
    """What was asked of one import: its request, its newest control, and the newest round in which
    each file and folder is to be tried again. Takes the events of `imports.requested`."""

    import_id: str
    request: e.ImportRequested | None = None
    control: ImportControl = field(default_factory=ImportControl)
    files: dict[str, int] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)

    def take(self, event: e.Message) -> None:
        if isinstance(event, e.ImportRequested):
            if self.request is None or event.requested_at < self.request.requested_at:
                self.request = event  # the earliest counts, as in the indexer
        elif isinstance(event, e.ControlEvent):
            self.control = self.control.after(event)
        elif isinstance(event, e.RetryRequested):
            for ids, rounds in ((event.files, self.files), (event.folders, self.folders)):
                for id in ids:
                    rounds[id] = max(event.round, rounds.get(id, 0))

    @property
    def newest_round(self) -> int:
        """In which anything of the import is to be tried again; 0 without a retry."""
        return max((0, *self.files.values(), *self.folders.values()))

    def folders_of(self, round: int) -> list[str]:
        """The folders that the retry of this round names."""
        return [id for id, newest in self.folders.items() if newest == round]


@dataclass(kw_only=True)
class _Folder:
    """One folder: where it lies, and how far its listing is.

    `frontier` is the page that was requested last; the pages of a folder follow one another.
    `settled` is the newest round in which it was closed, or failed.
    """

    parent: str | None = None
    name: str = ""
    resource_key: str | None = None
    frontier: e.PageRequested | None = None
    settled: int = -1


class ListingFold:
    """The folders of one import. Takes the events of `imports.pages` and `imports.listed`, in any
    order and any number of times."""

    def __init__(self, request: e.ImportRequested) -> None:
        self._request = request
        self._folders = {request.folder_id: _Folder(resource_key=request.resource_key)}
        self.begun = False  # a page was requested, or became something

    def take(self, event: e.Message) -> None:
        match event:
            case e.PageRequested():
                self.begun = True
                folder = self._folder(event.folder_id)
                if folder.frontier is None or _place(event) >= _place(folder.frontier):
                    folder.frontier = event
            case e.PageListed():
                self.begun = True
                for opened in event.opened:
                    self._open(opened, event.folder_id)
                if event.closes:
                    self._settle(event)
            case e.FolderFailed():
                self.begun = True
                self._settle(event)

    def unfinished(self, retries: dict[str, int]) -> Iterator[e.PageRequested]:
        """The page to request of every folder that is open.

        `retries` is the round in which each folder is to be tried again.
        """
        for id, folder in self._folders.items():
            retry, frontier = retries.get(id, 0), folder.frontier
            if folder.settled >= retry or not self.begun:
                continue
            if frontier is not None and frontier.round >= retry:
                yield frontier
            else:
                yield self.first_page(id, retry)

    def first_page(self, folder_id: str, round: int) -> e.PageRequested:
        """The first page of a folder, as its parents' manifests place it in the tree."""
        folder = self._folder(folder_id)
        names, ancestors = [], []
        above = folder
        while above.parent is not None and above.parent not in ancestors:
            names.append(above.name)
            ancestors.append(above.parent)
            above = self._folders[above.parent]
        return replace(
            derived(e.PageRequested, self._request),
            folder_id=folder_id,
            resource_key=folder.resource_key,
            path=tuple(reversed(names)),
            ancestors=tuple(reversed(ancestors)),
            mode=e.Mode.CHECK,
            round=round,
        )

    def _settle(self, event: e.PageListed | e.FolderFailed) -> None:
        folder = self._folder(event.folder_id)
        folder.settled = max(folder.settled, event.round)

    def _folder(self, folder_id: str) -> _Folder:
        return self._folders.setdefault(folder_id, _Folder())

    def _open(self, brief: e.FolderBrief, parent: str) -> None:
        folder = self._folder(brief.id)
        if folder.parent is None and brief.id != self._request.folder_id:
            folder.parent, folder.name = parent, brief.name
            folder.resource_key = brief.resource_key
            self._folder(parent)


def _place(page: e.PageRequested) -> tuple[int, int, int, int]:
    return page.round, page.pass_number, page.page_number, page.epoch
