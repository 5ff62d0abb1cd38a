"""Every message that crosses Kafka, as a frozen struct. This file is the contract.

Times are UTC, sizes are bytes, checksums are lower-case hex. A value carries its own `type`, so it
can be read without its headers; `tests/unit/core/golden` pins the bytes. Fields may be added with
a default; none may be removed, renamed or given another meaning.
"""

from datetime import datetime
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

# What a hostile message must not get past: each bound is that of the column it ends in.
Id = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x20\x7f]+$")]
Reason = Annotated[str, Meta(pattern="^[a-z0-9_]{1,64}$")]
Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Small = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Size = Annotated[int, Meta(ge=0, le=2**43)]
"""Bytes of a file. Drive's largest has 5 TB; a million of the largest here still fit a sum."""
Name = Annotated[str, Meta(max_length=4096)]
Path = Annotated[tuple[Name, ...], Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=64 * 1024)]
"""Bounded, so that an outcome that contains its `FileFound` always fits a record."""
Time = Annotated[datetime, Meta(tz=True)]
Md5 = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Sha1 = Annotated[str, Meta(pattern="^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

BRIEF_NAME = 120
"""Characters of a name that a manifest keeps: 1,000 of the worst must fit one Kafka record."""


class Mode(Enum):
    """What the transfer does about an object that is already there."""

    FRESH = "fresh"  # first import: do not look
    CHECK = "check"  # look, and skip what is there
    FORCE = "force"  # fetch again


class Event(Struct, frozen=True, kw_only=True, tag=True):
    """One fact about one import; `epoch` is the control epoch under which it was produced."""

    import_id: Id
    epoch: Small = 0


class ImportRequested(Event, frozen=True, kw_only=True):
    """Somebody wants this folder. `folder_url` is the link as pasted."""

    folder_id: Id
    folder_url: Text
    requested_at: Time
    resource_key: Name | None = None
    mode: Mode = Mode.FRESH
    round: Small = 0


class ImportPaused(Event, frozen=True, kw_only=True):
    """Nothing more is to be listed or transferred until a later epoch."""

    at: Time


class ImportResumed(Event, frozen=True, kw_only=True):
    """Whatever has no outcome is to be published again under this epoch."""

    at: Time


class ImportCancelled(Event, frozen=True, kw_only=True):
    """Nothing more is to be done, ever."""

    at: Time


class ImportStalled(Event, frozen=True, kw_only=True):
    """Files are pending and nothing is left to consume: heal as if resumed."""

    at: Time


class Tally(Struct, frozen=True, kw_only=True):
    """What a pass listed, whatever the order: how many entries, and the sum of their ids' digests
    (63 bits each, modulo 2^63). Two passes with one tally listed the same."""

    count: Natural = 0
    digest: Natural = 0


class PageRequested(Event, frozen=True, kw_only=True):
    """List one page of one folder. Identity: (import, folder, pass, page).

    `path` holds the names of the folders from the import's root down to this one (root excluded),
    `ancestors` their ids (root included, this one excluded), so a cycle is seen without asking.
    A pass that `confirms` asks for ids alone, and finds nothing anew. `seen` is what this pass
    listed on the pages before this one, and `tail` the digests of its last entries, which may come
    again at the top of this one; `before` is what the last complete pass listed. `tokens` are the
    digests of some tokens of this pass: one that comes again would lead in a circle.
    """

    folder_id: Id
    pass_number: Small = 0
    page_number: Small = 0
    confirms: bool = False
    seen: Tally = Tally()
    tail: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()
    before: Tally | None = None
    tokens: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()
    token: Text | None = None
    resource_key: Name | None = None
    path: Path = ()
    ancestors: Annotated[tuple[Id, ...], Meta(max_length=256)] = ()
    mode: Mode = Mode.FRESH
    round: Small = 0


class FileBrief(Struct, frozen=True, kw_only=True):
    """A file in a manifest: enough to count it and to name it."""

    id: Id
    name: Name
    mime_type: Text
    size: Size | None = None


class FolderBrief(Struct, frozen=True, kw_only=True):
    """A folder that a page opened."""

    id: Id
    name: Name


class Skipped(Struct, frozen=True, kw_only=True):
    """An entry that will not be imported, and the code of the reason."""

    id: Id
    name: Name
    mime_type: Text
    reason: Reason
    size: Size | None = None


class PageListed(Event, frozen=True, kw_only=True):
    """The manifest of one page.

    `last` ends a pass; `closes` says that the pass was complete and is trusted, which closes the
    folder. A last page that does not close is followed by another pass, and `doubt` says why. The
    manifests of a pass that `confirms` name nothing: all that they count is in earlier ones.
    `entries` is how many Drive listed on this page, whatever became of them.
    """

    folder_id: Id
    pass_number: Small
    page_number: Small
    listed_at: Time
    path: Path = ()
    last: bool = False
    closes: bool = False
    confirms: bool = False
    doubt: Reason | None = None
    entries: Small = 0
    opened: tuple[FolderBrief, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    files: tuple[FileBrief, ...] = ()


class FolderFailed(Event, frozen=True, kw_only=True):
    """A folder that cannot be listed: a reason code, and a sentence a person can act on."""

    folder_id: Id
    reason: Reason
    message: Text
    failed_at: Time
    path: Path = ()
    pass_number: Small = 0
    page_number: Small = 0


class FileFound(Event, frozen=True, kw_only=True):
    """One image, with all that Drive's listing said of it; nobody has to ask again.

    `version` is Drive's: it grows with every change of the file, 0 where Drive gave none.
    """

    file_id: Id
    name: Name
    mime_type: Text
    folder_id: Id
    found_at: Time
    path: Path = ()
    size: Size | None = None
    md5: Md5 | None = None
    sha1: Sha1 | None = None
    sha256: Sha256 | None = None
    version: Natural = 0
    created_time: Time | None = None
    modified_time: Time | None = None
    width: Small | None = None
    height: Small | None = None
    resource_key: Name | None = None
    mode: Mode = Mode.FRESH
    round: Small = 0
    replay_id: Id | None = None


class FileStored(Event, frozen=True, kw_only=True):
    """The bytes are in the store and equal what Drive said. Contains its `FileFound` whole.

    `unchanged`: the object was there already and was not fetched; `sha256` is then None.
    `seconds` is the time from taking the file up to its object being visible.
    """

    file: FileFound
    bucket: Text
    object_key: Text
    size: Size
    stored_at: Time
    md5: Md5 | None = None
    sha256: Sha256 | None = None
    unchanged: bool = False
    attempts: Small = 1
    seconds: float = 0.0


class FileFailed(Event, frozen=True, kw_only=True):
    """This file was set aside. `file` is None only where its `FileFound` could not be decoded."""

    file_id: Id
    reason: Reason
    message: Text
    failed_at: Time
    file: FileFound | None = None
    round: Small = 0
    attempts: Small = 1


class WorkerStatus(Struct, frozen=True, kw_only=True, tag=True):
    """What one process is doing: `running`, or `waiting` for what `waiting_for` names.

    `quota_share` is the part of all of Drive's quota that it may spend; the quota's figures are
    units a minute: what that is (None: no limit), what refusals leave of it, and what was spent in
    the last minute; `quota_refused` counts since its start, `quota_waiting` is requests that wait.
    """

    worker_id: Id
    service: str
    state: str
    at: Time
    waiting_for: Text | None = None
    in_flight: Small = 0
    oldest_unfinished_seconds: float = 0.0
    quota_share: float = 0.0
    quota_limit: Natural | None = None
    quota_allowed: Natural | None = None
    quota_used: Natural = 0
    quota_refused: Natural = 0
    quota_waiting: Small = 0


Message = (
    ImportRequested
    | ImportPaused
    | ImportResumed
    | ImportCancelled
    | ImportStalled
    | PageRequested
    | PageListed
    | FolderFailed
    | FileFound
    | FileStored
    | FileFailed
    | WorkerStatus
)
