"""What is asked of Google, and what becomes of its answers to a listing and a look-up."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.adapters.drive.client import Drive
from services.core.errors import CoolDown, RateLimited, Stop, TryAgain, Verdict
from tests.fakes.google import (
    EMPTY,
    LIMITED,
    SORRY,
    Body,
    QuotaRecorder,
    Responder,
    bytes_of,
    drive,
    media,
)
from tests.fakes.samples import a_file


async def test_the_key_travels_in_a_header_and_never_in_the_address() -> None:
    asked = Responder(httpx.Response(200, content=EMPTY))
    await drive(asked).list_page("F", token=None, resource_key=None)
    (request,) = asked.requests
    assert request.headers["x-goog-api-key"] == "secret-key"
    assert "secret-key" not in str(request.url)


async def test_a_listing_selects_by_parent_and_leaves_out_the_trash() -> None:
    asked = Responder(httpx.Response(200, content=EMPTY))
    await drive(asked).list_page(r"it's \ odd", token="t+/=&1", resource_key="0-rk")
    (request,) = asked.requests
    query = request.url.params
    assert request.url.path == "/drive/v3/files"
    assert query["q"] == r"'it\'s \\ odd' in parents and trashed=false"
    assert query["pageSize"] == "1000"
    assert query["pageToken"] == "t+/=&1"
    assert "nextPageToken" in query["fields"]
    assert query["supportsAllDrives"] == query["includeItemsFromAllDrives"] == "true"
    assert request.headers["x-goog-drive-resource-keys"] == "it%27s%20%5C%20odd/0-rk"


async def test_a_download_is_uncompressed_and_sends_the_resource_key() -> None:
    asked = Responder(media(b"bytes"))
    file = a_file(file_id="a/b?c", resource_key="0-rk")
    assert await bytes_of(drive(asked), file) == b"bytes"
    (request,) = asked.requests
    assert request.url.raw_path.startswith(b"/drive/v3/files/a%2Fb%3Fc?")
    assert request.url.params["alt"] == "media"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["x-goog-drive-resource-keys"] == "a%2Fb%3Fc/0-rk"


async def test_a_look_up_asks_for_parents_and_shortcut_target() -> None:
    asked = Responder(
        httpx.Response(200, content=b'{"id": "A", "name": "a.png", "parents": ["P"]}')
    )
    entry = await drive(asked).look_up("a/b", resource_key="0-rk")
    assert (entry.id, entry.name, entry.parents) == ("A", "a.png", ("P",))
    (request,) = asked.requests
    assert request.url.raw_path.startswith(b"/drive/v3/files/a%2Fb?")
    assert {"parents", "id"} < set(request.url.params["fields"].split(","))
    assert "shortcutDetails(targetId" in request.url.params["fields"]
    assert request.url.params["supportsAllDrives"] == "true"
    assert request.headers["x-goog-drive-resource-keys"] == "a%2Fb/0-rk"


@pytest.mark.parametrize("key", ["", "with space", "line\nbreak", "schlüssel"])
async def test_a_key_that_cannot_be_a_header_is_not_sent(key: str) -> None:
    asked = Responder(httpx.Response(403, content=b'{"error": {"status": "PERMISSION_DENIED"}}'))
    with pytest.raises(Stop) as caught:
        await drive(asked, key).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "key_refused"
    assert "x-goog-api-key" not in asked.requests[0].headers


@pytest.mark.parametrize("body", [b"<html>We are sorry", b'{"files": [{"id": "A"', b""])
async def test_a_body_that_is_no_listing_is_tried_again(body: bytes) -> None:
    with pytest.raises(TryAgain) as caught:
        await drive(Responder(httpx.Response(200, content=body))).list_page(
            "F", token=None, resource_key=None
        )
    assert caught.value.reason == "answer_unreadable"


@pytest.mark.parametrize(
    ("body", "content_type", "verb", "reason"),
    [
        (SORRY, "text/html", CoolDown, "automated_queries"),
        (LIMITED, "application/json", RateLimited, "drive_rate_limited"),
        (b"<html>Log in", "text/html", TryAgain, "answer_unreadable"),
        (b'{"files": [{"id": "A"', "application/json", TryAgain, "answer_unreadable"),
    ],
)
async def test_an_error_with_a_success_status_is_told_by_its_words(
    body: bytes, content_type: str, verb: type[Verdict], reason: str
) -> None:
    answer = httpx.Response(200, content=body, headers={"content-type": content_type})
    with pytest.raises(Verdict) as caught:
        await drive(Responder(answer)).list_page("F", token=None, resource_key=None)
    assert (type(caught.value), caught.value.reason) == (verb, reason)


async def test_an_answer_without_end_is_cut_off() -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b" " * 1024 * 1024

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body(endless()))

    with pytest.raises(TryAgain) as caught:
        await drive(answer).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "answer_unreadable"
    assert given <= 34


async def ask_all(drive: Drive) -> None:
    await drive.list_page("F", token=None, resource_key=None)
    await drive.look_up("A", resource_key=None)
    await bytes_of(drive, a_file())


def answers_to_all() -> tuple[httpx.Response, ...]:
    item = httpx.Response(200, content=b'{"id": "A"}')
    return httpx.Response(200, content=EMPTY), item, media(b"bytes")


async def test_every_request_is_paid_for_before_it_is_sent() -> None:
    quota, paid = QuotaRecorder(), list[list[int]]()
    asked = Responder(*answers_to_all())

    def answer(request: httpx.Request) -> httpx.Response:
        paid.append(list(quota.spent))
        return asked(request)

    await ask_all(drive(answer, quota=quota))
    assert paid == [[100], [100, 5], [100, 5, 200]]
    assert quota.refusals == 0


async def test_a_key_comes_with_the_user_whose_quota_is_spent() -> None:
    asked = Responder(*answers_to_all())
    await ask_all(drive(asked))
    assert [r.url.params["quotaUser"] for r in asked.requests] == ["drivestream"] * 3
