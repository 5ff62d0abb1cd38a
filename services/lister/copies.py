"""Publishes records again as they are: dead letters where they were, or outcomes to one consumer.

A letter that comes back says how often it was published again, so that a broken one does not go
round for ever.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace

from services.adapters.kafka.dead_letters import REDRIVES, is_selected, redrives
from services.adapters.kafka.producer import PublishesRecords
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core.topics import feed_of
from services.core.wire import Record
from services.lister.pacing import Pace
from services.lister.recovery import until_read
from services.lister.selection import Selected

ADDED = ("dlq_", "kafka_dlt-", REDRIVES, "ce_replayid")
Copy = Callable[[Raw], Record | None]
"""What is published for a record; None for one that is not selected."""


def letter_copy(letter: Raw, replay: e.ReplayRequested) -> Record | None:
    """A dead letter as it was, and where it was."""
    if not is_selected(letter, replay.select):
        return None
    topic = letter.headers["dlq_original_topic"].decode()
    count = str(redrives(letter) + 1).encode()
    return _record(letter, topic, replay, (REDRIVES, count))


def feed_copy(outcome: Raw, replay: e.ReplayRequested, selected: Selected) -> Record | None:
    """An outcome for the consumer that the replay is for."""
    if replay.target is None or not selected.holds(outcome):
        return None
    return _record(outcome, feed_of(replay.target).name, replay)


def _record(record: Raw, topic: str, replay: e.ReplayRequested, *more: tuple[str, bytes]) -> Record:
    own = [(k, v) for k, v in record.headers.items() if not k.startswith(ADDED)]
    return Record(
        topic=topic,
        key=record.key or b"",
        value=record.value or b"",
        headers=[*own, *more, ("ce_replayid", replay.import_id.encode())],
    )


@dataclass
class Copies:
    """Of one part of a replay: what `copy` makes of the records before `ends`, at most `most`."""

    open_log: Callable[[], RangeReader]
    publisher: PublishesRecords
    part: e.LogPartRequested
    pace: Pace
    copy: Copy
    ends: Sequence[e.LogEnd]
    most: int | None = None
    passed: int = 0
    begin: int = 0
    copied: int = 0

    async def run(self) -> int:
        """Publish what is selected; how many records that were."""
        for end in self.ends:
            await until_read(partial(self._copy, end))
            self.passed, self.begin = self.passed + end.offset, 0
        await self.publisher.publish([self._told(None)])
        return self.copied

    async def _copy(self, end: e.LogEnd) -> None:
        """Goes on where an outage of Kafka broke it off."""
        begin = replace(end, offset=self.begin)
        async with self.open_log() as log_reader:
            async for records in log_reader.records([end], begin=[begin]):
                copies = [copy for record in records if (copy := self.copy(record)) is not None]
                if self.most is not None:
                    copies = copies[: self.most - self.copied]
                await self._publish(copies)
                self.copied += len(copies)
                if records:
                    self.begin = records[-1].offset + 1
                    await self.publisher.publish([self._told(records[-1].at)])

    async def _publish(self, copies: Sequence[Record]) -> None:
        waiting = list(copies)
        while waiting:
            turn = await self.pace.turn(len(waiting))
            await self.publisher.publish(waiting[:turn])
            del waiting[:turn]

    def _told(self, read_at: datetime | None) -> e.LogPartReplayed:
        return e.LogPartReplayed(
            import_id=self.part.import_id,
            epoch=self.part.epoch,
            partition=self.part.partition,
            offset=self.passed + self.begin,
            end=sum(end.offset for end in self.ends),
            replayed_at=datetime.now(UTC),
            read_at=read_at,
            last=read_at is None,
            redriven=self.copied,
        )
