"""`stats.windows`: rates, and alarms, from the monitor."""

from operator import attrgetter
from typing import ClassVar

from msgspec import Struct, field

from services.core.events.event import Event
from services.core.events.log_position import Place
from services.core.events.values import ByTopic, Counts, Id, Identity, Natural, Small, Time


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

    `oldest` is the position of its oldest unfinished message, and `unfinished` counts those of the
    next 50 of each partition, by topic. The alarm is repeated every 30 seconds while it holds; one
    that is not repeated for a minute is over.
    """

    topic: ClassVar[str] = "stats.windows"
    identity = property(attrgetter("import_id", "since"))

    since: Time
    at: Time
    oldest: Place
    unfinished: ByTopic = field(default_factory=dict)
