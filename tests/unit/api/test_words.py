"""Every refusal is a sentence of ours: it names the field and what it must be, and lets no
library's words through."""

import json
import re
from collections.abc import Mapping, Sequence

import pytest

from tests.unit.api.conftest import Api

JSON = {"Content-Type": "application/json"}
OTHERS_WORDS = re.compile(
    r"Expected|got `|\$\.|regex|codec|malformed|truncated|RFC3339|Object |enum value|"
    r"`(str|int|object|array)|Traceback|litestar|msgspec",
    re.IGNORECASE,
)
PLAN, START, RETRY = "/replays/plan", "/replays", "/imports/I/retry"
ANY: tuple[object, ...] = (
    None,
    True,
    5,
    1.5,
    "x y",
    "",
    "x" * 5_000,
    [],
    [5],
    [None],
    {},
    {"a": 1},
)
FIELDS: Mapping[str, tuple[Mapping[str, object], Sequence[str]]] = {
    PLAN: (
        {"select": {"imports": ["I"]}, "mode": "failed"},
        ("select", "mode", "transfer", "target"),
    ),
    START: (
        {"plan_id": "AX", "name": "a", "why": "b"},
        ("plan_id", "name", "why", "files_per_second", "most"),
    ),
    RETRY: ({}, ("reason", "files", "folders")),
    "/import/google-drive": ({}, ("folderUrl",)),
}
SELECT = ("imports", "folders", "files", "outcomes", "reasons", "since", "until", "dead_letters")


async def refused(api: Api, method: str, path: str, body: object = None) -> tuple[str, str]:
    """The code and the sentence of a refusal."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await api.client.request(
        method,
        path,
        content=raw if method != "GET" else b"",
        headers=JSON if method != "GET" else {},
    )
    problem = answer.json()
    assert answer.status_code in range(400, 500), problem
    assert_is_ours(problem)
    return problem["code"], problem["detail"]


def assert_is_ours(problem: dict[str, object]) -> None:
    for text in (problem["title"], problem["detail"], json.dumps(problem.get("errors", ""))):
        assert not OTHERS_WORDS.search(str(text)), problem
    assert re.fullmatch(r"[A-Za-z_`].*[.}]", str(problem["detail"]), re.DOTALL), problem


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        (PLAN, b"", "The body is empty. Send a JSON object."),
        (PLAN, b"{", "The body is not valid JSON."),
        (PLAN, b'{"select" 5}', "The body is not valid JSON: see byte 10."),
        (PLAN, b'{"mode":"\xff"}', "The body is not UTF-8."),
        (PLAN, [], "The body must be an object, not an array."),
        (PLAN, {"mode": "all"}, "select is required."),
        (PLAN, {"select": {}, "mode": "x"}, "mode must be one of missing, failed, all, verify."),
        (PLAN, {"select": 5}, "select must be an object, not a number."),
        (PLAN, {"select": {"imports": [5]}}, "select.imports[0] must be a string, not a number."),
        (PLAN, {"slect": 5}, "slect is not a known field (known: select, mode, transfer, target)."),
        (
            PLAN,
            {"select": {"files": ["a b"]}},
            "select.files[0] must be an id of 1 to 256 characters, without spaces.",
        ),
        (
            PLAN,
            {"select": {"since": 7}},
            "select.since must be null or a time with a time zone, such as 2026-11-25T08:00:00Z, "
            "not a number.",
        ),
        (
            PLAN,
            {"select": {"since": "2026-01-01T00:00:00"}},
            "select.since must be a time with a time zone, such as 2026-11-25T08:00:00Z.",
        ),
        (PLAN, {"select": {"files": ["a"] * 1001}}, "select.files must have at most 1,000 items."),
        (START, {"plan_id": "x", "name": "", "why": "b"}, "name must not be empty."),
        (
            START,
            {"plan_id": "x", "name": "a\nb", "why": "b"},
            "name has a character that is not allowed.",
        ),
        (RETRY, {"reason": "A B"}, "reason must be a reason code, such as not_found."),
        (RETRY, {"files": 5}, "files must be an array, not a number."),
        (RETRY, {"why": 5}, "why is not a known field (known: reason, files, folders)."),
    ],
)
async def test_a_body_is_refused_by_field(api: Api, path: str, body: object, sentence: str) -> None:
    assert (await refused(api, "POST", path, body))[1] == sentence


@pytest.mark.parametrize(
    ("rate", "sentence"),
    [
        ("5", "files_per_second must be a whole number or null, not a string."),
        (1.5, "files_per_second must be a whole number or null."),
        (True, "files_per_second must be a whole number or null, not a boolean."),
        (0, "files_per_second must be at least 1."),
        (10**7, "files_per_second must be at most 1000000."),
    ],
)
async def test_a_rate_is_refused_by_what_it_must_be(api: Api, rate: object, sentence: str) -> None:
    body = {"files_per_second": rate}
    assert await refused(api, "PATCH", "/replays/R", body) == ("bad_body", sentence)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/imports?limit=x", "limit must be a whole number."),
        ("/imports?limit=", "limit must be a whole number."),
        ("/images?limit=0", "limit must be at least 1."),
        ("/replays?limit=1001", "limit must be at most 1000."),
        ("/images?limit=abc", "limit must be a whole number."),
        ("/images?name=a%00b", "name has a character that is not allowed."),
        ("/imports?limi=5", "limi is not a known parameter (known: cursor, limit)."),
        ("/imports/I?a=1", "a is not a known parameter (this route has none)."),
        ("/dead-letters?limit=1&limit=2", "limit is given more than once."),
        (
            "/images?order=x",
            "order must be newest, or one of id, google_drive_id, name, size, created_at, "
            "imported_at, with or without - before it.",
        ),
        ("/images?since=x", "since must be a time such as 2026-11-25T08:00:00Z, or a date."),
        ("/nope", "There is nothing at this URL. See /schema for all routes."),
        ("/import/google-drive", "This URL does not support the method. Use POST."),
        ("/imports/not%20an%20id", "There is no import with this id."),
        ("/images/..%2f..", "There is nothing at this URL. See /schema for all routes."),
    ],
)
async def test_a_url_is_refused_by_what_to_ask_instead(api: Api, path: str, sentence: str) -> None:
    assert (await refused(api, "GET", path))[1] == sentence


async def test_no_value_of_any_field_is_answered_in_a_librarys_words(api: Api) -> None:
    for path, (good, fields) in FIELDS.items():
        for value in ANY:
            for name in fields:
                answer = await api.client.post(path, json={**good, name: value})
                if answer.status_code >= 400:
                    assert_is_ours(answer.json())
    for name in SELECT:
        for value in ANY:
            body = {"select": {name: value}, "mode": "all"}
            answer = await api.client.post(PLAN, json=body)
            if answer.status_code >= 400:
                assert_is_ours(answer.json())


@pytest.mark.parametrize("path", [*FIELDS, "/imports/I/pause", "/replays/R/cancel"])
@pytest.mark.parametrize(
    "body", [b"\xff", b"{", b"[" * 5_000, b"NaN", b"'a'", b"null", b'"\\ud800"']
)
async def test_no_bytes_are_answered_in_a_librarys_words(api: Api, path: str, body: bytes) -> None:
    await refused(api, "POST", path, body)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "FOO"])
@pytest.mark.parametrize("path", ["/imports", "/images", "/import/google-drive", "/nope"])
async def test_no_method_is_answered_in_a_librarys_words(api: Api, method: str, path: str) -> None:
    await refused(api, method, path, {})


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (None, "The Content-Type is missing. Send JSON with `Content-Type: application/json`."),
        (
            "text/plain",
            "The Content-Type is 'text/plain'. Send JSON with `Content-Type: application/json`.",
        ),
    ],
)
async def test_the_content_type_is_named(api: Api, kind: str | None, sentence: str) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = await api.client.post("/import/google-drive", content=b"{}", headers=headers)
    assert_is_ours(answer.json())
    assert (answer.status_code, answer.json()["detail"]) == (415, sentence)
