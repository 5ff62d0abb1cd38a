"""What every event of an import has, and every event of one of its folders."""

from operator import attrgetter
from typing import ClassVar

from msgspec import Struct

from services.core.events.values import Id, Small


class Event(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """One fact about one import, produced under control epoch `epoch`.

    It holds values alone, and no cycle, so Python's collector need not look through it."""

    topic: ClassVar[str]
    key = subject = property(attrgetter("import_id"))
    identity = property(attrgetter("import_id", "epoch"))

    import_id: Id
    epoch: Small = 0


class FolderEvent(Event, frozen=True, kw_only=True):
    """One fact about one folder, or about one page of it."""

    subject = property(attrgetter("folder_id"))
    identity = property(attrgetter("import_id", "folder_id", "pass_number", "page_number", "epoch"))

    folder_id: Id
