"""The wire format is pinned: golden samples, headers, and what becomes of what cannot be read."""

import json
from pathlib import Path
from uuid import UUID, uuid5

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.core import events as e
from services.core import wire
from services.core.topics import ALL, FILES_FOUND
from tests.samples import FILE, FOUND, JOB, SAMPLES, SUBFOLDER

GOLDEN = Path(__file__).parent / "golden"


def test_every_event_has_a_golden_sample() -> None:
    carried = {kind.__name__ for topic in ALL for kind in topic.carries}
    assert carried == set(SAMPLES) == {path.stem for path in GOLDEN.glob("*.json")}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_bytes_of_every_event_are_pinned(name: str) -> None:
    value = wire.encode(SAMPLES[name], source="test").value
    assert json.loads(value) == json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_golden_sample_still_decodes_to_what_it_meant(name: str) -> None:
    event = SAMPLES[name]
    value = (GOLDEN / f"{name}.json").read_bytes()
    assert wire.decode(event.topic, value) == event


@pytest.mark.parametrize("path", sorted((GOLDEN / "first").glob("*.json")), ids=lambda p: p.stem)
def test_what_the_first_release_wrote_is_read_for_ever(path: Path) -> None:
    written = path.read_bytes()
    event = wire.decode(SAMPLES[path.stem].topic, written)
    assert keeps(json.loads(wire.encode(event, source="").value), json.loads(written))


def keeps(new: object, old: object) -> bool:
    """Whether all that was written is read and written again; fields may have been added."""
    match old, new:
        case dict(), dict():
            return all(name in new and keeps(new[name], value) for name, value in old.items())
        case list(), list():
            return len(new) == len(old) and all(map(keeps, new, old))
    return new == old


def test_unknown_fields_of_a_later_version_are_ignored() -> None:
    value = msgspec.json.encode({**msgspec.to_builtins(FOUND), "colour": "blue"})
    assert wire.decode(FILES_FOUND.name, value) == FOUND


def test_headers_are_cloud_events_in_binary_mode_and_carry_the_trace() -> None:
    record = wire.encode(FOUND, source="lister", traceparent=b"as it was given")
    headers = dict(record.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_source"] == b"/drivestream/lister"
    assert headers["ce_type"] == b"drivestream.FileFound.v1"
    assert headers["ce_importid"] == JOB.encode()
    assert UUID(headers["ce_id"].decode())
    assert headers["traceparent"] == b"as it was given"


def test_what_a_replay_causes_carries_its_id() -> None:
    caused = {
        name
        for name, event in SAMPLES.items()
        if dict(wire.encode(event, source="test").headers).get("ce_replayid")
    }
    assert caused == {
        *("ReplayRequested", "ReplayRateChanged", "ReplayFailed", "ReplayEnded"),
        *("LogPartRequested", "LogPartReplayed"),
        *("FileFound", "FileStored", "FileFailed"),
    }


def test_the_same_fact_has_the_same_id_and_another_round_another() -> None:
    again = msgspec.structs.replace(FOUND, found_at=FOUND.found_at.replace(year=2027))
    later = msgspec.structs.replace(FOUND, round=FOUND.round + 1)
    assert wire.event_id(again) == wire.event_id(FOUND) != wire.event_id(later)


@pytest.mark.parametrize("name", SAMPLES)
def test_an_event_s_id_is_a_uuid_of_its_type_and_identity(name: str) -> None:
    event = SAMPLES[name]
    fact = "/".join((name, *map(str, event.identity)))
    assert wire.event_id(event) == str(uuid5(wire.NAMESPACE, fact))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ImportRequested", JOB),
        ("PageRequested", f"{JOB}/{SUBFOLDER}"),
        ("PageListed", JOB),
        ("FolderNamed", JOB),
        ("FileFound", FILE),
        ("FileStored", FILE),
        ("FileFailed", FILE),
        ("WorkerStatus", "transfer-1"),
    ],
)
def test_keys_are_those_that_the_map_of_topics_names(name: str, key: str) -> None:
    assert wire.encode(SAMPLES[name], source="test").key == key.encode()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"type": "FileFound"}',
        b'{"type": "PageListed", "import_id": "a"}',
        b"\xff\xfe",
        b'{"type":"FileFound","import_id":"\\ud800"}',
        b'{"type":"FileFound","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_is_no_event_of_the_topic_is_undecodable(value: bytes | None) -> None:
    with pytest.raises(wire.UndecodableError):
        wire.decode(FILES_FOUND.name, value)


@pytest.mark.parametrize(
    "field",
    [
        {"file_id": ""},
        {"file_id": "a\x00b"},
        {"file_id": "x" * 257},
        {"file_id": "a\n"},
        {"size": -1},
        {"size": 2**43 + 1},
        {"name": "x" * 4097},
        {"version": -1},
        {"md5": "not hex"},
        {"md5": "0" * 32 + "\n"},
        {"sha1": "0" * 40 + "\n"},
        {"sha256": "0" * 64 + "\n"},
        {"found_at": "2026-01-01T00:00:00"},
        {"round": 2**31},
    ],
)
def test_values_that_no_column_could_hold_are_undecodable(field: dict[str, object]) -> None:
    value = msgspec.json.encode({**msgspec.to_builtins(FOUND), **field})
    with pytest.raises(wire.UndecodableError):
        wire.decode(FILES_FOUND.name, value)


@pytest.mark.parametrize("body", ["{}", '{"import_id": "job-1", "colour": "blue"}'])
def test_an_event_of_a_newer_version_is_told_apart_from_what_nobody_can_read(body: str) -> None:
    value = msgspec.json.encode({"type": "FileInvented", **json.loads(body)})
    with pytest.raises(wire.UnknownEventError, match="FileInvented, which this version does not"):
        wire.decode(FILES_FOUND.name, value)


@pytest.mark.parametrize("value", [b'{"type": "File Invented"}', b'{"type": 7}', b'{"type": ""}'])
def test_a_type_that_no_version_could_have_is_undecodable(value: bytes) -> None:
    with pytest.raises(wire.UndecodableError):
        wire.decode(FILES_FOUND.name, value)


@given(st.binary(max_size=60))
def test_no_bytes_break_the_decoder(value: bytes) -> None:
    with pytest.raises(wire.UndecodableError):
        wire.decode(FILES_FOUND.name, value)


def test_an_outcome_of_one_import_with_a_file_of_another_is_undecodable() -> None:
    stored = msgspec.to_builtins(SAMPLES["FileStored"])
    with pytest.raises(wire.UndecodableError, match="different ids"):
        wire.decode("files.stored", msgspec.json.encode({**stored, "import_id": "another"}))
    failed = msgspec.to_builtins(SAMPLES["FileFailed"])
    with pytest.raises(wire.UndecodableError, match="different ids"):
        wire.decode("files.failed", msgspec.json.encode({**failed, "file_id": "another"}))


def test_the_largest_file_that_may_be_found_fits_the_record_of_its_outcome() -> None:
    widest = "\U0001f304"
    found = msgspec.structs.replace(FOUND, name=widest * 4096, path=(widest * 255,) * 200)
    stored = msgspec.structs.replace(SAMPLES["FileStored"], file=found)
    assert len(wire.encode(stored, source="test").value) < wire.MAX_RECORD_BYTES // 2


@pytest.mark.parametrize("name", ["FileFound", "FileStored", "FileFailed"])
def test_a_files_round_travels_in_the_headers_of_its_outcomes_too(name: str) -> None:
    found = replace(FOUND, round=7)
    events: dict[str, e.Message] = {
        "FileFound": found,
        "FileStored": replace(SAMPLES["FileStored"], file=found),
        "FileFailed": replace(SAMPLES["FileFailed"], file=found, round=7),
    }
    assert dict(wire.encode(events[name], source="test").headers)["ce_round"] == b"7"
