"""What becomes of a record that cannot be decoded, and whose failure it is."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.kafka.producer import publish_dead_letter
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core.topics import DEAD_LETTERS
from services.core.wire import MAX_RECORD_BYTES, Record, decode, encode
from tests.samples import FILE, FOLDER, FOUND, JOB, SAMPLES

OWNED = {"ce_importid": JOB.encode(), "ce_round": b"2"}


def raw(topic: str, key: bytes | None, headers: dict[str, bytes]) -> Raw:
    return Raw(topic=topic, partition=3, offset=9, key=key, value=b"{", headers=headers, at_ms=7)


def dead_letter_records(record: Raw, why: str, *, service: str) -> list[Record]:
    """All that is published for a record that cannot be decoded."""
    published: list[Record] = []

    class Publisher:
        async def publish(self, events: Sequence[e.Message | Record]) -> None:
            published.extend(
                each if isinstance(each, Record) else encode(each, source=service)
                for each in events
            )

    asyncio.run(publish_dead_letter(Publisher(), record, why, service=service))
    return published


def test_a_dead_letter_keeps_the_bytes_and_says_where_from_and_why() -> None:
    letter, *_ = dead_letter_records(raw("files.found", b"k", OWNED), "cut off", service="transfer")
    headers = dict(letter.headers)
    assert (letter.topic, letter.key, letter.value) == (DEAD_LETTERS.name, b"k", b"{")
    assert headers["dlq_original_topic"] == b"files.found"
    assert headers["dlq_original_partition"] == b"3"
    assert headers["dlq_original_offset"] == b"9"
    assert headers["dlq_original_group"] == b"transfer"
    assert headers["dlq_error_message"] == b"cut off"
    assert headers["ce_importid"] == JOB.encode()


@pytest.mark.parametrize("topic", ["files.found", "files.stored", "files.failed"])
def test_an_undecodable_file_event_fails_the_file(topic: str) -> None:
    _, failure = dead_letter_records(raw(topic, FILE.encode(), OWNED), "cut off", service="x")
    event = decode(failure.topic, failure.value)
    assert isinstance(event, e.FileFailed)
    assert (event.import_id, event.file_id, event.round) == (JOB, FILE, 2)
    found_in = e.Place(topic=topic, partition=3, offset=9) if topic == "files.found" else None
    assert event.found_in == found_in


def test_an_undecodable_page_request_fails_the_folder() -> None:
    key = f"{JOB}/{FOLDER}".encode()
    _, failure = dead_letter_records(raw("imports.pages", key, {}), "cut off", service="lister")
    event = decode(failure.topic, failure.value)
    assert isinstance(event, e.FolderFailed)
    assert (event.import_id, event.folder_id) == (JOB, FOLDER)


@pytest.mark.parametrize("name", ["LogPartRequested", "LogPartReplayed"])
def test_an_undecodable_event_of_a_replay_fails_the_replay(name: str) -> None:
    sent = encode(SAMPLES[name], source="test")
    record = raw(sent.topic, sent.key, dict(sent.headers))
    _, failure = dead_letter_records(record, "cut off", service="lister")
    event = decode(failure.topic, failure.value)
    assert isinstance(event, e.ReplayFailed)
    assert (event.import_id, event.reason) == ("replay-7d1c", "undecodable_event")


def test_an_undecodable_part_of_an_imports_log_fails_no_folder() -> None:
    part = e.LogPartRequested(import_id=JOB, partition=3, why="resume", ends=())
    sent = encode(part, source="test")
    record = raw(sent.topic, sent.key, dict(sent.headers))
    assert len(dead_letter_records(record, "cut off", service="lister")) == 1


def test_an_undecodable_manifest_fails_its_folder() -> None:
    headers = {"ce_subject": FOLDER.encode()}
    _, failure = dead_letter_records(
        raw("imports.listed", JOB.encode(), headers), "no", service="x"
    )
    event = decode(failure.topic, failure.value)
    assert isinstance(event, e.FolderFailed)
    assert (event.import_id, event.folder_id) == (JOB, FOLDER)


def test_every_dead_letter_fits_a_record() -> None:
    huge = Raw(
        topic="files.found",
        partition=0,
        offset=0,
        key=b"k",
        value=b"x" * (20 * 1024 * 1024),
        headers={"h": b"y" * (5 * 1024 * 1024)},
    )
    (letter,) = dead_letter_records(huge, "no", service="x")
    size = len(letter.value) + sum(len(n) + len(v) for n, v in letter.headers)
    assert size < MAX_RECORD_BYTES // 2
    assert dict(letter.headers)["dlq_original_bytes"] == str(20 * 1024 * 1024).encode()


@pytest.mark.parametrize(
    ("topic", "key", "headers"),
    [
        ("files.found", b"k", {}),
        ("files.found", None, OWNED),
        ("files.found", b"\x00", OWNED),
        ("imports.pages", b"no slash", {}),
        ("imports.requested", JOB.encode(), OWNED),
    ],
)
def test_a_record_without_a_known_owner_leads_to_a_dead_letter_only(
    topic: str, key: bytes | None, headers: dict[str, bytes]
) -> None:
    assert len(dead_letter_records(raw(topic, key, headers), "cut off", service="x")) == 1


@pytest.mark.parametrize(
    ("event", "import_id", "subject", "round_", "epoch"),
    [
        (FOUND, JOB, FILE, 2, 1),
        (SAMPLES["FileStored"], JOB, FILE, 2, 1),
        (SAMPLES["PageListed"], JOB, FOLDER, 0, 0),
    ],
)
def test_key_and_headers_still_tell_whose_record_it_was(
    event: e.Message, import_id: str, subject: str, round_: int, epoch: int
) -> None:
    record = encode(event, source="test")
    undecodable = raw(record.topic, record.key, dict(record.headers))
    _, letter = dead_letter_records(undecodable, "cut off", service="test")
    failure = decode(letter.topic, letter.value)
    assert isinstance(failure, e.FileFailed | e.FolderFailed)
    assert (failure.import_id, failure.subject, failure.epoch) == (import_id, subject, epoch)
    assert getattr(failure, "round", 0) == round_


@given(
    key=st.none() | st.text(max_size=9).map(str.encode) | st.binary(max_size=300),
    job=st.text(max_size=9).map(str.encode) | st.binary(max_size=300),
)
def test_hostile_keys_and_headers_name_nobody_or_a_valid_id(key: bytes | None, job: bytes) -> None:
    record = raw("files.found", key, {"ce_importid": job, "ce_round": job})
    _letter, *failures = dead_letter_records(record, "cut off", service="test")
    assert len(failures) == (names(key) and names(job))
    for failure in failures:
        event = decode("files.failed", failure.value)
        assert isinstance(event, e.FileFailed)
        assert event.import_id == job.decode("utf-8", "replace")
        assert event.file_id == (key or b"").decode("utf-8", "replace")
        assert event.round == 0 or event.round == int(job)
        assert event.epoch == 0


def names(raw_id: bytes | None) -> bool:
    """Whether bytes may be an id: some text without spaces and control characters."""
    text = (raw_id or b"").decode("utf-8", "replace")
    return 0 < len(text) <= 256 and not any(c <= " " or c == "\x7f" for c in text)
