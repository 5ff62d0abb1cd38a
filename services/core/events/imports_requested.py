"""`imports.requested`: everything that is requested of an import or a replay, in one order."""

from enum import Enum
from operator import attrgetter
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from services.core.events.event import Event
from services.core.events.log_position import LogEnd
from services.core.events.values import (
    Id,
    Ids,
    Mode,
    Name,
    Natural,
    Priority,
    Reason,
    Small,
    Target,
    Text,
    Time,
)


class ImportRequested(Event, frozen=True, kw_only=True):
    """A user requested the import of a folder. `folder_url` is its link. `by` names the key of the
    caller. Whatever else waits goes before an import with the priority `bulk`."""

    topic: ClassVar[str] = "imports.requested"

    folder_id: Id
    folder_url: Text
    requested_at: Time
    resource_key: Name | None = None
    mode: Mode = Mode.FRESH
    round: Small = 0
    by: Name = ""
    priority: Priority = Priority.NORMAL


class ControlEvent(Event, frozen=True, kw_only=True):
    """Changes how an import or a replay runs."""

    topic: ClassVar[str] = "imports.requested"

    at: Time


class ImportPaused(ControlEvent, frozen=True, kw_only=True):
    """An import or a replay is paused until an event with a later epoch. `by` names the key of the
    caller."""

    by: Name = ""


class ImportResumed(ControlEvent, frozen=True, kw_only=True):
    """A paused import or replay continues. Files without an outcome are published again. `by` names
    the key of the caller."""

    by: Name = ""


class ImportCancelled(ControlEvent, frozen=True, kw_only=True):
    """An import or a replay is cancelled for good. `by` names the key of the caller."""

    by: Name = ""


class ImportStalled(ControlEvent, frozen=True, kw_only=True):
    """Files are pending, but nothing is left to consume.

    Files without an outcome are published again. The files of `folders` are no longer in any topic,
    so these folders are listed again.
    """

    folders: Ids = ()


class RetryRequested(Event, frozen=True, kw_only=True):
    """A user requested a retry of failed files and folders, in `round`.

    A large retry is split into parts; `last` marks the last one. `by` names the key of the caller.
    """

    topic: ClassVar[str] = "imports.requested"
    identity = property(attrgetter("import_id", "round", "part", "at"))

    at: Time
    by: Name = ""
    round: Small
    part: Small = 0
    last: bool = True
    files: Ids = ()
    folders: Ids = ()


REPLAY = "replay-"
"""The prefix of replay ids, which take the place of import ids."""

FileOutcome = Literal["stored", "unchanged", "failed", "none"]


class ReplayScope(Enum):
    """Which of the selected files a replay processes, and how."""

    MISSING = "missing"  # those without an outcome
    FAILED = "failed"
    ALL = "all"
    VERIFY = "verify"  # all that are stored: compare the objects, ask Drive nothing


class Selection(Struct, frozen=True, kw_only=True):
    """Which files a replay selects: those that match every field that is set.

    `since` and `until` limit the time of the newest outcome or, without one, of the `FileFound`.
    `dead_letters` selects records that could not be read, instead of files.
    """

    imports: Ids = ()
    folders: Ids = ()
    files: Ids = ()
    outcomes: tuple[FileOutcome, ...] = ()
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=100)] = ()
    since: Time | None = None
    until: Time | None = None
    dead_letters: bool = False


class ReplayRequested(Event, frozen=True, kw_only=True):
    """A user requested a replay of files in the log, in `round`.

    `import_id` is the replay's own id, which pauses, resumes and cancels it. `ends` fix what it
    selects. `by` names the key of the caller. `depth` counts the replays that led to this one. With
    a `target`, no file is transferred: the outcomes are copied to the topic `feeds.TARGET`, for one
    consumer.
    """

    topic: ClassVar[str] = "imports.requested"

    name: Name
    why: Text
    by: Name = ""
    at: Time
    round: Small
    depth: Small = 0
    select: Selection
    scope: ReplayScope
    transfer: Mode = Mode.CHECK
    target: Target | None = None
    ends: Annotated[tuple[LogEnd, ...], Meta(max_length=256)] = ()
    files: Natural = 0
    bytes: Natural = 0
    files_per_second: Small | None = None
    most: Natural | None = None


class ReplayRateChanged(Event, frozen=True, kw_only=True):
    """The rate of a replay changes. None means as fast as possible. `by` names the key of the
    caller."""

    topic: ClassVar[str] = "imports.requested"
    identity = property(attrgetter("import_id", "at"))

    at: Time
    by: Name = ""
    files_per_second: Small | None = None


class ReplayFailed(ControlEvent, frozen=True, kw_only=True):
    """A replay cannot continue and has ended. `message` says what a person can do."""

    identity = property(attrgetter("import_id", "epoch", "reason"))

    reason: Reason
    message: Text
