"""What is written when a message cannot be decoded."""

from datetime import UTC, datetime

import pytest

from services.adapters.kafka.dead_letters import dead_letter_records
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core.topics import DEAD_LETTERS
from services.core.wire import MAX_RECORD_BYTES, decode
from tests.samples import FILE, FOLDER, JOB

AT = datetime(2026, 1, 1, tzinfo=UTC)
OWNED = {"ce_importid": JOB.encode(), "ce_round": b"2"}


def raw(topic: str, key: bytes | None, headers: dict[str, bytes]) -> Raw:
    return Raw(topic=topic, partition=3, offset=9, key=key, value=b"{", headers=headers, at_ms=7)


def test_the_letter_keeps_the_bytes_and_says_where_from_and_why() -> None:
    letter, *_ = dead_letter_records(
        raw("files.found", b"k", OWNED), "cut off", service="transfer", at=AT
    )
    headers = dict(letter.headers)
    assert (letter.topic, letter.key, letter.value) == (DEAD_LETTERS.name, b"k", b"{")
    assert headers["dlq_original_topic"] == b"files.found"
    assert headers["dlq_original_partition"] == b"3"
    assert headers["dlq_original_offset"] == b"9"
    assert headers["dlq_original_group"] == b"transfer"
    assert headers["dlq_error_message"] == b"cut off"
    assert headers["ce_importid"] == JOB.encode()


@pytest.mark.parametrize("topic", ["files.found", "files.stored", "files.failed"])
def test_a_lost_file_message_fails_the_file(topic: str) -> None:
    _, failure = dead_letter_records(
        raw(topic, FILE.encode(), OWNED), "cut off", service="x", at=AT
    )
    event = decode(failure.topic, failure.value)
    assert isinstance(event, e.FileFailed)
    assert (event.import_id, event.file_id, event.round) == (JOB, FILE, 2)


def test_a_lost_page_message_fails_the_folder() -> None:
    key = f"{JOB}/{FOLDER}".encode()
    _, failure = dead_letter_records(
        raw("imports.pages", key, {}), "cut off", service="lister", at=AT
    )
    event = decode(failure.topic, failure.value)
    assert isinstance(event, e.FolderFailed)
    assert (event.import_id, event.folder_id) == (JOB, FOLDER)


def test_a_lost_manifest_fails_its_folder() -> None:
    headers = {"ce_subject": FOLDER.encode()}
    _, failure = dead_letter_records(
        raw("imports.listed", JOB.encode(), headers), "no", service="x", at=AT
    )
    event = decode(failure.topic, failure.value)
    assert isinstance(event, e.FolderFailed)
    assert (event.import_id, event.folder_id) == (JOB, FOLDER)


def test_whatever_is_buried_fits_a_record() -> None:
    huge = Raw(
        topic="files.found",
        partition=0,
        offset=0,
        key=b"k",
        value=b"x" * (20 * 1024 * 1024),
        headers={"h": b"y" * (5 * 1024 * 1024)},
    )
    (letter,) = dead_letter_records(huge, "no", service="x", at=AT)
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
def test_what_belongs_to_nobody_is_buried_alone(
    topic: str, key: bytes | None, headers: dict[str, bytes]
) -> None:
    assert len(dead_letter_records(raw(topic, key, headers), "cut off", service="x", at=AT)) == 1
