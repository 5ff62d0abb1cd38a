"""Moving what a group has committed, so that it reads messages again, or passes some over.

A commit of ours also names what finished beyond its offset (`core/flow/offsets.py`). A moved one
names nothing, so that all that follows is done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from confluent_kafka import TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from services.adapters.kafka.admin import EARLIEST, LATEST, offsets
from services.adapters.kafka.admin_client import Admin
from services.adapters.kafka.errors import kafka_errors, sentence
from services.adapters.kafka.group_offsets import TIMEOUT, GroupOffsets, Place
from services.adapters.kafka.settings import KafkaSettings
from services.core.flow.commit_state import CommitState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Target = int | datetime | Literal["earliest", "latest"]
"""An offset, the time of the first message, or an end of the log."""


class RewindError(Exception):
    """The group cannot be moved, or there is no such topic. The message is for a person."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """One partition: the next message of the group `now` and `then`. `now` is None if it has not
    begun; like ours, it would begin with the first message.

    `repeats` are offsets that are done and will be read again; `skips` are those that are not done
    and never will be read. Both are upper bounds: a log has gaps.
    """

    topic: str
    partition: int
    now: int | None
    then: int
    repeats: int
    skips: int


class GroupRewind:
    """One group. Synchronous; raises `KafkaUnavailableError` and `RewindError`."""

    def __init__(self, settings: KafkaSettings, group: str) -> None:
        self._settings = settings
        self._group = settings.prefixed(group)
        self._admin = Admin(settings)
        self._offsets = GroupOffsets(settings, self._group, self._admin)

    @kafka_errors()
    def plan(self, to: Target, topic: str | None = None) -> Sequence[Move]:
        """The moves in one topic, or in all of which the group has committed something."""
        known = self._admin.list_topics(timeout=TIMEOUT).topics
        last = self._offsets.committed()
        topics = {self._settings.prefixed(topic)} if topic else {name for name, _ in last}
        if not topics:
            raise RewindError(
                f"The group {self._group} has committed no offsets. Name a topic as well."
            )
        if missing := sorted(topics - known.keys()):
            raise RewindError(f"There is no topic {', '.join(missing)}.")
        places = [(name, p) for name in sorted(topics) for p in sorted(known[name].partitions)]
        first, end = (offsets(self._admin, places, s) for s in (EARLIEST, LATEST))
        wanted = first if to == "earliest" else end
        if isinstance(to, int):
            wanted = dict.fromkeys(places, to)
        elif isinstance(to, datetime):
            # Down: a record's time has lost what is below a millisecond, too.
            times = OffsetSpec.for_timestamp((to - EPOCH) // timedelta(milliseconds=1))
            found = offsets(self._admin, places, times)
            # -1 where no message is that new
            wanted = {place: end[place] if at < 0 else at for place, at in found.items()}
        return [
            self._move(
                place,
                first[place],
                min(max(wanted[place], first[place]), end[place]),
                last.get(place),
            )
            for place in places
        ]

    @kafka_errors()
    def is_active(self) -> bool:
        """Whether the group has members now."""
        return self._offsets.is_active()

    @kafka_errors()
    def members(self) -> int:
        """How many it has, for a person who asks once: it may end the process (GroupOffsets)."""
        described = self._admin.describe_consumer_groups([self._group])
        return len(described[self._group].result(TIMEOUT).members)

    @kafka_errors()
    def execute(self, moves: Sequence[Move]) -> None:
        """Commit all moves. The broker, too, refuses while the group has members."""
        if self.is_active():
            raise RewindError(f"The group {self._group} is active. Stop its consumers first.")
        prefixed = self._settings.prefixed
        to = [TopicPartition(prefixed(m.topic), m.partition, m.then) for m in moves]
        for done in self._offsets.commit(to):
            if done.error is not None:
                place = f"{self._settings.own(done.topic)}/{done.partition}"
                raise RewindError(f"{place} was not moved: {sentence(done.error)}.")

    def _move(self, place: Place, first: int, then: int, last: TopicPartition | None) -> Move:
        now, state = first, CommitState()
        if last is not None:
            now = last.offset
            state = CommitState.decode(now, last.metadata) or state
        finished = [range(a, b + 1) for a, b in state.finished]
        passed = sum(len(range(max(r.start, now), min(r.stop, then))) for r in finished)
        return Move(
            topic=self._settings.own(place[0]),
            partition=place[1],
            now=None if last is None else now,
            then=then,
            repeats=max(0, now - then) + sum(map(len, finished)) - passed,
            skips=max(0, then - now) - passed,
        )
