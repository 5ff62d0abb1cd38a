"""A whole import in memory: a real lister on a log, and a transfer that stores at once.

Messages are taken from random partitions, one by one, so every interleaving of control events and
work can happen. Workers may die at any publication; then their message is handled again.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random

from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.ranges import RangeReader
from services.core import events as e
from services.core import topics
from services.core.control import ImportControls
from services.core.errors import SetAside
from services.core.flow.circuit_breaker import CircuitBreaker, unknown
from services.core.flow.resilience import Resilience
from services.core.outcomes import FileFacts
from services.core.wire import Record, decode
from services.lister.__main__ import SPEC
from services.lister.replay import Replays
from services.lister.service import DriveReader, Lister
from tests.fakes.drive import FakeDrive
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.fakes.samples import NOW, RECEIVED

IMPORT, ROOT = "import-1", "root-1"
WORK = (topics.IMPORTS_REQUESTED, topics.IMPORTS_PAGES, topics.FILES_FOUND)
FILES = (topics.FILES_FOUND, topics.FILES_STORED, topics.FILES_FAILED)
MOST_STEPS = 20_000


class DiedError(Exception):
    """The worker was killed while it published."""


class MortalPublisher(FakePublisher):
    """Dies, once, at the publication that `lives` counts down to, when part of it is written.

    `published` is what it was given, in order.
    """

    def __init__(self, log: FakeLog) -> None:
        super().__init__(log, lambda: KafkaUnavailableError("away"), "test")
        self.lives: int | None = None
        self.published: list[e.Message | Record] = []

    async def publish(self, events: Sequence[e.Message | Record]) -> None:
        """As the real one, or part of it."""
        self.published += events
        if self.lives == 0:
            self.lives = None
            await super().publish(events[: len(events) // 2])
            raise DiedError
        if self.lives is not None:
            self.lives -= 1
        await super().publish(events)


class InterruptedReader(RangeReader):
    """Between one topic and the next, others go on."""

    def __init__(self, pipeline: "Pipeline") -> None:
        super().__init__(lambda: FakeLogReader(pipeline.log))
        self._pipeline = pipeline

    async def ends(self, topic: str) -> list[e.LogEnd]:
        """As the real one."""
        found = await super().ends(topic)
        await self._pipeline.handle_late(topic)
        return found


class Pipeline:
    """`failing` are ids of files that fail; `fetched` counts how often each file was stored, and
    `objects` are what the store holds. The lister sets aside the parts of the `condemned` replay,
    as if it had died of them. `late` are pages, by topic, that another lister, which has heard of
    no control, handles as soon as somebody has asked where that topic ends."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.drive = FakeDrive(page_size=3)
        self.log = FakeLog()
        self.failing: set[str] = set()
        self.fetched: Counter[str] = Counter()
        self.objects: set[str] = set()
        self.condemned: str | None = None
        self.late: dict[str, e.Message] = {}
        self.newest_round = 0
        self.controls = ImportControls()
        self._next: dict[tuple[str, int], int] = defaultdict(int)
        self.publisher = MortalPublisher(self.log)
        self._users = FakePublisher(self.log, lambda: KafkaUnavailableError("away"), "api")
        breaker = CircuitBreaker(lambda _why, _seconds: None, unknown)
        reader = DriveReader(self.drive, Resilience("drive", SPEC.policy, breaker))
        self._lister = Lister(
            reader,
            self.publisher,
            self._open_log,
            Replays(self._open_log, self.publisher, self.controls, self._backlog, self._make_topic),
        )

    def _open_log(self) -> RangeReader:
        return InterruptedReader(self)

    async def handle_late(self, topic: str) -> None:
        """Handle the page that comes late to this topic, once."""
        if topic in self.late:
            await self._lister.handle(self.late.pop(topic), RECEIVED)

    async def _backlog(self, partition: int) -> tuple[int, int]:
        """The transfer is never behind: `test_pacing.py` shows that a replay waits for it."""
        end = len(self.log.records[topics.FILES_FOUND.name, partition])
        return end, end

    async def _make_topic(self, topic: topics.Topic) -> None:
        self.log.partitions[topic.name] = topic.partitions

    async def publish(self, *events: e.Message) -> None:
        """As a user or the indexer does, who do not die."""
        await self._users.publish(events)

    async def begin(self, import_id: str = IMPORT) -> None:
        """Ask for the import of the root folder."""
        request = e.ImportRequested(
            import_id=import_id, folder_id=ROOT, folder_url="https://…", requested_at=NOW
        )
        await self.publish(request)

    async def control(
        self, kind: type[e.Control], import_id: str = IMPORT, folders: Sequence[str] = ()
    ) -> None:
        """Control an import or a replay; `folders` are those of an `ImportStalled`."""
        epoch = self.controls.of(import_id).epoch + 1
        event = kind(import_id=import_id, epoch=epoch, at=NOW)
        if folders and isinstance(event, e.ImportStalled):
            event = replace(event, folders=tuple(folders))
        self.controls.apply(event)
        await self.publish(event)

    async def replay(self, replay: e.ReplayRequested) -> e.ReplayRequested:
        """Ask for it at the next round, and with the ends of now; returns what was asked."""
        self.newest_round += 1
        ends = [
            e.LogEnd(topic=topic.name, partition=p, offset=len(self.log.records[topic.name, p]))
            for topic in (topics.IMPORTS_REQUESTED, topics.DEAD_LETTERS, *FILES)
            for p in range(topic.partitions)
        ]
        asked = replace(replay, round=self.newest_round, ends=tuple(ends))
        await self.publish(asked)
        return asked

    async def steps(self, most: int = MOST_STEPS) -> None:
        """Handle this many messages, or all that there are."""
        for _ in range(most):
            waiting = [
                (topic.name, p)
                for topic in WORK
                for p in range(topic.partitions)
                if self._next[topic.name, p] < len(self.log.records[topic.name, p])
            ]
            if not waiting:
                return
            place = self.rng.choice(waiting)
            record = self.log.records[place][self._next[place]]
            self._next[place] += 1
            event = decode(record.topic, record.value)
            self.controls.apply(event)
            if self.controls.allow(event):
                try:
                    await self._handle(event)
                except DiedError:
                    self._next[place] -= 1
        assert most < MOST_STEPS, "it does not end"

    def skip(self, *lost: topics.Topic) -> None:
        """Nobody will read what these topics hold now and nobody has read yet."""
        for topic in lost:
            for p in range(topic.partitions):
                self._next[topic.name, p] = len(self.log.records[topic.name, p])

    def delete(self, *lost: topics.Topic) -> None:
        """As an operator or retention does: nobody can read what these topics hold now."""
        self.skip(*lost)
        for topic in lost:
            for p in range(topic.partitions):
                self.log.begins[topic.name, p] = len(self.log.records[topic.name, p])

    def events(self, topic: topics.Topic) -> list[e.Message]:
        return [decode(topic.name, record.value) for record in self.log.of(topic.name)]

    def facts(self) -> dict[str, FileFacts]:
        """What the log says of every file, folded without the lister."""
        facts: defaultdict[str, FileFacts] = defaultdict(FileFacts)
        for topic in FILES:
            for record in self.log.of(topic.name):
                event = decode(record.topic, record.value)
                assert isinstance(event, e.FileFound | e.FileStored | e.FileFailed)
                facts[event.key].take(event, record.offset)
        return facts

    @property
    def open_folders(self) -> set[str]:
        """Opened by a request or a manifest, and neither closed nor failed."""
        opened, settled = {ROOT}, set()
        for event in self.events(topics.IMPORTS_LISTED):
            if isinstance(event, e.PageListed):
                opened |= {folder.id for folder in event.opened}
                settled |= {event.folder_id} if event.closes else set()
            elif isinstance(event, e.FolderFailed):
                settled.add(event.folder_id)
        return opened - settled

    async def _handle(self, event: e.Message) -> None:
        if not isinstance(event, e.FileFound):
            if isinstance(event, e.LogPartRequested) and event.import_id == self.condemned:
                why = SetAside("worker_died", "The worker died each time.")
                await self._lister.set_aside(event, RECEIVED, why)
            else:
                await self._lister.handle(event, RECEIVED)
            return
        if event.file_id in self.failing:
            await self._fail(event, "not_found")
        elif event.mode is e.Mode.VERIFY and event.file_id not in self.objects:
            await self._fail(event, "object_missing")
        else:
            await self._store(event)

    async def _fail(self, event: e.FileFound, reason: str) -> None:
        failed = e.FileFailed(
            import_id=event.import_id,
            file_id=event.file_id,
            file=event,
            round=event.round,
            reason=reason,
            message="Gone.",
            failed_at=NOW,
        )
        await self.publisher.publish([failed])

    async def _store(self, event: e.FileFound) -> None:
        looks = event.mode in (e.Mode.CHECK, e.Mode.VERIFY)
        unchanged = looks and event.file_id in self.objects
        self.fetched[event.file_id] += not unchanged
        self.objects.add(event.file_id)
        stored = e.FileStored(
            import_id=event.import_id,
            file=replace(event),
            bucket="b",
            object_key=event.file_id,
            size=1,
            stored_at=NOW,
            unchanged=unchanged,
        )
        await self.publisher.publish([stored])
