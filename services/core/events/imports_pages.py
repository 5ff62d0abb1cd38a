"""`imports.pages`: what a lister is to read, as one page of a folder or one part of the log."""

from operator import attrgetter
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from services.core.events.event import Event, FolderEvent
from services.core.events.imports_requested import ReplayRequested
from services.core.events.log_position import LogEnd
from services.core.events.values import Id, Mode, Name, Natural, Path, Small, Text, Time


class ListingDigest(Struct, frozen=True, kw_only=True):
    """How many entries a pass listed, and the sum modulo 2^63 of the digests of their ids.

    Passes with equal digests listed the same entries, in any order.
    """

    count: Natural = 0
    digest: Natural = 0


class PageRequested(FolderEvent, frozen=True, kw_only=True):
    """A lister is to list one page of one folder.

    The identity is (import, folder, pass, page). `path` has the names of the folders from the
    import's root (excluded) to this one (included), and `ancestors` their ids (root included, this
    one excluded). A pass that `confirms` requests ids only. `seen` is what this pass listed on
    earlier pages, and `before` what the last complete pass listed. `tail` has digests of the last
    entries, which Drive may repeat on this page. `tokens` has digests of this pass's page tokens,
    to detect a token that repeats.
    """

    topic: ClassVar[str] = "imports.pages"

    pass_number: Small = 0
    page_number: Small = 0
    confirms: bool = False
    seen: ListingDigest = ListingDigest()
    tail: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()
    before: ListingDigest | None = None
    tokens: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()
    token: Text | None = None
    resource_key: Name | None = None
    path: Path = ()
    ancestors: Annotated[tuple[Id, ...], Meta(max_length=256)] = ()
    mode: Mode = Mode.FRESH
    round: Small = 0

    @property
    def key(self) -> str:
        return f"{self.import_id}/{self.folder_id}"


LogPartReason = Literal["resume", "retry", "replay"]


class LogPartRequested(Event, frozen=True, kw_only=True):
    """A lister is to read one partition of the `files.*` topics and publish files from it again.

    It reads up to `ends`. It publishes every pending file, those that the retry in `round` names,
    or those that `replay` selects.
    """

    topic: ClassVar[str] = "imports.pages"
    identity = property(attrgetter("import_id", "epoch", "round", "why", "partition"))

    partition: Small
    why: LogPartReason
    ends: Annotated[tuple[LogEnd, ...], Meta(max_length=8)]
    since: Time | None = None
    round: Small = 0
    replay: ReplayRequested | None = None

    @property
    def key(self) -> str:
        return f"{self.import_id}/{self.partition}"
