"""What is logged of requests, and what is not."""

import json

import pytest

from drive_emulator.control.request_log import MAX_TEXT, RequestLog
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.http.messages import Request
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import Tree
from tests.unit.drive_emulator.clients import TOKEN, InProcessEmulator, caller
from tests.unit.drive_emulator.conftest import KEY
from tests.unit.drive_emulator.quota.test_quota import no_batch, no_body, nowhere


@pytest.fixture
def drive(store: TreeStore, small: Tree) -> InProcessEmulator:
    return InProcessEmulator(store, small)


def context(query: bytes = b"alt=media") -> RequestContext:
    made = RequestContext(Request("GET", "/x", {}, [], "", query), no_body, nowhere, no_batch)
    made.kind, made.status = "media", 200
    return made


async def test_a_line_has_the_caller_the_request_and_the_response(drive: InProcessEmulator) -> None:
    drive.client.headers["user-agent"] = "me (gzip)"
    await drive.media(range="bytes=0-99")
    [line] = [json.loads(line.encode()) for line in drive.state.log.lines()]
    assert line["at"] == pytest.approx(drive.state.clock.now(), abs=60)
    assert 0 < line["ms"] < 60_000
    del line["at"], line["ms"]
    assert line == {
        "n": 1,
        "kind": "media",
        "method": "GET",
        "path": f"/drive/v3/files/{drive.picture().id}",
        "params": {"alt": "media"},
        "caller": {"account": "", "user": "127.0.0.1"},
        "range": "bytes=0-99",
        "agent": "me (gzip)",
        "status": 206,
        "reason": "",
        "bytes": 100,
    }


async def test_keys_and_tokens_are_not_logged(drive: InProcessEmulator) -> None:
    await drive.listed()
    async with caller(drive.state, token=TOKEN) as client:
        await client.get("/drive/v3/files", params={"access_token": TOKEN, "oauth_token": TOKEN})
    text = b"".join(line.encode() for line in drive.state.log.lines()).decode()
    assert text.count("\n") == 2
    assert KEY not in text
    assert TOKEN not in text


async def test_a_query_in_a_form_is_logged_as_a_get(drive: InProcessEmulator) -> None:
    form = {"q": f"'{drive.folder}' in parents", "key": KEY}
    headers = {"X-HTTP-Method-Override": "GET"}
    await drive.client.post("/drive/v3/files", data=form, headers=headers)
    [line] = [json.loads(line.encode()) for line in drive.state.log.lines()]
    assert (line["method"], line["params"]) == ("GET", {"q": form["q"]})


async def test_answers_are_counted_by_kind_status_and_reason(drive: InProcessEmulator) -> None:
    drive.fault("refuse", {"kinds": ["media"], "first": 2}, reason="userRateLimitExceeded")
    for _ in range(3):
        await drive.media()
    await drive.listed()
    await drive.client.get("/drive/v3/files/nobody")
    await drive.client.get("/nowhere")
    assert drive.state.log.counts()["kinds"] == {"media": 3, "list": 1, "get": 1, "unknown": 1}
    assert drive.state.log.counts()["answers"] == {
        "media": {"403 userRateLimitExceeded": 2, "200": 1},
        "list": {"200": 1},
        "get": {"404 notFound": 1},
        "unknown": {"404 notFound": 1},
    }
    assert drive.state.log.counts()["bytes"]["media"] == 5_000
    requests = (await drive.client.get("/_emu/requests")).json()
    assert requests == {"list": 1, "get": 1, "media": 3, "refused": 4, "bytes": 5_000}


async def test_the_log_can_be_filtered_by_kind_and_number(drive: InProcessEmulator) -> None:
    for number in range(3):
        await drive.media(number)
        await drive.listed()
    answer = await drive.client.get("/_emu/log", params={"kind": "media", "since": "2"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["n"] for line in lines] == [3, 5]
    assert {line["kind"] for line in lines} == {"media"}
    assert (await drive.client.get("/_emu/log", params={"since": "x"})).status_code == 400


async def test_a_reset_clears_the_counts_and_continues_the_numbering(
    drive: InProcessEmulator,
) -> None:
    await drive.media()
    emptied = (await drive.client.delete("/_emu/log")).json()
    assert emptied == {"kinds": {}, "answers": {}, "bytes": {}}
    await drive.media()
    assert [line.number for line in drive.state.log.lines()] == [2]


def test_the_log_has_a_maximum_length() -> None:
    log = RequestLog(10)
    for _ in range(25):
        log.add(context(), 0.0, 0.0)
    assert [line.number for line in log.lines()] == list(range(16, 26))
    assert log.counts()["kinds"] == {"media": 25}


def test_long_queries_do_not_fill_the_memory() -> None:
    log = RequestLog()
    query = b"q=" + b"x" * 1_000_000
    for _ in range(100):
        log.add(context(query), 0.0, 0.0)
    assert len(log.lines()) <= MAX_TEXT // len(query)


def test_a_log_of_length_zero_still_counts() -> None:
    log = RequestLog(0)
    log.add(context(), 0.0, 0.0)
    assert log.lines() == []
    assert log.counts()["kinds"] == {"media": 1}
