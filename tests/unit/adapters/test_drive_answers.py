"""Google's JSON, whatever it contains, becomes a page or one clear error."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.drive.answers import item, page
from services.core.errors import TryAgain
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Target

TEXT = st.text(alphabet="a0Z:-\x00\n\u00e9\ud800\U0001f305", max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
FIELD_NAMES = [
    "name",
    "mimeType",
    "size",
    "md5Checksum",
    "sha1Checksum",
    "sha256Checksum",
    "version",
    "createdTime",
    "modifiedTime",
    "trashed",
    "resourceKey",
    "imageMediaMetadata",
    "capabilities",
    "shortcutDetails",
    "parents",
    "thumbnailLink",
]


def entry(**fields: Any) -> Entry:
    body = json.dumps({"files": [{"id": "A"} | fields]}).encode()
    (only,) = page(body).entries
    return only


def test_a_full_entry_is_read_whole() -> None:
    assert entry(
        id="1abc",
        name="Sunset.jpg",
        mimeType="image/jpeg",
        size="123456789012",
        md5Checksum="D41D8CD98F00B204E9800998ECF8427E",
        sha1Checksum="a" * 40,
        sha256Checksum="b" * 64,
        version="17",
        createdTime="2026-01-02T03:04:05.678Z",
        modifiedTime="2026-01-02T03:04:05+02:00",
        resourceKey="0-abc",
        imageMediaMetadata={"width": 800, "height": 600},
        capabilities={"canDownload": False},
        trashed=True,
    ) == Entry(
        id="1abc",
        name="Sunset.jpg",
        mime_type="image/jpeg",
        size=123456789012,
        md5="d41d8cd98f00b204e9800998ecf8427e",
        sha1="a" * 40,
        sha256="b" * 64,
        version=17,
        created_time=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        modified_time=datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC),
        resource_key="0-abc",
        width=800,
        height=600,
        can_download=False,
        trashed=True,
    )


def test_next_token_and_incompleteness_are_read() -> None:
    read = page(b'{"files": [], "nextPageToken": "t", "incompleteSearch": true}')
    assert (read.next_token, read.incomplete) == ("t", True)
    last = page(b'{"files": [], "nextPageToken": ""}')
    assert (last.next_token, last.incomplete) == (None, False)


@pytest.mark.parametrize("token", ["next\ud800", "\x00"])
def test_a_token_that_no_event_can_carry_makes_the_page_unreadable(token: str) -> None:
    body = json.dumps({"files": [{"id": "A"}], "nextPageToken": token}).encode()
    with pytest.raises(TryAgain) as caught:
        page(body)
    assert caught.value.reason == "answer_unreadable"


@pytest.mark.parametrize("size", ["12a", "-1", "1e3", "9" * 30, -5, 1.5, True, None, [], "²"])
def test_a_malformed_size_is_dropped(size: object) -> None:
    assert entry(size=size).size is None


@pytest.mark.parametrize("md5", ["zz", "d41d8cd98f00b204e9800998ecf8427", 7, "g" * 32, None])
def test_a_malformed_checksum_is_dropped(md5: object) -> None:
    assert entry(md5Checksum=md5).md5 is None


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-01-01T00:00:00", 5, "0001-01-01T00:00:00+14:00"]
)
def test_a_malformed_time_is_dropped(time: object) -> None:
    assert entry(modifiedTime=time).modified_time is None


def test_a_resource_key_that_could_split_a_header_is_dropped() -> None:
    assert entry(resourceKey="a\r\nX-Evil: 1").resource_key is None


def test_half_a_surrogate_pair_in_an_id_costs_this_file_and_not_its_page() -> None:
    assert entry(id="a\ud800").id == "a\ufffd"


def test_nul_and_lone_surrogates_in_a_name_are_replaced() -> None:
    assert entry(name="a\x00b\ud800c").name == "a\ufffdb\ufffdc"
    assert entry(name="\U0001f305 sunset").name == "\U0001f305 sunset"


def test_one_bad_name_does_not_cost_the_rest_of_the_page() -> None:
    body = b'{"files": [{"id": "A", "name": "\\udc00"}, {"id": "B", "name": "ok"}]}'
    assert [e.name for e in page(body).entries] == ["\ufffd", "ok"]


def test_a_name_of_5000_characters_is_cut() -> None:
    assert len(entry(name="x" * 5000).name) == 1024


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"files": [{"id": "A"}',
        b"<html>",
        b"[]",
        b"{}",
        b'{"error": {"code": 403}}',
        b'{"files": [{"name": "no id"}]}',
        b'{"files": [{"id": ""}]}',
        b'{"files": [{"id": "A"}], "nextPageToken": 5}',
        b'{"files": ' + b"[" * 100_000,
        b'\xff{"files": []}',
        json.dumps({"files": [{"id": str(n)} for n in range(1001)]}).encode(),
        json.dumps({"files": [], "nextPageToken": "t" * 20_000}).encode(),
    ],
)
def test_a_malformed_listing_is_tried_again_with_one_reason(body: bytes) -> None:
    with pytest.raises(TryAgain) as caught:
        page(body)
    assert caught.value.reason == "answer_unreadable"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("IMAGE/PNG", "image/png"),
        ("image/jpeg; charset=binary", "image/jpeg"),
        ('Image/JPEG;q=0.5;name="a;b"', "image/jpeg"),
        (" image/webp\t; x", "image/webp"),
        ("image/svg+xml", "image/svg+xml"),
        (FOLDER_TYPE.upper(), FOLDER_TYPE),
        ("image/", ""),
        ("image", ""),
        ("image/p ng", ""),
        ("image/png/x", ""),
        (f"image/{'x' * 128}", ""),
        ("image/\ud800", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_a_media_type_is_read_as_the_standard_says(said: object, read: str) -> None:
    assert entry(mimeType=said).mime_type == read
    target = {"targetId": "1t", "targetMimeType": said}
    shortcut = entry(mimeType=f"{SHORTCUT_TYPE.upper()}; x=y", shortcutDetails=target)
    assert shortcut.mime_type == SHORTCUT_TYPE
    assert shortcut.target == Target(id="1t", mime_type=read)


@given(st.dictionaries(st.sampled_from(FIELD_NAMES), JSON))
def test_no_field_of_an_entry_can_cost_the_page(fields: dict[str, Any]) -> None:
    read = entry(**fields)
    read.name.encode()
    read.mime_type.encode()
    assert read.size is None or read.size >= 0
    assert read.version >= 0


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_give_a_page_or_that_error(body: bytes) -> None:
    outcome: int | str
    try:
        outcome = len(page(body).entries)
    except TryAgain as why:
        outcome = why.reason
    assert outcome in {0, 1, 2, 3, "answer_unreadable"}


@pytest.mark.parametrize("size", [str(2**43 + 1), str(2**63 - 1)])
def test_a_size_that_no_drive_could_hold_is_dropped(size: str) -> None:
    assert entry(size=size).size is None


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z"])
def test_a_time_that_no_table_could_hold_is_dropped(time: str) -> None:
    assert entry(modifiedTime=time).modified_time is None


@pytest.mark.parametrize("file_id", ["a b", "a\tb", "a\x7f", ""])
def test_an_id_that_no_event_may_carry_makes_the_page_unreadable(file_id: str) -> None:
    with pytest.raises(TryAgain) as why:
        page(json.dumps({"files": [{"id": file_id}]}).encode())
    assert why.value.reason == "answer_unreadable"


def test_a_shortcut_names_its_target_with_the_target_s_resource_key() -> None:
    details = {"targetId": "1t", "targetMimeType": "image/png", "targetResourceKey": "0-k"}
    found = entry(mimeType=SHORTCUT_TYPE, shortcutDetails=details)
    assert found.target == Target(id="1t", mime_type="image/png", resource_key="0-k")


@pytest.mark.parametrize(
    "details",
    [
        None,
        "1t",
        [],
        {},
        {"targetId": None},
        {"targetId": ""},
        {"targetId": "a b"},
        {"targetId": "a\n"},
        {"targetId": "x" * 257},
        {"targetId": 5},
    ],
)
def test_a_shortcut_without_a_usable_target_id_has_no_target(details: Any) -> None:
    assert entry(mimeType=SHORTCUT_TYPE, shortcutDetails=details).target is None


def test_a_malformed_value_of_a_target_does_not_cost_the_target() -> None:
    details = {"targetId": "1t", "targetMimeType": 7, "targetResourceKey": "a b"}
    assert entry(mimeType=SHORTCUT_TYPE, shortcutDetails=details).target == Target(id="1t")


def test_only_a_shortcut_has_a_target() -> None:
    assert entry(mimeType="image/png", shortcutDetails={"targetId": "1t"}).target is None


@pytest.mark.parametrize(
    ("parents", "known"),
    [
        (None, ()),
        ([], ()),
        ("P", ()),
        (["P"], ("P",)),
        (["P", "Q"], ("P", "Q")),
        (["P", 5, "", "a b", None, ["Q"], "x" * 300], ("P",)),
        (["P"] * 5000, ("P",) * 100),
    ],
)
def test_an_item_has_no_parent_or_one_or_several(parents: Any, known: tuple[str, ...]) -> None:
    assert item(json.dumps({"id": "A", "parents": parents}).encode()).parents == known


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"id": 5}', b'{"id": "A"', b"<html>", b'{"id": "a b"}', b"\xff"]
)
def test_a_malformed_item_is_tried_again(body: bytes) -> None:
    with pytest.raises(TryAgain) as caught:
        item(body)
    assert caught.value.reason == "answer_unreadable"
