"""Which imports have unfinished work and make no progress. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.core import events as e

MOST_IMPORTS = 50_000


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A message that no worker has finished, and when it was written."""

    import_id: str
    place: e.Place
    at_ms: int


@dataclass
class Progress:
    """When each import last made progress. Nothing is known of the time before `since_ms`.

    `after` is how many seconds without progress raise an alarm.
    """

    since_ms: int
    after: float
    moved_at: dict[str, int] = field(default_factory=dict)

    def moved(self, import_id: str, at_ms: int) -> None:
        """The import has made progress. Older news than what is known changes nothing."""
        if at_ms > self.moved_at.get(import_id, self.since_ms):
            self.moved_at.pop(import_id, None)  # so that the oldest are first
            self.moved_at[import_id] = at_ms
        if len(self.moved_at) > MOST_IMPORTS:
            del self.moved_at[next(iter(self.moved_at))]

    def alarms(
        self, unfinished: Iterable[Unfinished], is_running: Callable[[str], bool], now_ms: int
    ) -> list[e.ProgressStopped]:
        """Of each import that is neither paused nor ended, the alarm that holds now."""
        oldest: dict[str, Unfinished] = {}
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for each in unfinished:
            counts[each.import_id][each.place.topic] += 1
            known = oldest.setdefault(each.import_id, each)
            if each.at_ms < known.at_ms:
                oldest[each.import_id] = each
        return [
            e.ProgressStopped(
                import_id=id,
                since=_time(since),
                at=_time(now_ms),
                oldest=each.place,
                unfinished=dict(counts[id]),
            )
            for id, each in oldest.items()
            if now_ms - (since := self._since(each)) >= self.after * 1000 and is_running(id)
        ]

    def _since(self, unfinished: Unfinished) -> int:
        """From when on there was work to do, and none was done."""
        moved_at = self.moved_at.get(unfinished.import_id, self.since_ms)
        return max(moved_at, unfinished.at_ms)


def oldest_at(unfinished: Iterable[Unfinished]) -> datetime | None:
    return min((_time(each.at_ms) for each in unfinished), default=None)


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
