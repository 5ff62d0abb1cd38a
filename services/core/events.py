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

Counts = Annotated[dict[Reason, Natural], Meta(max_length=100)]
Ids = Annotated[tuple[Id, ...], Meta(max_length=1_000)]
Identity = tuple[object, ...]
FILE = "import_id", "file_id", "version", "round", "epoch", "replay_id"


class Mode(Enum):
    """What the transfer does if the object may already exist."""

    FRESH = "fresh"  # the first import: do not look
    CHECK = "check"  # look, and skip what is there
    FORCE = "force"  # fetch again
    VERIFY = "verify"  # compare the object with what Drive said; ask Drive nothing


class ReplayScope(Enum):
    """Which of the selected files a replay processes, and how."""

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
    """A user requested the import of a folder. `folder_url` is its link. `by` names the key of the
    caller."""

    topic: ClassVar[str] = "imports.requested"

    folder_id: Id
    folder_url: Text
    requested_at: Time
    resource_key: Name | None = None
    mode: Mode = Mode.FRESH
    round: Small = 0
    by: Name = ""


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


class ListingDigest(Struct, frozen=True, kw_only=True):
    """How many entries a pass listed, and the sum modulo 2^63 of the digests of their ids.

    Passes with equal digests listed the same entries, in any order.
    """

    count: Natural = 0
    digest: Natural = 0


class LogEnd(Struct, frozen=True, kw_only=True):
    """Where reading one partition ends: before `offset`."""

    topic: Name
    partition: Small
    offset: Natural


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


REPLAY = "replay-"
"""The prefix of replay ids, which take the place of import ids."""


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


class ReplayedFile(Struct, frozen=True, kw_only=True):
    """A file that a replay selected, and its import."""

    import_id: Id
    file_id: Id


class LogPartReplayed(Event, frozen=True, kw_only=True):
    """What a replay selected in one range of a partition.

    The replay has read up to `offset` of `end`. `import_id` is the replay's id. `read_at` is the
    time of the last record. The files in `cancelled` were selected, but are skipped because their
    import has been cancelled since. `redriven` counts the records up to `offset` that were
    published again unchanged: dead letters, or outcomes for one consumer.
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


class FolderNamed(FolderEvent, frozen=True, kw_only=True):
    """The name of an import's root folder when the import began."""

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
    """An entry that is not imported, and the reason code."""

    id: Id
    name: Name
    mime_type: Text
    reason: Reason
    size: Size | None = None


class PageListed(FolderEvent, frozen=True, kw_only=True):
    """The manifest of one page: the folders, files and skipped entries on it.

    `last` marks the last page of a pass. A complete and trusted pass `closes` its folder. Otherwise
    another pass follows, and `doubt` says why. The manifests of a pass that `confirms` list
    nothing, because earlier ones already did. `entries` counts everything that Drive listed on this
    page.
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
    """A folder could not be listed. `message` says what a person can do."""

    topic: ClassVar[str] = "imports.listed"

    reason: Reason
    message: Text
    failed_at: Time
    path: Path = ()
    pass_number: Small = 0
    page_number: Small = 0
    round: Small = 0


class FileFound(Event, frozen=True, kw_only=True):
    """An image was found, with all its metadata from Drive's listing.

    `version` is Drive's version number, which grows with every change of the file. It is 0 if Drive
    gave none.
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
    """The position of a record in the log."""

    topic: Name
    partition: Small
    offset: Natural


class Attempt(Struct, frozen=True, kw_only=True):
    """One call to an external system for a file: its start, its duration and its result.

    `answer` is `ok`, or the reason code of the failure.
    """

    system: Reason
    at: Time
    seconds: float
    answer: Reason


Attempts = Annotated[tuple[Attempt, ...], Meta(max_length=20)]
"""Only the newest: an outage can cause thousands."""


class FileStored(Event, frozen=True, kw_only=True):
    """A file is in the store, and matches Drive's metadata. `file` is its `FileFound`.

    If `unchanged` is true, the object already existed and was not downloaded. `sha256` is then
    None, unless the object was read to verify it. `seconds` is the time from the start of the
    transfer until the object was visible.
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
    """A file failed. `file` is None only if its `FileFound` could not be decoded."""

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
    """Why a process waits: a reason code, a message, and when it tries again."""

    reason: Reason
    message: Text
    until: Time | None = None


class QuotaUse(Struct, frozen=True, kw_only=True):
    """Drive's quota as one process sees it, in units a minute.

    `limit` is its share, `allowed` what refusals leave of that; both are None if there is no limit.
    `used` counts the last minute, `refused` all requests that Drive has refused.
    """

    limit: Natural | None = None
    allowed: Natural | None = None
    used: Natural = 0
    waiting: Small = 0
    refused: Natural = 0


Averages = Annotated[dict[Reason, float], Meta(max_length=20)]


class WorkerStatus(Struct, frozen=True, kw_only=True, tag=True):
    """The state of one process: `running`, `waiting` or `stopped`.

    `quota_share` is the fraction of the Drive quota that it may spend, from 0 to 1. `limited_by` is
    what limits its speed while it runs, such as a slow connection. `waiting_on` is the system that
    it waits for: `drive` or `store`.

    `holds` are its partitions, each as `TOPIC/PARTITION`. It works on up to `concurrency` messages
    at once. `in_hand` says how many of them, on average of the last seconds, are at each system, or
    wait for quota or memory, and `call_seconds` how long one is there. `busy` is the part of the
    time in which it computed or waited for a processor, from 0 to 1. Memory is in bytes.
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
    waiting_on: Annotated[str, Meta(max_length=64)] = ""
    holds: Annotated[tuple[Name, ...], Meta(max_length=1_000)] = ()
    concurrency: Small = 0
    in_hand: Averages = {}
    call_seconds: Averages = {}
    busy: float = 0.0
    memory_used: Natural = 0
    memory_limit: Natural = 0
    quota: QuotaUse | None = None

    @property
    def identity(self) -> Identity:
        return self.worker_id, self.at.isoformat()


class WindowCounted(Struct, frozen=True, kw_only=True, tag=True):
    """What happened in one window of 10 or 60 seconds: in one import, or in all if it has no id.

    A record counts in the window of its Kafka timestamp. `as_of` is when it was counted: while the
    window is open, and for a while after it, newer counts may follow. `bytes` are those of stored
    files. `oldest_unfinished_at` is the time of the oldest message that no worker has finished.
    """

    topic: ClassVar[str] = "stats.windows"

    import_id: Id | None = None
    start: Time
    seconds: Small
    as_of: Time
    found: Natural = 0
    stored: Natural = 0
    unchanged: Natural = 0
    failed: Natural = 0
    bytes: Natural = 0
    failures: Counts = {}
    oldest_unfinished_at: Time | None = None

    @property
    def key(self) -> str:
        return f"{self.import_id or 'all'}/{self.seconds}/{self.start:%Y-%m-%dT%H:%M:%SZ}"

    subject = key

    @property
    def identity(self) -> Identity:
        files = self.found, self.stored, self.unchanged, self.failed
        return self.key, *files, self.bytes, self.oldest_unfinished_at


class ProgressStopped(Event, frozen=True, kw_only=True):
    """An alarm: an import has had unfinished work and no progress since `since`.

    `oldest` is the position of its oldest unfinished message. The alarm is repeated every 30
    seconds while it holds; one that is not repeated for a minute is over.
    """

    topic: ClassVar[str] = "stats.windows"
    identity = property(attrgetter("import_id", "since"))

    since: Time
    at: Time
    oldest: Place


class ImportEnded(Event, frozen=True, kw_only=True):
    """An import has ended: as `completed`, `completed_with_failures`, `failed` or `cancelled`.

    An import that is retried ends again, in a higher `round`. `at` is when this was published, and
    `ended_at` when it happened.
    """

    topic: ClassVar[str] = "notifications"

    state: Reason
    at: Time
    ended_at: Time | None = None
    requested_at: Time | None = None
    name: Name | None = None
    folder_id: Id | None = None
    message: Text | None = None
    round: Small = 0
    found: Natural = 0
    stored: Natural = 0
    unchanged: Natural = 0
    failed: Natural = 0
    folders_failed: Natural = 0
    stored_bytes: Natural = 0
    skipped: Counts = {}
    failures: Counts = {}

    @property
    def identity(self) -> Identity:
        """Without the counts: whoever reads the log in other batches may see others. A cancelled
        import never comes back, whatever round is asked of it."""
        if self.state == "cancelled":
            return self.import_id, self.state
        return self.import_id, self.state, self.round


class ReplayEnded(Event, frozen=True, kw_only=True):
    """A replay has ended: as `completed`, `failed` or `cancelled`. `import_id` is its own id."""

    topic: ClassVar[str] = "notifications"
    identity = property(attrgetter("import_id", "state"))

    state: Reason
    at: Time
    ended_at: Time | None = None
    requested_at: Time | None = None
    name: Name | None = None
    message: Text | None = None
    selected: Natural = 0
    stored: Natural = 0
    unchanged: Natural = 0
    failed: Natural = 0
    stored_bytes: Natural = 0
    failures: Counts = {}


class AlarmRaised(Event, frozen=True, kw_only=True):
    """An import has unfinished work and has made no progress since `since`. Published once.

    While its oldest unfinished message stays the same, it is the same alarm: a monitor that was
    restarted knows another `since`.
    """

    topic: ClassVar[str] = "notifications"
    identity = property(
        attrgetter("import_id", "oldest.topic", "oldest.partition", "oldest.offset")
    )

    since: Time
    at: Time
    oldest: Place


Control = ImportPaused | ImportResumed | ImportCancelled | ImportStalled
OfReplay = ReplayRequested | ReplayRateChanged | ReplayFailed
Asked = ImportRequested | Control | RetryRequested | OfReplay
ToList = PageRequested | LogPartRequested
Listed = PageListed | FolderNamed | FolderFailed | LogPartReplayed
Outcome = FileStored | FileFailed
Watched = WindowCounted | ProgressStopped
Notification = ImportEnded | ReplayEnded | AlarmRaised
OfNoImport = WorkerStatus | WindowCounted
"""Not one fact about one import."""
Message = Asked | ToList | Listed | FileFound | Outcome | WorkerStatus | Watched | Notification
