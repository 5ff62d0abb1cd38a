"""Every message that crosses Kafka, as a frozen struct. This package is the contract: it has a
module for each topic, and one for the three topics of files.

Times are UTC, sizes are bytes, checksums are lower-case hex; `tests/unit/core/golden` pins the
bytes. A field may be added with a default; none may be removed, renamed or given another meaning.

The key chooses the partition, the subject is what an event is about, and the identity is what makes
it the same fact when it is published twice.
"""

from services.core.events.event import Event
from services.core.events.files import Attempt, FileFailed, FileFound, FileStored
from services.core.events.imports_listed import (
    FileBrief,
    FolderBrief,
    FolderFailed,
    FolderNamed,
    LogPartReplayed,
    PageListed,
    ReplayedFile,
    Skipped,
)
from services.core.events.imports_pages import (
    ListingDigest,
    LogPartRequested,
    PageRequested,
)
from services.core.events.imports_requested import (
    REPLAY,
    ControlEvent,
    FileOutcome,
    ImportCancelled,
    ImportPaused,
    ImportRequested,
    ImportResumed,
    ImportStalled,
    ReplayFailed,
    ReplayRateChanged,
    ReplayRequested,
    ReplayScope,
    RetryRequested,
    Selection,
)
from services.core.events.log_position import LogEnd, Place
from services.core.events.notifications import AlarmRaised, ImportEnded, ReplayEnded
from services.core.events.stats_windows import ProgressStopped, WindowCounted
from services.core.events.values import (
    BRIEF_NAME,
    Id,
    Identity,
    Mode,
    Name,
    Natural,
    Priority,
    Reason,
    Small,
    Target,
    Time,
)
from services.core.events.workers_status import (
    AFTER_CRASHES,
    MOST_NAMED,
    QuotaUse,
    Waiting,
    WorkerStatus,
)

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
