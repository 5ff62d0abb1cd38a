"""`notifications`: what a webhook tells."""

from operator import attrgetter
from typing import ClassVar

from msgspec import field

from services.core.events.event import Event
from services.core.events.log_position import Place
from services.core.events.values import (
    ByTopic,
    Counts,
    Id,
    Identity,
    Name,
    Natural,
    Reason,
    Small,
    Text,
    Time,
)


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
    skipped: Counts = field(default_factory=dict)
    failures: Counts = field(default_factory=dict)

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
    failures: Counts = field(default_factory=dict)


class AlarmRaised(Event, frozen=True, kw_only=True):
    """An import has unfinished work and has made no progress since `since`. Published once.

    While its oldest unfinished message stays the same, it is the same alarm: a monitor that was
    restarted knows another `since`.

    `unfinished` counts its unfinished messages in each topic: at least so many, since only the next
    50 of each partition are looked at.
    """

    topic: ClassVar[str] = "notifications"
    identity = property(
        attrgetter("import_id", "oldest.topic", "oldest.partition", "oldest.offset")
    )

    since: Time
    at: Time
    oldest: Place
    unfinished: ByTopic = field(default_factory=dict)
