"""Publishes dead letters again, as they were and where they were.

A letter that comes back says how often it was published again, so that a broken one does not go
round for ever.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from services.adapters.kafka.dead_letters import REDRIVES, is_selected, redrives
from services.adapters.kafka.producer import PublishesRecords
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core.topics import DEAD_LETTERS
from services.core.wire import Record
from services.lister.pacing import Pace
from services.lister.recovery import until_read

ADDED = ("dlq_", "kafka_dlt-", REDRIVES, "ce_replayid")


def as_it_was(letter: Raw, replay_id: str) -> Record:
    """The record to publish; raises `KeyError` for a letter that does not say where it was."""
    own = [(k, v) for k, v in letter.headers.items() if not k.startswith(ADDED)]
    count = str(redrives(letter) + 1).encode()
    return Record(
        topic=letter.headers["dlq_original_topic"].decode(),
        key=letter.key or b"",
        value=letter.value or b"",
        headers=[*own, (REDRIVES, count), ("ce_replayid", replay_id.encode())],
    )


@dataclass
class Redrive:
    """One part of a replay of dead letters."""

    open_log: Callable[[], RangeReader]
    publisher: PublishesRecords
    part: e.LogPartRequested
    replay: e.ReplayRequested
    pace: Pace
    begin: int = 0
    redriven: int = 0

    async def run(self) -> int:
        """Publish what is selected; how many letters that were."""
        [end] = [end for end in self.part.ends if end.topic == DEAD_LETTERS.name]
        await until_read(lambda: self._redrive(end))
        await self.publisher.publish([self._told(end, end.offset, None)])
        return self.redriven

    async def _redrive(self, end: e.LogEnd) -> None:
        """Goes on where an outage of Kafka broke it off."""
        begin = replace(end, offset=self.begin)
        async with self.open_log() as log_reader:
            async for records in log_reader.records([end], begin=[begin]):
                letters = [r for r in records if is_selected(r, self.replay.select)]
                if self.replay.most is not None:
                    letters = letters[: self.replay.most - self.redriven]
                await self._publish(letters)
                self.redriven += len(letters)
                if records:
                    self.begin = records[-1].offset + 1
                    told = self._told(end, self.begin, records[-1].at)
                    await self.publisher.publish([told])

    async def _publish(self, letters: Sequence[Raw]) -> None:
        waiting = list(letters)
        while waiting:
            turn = await self.pace.turn(len(waiting))
            records = [as_it_was(letter, self.replay.import_id) for letter in waiting[:turn]]
            del waiting[:turn]
            await self.publisher.publish(records)

    def _told(self, end: e.LogEnd, offset: int, read_at: datetime | None) -> e.LogPartReplayed:
        return e.LogPartReplayed(
            import_id=self.part.import_id,
            epoch=self.part.epoch,
            partition=self.part.partition,
            offset=offset,
            end=end.offset,
            replayed_at=datetime.now(UTC),
            read_at=read_at,
            last=read_at is None,
            redriven=self.redriven,
        )
