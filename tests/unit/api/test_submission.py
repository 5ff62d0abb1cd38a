"""What a body and a key mean, for any bytes."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.api.imports import parse_request
from services.api.problems import KINDS, Problem
from services.core.wire import decode, encode

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FOLDER = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("folderUrl"), inner),
    max_leaves=8,
)


def refusal(body: bytes, key: str | None) -> Problem | None:
    try:
        parse_request(body, key, NOW)
    except Problem as why:
        return why
    return None


@given(body=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_parsed_or_refused_with_a_known_code(body: bytes) -> None:
    why = refusal(body, None)
    assert why is None or (KINDS[why.code].status == 400 and why.detail)


@given(key=st.text(max_size=300))
def test_any_key_is_one_import_or_refused(key: str) -> None:
    body = json.dumps({"folderUrl": FOLDER}).encode()
    why = refusal(body, key)
    usable = key.isascii() and key.isprintable() and 0 < len(key) <= 255
    assert (why.code if why else None) == (None if usable else "bad_idempotency_key")
    if usable:
        assert parse_request(body, key, NOW) == parse_request(body, key, NOW)


@given(before=st.text(alphabet=" <\n\u200b", max_size=5))
def test_what_is_published_is_a_clean_link(before: str) -> None:
    pasted = f"{before}https://drive.google.com/drive/folders/{FOLDER}>\n"
    event = parse_request(json.dumps({"folderUrl": pasted}).encode(), None, NOW)
    assert event.folder_url == f"https://drive.google.com/drive/folders/{FOLDER}"
    record = encode(event, source="api")
    assert decode(record.topic, record.value) == event


def test_without_a_key_every_request_is_another_import() -> None:
    body = json.dumps({"folderUrl": FOLDER}).encode()
    first, second = [parse_request(body, None, NOW) for _ in range(2)]
    assert first.import_id != second.import_id
