"""What the recovery asks for, on fakes that pass the contract suites, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from services.adapters.catalog.rows import Rows
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.work_metrics import CountingPublisher, WorkMetrics
from services.core import events as e
from services.core.parked import ParkedFiles
from services.core.wire import decode
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from services.indexer.recovery import Recovery, RecoverySettings
from services.indexer.service import CONSUMED
from services.indexer.stalls import GROUPS
from tests.catalog_rows import a_file, an_import, rows
from tests.fakes.catalog_writer import FakeCatalogWriter, FakeDatabase
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.unfinished import FakeLogOffsets, FakeUnfinished
from tests.fakes.virtual_time import now, virtual_time

JOB, ROOT, SUB = "import-1", "root", "sub"
AT = datetime.now(UTC)
SETTINGS = RecoverySettings(stalled_after=30, parked=ParkedFiles(timedelta(hours=1)))
REQUESTED = e.ImportRequested(
    import_id=JOB, folder_id=ROOT, folder_url="https://…", requested_at=AT
)
LISTED = e.PageListed(
    import_id=JOB,
    folder_id=ROOT,
    pass_number=0,
    page_number=0,
    listed_at=AT,
    last=True,
    closes=True,
    opened=(e.FolderBrief(id=SUB, name="Sub"),),
    files=tuple(
        e.FileBrief(id=f"file-{n}", name=f"{n}.jpg", mime_type="image/jpeg") for n in range(3)
    ),
)


class World:
    """A log, a database, an indexer that has always read everything, and workers that pass every
    message without doing anything. `idle` groups read nothing."""

    def __init__(self) -> None:
        self.log = FakeLog()
        self.database = FakeDatabase()
        self.writer = FakeCatalogWriter(self.database)
        self.publisher = FakePublisher(self.log, lambda: KafkaUnavailableError("away"), "test")
        self.metrics = WorkMetrics()
        self.idle: set[str] = set()
        places = [(topic.name, p) for topic in CONSUMED for p in range(topic.partitions)]
        self.writer.begin_offsets({place: ("id", 0) for place in places})

    async def publish(self, *events: e.Message) -> None:
        await self.publisher.publish(events)
        self.index()

    def index(self) -> None:
        for place, (_, start) in list(self.database.offsets.items()):
            new = self.log.records[place][start:]
            if new:
                records = [
                    LogRecord(decode(raw.topic, raw.value), raw.topic, raw.partition, raw.offset)
                    for raw in new
                ]
                batch = rows_of(records)
                before = self.writer.load(batch)
                after = fold(before, batch)
                self.writer.save(before, after, {place: (start, start + len(new))})

    async def work(self) -> None:
        while True:
            await asyncio.sleep(1)
            available = self.log.available and self.database.available
            if available and "indexer" not in self.idle:
                self.index()
            for group, topic in GROUPS.items():
                for partition in range(topic.partitions):
                    end = len(self.log.records[topic.name, partition])
                    if end and group not in self.idle:
                        self.log.committed[group, topic.name, partition] = end, None

    @asynccontextmanager
    async def recovering(self) -> AsyncIterator[None]:
        """Recovery and workers run meanwhile."""
        recovery = Recovery(
            SETTINGS,
            lambda: FakeUnfinished(self.database),
            FakeLogOffsets(self.log),
            CountingPublisher(self.publisher, self.metrics),
        )
        tasks = [asyncio.create_task(recovery.run()), asyncio.create_task(self.work())]
        yield
        for task in tasks:
            assert not task.done()
            task.cancel()

    def asked(self) -> list[e.Message]:
        """What was asked after the request."""
        raws = self.log.of("imports.requested")
        events = [decode(raw.topic, raw.value) for raw in raws]
        return [event for event in events if not isinstance(event, e.ImportRequested)]


async def stalled_world() -> World:
    world = World()
    await world.publish(REQUESTED, LISTED)
    return world


@virtual_time
async def test_an_import_whose_request_is_gone_is_asked_for_again_at_its_root() -> None:
    world = World()
    await world.publish(LISTED)
    async with world.recovering():
        await asyncio.sleep(60)
    asked = [decode(raw.topic, raw.value) for raw in world.log.of("imports.requested")]
    assert isinstance(asked[0], e.ImportRequested)
    assert (asked[0].import_id, asked[0].folder_id, asked[0].mode) == (JOB, ROOT, e.Mode.CHECK)
    row = world.database.rows.imports[JOB]
    assert (row.folder_id, row.requested_at, row.folder_url) == (
        ROOT,
        AT,
        f"https://drive.google.com/drive/folders/{ROOT}",
    )


@virtual_time
async def test_an_import_of_which_nobody_knows_the_folder_ends_too() -> None:
    world = World()
    await world.publish(e.ImportPaused(import_id=JOB, epoch=1, at=AT))
    await world.publish(e.ImportResumed(import_id=JOB, epoch=2, at=AT))
    async with world.recovering():
        await asyncio.sleep(60)
    assert world.database.rows.imports[JOB].state == "cancelled"


@virtual_time
async def test_an_import_that_nothing_helps_ends_in_words() -> None:
    world = await stalled_world()
    async with world.recovering():
        await asyncio.sleep(34)
        assert [stalled(event).folders for event in world.asked()] == [()]
        while world.database.rows.imports[JOB].state == "listing":
            await asyncio.sleep(1)
        assert now() < 110
        assert [stalled(event).folders for event in world.asked()] == [(), (ROOT, SUB)]
        await asyncio.sleep(300)
        assert len(world.asked()) == 2
    row = world.database.rows.imports[JOB]
    assert (row.state, row.failures) == ("completed_with_failures", {"lost": 3})
    assert (row.folders_found, row.folders_listed, row.folders_failed) == (2, 1, 1)
    file = world.database.rows.files[JOB, "file-1"]
    assert (file.name, file.reason) == ("1.jpg", "lost")
    assert world.database.rows.folders[JOB, SUB].path == ("Sub",)
    counted = {s.name: s.value for m in world.metrics.collect() for s in m.samples if s.labels}
    assert counted["drivestream_file_failures_total"] == 3


REPLAY = e.ReplayRequested(
    import_id="replay-1",
    name="After the outage",
    why="The store was full.",
    at=AT,
    round=1,
    select=e.Selection(imports=(JOB,)),
    scope=e.ReplayScope.ALL,
    ends=(e.LogEnd(topic="files.found", partition=0, offset=9),),
)
SELECTED = e.LogPartReplayed(
    import_id=REPLAY.import_id,
    partition=0,
    offset=9,
    end=9,
    replayed_at=AT,
    last=True,
    files=(e.ReplayedFile(import_id=JOB, file_id="file-1"),),
)


async def replaying_world(*events: e.Message) -> World:
    """An import that has ended, and a replay of a part of it."""
    world = World()
    closed = e.FolderFailed(
        import_id=JOB, folder_id=ROOT, reason="not_found", message="No.", failed_at=AT
    )
    await world.publish(REQUESTED, closed, REPLAY, *events)
    return world


@pytest.mark.parametrize("events", [[], [SELECTED]], ids=["no part", "no outcome"])
@virtual_time
async def test_a_replay_that_nothing_helps_ends_in_words(events: list[e.Message]) -> None:
    world = await replaying_world(*events)
    async with world.recovering():
        await asyncio.sleep(34)
        assert [stalled(event).import_id for event in world.asked()[1:]] == ["replay-1"]
        while world.database.rows.replays["replay-1"].state != "failed":
            await asyncio.sleep(1)
        assert now() < 75
        await asyncio.sleep(300)
        assert len(world.asked()) == 3
    row = world.database.rows.replays["replay-1"]
    assert row.finished_at is not None
    assert f"{row.pending} files without an outcome" in (row.message or "")
    assert row.pending == len(events)
    assert ("replay-1", "file-1") not in world.database.rows.files


@virtual_time
async def test_a_replay_that_a_heal_moves_is_healed_again() -> None:
    world = await replaying_world()
    async with world.recovering():
        await asyncio.sleep(34)
        await world.publish(SELECTED)
        await asyncio.sleep(34)
        kinds = [type(event) for event in world.asked()]
        assert kinds == [e.ReplayRequested, e.ImportStalled, e.ImportStalled]


@virtual_time
async def test_a_replay_waits_for_the_files_of_a_paused_import() -> None:
    world = await replaying_world(SELECTED)
    await world.publish(e.ImportPaused(import_id=JOB, epoch=1, at=AT))
    async with world.recovering():
        await asyncio.sleep(300)
        assert world.asked()[2:] == []
        await world.publish(e.ImportResumed(import_id=JOB, epoch=2, at=AT))
        await asyncio.sleep(36)
        assert stalled(world.asked()[3]).import_id == "replay-1"


@virtual_time
async def test_what_comes_late_is_stored_and_no_longer_lost() -> None:
    world = await stalled_world()
    async with world.recovering():
        await asyncio.sleep(110)
    await world.publish(
        e.FileStored(import_id=JOB, file=_found(), bucket="b", object_key="k", size=1, stored_at=AT)
    )
    row = world.database.rows.imports[JOB]
    assert (row.stored, row.failures) == (1, {"lost": 2})


@virtual_time
async def test_a_paused_or_cancelled_import_is_let_be() -> None:
    for control in (e.ImportPaused, e.ImportCancelled):
        world = await stalled_world()
        await world.publish(control(import_id=JOB, epoch=1, at=AT))
        async with world.recovering():
            await asyncio.sleep(600)
        assert [type(event) for event in world.asked()] == [control]


@virtual_time
async def test_an_import_whose_messages_are_in_hand_is_let_be() -> None:
    for group in GROUPS.keys() - {"lister-replays"}:
        world = await stalled_world()
        await world.publisher.publish([_page(), _found()])
        world.idle = {group}
        async with world.recovering():
            await asyncio.sleep(600)
            assert world.asked() == []
            world.idle = set()
            await asyncio.sleep(10)
            assert len(world.asked()) == 1


@virtual_time
async def test_with_kafka_or_the_database_away_it_goes_on_once_they_are_back() -> None:
    for away in ("log", "database"):
        world = await stalled_world()
        async with world.recovering():
            await asyncio.sleep(10)
            getattr(world, away).available = False
            await asyncio.sleep(300)
            getattr(world, away).available = True
            assert world.asked() == []
            await asyncio.sleep(60)
            assert [type(event) for event in world.asked()][:1] == [e.ImportStalled]


@virtual_time
async def test_two_indexers_that_both_think_they_are_active_do_no_harm() -> None:
    world = await stalled_world()
    async with world.recovering(), world.recovering():
        await asyncio.sleep(600)
    assert max(stalled(event).epoch for event in world.asked()) <= 4
    row = world.database.rows.imports[JOB]
    assert (row.state, row.failures) == ("completed_with_failures", {"lost": 3})


@virtual_time
async def test_parked_files_and_no_others_are_asked_for_in_parts_and_once() -> None:
    world = parked_world(files=2_500, ago=timedelta(hours=2))
    async with world.recovering():
        await asyncio.sleep(25)
    parts = [event for event in world.asked() if isinstance(event, e.RetryRequested)]
    assert len(parts) == len(world.asked()) == 3
    assert [(part.part, part.last, len(part.files)) for part in parts] == [
        (0, False, 1_000),
        (1, False, 1_000),
        (2, True, 500),
    ]
    assert {(part.import_id, part.round, part.epoch) for part in parts} == {(JOB, 8, 3)}
    assert len({id for part in parts for id in part.files}) == 2_500


@virtual_time
async def test_parked_files_are_asked_for_once_though_the_next_indexer_is_behind() -> None:
    world = parked_world(files=3, ago=timedelta(hours=2))
    world.idle = {"indexer"}
    for _ in range(3):
        async with world.recovering():
            await asyncio.sleep(25)
    assert len(world.asked()) == 1
    world.idle = set()
    async with world.recovering():
        await asyncio.sleep(20)
    assert len(world.asked()) == 1
    assert world.database.rows.imports[JOB].state == "transferring"


@pytest.mark.parametrize(
    ("ended_ago", "lasted", "retries"),
    [
        (timedelta(minutes=50), timedelta(0), 0),
        (timedelta(minutes=70), timedelta(0), 1),
        (timedelta(minutes=70), timedelta(days=13, hours=23, minutes=30), 0),
        # The time that the API had named came while no indexer ran.
        (timedelta(days=2), timedelta(days=13, hours=22), 1),
        (timedelta(days=20), timedelta(0), 1),
    ],
)
@virtual_time
async def test_parked_files_are_asked_for_at_the_time_that_the_api_names_or_never(
    ended_ago: timedelta, lasted: timedelta, retries: int
) -> None:
    world = parked_world(files=1, ago=ended_ago, lasted=lasted)
    row = world.database.rows.imports[JOB]
    assert row.requested_at is not None
    assert row.finished_at is not None
    due = SETTINGS.parked.due_at(row.requested_at, row.finished_at)
    assert (due is not None and due <= datetime.now(UTC)) == bool(retries)
    async with world.recovering():
        await asyncio.sleep(25)
    assert len(world.asked()) == retries


@virtual_time
async def test_parked_files_of_an_import_that_ended_as_it_was_paused_come_back_too() -> None:
    world = parked_world(files=1, ago=timedelta(hours=2), control="paused")
    async with world.recovering():
        await asyncio.sleep(25)
    resumed, retry = world.asked()
    assert isinstance(resumed, e.ImportResumed)
    assert isinstance(retry, e.RetryRequested)
    assert (resumed.epoch, retry.epoch) == (4, 4)
    assert world.database.rows.imports[JOB].control == "resumed"


def parked_world(
    files: int, ago: timedelta, lasted: timedelta = timedelta(0), control: str | None = None
) -> World:
    world = World()
    parked = {"state": "failed", "reason": "download_quota_exceeded", "tried_round": 7}
    other = {"state": "failed", "reason": "not_found", "tried_round": 0}
    ended = datetime.now(UTC) - ago
    row = an_import(
        1,
        id=JOB,
        state="completed_with_failures",
        failures={"download_quota_exceeded": files, "not_found": 1},
        requested_at=ended - lasted,
        finished_at=ended,
        epoch=3,
        control=control,
    )
    given = [a_file(n, import_id=JOB, outcome_at=AT, **parked) for n in range(files)]
    given.append(a_file(files, import_id=JOB, outcome_at=AT, **other))
    world.writer.save(Rows(), rows(imports=[row], files=given), {})
    return world


def stalled(event: e.Message) -> e.ImportStalled:
    assert isinstance(event, e.ImportStalled)
    return event


def _page() -> e.PageRequested:
    return e.PageRequested(import_id=JOB, folder_id=SUB)


def _found() -> e.FileFound:
    return e.FileFound(
        import_id=JOB,
        file_id="file-1",
        name="1.jpg",
        mime_type="image/jpeg",
        folder_id=ROOT,
        found_at=AT,
    )
