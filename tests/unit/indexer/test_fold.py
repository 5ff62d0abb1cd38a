"""The law of the index: the same facts, in whatever order and parts, give the same rows."""

import random
from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.adapters.catalog.rows import ImportRow, Rows
from services.core import events as e
from services.core.outcomes import FileFacts
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from tests.histories import histories

Key = tuple[str, str]


def in_batches(records: list[LogRecord], cuts: random.Random) -> Rows:
    """Fold piece by piece, as a database in between would see it."""
    rows = Rows()
    while records:
        size = cuts.randint(1, len(records))
        rows = fold(rows, rows_of(records[:size]))
        records = records[size:]
    return rows


@settings(max_examples=150)
@given(history=histories(), chance=st.randoms(use_true_random=False))
def test_any_order_repetition_and_batching_gives_the_same_rows(
    history: list[LogRecord], chance: random.Random
) -> None:
    straight = fold(Rows(), rows_of(history))
    repeated = history + chance.choices(history, k=len(history)) if history else []
    chance.shuffle(repeated)
    assert in_batches(repeated, chance) == straight


@settings(max_examples=120)
@given(history=histories())
def test_a_file_belongs_to_the_smallest_of_the_folders_that_its_import_tells_of(
    history: list[LogRecord],
) -> None:
    told: defaultdict[Key, set[str]] = defaultdict(set)
    for record in history:
        event = record.event
        if isinstance(event, e.FileStored | e.FileFailed) and event.file is not None:
            told[event.import_id, event.key].add(event.file.folder_id)
    rows = fold(Rows(), rows_of(history)).files
    assert {key: rows[key].folder_id for key in told} == {key: min(told[key]) for key in told}


@settings(max_examples=120)
@given(history=histories())
def test_the_equation_closes_when_each_part_is_counted_on_its_own(
    history: list[LogRecord],
) -> None:
    rows = fold(Rows(), rows_of(history))
    for job in rows.imports.values():
        files = [f for (owner, _), f in rows.files.items() if owner == job.id]
        known = [f for f in files if f.listed or f.outcome_at is not None or f.skip_reason]
        states = Counter(f.state for f in known)
        assert job.found == job.stored + job.unchanged + job.failed + job.pending
        assert job.found == sum(1 for f in files if f.listed or f.outcome_at is not None)
        parts = {s: states[s] for s in ("stored", "unchanged", "failed", "pending")}
        assert parts == {s: getattr(job, s) for s in parts}
        assert sum(job.skipped.values()) == states["skipped"]
        assert sum(job.failures.values()) == states["failed"]


@settings(max_examples=120)
@given(history=histories())
def test_a_replay_counts_each_file_that_it_selected_once(history: list[LogRecord]) -> None:
    """Selected is every file that a part names, or an outcome of the replay."""
    rows = fold(Rows(), rows_of(history))
    for replay in rows.replays.values():
        selected = set[Key]()
        for event in (record.event for record in history):
            match event:
                case e.LogPartReplayed(import_id=replay.id):
                    told = (*event.files, *event.cancelled)
                    selected |= {(file.import_id, file.file_id) for file in told}
                case e.FileStored(file=e.FileFound(replay_id=replay.id)):
                    selected.add((event.import_id, event.key))
                case e.FileFailed(file=e.FileFound(replay_id=replay.id)):
                    selected.add((event.import_id, event.key))
        files = {key[1:]: row for key, row in rows.replay_files.items() if key[0] == replay.id}
        states = Counter(row.state for row in files.values())
        assert set(files) == selected
        assert replay.selected == len(selected)
        parts = {s: states[s] for s in ("stored", "unchanged", "failed", "pending")}
        assert parts == {s: getattr(replay, s) for s in parts}
        assert sum(replay.failures.values()) == replay.failed
        if replay.state == "completed":
            assert (replay.pending, replay.parts_done >= replay.parts) == (0, True)
            assert replay.finished_at is not None


@settings(max_examples=150)
@given(histories(), st.randoms(use_true_random=False))
def test_a_replay_selects_by_the_outcomes_that_the_rows_show(
    records: list[LogRecord], cuts: random.Random
) -> None:
    """The plan counts rows; the lister folds the log."""
    facts, _ = folded_by_the_lister(records)
    for key, row in in_batches(records, cuts).files.items():
        outcome = facts.get(key, FileFacts()).outcome
        if outcome is None:
            assert row.outcome_at is None
        else:
            assert (row.outcome_at, row.reason or "") == (outcome.at, outcome.reason)


@settings(max_examples=120)
@given(histories(), st.randoms(use_true_random=False))
def test_a_later_look_never_turns_stored_into_unchanged(
    history: list[LogRecord], chance: random.Random
) -> None:
    """A replay that finds the objects in place, or finds that one is broken, has an account of its
    own. The import's goes on saying what the import did."""
    account = _stored_files(fold(Rows(), rows_of(history)))
    later = [
        LogRecord(look, look.topic, 0, len(history) + n)
        for n, look in enumerate(look for record in history for look in _looks_at(record.event))
    ]
    mixed = history + later
    chance.shuffle(mixed)
    rows = in_batches(mixed, chance)
    assert account == _stored_files(rows)
    facts, _ = folded_by_the_lister(mixed)
    assert {key for key in account if facts[key].state != "stored"} == set()


def _looks_at(event: e.Message) -> list[e.Outcome]:
    """What a replay may say of an object that was stored: it is there, or it is broken."""
    if not isinstance(event, e.FileStored) or event.unchanged:
        return []
    file = replace(event.file, round=9, mode=e.Mode.VERIFY, replay_id="replay-a")
    broken = e.FileFailed(
        import_id=event.import_id,
        file_id=file.file_id,
        file=file,
        round=file.round,
        reason="object_differs",
        message="No.",
        failed_at=event.stored_at,
    )
    return [replace(event, file=file, unchanged=True), broken]


def _stored_files(rows: Rows) -> set[Key]:
    return {key for key, row in rows.files.items() if row.state == "stored"}


@given(history=histories())
def test_an_import_ends_only_when_nothing_is_pending_and_every_folder_is_settled(
    history: list[LogRecord],
) -> None:
    rows = fold(Rows(), rows_of(history))
    for job in rows.imports.values():
        if job.state in ("completed", "completed_with_failures", "failed"):
            assert job.pending == 0
            assert _unsettled(rows, job) == 0
            assert job.finished_at is not None


def _unsettled(rows: Rows, job: ImportRow) -> int:
    return sum(
        1
        for (owner, _), folder in rows.folders.items()
        if owner == job.id and not folder.closed and folder.failed_at is None
    )


@given(history=histories())
def test_the_rows_that_a_batch_makes_are_the_ones_that_were_to_be_loaded(
    history: list[LogRecord],
) -> None:
    batch = rows_of(history)
    rows = fold(Rows(), batch)
    assert set(rows.imports) == set(batch.imports)
    assert set(rows.folders) == set(batch.folders)
    assert set(rows.files) == set(batch.files)
    assert set(rows.images) == set(batch.images)
    assert set(rows.replays) == set(batch.replays)
    assert set(rows.replay_files) == set(batch.replay_files)


@settings(max_examples=200)
@given(histories(), st.randoms(use_true_random=False))
def test_the_lister_and_the_indexer_call_the_same_files_pending(
    records: list[LogRecord], cuts: random.Random
) -> None:
    """The lister folds the log by itself to publish again what has no outcome."""
    facts, retries = folded_by_the_lister(records)
    rows = in_batches(records, cuts).files
    for key, row in rows.items():
        if row.listed or row.outcome_at is not None:
            assert (row.state == "pending") is facts.get(key, FileFacts()).pending(retries[key])
    for key, known in facts.items():
        if not known.pending(retries[key]):
            assert rows[key].state == known.state


def folded_by_the_lister(
    records: list[LogRecord],
) -> tuple[dict[Key, FileFacts], Counter[Key]]:
    facts: defaultdict[Key, FileFacts] = defaultdict(FileFacts)
    retries = Counter[Key]()
    for record in records:
        match record.event:
            case e.FileStored() | e.FileFailed() as event:
                facts[event.import_id, event.key].take(event, record.offset)
            case e.RetryRequested() as event:
                for key in ((event.import_id, id) for id in event.files):
                    retries[key] = max(retries[key], event.round)
    return facts, retries
