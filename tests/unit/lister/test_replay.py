"""Replays in whole histories: whatever was killed, paused or run twice on the way, each ends as a
fold of the log says that was written here, on its own.

A failure names its seed: `pytest 'tests/unit/lister/test_replay.py::NAME[SEED]'`.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random

import pytest
from msgspec.structs import replace

from services.adapters.catalog.rows import Rows
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core import topics
from services.core.control import ControlState
from services.core.murmur2 import partition_of
from services.core.replays import parts
from services.core.wire import Record, decode
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from services.lister.selection import PartSelection
from tests.fakes.log_reader import FakeLogReader
from tests.fakes.pipeline import IMPORT, Pipeline
from tests.fakes.samples import NOW
from tests.unit.lister.test_recovery import a_tree

SECOND = "import-2"
SEEDS = range(40)
INDEXED = (
    topics.IMPORTS_REQUESTED,
    topics.IMPORTS_LISTED,
    topics.FILES_STORED,
    topics.FILES_FAILED,
)
ScopeOutcomes = dict[e.ReplayScope, tuple[str, ...]]
IN_SCOPE: ScopeOutcomes = {
    e.ReplayScope.MISSING: ("none",),
    e.ReplayScope.FAILED: ("failed",),
    e.ReplayScope.ALL: ("none", "failed", "stored", "unchanged"),
    e.ReplayScope.VERIFY: ("stored", "unchanged"),
}
ORDER = ("stored", "unchanged", "failed", "none")
"""The best first."""
Key = tuple[str, str]


def a_replay(number: int, scope: e.ReplayScope, **changes: object) -> e.ReplayRequested:
    """One that selects all files of the first import that are in the scope."""
    replay = e.ReplayRequested(
        import_id=f"replay-{number}",
        name="After the outage",
        why="The store was full.",
        at=NOW,
        round=0,
        select=e.Selection(imports=(IMPORT,)),
        scope=scope,
    )
    return replace(replay, **changes)


def outcomes_at(pipeline: Pipeline, ends: Sequence[e.LogEnd]) -> dict[Key, str]:
    """Every file that was found before the ends, with its best outcome there. All files here are
    of one version."""
    bounds = {(end.topic, end.partition): end.offset for end in ends}
    states: defaultdict[Key, set[str]] = defaultdict(set)
    for place, end in bounds.items():
        for record in pipeline.log.records[place][:end]:
            match decode(record.topic, record.value) if place[0].startswith("files.") else None:
                case e.FileFound() as event:
                    states[event.import_id, event.file_id].add("none")
                case e.FileStored() as event:
                    state = "unchanged" if event.unchanged else "stored"
                    states[event.import_id, event.file.file_id].add(state)
                case e.FileFailed() as event:
                    states[event.import_id, event.file_id].add("failed")
    return {key: min(seen, key=ORDER.index) for key, seen in states.items()}


def expected(pipeline: Pipeline, replay: e.ReplayRequested) -> set[Key]:
    """What the replay must select."""
    return {
        key
        for key, outcome in outcomes_at(pipeline, replay.ends).items()
        if outcome in IN_SCOPE[replay.scope]
        and (not replay.select.imports or key[0] in replay.select.imports)
        and (not replay.select.outcomes or outcome in replay.select.outcomes)
        and (not replay.select.files or key[1] in replay.select.files)
    }


def results(pipeline: Pipeline, replay_id: str) -> dict[Key, set[str]]:
    """What came of each file in this replay."""
    found: defaultdict[Key, set[str]] = defaultdict(set)
    for event in (*pipeline.events(topics.FILES_STORED), *pipeline.events(topics.FILES_FAILED)):
        match event:
            case e.FileStored(file=file) if file.replay_id == replay_id:
                state = "unchanged" if event.unchanged else "stored"
                found[event.import_id, file.file_id].add(state)
            case e.FileFailed(file=e.FileFound(replay_id=id)) if id == replay_id:
                found[event.import_id, event.file_id].add("failed")
    return found


def rows(pipeline: Pipeline, rng: Random) -> Rows:
    """The indexer's rows; it reads the partitions in any order, in batches of any size."""
    rest = {
        (topic.name, p): list(pipeline.log.records[topic.name, p])
        for topic in INDEXED
        for p in range(topic.partitions)
    }
    folded = Rows()
    while rest := {place: records for place, records in rest.items() if records}:
        place = rng.choice(sorted(rest))
        size = rng.randint(1, len(rest[place]))
        batch = [
            LogRecord(decode(r.topic, r.value), r.topic, r.partition, r.offset)
            for r in rest[place][:size]
        ]
        rest[place] = rest[place][size:]
        folded = fold(folded, rows_of(batch))
        for row in folded.replays.values():
            assert row.selected == row.stored + row.unchanged + row.failed + row.pending
    return folded


def assert_ended(pipeline: Pipeline, replays: Sequence[e.ReplayRequested]) -> None:
    """Each selected what it must, worked on all of it, and its rows say exactly that."""
    folded = rows(pipeline, pipeline.rng)
    for replay in replays:
        wanted, done = expected(pipeline, replay), results(pipeline, replay.import_id)
        assert set(done) == wanted
        row = folded.replays[replay.import_id]
        best = {key: min(states, key=ORDER.index) for key, states in done.items()}
        counts = Counter(best.values())
        assert (row.state, row.selected, row.pending) == ("completed", len(wanted), 0)
        assert (row.stored, row.unchanged, row.failed) == tuple(counts[s] for s in ORDER[:3])
        own = {key[1:]: f.state for key, f in folded.replay_files.items() if key[0] == row.id}
        assert own == best
        assert row.message == (None if wanted else "The replay selected no files.")


async def begun(seed: int) -> Pipeline:
    """Two imports of one tree, some way through; some files fail for now."""
    pipeline = Pipeline(seed)
    files = sorted(a_tree(pipeline))
    pipeline.failing = {id for id in files if pipeline.rng.random() < 0.4}
    await pipeline.begin()
    await pipeline.begin(SECOND)
    await pipeline.steps(pipeline.rng.choice([20, 60, 200, 2_000]))
    return pipeline


def a_random_replay(pipeline: Pipeline, number: int) -> e.ReplayRequested:
    rng = pipeline.rng
    files = tuple(pipeline.drive.folders) and tuple(sorted(pipeline.failing))
    select = rng.choice(
        [
            e.Selection(imports=(IMPORT,)),
            e.Selection(imports=(IMPORT, SECOND)),
            e.Selection(outcomes=rng.choice([("failed",), ("stored", "none")])),
            e.Selection(files=files[: rng.randrange(4)] or ("no-such-file",)),
            e.Selection(imports=("import-that-never-was",)),
        ]
    )
    transfer = rng.choice([e.Mode.CHECK, e.Mode.FORCE])
    return a_replay(number, rng.choice(list(e.ReplayScope)), select=select, transfer=transfer)


@pytest.mark.parametrize("seed", SEEDS)
async def test_replays_killed_paused_overlapping_and_of_replays_end_whole(seed: int) -> None:
    pipeline, replays, paused = await begun(seed), list[e.ReplayRequested](), set[str]()
    rng = pipeline.rng
    for number in range(rng.randint(1, 3)):
        replays.append(await pipeline.replay(a_random_replay(pipeline, number)))
        for _ in range(rng.randrange(4)):
            await pipeline.steps(rng.randrange(60))
            chosen = rng.choice(replays).import_id
            match rng.randrange(4):
                case 0:
                    await pipeline.control(e.ImportPaused, chosen)
                    paused.add(chosen)
                case 1 if chosen in paused:
                    await pipeline.control(e.ImportResumed, chosen)
                    paused.discard(chosen)
                case 2:
                    pipeline.publisher.lives = rng.randrange(6)
                case 3:
                    pipeline.failing -= set(rng.sample(sorted(pipeline.failing), k=1)[:1])
    for id in sorted(paused):
        await pipeline.control(e.ImportResumed, id)
    await pipeline.steps()
    assert_ended(pipeline, replays)


@pytest.mark.parametrize("seed", range(20))
async def test_a_replay_whose_messages_were_lost_is_healed(seed: int) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    replay = await pipeline.replay(a_replay(1, e.ReplayScope.ALL))
    await pipeline.steps(pipeline.rng.randrange(60))
    pipeline.skip(topics.IMPORTS_PAGES, topics.FILES_FOUND)
    await pipeline.steps()
    await pipeline.control(e.ImportStalled, replay.import_id)
    await pipeline.steps()
    assert_ended(pipeline, [replay])


@pytest.mark.parametrize("seed", range(10))
async def test_what_a_replay_does_twice_changes_nothing_more(seed: int) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    pipeline.failing = set()
    first = await pipeline.replay(a_replay(1, e.ReplayScope.FAILED))
    await pipeline.steps()
    before, fetched = rows(pipeline, Random(seed)), dict(pipeline.fetched)
    await pipeline.publish(first)
    await pipeline.steps()
    after = rows(pipeline, Random(seed))
    assert (after.files, after.imports, pipeline.fetched) == (before.files, before.imports, fetched)
    again = await pipeline.replay(a_replay(2, e.ReplayScope.FAILED))
    await pipeline.steps()
    assert_ended(pipeline, [first, again])
    assert not expected(pipeline, again)


@pytest.mark.parametrize("seed", range(10))
async def test_a_replay_of_a_replay_selects_what_that_one_selected(seed: int) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    first = await pipeline.replay(a_replay(1, e.ReplayScope.FAILED))
    await pipeline.steps()
    select = e.Selection(imports=(first.import_id,))
    second = await pipeline.replay(a_replay(2, e.ReplayScope.ALL, select=select, depth=1))
    await pipeline.steps()
    assert set(results(pipeline, second.import_id)) == expected(pipeline, first)
    assert rows(pipeline, pipeline.rng).replays[second.import_id].state == "completed"


async def test_a_replay_that_is_too_deep_does_nothing_and_says_so() -> None:
    pipeline = await begun(1)
    await pipeline.steps()
    found = len(pipeline.events(topics.FILES_FOUND))
    await pipeline.replay(a_replay(1, e.ReplayScope.ALL, depth=4))
    await pipeline.steps()
    assert len(pipeline.events(topics.FILES_FOUND)) == found
    row = rows(pipeline, pipeline.rng).replays["replay-1"]
    assert row.state == "failed"
    assert (
        row.message == "This replay is nested more than 3 levels deep. Select the original imports."
    )


@pytest.mark.parametrize("seed", range(10))
async def test_a_replay_ends_as_failed_if_one_of_its_messages_kills_whoever_takes_it(
    seed: int,
) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    await pipeline.replay(a_replay(1, e.ReplayScope.ALL))
    pipeline.condemned = "replay-1"
    await pipeline.steps()
    row = rows(pipeline, pipeline.rng).replays["replay-1"]
    assert (row.state, row.message) == ("failed", "The worker died each time.")
    assert row.finished_at is not None
    fetched, pipeline.condemned = dict(pipeline.fetched), None
    await pipeline.control(e.ImportResumed, "replay-1")
    await pipeline.steps()
    assert pipeline.fetched == fetched


@pytest.mark.parametrize("most", [0, 1, 3, 1_000])
async def test_a_bound_on_the_files_is_met_exactly(most: int) -> None:
    pipeline = await begun(7)
    await pipeline.steps()
    replay = await pipeline.replay(a_replay(1, e.ReplayScope.ALL, most=most))
    pipeline.publisher.lives = 5
    await pipeline.steps()
    row = rows(pipeline, pipeline.rng).replays["replay-1"]
    assert (row.state, row.selected) == ("completed", min(most, len(expected(pipeline, replay))))


@pytest.mark.parametrize("seed", range(10))
async def test_files_of_a_paused_import_are_left_out(seed: int) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    await pipeline.control(e.ImportPaused, SECOND)
    await pipeline.replay(a_replay(1, e.ReplayScope.ALL, select=e.Selection(imports=())))
    await pipeline.control(e.ImportResumed, SECOND)
    await pipeline.steps()
    assert {id for id, _ in results(pipeline, "replay-1")} <= {IMPORT}
    assert rows(pipeline, pipeline.rng).replays["replay-1"].state == "completed"


@pytest.mark.parametrize("seed", range(10))
async def test_files_whose_import_is_paused_meanwhile_are_done_once_the_replay_is_healed(
    seed: int,
) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    replay = await pipeline.replay(a_replay(1, e.ReplayScope.ALL))
    await pipeline.steps(pipeline.rng.randrange(40))
    await pipeline.control(e.ImportPaused)
    await pipeline.steps()
    await pipeline.control(e.ImportResumed)
    await pipeline.steps()
    await pipeline.control(e.ImportStalled, replay.import_id)
    await pipeline.steps()
    assert_ended(pipeline, [replay])


@pytest.mark.parametrize("seed", range(10))
async def test_files_whose_import_is_cancelled_meanwhile_fail_in_the_replay_alone(
    seed: int,
) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    replay = await pipeline.replay(a_replay(1, e.ReplayScope.ALL))
    await pipeline.steps(pipeline.rng.randrange(40))
    before = rows(pipeline, pipeline.rng).files
    await pipeline.control(e.ImportCancelled)
    await pipeline.control(e.ImportStalled, replay.import_id)
    await pipeline.steps()
    assert pipeline.controls.of(IMPORT).state is ControlState.CANCELLED
    folded = rows(pipeline, pipeline.rng)
    row, wanted = folded.replays["replay-1"], expected(pipeline, replay)
    left = len(wanted) - len(results(pipeline, "replay-1"))
    assert (row.state, row.selected) == ("completed", len(wanted))
    assert row.failures.get("import_cancelled", 0) == left
    assert {k: f.state for k, f in folded.files.items()} == {k: f.state for k, f in before.items()}


async def test_a_cancelled_replay_stays_cancelled() -> None:
    pipeline = await begun(3)
    await pipeline.steps()
    await pipeline.replay(a_replay(1, e.ReplayScope.ALL))
    await pipeline.steps(5)
    await pipeline.control(e.ImportCancelled, "replay-1")
    done = dict(pipeline.fetched)
    await pipeline.control(e.ImportResumed, "replay-1")
    await pipeline.steps()
    assert pipeline.fetched == done
    row = rows(pipeline, pipeline.rng).replays["replay-1"]
    assert row.state == "cancelled"
    assert row.finished_at is not None


def a_letter(record: Raw, **headers: str) -> Record:
    """The record as a dead letter, with these headers added or replaced."""
    said = {
        "dlq_original_topic": record.topic,
        "dlq_original_bytes": str(len(record.value or b"")),
        "dlq_error_code": "undecodable_event",
        **headers,
    }
    own = {**record.headers, **{name: value.encode() for name, value in said.items()}}
    key, value = record.key or b"", record.value or b""
    return Record(topic=topics.DEAD_LETTERS.name, key=key, value=value, headers=[*own.items()])


async def test_dead_letters_come_back_as_they_were_and_three_times_at_most() -> None:
    pipeline = await begun(5)
    await pipeline.steps()
    whole = pipeline.log.of(topics.FILES_FOUND.name)[0]
    letters = [a_letter(whole), *(a_letter(whole, ce_redrives=str(n)) for n in (1, 2, 3, 4))]
    cut, nowhere = (
        a_letter(whole, dlq_original_bytes="999999"),
        a_letter(whole, dlq_original_topic="somewhere"),
    )
    await pipeline.publisher.publish([*letters, cut, nowhere])
    before = len(pipeline.log.records["files.found", whole.partition])
    select = e.Selection(dead_letters=True)
    await pipeline.replay(a_replay(1, e.ReplayScope.ALL, select=select))
    pipeline.publisher.lives = 2
    await pipeline.steps()
    back = pipeline.log.records["files.found", whole.partition][before:]
    assert {(record.key, record.value) for record in back} == {(whole.key, whole.value)}
    for record in back:
        redrives = record.headers["ce_redrives"]
        own = {"ce_redrives": redrives, "ce_replayid": b"replay-1"}
        assert record.headers == {**whole.headers, **own}
    assert {record.headers["ce_redrives"] for record in back} == {b"1", b"2", b"3"}
    row = rows(pipeline, pipeline.rng).replays["replay-1"]
    assert (row.state, row.redriven, row.selected) == ("completed", 3, 0)


@pytest.mark.parametrize(
    ("select", "count"),
    [
        (e.Selection(dead_letters=True, imports=(SECOND,)), 0),
        (e.Selection(dead_letters=True, reasons=("undecodable_event",)), 1),
        (e.Selection(dead_letters=True, reasons=("something_else",)), 0),
        (e.Selection(dead_letters=True, since=NOW), 1),
        (e.Selection(dead_letters=True, until=NOW), 0),
    ],
)
async def test_dead_letters_are_selected_by_import_reason_and_time(
    select: e.Selection, count: int
) -> None:
    pipeline = await begun(5)
    await pipeline.steps()
    [*of_first] = [
        record
        for record in pipeline.log.of(topics.FILES_FOUND.name)
        if record.headers["ce_importid"] == IMPORT.encode()
    ]
    await pipeline.publisher.publish([a_letter(of_first[0])])
    await pipeline.replay(a_replay(1, e.ReplayScope.ALL, select=select))
    await pipeline.steps()
    assert rows(pipeline, pipeline.rng).replays["replay-1"].redriven == count


@pytest.mark.parametrize("seed", range(20))
async def test_one_consumer_is_told_of_the_past_and_nothing_is_worked_on(seed: int) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    await pipeline.control(e.ImportPaused if seed % 2 else e.ImportCancelled, SECOND)
    log, before = pipeline.log, rows(pipeline, Random(seed))
    sizes = {place: len(records) for place, records in log.records.items()}
    replay = await pipeline.replay(
        a_replay(
            1,
            e.ReplayScope.ALL,
            target="thumbnails",
            select=pipeline.rng.choice(
                [e.Selection(imports=(SECOND,)), e.Selection(outcomes=("stored",))]
            ),
        )
    )
    await pipeline.steps(pipeline.rng.randrange(20))
    pipeline.publisher.lives = pipeline.rng.randrange(6)
    await pipeline.control(e.ImportPaused, replay.import_id)
    await pipeline.steps()
    await pipeline.control(e.ImportResumed, replay.import_id)
    await pipeline.steps()
    told = defaultdict[Key, set[bytes | None]](set)
    written = {
        (record.key, record.value, tuple(record.headers.items()))
        for topic in (topics.FILES_STORED, topics.FILES_FAILED)
        for record in log.of(topic.name)
    }
    for record in log.of("feeds.thumbnails"):
        own = [(k, v) for k, v in record.headers.items() if k != "ce_replayid"]
        assert (record.key, record.value, tuple(own)) in written
        assert record.headers["ce_replayid"] == b"replay-1"
        assert record.partition == partition_of(record.key or b"", topics.FILE_PARTITIONS)
        told[own_header(record), (record.key or b"").decode()].add(record.value)
    assert told.keys() == expected(pipeline, replay)
    assert {len(values) for values in told.values()} == {1}
    after = rows(pipeline, Random(seed))
    row = after.replays["replay-1"]
    assert (row.state, row.redriven, row.selected) == ("completed", len(told), 0)
    assert (after.files, after.images) == (before.files, before.images)
    for topic in (topics.FILES_FOUND, topics.FILES_STORED, topics.FILES_FAILED):
        for p in range(topic.partitions):
            assert len(log.records[topic.name, p]) == sizes.get((topic.name, p), 0)


def own_header(record: Raw) -> str:
    return record.headers["ce_importid"].decode()


@pytest.mark.parametrize("seed", range(5))
async def test_a_partition_with_more_files_than_fit_is_read_in_shares(seed: int) -> None:
    pipeline = await begun(seed)
    await pipeline.steps()
    replay = await pipeline.replay(a_replay(1, e.ReplayScope.ALL, select=e.Selection()))
    wanted = Counter[int]()
    for part in parts(replay, 0):
        selected = []
        for most_files in (1, 2, 50_000):
            async with RangeReader(lambda: FakeLogReader(pipeline.log)) as log_reader:
                chosen = await PartSelection(log_reader, part, replay, most_files).selected()
            selected.append(list(chosen.found))
        assert selected[0] == selected[1] == selected[2]
        wanted[part.partition] = len(selected[0])
    assert wanted.total() == len(expected(pipeline, replay))


@pytest.mark.parametrize("seed", range(5))
async def test_what_is_selected_is_told_before_it_is_published(seed: int) -> None:
    pipeline, told = await begun(seed), set[Key]()
    await pipeline.steps()
    await pipeline.replay(a_replay(1, e.ReplayScope.ALL))
    await pipeline.steps()
    published = [x for x in pipeline.publisher.published if isinstance(x, e.Event)]
    for event in published:
        if isinstance(event, e.LogPartReplayed):
            told |= {(file.import_id, file.file_id) for file in event.files}
        elif isinstance(event, e.FileFound) and event.replay_id is not None:
            assert (event.import_id, event.file_id) in told
    assert told
