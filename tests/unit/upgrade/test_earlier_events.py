"""Events of earlier versions, as these really wrote them, are read and folded by this one."""

import json
from collections.abc import Iterator

import pytest

from services.adapters.catalog.rows import ImportRow, Rows
from services.core import events as e
from services.core import wire
from services.core.topics import BY_NAME
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from services.indexer.service import NAMES
from tests.recordings.reading import RECORDINGS, UNRELEASED, Recorded, Recording
from tests.samples import SAMPLES
from tests.unit.core.test_wire import keeps

COUNTS = ("state", "found", "stored", "unchanged", "failed", "pending", "skipped")
each_recording = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda r: r.commit)


def events(recording: Recording) -> Iterator[tuple[Recorded, e.Message]]:
    """All of its records that carry events for this version, and what this version reads there."""
    for one in (*recording.samples, *recording.log):
        if BY_NAME[one.record.topic].carries and not is_moved(recording, one):
            yield one, wire.decode(one.record.topic, one.record.value)


def is_moved(recording: Recording, one: Recorded) -> bool:
    """What a worker waits for was a sentence at first. The topic of these keeps each worker's
    newest word, and who reads it passes over what it cannot read."""
    waits = one.record.topic == "workers.status" and b'"waiting_for":"' in one.record.value
    return recording.commit == UNRELEASED and waits


@each_recording
def test_every_record_is_read_and_nothing_that_it_says_is_lost(recording: Recording) -> None:
    read = list(events(recording))
    assert len(read) > 100
    for one, event in read:
        written = json.loads(one.record.value)
        assert keeps(json.loads(wire.encode(event, source="").value), written), one.name


@each_recording
def test_a_fact_keeps_its_id_and_its_place(recording: Recording) -> None:
    """Readers drop repeats by the id, and order by the key: a repeat by newer code is the same."""
    for one, event in events(recording):
        again = wire.encode(event, source="")
        assert dict(again.headers)["ce_id"].decode() == one.headers["ce_id"], one.name
        assert (again.topic, again.key) == (one.record.topic, one.record.key), one.name


@each_recording
def test_its_log_folds_to_what_its_own_api_said(recording: Recording) -> None:
    log = [
        LogRecord(event, one.record.topic, one.partition, one.offset)
        for one, event in events(recording)
        if one in recording.log and one.record.topic in NAMES
    ]
    imports = fold(Rows(), rows_of(log)).imports
    said = {row["id"]: row for row in recording.answers["/imports"]}
    assert set(imports) == set(said)
    for id, row in imports.items():
        assert counted(row) == {name: said[id][name] for name in COUNTS}


def counted(row: ImportRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in COUNTS}


def test_the_newest_recording_has_every_type_of_event() -> None:
    newest = max(RECORDINGS, key=lambda recording: len(recording.samples))
    assert {one.name for one in newest.samples} == set(SAMPLES)


def test_dead_letters_are_none() -> None:
    letters = [one for r in RECORDINGS for one in r.log if one.record.topic == "dead.letters"]
    assert letters == []


def test_at_most_two_records_are_not_read() -> None:
    moved = [one for r in RECORDINGS for one in (*r.samples, *r.log) if is_moved(r, one)]
    assert len(moved) == 2
    for one in moved:
        with pytest.raises(wire.UndecodableError):
            wire.decode(one.record.topic, one.record.value)
