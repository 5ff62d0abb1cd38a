"""Executes replays: what a partition of the log selects is published again, see decisions/0016.

A part tells what it selected before it publishes that, so a replay's counts are never short. Killed
midway or paused, it is done again from its start, without the files that have an outcome already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog
from msgspec.structs import replace

from services.adapters.kafka.producer import PublishesRecords
from services.adapters.kafka.ranges import RangeReader
from services.core import events as e
from services.core import topics
from services.core.control import ControlState, ImportControls
from services.core.errors import SetAside
from services.core.replays import DEEPEST, again, next_parts, partitions, parts
from services.core.wire import decode
from services.lister.copies import Copies, Copy, feed_copy, letter_copy
from services.lister.pacing import Pace
from services.lister.recovery import until_read
from services.lister.selection import PartSelection, Selected

CHUNK = 1_000
FOLDS_AT_ONCE = 2
log = structlog.get_logger("lister")


@dataclass(frozen=True)
class Chunk:
    """Files of which is told at once, each with whether it is done; how far the part is then; and
    when the last record was written."""

    found: Sequence[tuple[e.FileFound, bool]]
    offset: int
    end: int
    read_at: datetime | None
    last: bool


class Replays:
    """`controls` are live. `backlog` says of a partition of `files.found` how far the transfer is
    and where it ends. `make_topic` makes a topic that is missing."""

    def __init__(
        self,
        open_log: Callable[[], RangeReader],
        publisher: PublishesRecords,
        controls: ImportControls,
        backlog: Callable[[int], Awaitable[tuple[int, int]]],
        make_topic: Callable[[topics.Topic], Awaitable[None]],
    ) -> None:
        self._open_log = open_log
        self._publisher = publisher
        self._controls = controls
        self._backlog = backlog
        self._make_topic = make_topic
        self._folds = asyncio.Semaphore(FOLDS_AT_ONCE)
        self._tasks: set[asyncio.Task[None] | None] = set()

    def holds(self, task: asyncio.Task[None]) -> bool:
        """Whether the task works on a part: it may take hours, and can be cancelled at any time."""
        return task in self._tasks

    async def begin(self, event: e.ReplayRequested | e.ImportResumed | e.ImportStalled) -> None:
        """Ask for the parts of a replay that was requested, resumed or stalled."""
        replay: e.ReplayRequested | None
        if isinstance(event, e.ReplayRequested):
            replay = event
        else:
            replay = await until_read(lambda: self._requested(event.import_id))
        if replay is None:
            log.warning("lister.unknown_replay", replay_id=event.import_id)
        elif replay.depth > DEEPEST:
            sentence = (
                f"This replay is nested more than {DEEPEST} levels deep. Select the original "
                "imports."
            )
            await self.fail(event, SetAside("replay_too_deep", sentence))
        else:
            await self._publisher.publish(parts(replay, event.epoch))

    async def fail(self, event: e.Event, why: SetAside) -> None:
        """End the replay, since this event of it cannot be worked on."""
        failed = e.ReplayFailed(
            import_id=event.import_id,
            epoch=event.epoch,
            at=datetime.now(UTC),
            reason=why.reason,
            message=why.message,
        )
        await self._publisher.publish([failed])
        log.error("lister.replay_failed", replay_id=event.import_id, why=why.message)

    async def replay_part(self, part: e.LogPartRequested) -> None:
        """Publish again what the replay selects in one partition."""
        if part.replay is None:
            return
        pace = self._pace(part, part.replay)
        with self._holding():
            if part.replay.select.dead_letters:
                count = await self._copy(part, pace, partial(letter_copy, replay=part.replay))
            elif part.replay.target is not None:
                count = await self._feed(part, part.replay, part.replay.target, pace)
            else:
                count = await self._replay(part, part.replay, pace)
            await self._publisher.publish(next_parts(part, count))
        log.info("lister.replayed", replay_id=part.import_id, part=part.partition, selected=count)

    async def _copy(self, part: e.LogPartRequested, pace: Pace, copy: Copy) -> int:
        ends = [end for end in part.ends if end.topic != topics.FILES_FOUND.name]
        most = None if part.replay is None else part.replay.most
        return await Copies(
            self._open_log, self._publisher, part, pace, copy, ends, most=most
        ).run()

    async def _feed(
        self, part: e.LogPartRequested, replay: e.ReplayRequested, target: str, pace: Pace
    ) -> int:
        await until_read(partial(self._make_topic, topics.feed_of(target)))
        selected = await self._selected(part, replay)
        return await self._copy(part, pace, partial(feed_copy, replay=replay, selected=selected))

    async def _selected(self, part: e.LogPartRequested, replay: e.ReplayRequested) -> Selected:
        async def select() -> Selected:
            async with self._open_log() as log_reader:
                return await PartSelection(log_reader, part, replay).selected()

        if replay.most == 0:
            return Selected()
        async with self._folds:
            return await until_read(select)

    async def _replay(self, part: e.LogPartRequested, replay: e.ReplayRequested, pace: Pace) -> int:
        [end] = [end for end in part.ends if end.topic == topics.FILES_FOUND.name]
        selected = await self._selected(part, replay)
        for start in range(0, max(1, len(selected.found)), CHUNK):
            chunk = await until_read(partial(self._chunk, end, selected, start))
            await self._publisher.publish([self._told(part, chunk)])
            waiting = [found for found, done in chunk.found if not done]
            while waiting:
                turn = await pace.turn(len(waiting))
                files = self._allowed(waiting[:turn], replay, part.epoch)
                del waiting[:turn]
                await self._publisher.publish(files)
                await pace.published(len(files))
        return len(selected.found)

    async def _chunk(self, end: e.LogEnd, selected: Selected, start: int) -> Chunk:
        offsets = selected.found[start : start + CHUNK]
        last = start + CHUNK >= len(selected.found)
        found, read_at = list[tuple[e.FileFound, bool]](), None
        if offsets:
            begin, until = replace(end, offset=offsets[0]), replace(end, offset=offsets[-1] + 1)
            wanted = set(offsets)
            async with self._open_log() as log_reader:
                async for records in log_reader.records([until], begin=[begin]):
                    for record in (r for r in records if r.offset in wanted):
                        event = decode(record.topic, record.value)
                        if isinstance(event, e.FileFound):
                            found.append((event, record.offset in selected.done))
                            read_at = record.at
        reached = end.offset if last else offsets[-1] + 1
        return Chunk(found, reached, end.offset, read_at, last)

    def _told(self, part: e.LogPartRequested, chunk: Chunk) -> e.LogPartReplayed:
        files, cancelled = list[e.ReplayedFile](), list[e.ReplayedFile]()
        for found, done in chunk.found:
            file = e.ReplayedFile(import_id=found.import_id, file_id=found.file_id)
            ended = self._controls.of(found.import_id).state is ControlState.CANCELLED
            (cancelled if ended and not done else files).append(file)
        return e.LogPartReplayed(
            import_id=part.import_id,
            epoch=part.epoch,
            partition=part.partition,
            offset=chunk.offset,
            end=chunk.end,
            replayed_at=datetime.now(UTC),
            read_at=chunk.read_at,
            last=chunk.last,
            files=tuple(files),
            cancelled=tuple(cancelled),
        )

    def _allowed(
        self, found: Sequence[e.FileFound], replay: e.ReplayRequested, replay_epoch: int
    ) -> list[e.FileFound]:
        """As they are published again. Those of a paused import would be passed over: they wait
        for the replay to be resumed, or to be healed."""
        files = []
        for file in found:
            control = self._controls.of(file.import_id)
            if control.state is ControlState.RUNNING:
                files.append(again(file, replay, control.epoch, replay_epoch))
        return files

    def _pace(self, part: e.LogPartRequested, replay: e.ReplayRequested) -> Pace:
        """Parts that run at once share the replay's rate."""
        share = 1 if replay.most is not None else len(partitions(replay))

        def rate() -> float | None:
            whole = self._controls.files_per_second(part.import_id)
            return None if whole is None else whole / share

        return Pace(rate, lambda: self._backlog(part.partition))

    async def _requested(self, replay_id: str) -> e.ReplayRequested | None:
        """As the indexer does, the earliest counts of several."""
        found: list[e.ReplayRequested] = []
        async with self._open_log() as log_reader:
            ends = await log_reader.ends(topics.IMPORTS_REQUESTED.name)
            async for records in log_reader.records(ends):
                for record in records:
                    if record.headers.get("ce_importid") == replay_id.encode():
                        event = decode(record.topic, record.value)
                        if isinstance(event, e.ReplayRequested):
                            found.append(event)
        return min(found, key=lambda event: event.at, default=None)

    @contextmanager
    def _holding(self) -> Iterator[None]:
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)
