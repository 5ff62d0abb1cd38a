"""The links to thumbnails that are followed, and what is taken for an image."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from services.adapters.drive.client import Drive
from services.core.ports import Thumbnail
from tests.fakes.google import EMPTY, Body, QuotaRecorder, Responder, drive, media

LINK = "https://lh3.googleusercontent.com/drive-storage/AbC_-9=s220"
JPEG = b"\xff\xd8\xff\xe0 and more"


async def listed_with(fake: Drive, **how: bool) -> None:
    await fake.list_page("F", token=None, resource_key=None, **how)


async def test_only_a_preview_asks_for_links() -> None:
    asked = Responder(httpx.Response(200, content=EMPTY))
    await listed_with(drive(asked))
    await listed_with(drive(asked, thumbnail_links=True))
    await listed_with(drive(asked, thumbnail_links=True), ids_only=True)
    said = ["thumbnailLink" in request.url.params["fields"] for request in asked.requests]
    assert said == [False, True, False]


@pytest.mark.parametrize("link", [LINK, "http://drive.test/drive-storage/a/b=s220"])
async def test_a_thumbnail_is_fetched_without_the_key_and_costs_nothing(link: str) -> None:
    asked, quota = Responder(media(JPEG)), QuotaRecorder()
    assert await drive(asked, quota=quota).thumbnail(link) == Thumbnail("image/jpeg", JPEG)
    (request,) = asked.requests
    assert str(request.url) == link
    assert set(request.headers) == {"host", "user-agent", "accept-encoding"}
    assert "secret-key" not in str(request.headers)
    assert quota.spent == []


@pytest.mark.parametrize(
    "link",
    [
        "",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "http://127.0.0.1/a=s220",
        "https://127.0.0.1:9000/a=s220",
        "https://[::1]/a",
        "http://169.254.169.254/latest/meta-data",
        "http://lh3.googleusercontent.com/a",
        "https://lh3.googleusercontent.com:8443/a",
        "https://lh3.googleusercontent.com@127.0.0.1/a",
        "https://user:word@lh3.googleusercontent.com/a",
        "https://127.0.0.1\\.googleusercontent.com/a",
        "https://127.0.0.1/.googleusercontent.com/a",
        "https://127.0.0.1#.googleusercontent.com/a",
        "https://127.0.0.1?.googleusercontent.com/a",
        "https://lh3.googleusercontent.com.example.org/a",
        "https://evilgoogleusercontent.com/a",
        "https://googleusercontent.com/a",
        "https://lh3.googleusercontent.com",
        "https://lh3.googleusercontent.com/a\r\nX-Header: 1",
        "https://lh3.googleusercontent.com/\u00e9",
        "http://drive.test",
        "http://drive.test:81/a",
        "http://drive.test.example.org/a",
        "http://drive.test@127.0.0.1/a",
        "https://drive.test/a",
        "//lh3.googleusercontent.com/a",
    ],
)
async def test_no_other_server_is_asked(link: str) -> None:
    asked = Responder(media(JPEG))
    assert await drive(asked).thumbnail(link) is None
    assert asked.requests == []


@pytest.mark.parametrize(
    ("begins", "mime_type"),
    [
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\n\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\n\0\0\0WAVEfmt ", None),
        (b"<html><body>", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>", None),
        (b"\x1f\x8b\x08 compressed", None),
        (b" \xff\xd8\xff", None),
        (b"", None),
    ],
)
async def test_the_first_bytes_say_what_it_is(begins: bytes, mime_type: str | None) -> None:
    body = begins + b"rest" if begins else b""
    got = await drive(Responder(media(body, "image/jpeg"))).thumbnail(LINK)
    assert got == (Thumbnail(mime_type, body) if mime_type else None)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"location": "http://127.0.0.1/"}),
        httpx.Response(302, headers={"location": "https://lh4.googleusercontent.com/x"}),
        httpx.Response(403, content=JPEG),
        httpx.Response(500),
    ],
)
async def test_no_redirect_is_followed_and_no_refusal_shown(answer: httpx.Response) -> None:
    asked = Responder(answer)
    assert await drive(asked).thumbnail(LINK) is None
    assert len(asked.requests) == 1


async def test_an_endless_body_is_given_up_and_its_connection_closed() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield JPEG
        while True:
            sent += 16 * 1024
            yield bytes(16 * 1024)

    body = Body(endless())
    assert await drive(Responder(httpx.Response(200, stream=body))).thumbnail(LINK) is None
    assert body.closed
    assert sent <= 256 * 1024


async def test_the_largest_thumbnail_is_taken() -> None:
    for size, taken in ((256 * 1024, True), (256 * 1024 + 1, False)):
        got = await drive(Responder(media(JPEG.ljust(size)))).thumbnail(LINK)
        assert (got is not None) is taken


@pytest.mark.parametrize("why", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
async def test_a_server_that_is_away_fails_nothing(why: Exception) -> None:
    def away(_request: httpx.Request) -> httpx.Response:
        raise why

    assert await drive(away).thumbnail(LINK) is None


async def test_it_may_be_given_up_at_any_time() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield JPEG
        await asyncio.sleep(60)

    body = Body(never())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await drive(Responder(httpx.Response(200, stream=body))).thumbnail(LINK)
    assert body.closed
