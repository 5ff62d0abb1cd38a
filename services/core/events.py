"""Every message that crosses Kafka, as a frozen struct. This file is the contract.

Times are UTC, sizes are bytes, checksums are lower-case hex; `tests/unit/core/golden` pins the
bytes. A field may be added with a default; none may be removed, renamed or given another meaning.

The key chooses the partition, the subject is what an event is about, and the identity is what makes
it the same fact when it is published twice.
"""

from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

# Bounds against hostile messages. Each is the bound of the column that the value ends in.
# Python's `$` alone would let a last line break pass; `\Z` is unknown to JavaScript.
Id = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x20\x7f]+$(?!\n)")]
Reason = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}$(?!\n)")]
Target = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Small = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Size = Annotated[int, Meta(ge=0, le=2**43)]
"""Bytes of a file. Drive's largest file has 5 TB; a million of the largest still fit a sum."""
Name = Annotated[str, Meta(max_length=4096)]
Path = Annotated[tuple[Name, ...], Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=64 * 1024)]
"""Bounded, so that an outcome and the `FileFound` in it always fit one Kafka record."""
Time = Annotated[datetime, Meta(tz=True)]
Md5 = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
Sha1 = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}$(?!\n)")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]

BRIEF_NAME = 120
"""Characters of a name in a manifest: 1,000 of the longest must fit one Kafka record."""

Ids = Annotated[tuple[Id, ...], Meta(max_length=1_000)]
Identity = tuple[object, ...]
FILE = "import_id", "file_id", "version", "round", "epoch", "replay_id"


class Mode(Enum):
    """What the transfer does about an object that is already there."""

    FRESH = "fresh"  # the first import of all: do not look
    CHECK = "check"  # look, and skip what is there
    FORCE = "force"  # fetch again
    VERIFY = "verify"  # compare the object with what Drive said; ask Drive nothing


class ReplayScope(Enum):
    """Which of the selected files a replay works on, and how."""

    MISSING = "missing"  # those without an outcome
    FAILED = "failed"
    ALL = "all"
    VERIFY = "verify"  # all that are stored: compare the objects, ask Drive nothing


FileOutcome = Literal["stored", "unchanged", "failed", "none"]
LogPartReason = Literal["resume", "retry", "replay"]


class Event(Struct, frozen=True, kw_only=True, tag=True):
    """One fact about one import, produced under control epoch `epoch`."""

    topic: ClassVar[str]
    key = subject = property(attrgetter("import_id"))
    identity = property(attrgetter("import_id", "epoch"))

    import_id: Id
    epoch: Small = 0


class ImportRequested(Event, frozen=True, kw_only=True):
    """A user wants this folder. `folder_url` is the link as pasted."""

    topic: ClassVar[str] = "imports.requested"

    folder_id: Id
    folder_url: Text
    requested_at: Time
    resource_key: Name | None = None
    mode: Mode = Mode.FRESH
    round: Small = 0


class ControlEvent(Event, frozen=True, kw_only=True):
    """Changes how an import or a replay runs."""

    topic: ClassVar[str] = "imports.requested"

    at: Time


class ImportPaused(ControlEvent, frozen=True, kw_only=True):
    """Nothing more is listed or transferred until a later epoch."""


class ImportResumed(ControlEvent, frozen=True, kw_only=True):
    """Whatever has no outcome is published again under this epoch."""


class ImportCancelled(ControlEvent, frozen=True, kw_only=True):
    """Nothing more is listed or transferred, ever."""


class ImportStalled(ControlEvent, frozen=True, kw_only=True):
    """Files are pending and nothing is left to consume: heal as if resumed, and list `folders`
    again, whose files are in no topic any more."""

    folders: Ids = ()


class RetryRequested(Event, frozen=True, kw_only=True):
    """Failed files and folders are to be tried again, at `round`.

    A retry of many is told in parts; `last` is true on the last of them.
    """

    topic: ClassVar[str] = "imports.requested"
    identity = property(attrgetter("import_id", "round", "part", "at"))

    at: Time
    round: Small
    part: Small = 0
    last: bool = True
    files: Ids = ()
    folders: Ids = ()


class ListingDigest(Struct, frozen=True, kw_only=True):
    """How many entries a pass listed, and the sum modulo 2^63 of their ids' digests. Passes with
    equal digests listed the same entries, in any order."""

    count: Natural = 0
    digest: Natural = 0


class LogEnd(Struct, frozen=True, kw_only=True):
    """How far one partition is read: up to `offset`, excluded."""

    topic: Name
    partition: Small
    offset: Natural


class Selection(Struct, frozen=True, kw_only=True):
    """Which files a replay selects: those that meet every part that is given.

    `since` and `until` bound the time of the newest outcome, or of the finding where there is none.
    `dead_letters` selects records that could not be read, and nothing else.
    """

    imports: Ids = ()
    folders: Ids = ()
    files: Ids = ()
    outcomes: tuple[FileOutcome, ...] = ()
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=100)] = ()
    since: Time | None = None
    until: Time | None = None
    dead_letters: bool = False


REPLAY = "replay-"
"""A replay's id begins so. It stands where an import's id does."""


class ReplayRequested(Event, frozen=True, kw_only=True):
    """Files that the log knows are to be worked on again, at `round`. `import_id` is the replay's
    own id, under which it is paused, resumed and cancelled.

    `ends` fix what is selected. `by` is the name of the key that asked. `depth` counts how many
    replays led to this one. With a `target`, nothing is worked on: the outcomes of the files are
    copied to the topic `feeds.TARGET`, for a consumer that was not there before.
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
    """A replay goes on at this many files a second; None for as fast as possible."""

    topic: ClassVar[str] = "imports.requested"
    identity = property(attrgetter("import_id", "at"))

    at: Time
    files_per_second: Small | None = None


class ReplayFailed(ControlEvent, frozen=True, kw_only=True):
    """A replay cannot go on. It ends, for good, with a sentence that a person can act on."""

    identity = property(attrgetter("import_id", "epoch", "reason"))

    reason: Reason
    message: Text


class LogPartRequested(Event, frozen=True, kw_only=True):
    """Fold one partition of the `files.*` topics up to `ends`, and publish again what is wanted:
    every pending file, those that the retry of `round` names, or those that `replay` selects."""

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


class ReplayedFile(Struct, frozen=True, kw_only=True):
    """A file that a replay selected, in the import that it belongs to."""

    import_id: Id
    file_id: Id


class LogPartReplayed(Event, frozen=True, kw_only=True):
    """What a replay selected in a stretch of one partition, which it has read up to `offset` of
    `end`. `import_id` is the replay's id; `read_at` the time of the last record.

    `cancelled` were selected too, but their import was cancelled since: they are not worked on.
    `redriven` is how many records were published again as they are, up to `offset`: dead letters,
    or outcomes for one consumer.
    """

    topic: ClassVar[str] = "imports.listed"
    identity = property(attrgetter("import_id", "epoch", "partition", "offset"))

    partition: Small
    offset: Natural
    end: Natural
    replayed_at: Time
    read_at: Time | None = None
    last: bool = False
    files: Annotated[tuple[ReplayedFile, ...], Meta(max_length=1_000)] = ()
    cancelled: Annotated[tuple[ReplayedFile, ...], Meta(max_length=1_000)] = ()
    redriven: Natural = 0


class FolderEvent(Event, frozen=True, kw_only=True):
    """One fact about one folder, or about one page of it."""

    subject = property(attrgetter("folder_id"))
    identity = property(attrgetter("import_id", "folder_id", "pass_number", "page_number", "epoch"))

    folder_id: Id


class PageRequested(FolderEvent, frozen=True, kw_only=True):
    """List one page of one folder. Its identity is (import, folder, pass, page).

    `path` holds the names of the folders from the import's root (excluded) to this one (included);
    `ancestors` their ids (root included, this one excluded). A pass that `confirms` asks for ids
    only. `seen` is what this pass listed on its earlier pages, `before` what the last complete pass
    listed. `tail` holds digests of the last entries, which Drive may repeat on this page; `tokens`
    those of this pass's page tokens: one that repeats would lead in a circle.
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


class FolderNamed(FolderEvent, frozen=True, kw_only=True):
    """The name of an import's root folder, as Drive gave it when the import began."""

    topic: ClassVar[str] = "imports.listed"
    identity = property(attrgetter("import_id", "folder_id", "epoch"))

    name: Name
    named_at: Time


class FileBrief(Struct, frozen=True, kw_only=True):
    """A file in a manifest."""

    id: Id
    name: Name
    mime_type: Text
    size: Size | None = None


class FolderBrief(Struct, frozen=True, kw_only=True):
    """A folder that a page opened."""

    id: Id
    name: Name
    resource_key: Name | None = None


class Skipped(Struct, frozen=True, kw_only=True):
    """An entry that will not be imported, and the code of the reason."""

    id: Id
    name: Name
    mime_type: Text
    reason: Reason
    size: Size | None = None


class PageListed(FolderEvent, frozen=True, kw_only=True):
    """The manifest of one page.

    `last` ends a pass. A complete and trusted pass `closes` its folder; else another pass follows,
    and `doubt` says why. Manifests of a pass that `confirms` name nothing: earlier ones named it
    all. `entries` counts what Drive listed on this page, whatever became of it.
    """

    topic: ClassVar[str] = "imports.listed"

    pass_number: Small
    page_number: Small
    listed_at: Time
    path: Path = ()
    last: bool = False
    closes: bool = False
    confirms: bool = False
    doubt: Reason | None = None
    round: Small = 0
    entries: Small = 0
    opened: tuple[FolderBrief, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    files: tuple[FileBrief, ...] = ()


class FolderFailed(FolderEvent, frozen=True, kw_only=True):
    """A folder that cannot be listed, with a sentence that a person can act on."""

    topic: ClassVar[str] = "imports.listed"

    reason: Reason
    message: Text
    failed_at: Time
    path: Path = ()
    pass_number: Small = 0
    page_number: Small = 0
    round: Small = 0


class FileFound(Event, frozen=True, kw_only=True):
    """One image, with all that Drive's listing said of it; nobody has to ask again.

    `version` is Drive's own: it grows with every change of the file; 0 where Drive gave none.
    """

    topic: ClassVar[str] = "files.found"
    key = subject = property(attrgetter("file_id"))
    identity = property(attrgetter(*FILE))

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
    replay_epoch: Small = 0


class Place(Struct, frozen=True, kw_only=True):
    """Where a record lies in the log."""

    topic: Name
    partition: Small
    offset: Natural


class Attempt(Struct, frozen=True, kw_only=True):
    """One call to an outside system for a file: when it began, how long it took, what came of it.

    `answer` is `ok`, or the code of the reason why it failed.
    """

    system: Reason
    at: Time
    seconds: float
    answer: Reason


Attempts = Annotated[tuple[Attempt, ...], Meta(max_length=20)]
"""The newest ones: an outage may cost thousands."""


class FileStored(Event, frozen=True, kw_only=True):
    """The bytes are in the store and equal what Drive said. Contains its `FileFound` whole.

    `unchanged`: the object was there already and was not fetched; `sha256` is then None, unless the
    object was read to verify it.
    `seconds` passed from taking the file up to its object being visible.
    """

    topic: ClassVar[str] = "files.stored"
    key = subject = property(attrgetter("file.file_id"))
    round = property(attrgetter("file.round"))
    identity = property(attrgetter(*(f"file.{field}" for field in FILE), "unchanged"))

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
    tries: Attempts = ()
    found_in: Place | None = None


class FileFailed(Event, frozen=True, kw_only=True):
    """This file was set aside. `file` is None only where its `FileFound` could not be decoded."""

    topic: ClassVar[str] = "files.failed"
    key = subject = property(attrgetter("file_id"))

    file_id: Id
    reason: Reason
    message: Text
    failed_at: Time
    file: FileFound | None = None
    round: Small = 0
    attempts: Small = 1
    tries: Attempts = ()
    found_in: Place | None = None

    @property
    def identity(self) -> Identity:
        if self.file is not None:
            return *self.file.identity, self.reason
        return self.import_id, self.file_id, self.round, self.epoch, self.reason


class Waiting(Struct, frozen=True, kw_only=True):
    """Why a process waits: a reason code, a sentence, and until when it will not try again."""

    reason: Reason
    message: Text
    until: Time | None = None


class WorkerStatus(Struct, frozen=True, kw_only=True, tag=True):
    """What one process does: it is `running`, `waiting` or `stopped`.

    `quota_share` is the part of all of Drive's quota that it may spend, 0 to 1. `limited_by`
    is what limits the speed of its work, such as a slow line, while it goes on.
    """

    topic: ClassVar[str] = "workers.status"
    key = subject = property(attrgetter("worker_id"))

    worker_id: Id
    service: str
    state: str
    at: Time
    waiting_for: Waiting | None = None
    in_flight: Small = 0
    oldest_unfinished_seconds: float = 0.0
    quota_share: float = 0.0
    limited_by: Waiting | None = None

    @property
    def identity(self) -> Identity:
        return self.worker_id, self.at.isoformat()


Control = ImportPaused | ImportResumed | ImportCancelled | ImportStalled
OfReplay = ReplayRequested | ReplayRateChanged | ReplayFailed
Asked = ImportRequested | Control | RetryRequested | OfReplay
ToList = PageRequested | LogPartRequested
Listed = PageListed | FolderNamed | FolderFailed | LogPartReplayed
Outcome = FileStored | FileFailed
Message = Asked | ToList | Listed | FileFound | Outcome | WorkerStatus
