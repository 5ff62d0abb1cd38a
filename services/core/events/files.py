"""`files.found`, and each file's outcome in `files.stored` or `files.failed`."""

from operator import attrgetter
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from services.core.events.event import Event
from services.core.events.log_position import Place
from services.core.events.values import (
    Id,
    Identity,
    Md5,
    Mode,
    Name,
    Natural,
    Path,
    Reason,
    Sha1,
    Sha256,
    Size,
    Small,
    Text,
    Time,
)

FILE = "import_id", "file_id", "version", "round", "epoch", "replay_id"


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


class Attempt(Struct, frozen=True, kw_only=True, gc=False):
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

    `content_type` is what the object is by its bytes, where `file.mime_type` is what Drive says. Of
    an object that was not read, it is what the store says. It is None if that says nothing, or if
    the event is older than this field.

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
    content_type: Text | None = None
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
