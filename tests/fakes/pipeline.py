"""A whole import in memory: a real lister on a log, and a transfer that stores at once.

Messages are taken from random partitions, one by one, so every interleaving of control events and
work can happen. Workers know a control event only once they have read it.
"""

from collections import Counter, defaultdict
from random import Random

from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.ranges import RangeReader
from services.core import events as e
from services.core import topics
from services.core.control import ImportControls
from services.core.flow.circuit_breaker import CircuitBreaker, unknown
from services.core.flow.resilience import Resilience
from services.core.outcomes import FileFacts
from services.core.wire import decode
from services.lister.__main__ import SPEC
from services.lister.service import DriveReader, Lister
from tests.fakes.drive import FakeDrive
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.fakes.samples import NOW, RECEIVED

IMPORT, ROOT = "import-1", "root-1"
WORK = (topics.IMPORTS_REQUESTED, topics.IMPORTS_PAGES, topics.FILES_FOUND)
MOST_STEPS = 20_000


class Pipeline:
    """`failing` are ids of files that fail; `fetched` counts how often each file was stored."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.drive = FakeDrive(page_size=3)
        self.log = FakeLog()
        self.failing: set[str] = set()
        self.fetched: Counter[str] = Counter()
        self.controls = ImportControls()
        self._next: dict[tuple[str, int], int] = defaultdict(int)
        self._publisher = FakePublisher(self.log, lambda: KafkaUnavailableError("away"), "test")
        breaker = CircuitBreaker(lambda _why, _seconds: None, unknown)
        reader = DriveReader(self.drive, Resilience("drive", SPEC.policy, breaker))
        self._lister = Lister(
            reader, self._publisher, lambda: RangeReader(lambda: FakeLogReader(self.log))
        )

    async def publish(self, *events: e.Message) -> None:
        await self._publisher.publish(events)

    async def begin(self) -> None:
        """Ask for the import of the root folder."""
        request = e.ImportRequested(
            import_id=IMPORT, folder_id=ROOT, folder_url="https://…", requested_at=NOW
        )
        await self.publish(request)

    async def control(self, kind: type[e.Control]) -> None:
        epoch = self.controls.of(IMPORT).epoch + 1
        event = kind(import_id=IMPORT, epoch=epoch, at=NOW)
        self.controls.apply(event)
        await self.publish(event)

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
            if self.controls.allow(event):
                await self._handle(event)
        assert most < MOST_STEPS, "it does not end"

    def skip(self, *lost: topics.Topic) -> None:
        """Nobody will read what these topics hold now and nobody has read yet."""
        for topic in lost:
            for p in range(topic.partitions):
                self._next[topic.name, p] = len(self.log.records[topic.name, p])

    def events(self, topic: topics.Topic) -> list[e.Message]:
        return [decode(topic.name, record.value) for record in self.log.of(topic.name)]

    def facts(self) -> dict[str, FileFacts]:
        """What the log says of every file, folded without the lister."""
        facts: defaultdict[str, FileFacts] = defaultdict(FileFacts)
        for topic in (topics.FILES_FOUND, topics.FILES_STORED, topics.FILES_FAILED):
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
            await self._lister.handle(event, RECEIVED)
            return
        if event.file_id in self.failing:
            failed = e.FileFailed(
                import_id=event.import_id,
                file_id=event.file_id,
                file=event,
                round=event.round,
                reason="not_found",
                message="Gone.",
                failed_at=NOW,
            )
            await self.publish(failed)
            return
        self.fetched[event.file_id] += 1
        stored = e.FileStored(
            import_id=event.import_id,
            file=replace(event),
            bucket="b",
            object_key=event.file_id,
            size=1,
            stored_at=NOW,
        )
        await self.publish(stored)
