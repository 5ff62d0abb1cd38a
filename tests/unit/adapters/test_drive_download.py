"""A file's bytes: all of them, or an error; a large file over as many connections as it takes."""

import asyncio
import base64
import hashlib
import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import httpx
import pytest

from services.adapters.drive.download import RESUMED_FROM
from services.adapters.drive.settings import Limits
from services.core.errors import CoolDown, Corrupt, RateLimited, SetAside, TryAgain, Verdict
from services.core.events import FileFound
from tests.fakes.google import (
    HTML,
    QUICK,
    SORRY,
    Body,
    QuotaRecorder,
    Responder,
    bytes_of,
    drive,
    media,
)
from tests.fakes.samples import a_file
from tests.fakes.virtual_time import now, virtual_time


async def test_a_body_left_early_is_closed() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        yield b"second"

    body = Body(chunks())
    async with drive(lambda _: httpx.Response(200, stream=body)).open(a_file()) as read:
        assert await anext(read) == b"first"
        assert not body.closed
    assert body.closed


async def test_a_body_that_breaks_off_is_tried_again() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        raise httpx.ReadError("reset by peer")

    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(lambda _: httpx.Response(200, stream=Body(chunks()))), a_file())
    assert caught.value.reason == "download_interrupted"


@pytest.mark.parametrize("content_type", ["text/html; charset=UTF-8", "application/json"])
async def test_without_a_checksum_a_page_is_not_taken_for_an_image(content_type: str) -> None:
    answer = media(b"<html>", content_type)
    with pytest.raises(Corrupt) as caught:
        await bytes_of(drive(Responder(answer)), a_file(size=6))
    assert caught.value.reason == "content_mismatch"


async def test_a_page_for_a_file_with_a_checksum_is_left_to_the_checksum() -> None:
    answer = media(b"<html>", "text/html")
    assert await bytes_of(drive(Responder(answer)), a_file(md5="0" * 32)) == b"<html>"


@pytest.mark.parametrize(
    ("headers", "reason"), [({}, "download_too_slow"), (HTML, "drive_unavailable")]
)
@virtual_time
async def test_a_download_of_next_to_nothing_fails(headers: dict[str, str], reason: str) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.02)
            yield b"."

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=Body(drip()))

    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(answer, limits=Limits(answer=0.1, silence=0.1)), a_file())
    assert caught.value.reason == reason


@virtual_time
async def test_the_reader_s_own_time_does_not_count_as_slowness() -> None:
    async def quick() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"."

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body(quick()))

    async with drive(answer, limits=Limits(silence=0.1)).open(a_file()) as chunks:
        async for _ in chunks:
            await asyncio.sleep(0.06)


@virtual_time
async def test_a_download_over_a_slow_line_takes_as_long_as_it_takes() -> None:
    body = b"x" * 2_000_000

    async def trickle() -> AsyncIterator[bytes]:
        for place in range(0, len(body), 1000):
            await asyncio.sleep(4)
            yield body[place : place + 1000]

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body(trickle()))

    assert await bytes_of(drive(answer, limits=Limits()), a_file(size=len(body))) == body
    assert now() == 8000


@virtual_time
async def test_a_large_download_of_next_to_nothing_goes_on_where_it_was() -> None:
    server = Server(BIG, [3 * MIB])
    server.drips = True
    assert await bytes_of(drive(server), big_file()) == BIG
    first, second = server.ranges
    assert first is None
    assert second is not None
    assert 3 * MIB < int(second.strip("bytes=-")) < 3 * MIB + 10


LIMITED_AT_200 = b'{"error": {"errors": [{"reason": "rateLimitExceeded"}], "code": 403}}'


@pytest.mark.parametrize("sums", [{}, {"md5": "0" * 32}])
@pytest.mark.parametrize(
    ("body", "content_type", "verb", "reason"),
    [
        (LIMITED_AT_200, "application/json; charset=UTF-8", RateLimited, "drive_rate_limited"),
        (SORRY, "text/html", CoolDown, "automated_queries"),
    ],
)
async def test_an_error_with_status_200_is_recognised_by_its_words(
    body: bytes, content_type: str, verb: type[Verdict], reason: str, sums: dict[str, str]
) -> None:
    quota = QuotaRecorder()
    with pytest.raises(Verdict) as caught:
        await bytes_of(drive(Responder(media(body, content_type)), quota=quota), a_file(**sums))
    assert (type(caught.value), caught.value.reason) == (verb, reason)
    assert quota.refusals == 1


async def test_only_the_first_64_kib_of_a_page_are_searched_for_an_error() -> None:
    page = b"<html>" * 100_000
    file = a_file(md5="0" * 32)
    assert await bytes_of(drive(Responder(media(page, "text/html"))), file) == page


async def test_a_file_that_is_a_page_is_downloaded_as_it_is() -> None:
    answer = media(b"<html>", "text/html")
    file = a_file(mime_type="text/html")
    assert await bytes_of(drive(Responder(answer)), file) == b"<html>"


def hashed(content: bytes, promised: bytes, **headers: str) -> httpx.Response:
    md5 = base64.b64encode(hashlib.md5(promised).digest()).decode()
    answer = media(content)
    answer.headers.update({"x-goog-hash": f"crc32c=AAAAAA==,md5={md5}", **headers})
    return answer


async def test_without_a_checksum_the_hash_of_the_response_is_verified() -> None:
    assert await bytes_of(drive(Responder(hashed(b"right", b"right"))), a_file()) == b"right"
    with pytest.raises(Corrupt) as caught:
        await bytes_of(drive(Responder(hashed(b"wrong", b"right"))), a_file())
    assert caught.value.reason == "content_mismatch"


async def test_with_a_checksum_the_hash_of_the_response_is_ignored() -> None:
    file = a_file(md5="0" * 32)
    assert await bytes_of(drive(Responder(hashed(b"wrong", b"right"))), file) == b"wrong"


@pytest.mark.parametrize("hash", ["md5=", "md5=AAAA", "crc32c=AAAAAA==", "md5=" + "!" * 24, ""])
async def test_a_malformed_hash_is_ignored(hash: str) -> None:
    answer = hashed(b"bytes", b"", **{"x-goog-hash": hash})
    assert await bytes_of(drive(Responder(answer)), a_file()) == b"bytes"


@pytest.mark.parametrize(
    ("length", "whole"), [("5", True), ("6", False), ("4", False), ("x", True)]
)
async def test_without_a_size_the_content_length_must_be_reached(length: str, whole: bool) -> None:
    answer = hashed(b"bytes", b"bytes", **{"content-length": length})
    reading = bytes_of(drive(Responder(answer)), a_file())
    if whole:
        assert await reading == b"bytes"
        return
    with pytest.raises(TryAgain) as caught:
        await reading
    assert caught.value.reason == "download_interrupted"


@pytest.mark.parametrize("size", [0, 5, RESUMED_FROM])
async def test_a_small_file_is_never_resumed(size: int) -> None:
    server = Server(b"x" * size, [2])
    with suppress(TryAgain):
        await bytes_of(drive(server), a_file(size=size, md5="0" * 32))
    assert server.ranges == [None]


MIB = 1024 * 1024
BIG = random.Random(1).randbytes(9 * MIB)


class Server:
    """Serves one body, and breaks off each answer after so many bytes of it (None: not at all)."""

    def __init__(self, body: bytes, breaks: Sequence[int | None]) -> None:
        self.body = body
        self.breaks = deque(breaks)
        self.ranges: list[str | None] = []
        self.silent = self.drips = False
        self.ignores_ranges = False
        self.said: dict[str, str] = {}
        self.instead: dict[int, httpx.Response] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        wanted = request.headers.get("range")
        self.ranges.append(wanted)
        if len(self.ranges) in self.instead:
            return self.instead[len(self.ranges)]
        start = 0 if wanted is None else int(wanted.removeprefix("bytes=").rstrip("-"))
        if wanted is None or self.ignores_ranges:
            return httpx.Response(200, stream=Body(self._sent(0)))
        last = len(self.body) - 1
        headers = {"content-range": f"bytes {start}-{last}/{len(self.body)}"} | self.said
        return httpx.Response(206, stream=Body(self._sent(start)), headers=headers)

    async def _sent(self, start: int) -> AsyncIterator[bytes]:
        after = self.breaks.popleft() if self.breaks else None
        end = len(self.body) if after is None else min(start + after, len(self.body))
        for place in range(start, end, 64 * 1024):
            yield self.body[place : min(place + 64 * 1024, end)]
        while after is not None and self.drips:
            yield self.body[end : end + 1]
            end += 1
            await asyncio.sleep(20)
        if after is not None and not self.silent:
            raise httpx.ReadError("reset by peer")


def big_file(**changes: Any) -> FileFound:
    return a_file(size=len(BIG), md5=hashlib.md5(BIG).hexdigest(), **changes)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_large_file_resumes_where_it_broke_off(silent: bool) -> None:
    server, quota = Server(BIG, [3 * MIB, 1, MIB]), QuotaRecorder()
    server.silent = silent
    assert await bytes_of(drive(server, quota=quota), big_file()) == BIG
    first, second = 3 * MIB, 3 * MIB + 1
    starts = [first, second, second + MIB]
    assert server.ranges == [None, *(f"bytes={start}-" for start in starts)]
    assert quota.spent == [200] * 4


async def test_a_refusal_while_resuming_is_waited_out() -> None:
    server = Server(BIG, [MIB])
    server.instead = {2: httpx.Response(503), 3: httpx.Response(429), 4: httpx.Response(502)}
    assert await bytes_of(drive(server), big_file()) == BIG
    assert server.ranges == [None] + [f"bytes={MIB}-"] * 4


async def test_a_large_file_that_keeps_breaking_off_fails_in_the_end() -> None:
    server = Server(BIG, [MIB] + [0] * 50)
    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(server), big_file())
    assert caught.value.reason == "download_interrupted"
    assert len(server.ranges) == 1 + QUICK.resumes


async def test_progress_between_two_breaks_resets_their_count() -> None:
    body = random.Random(2).randbytes(9 * RESUMED_FROM)
    server = Server(body, [RESUMED_FROM] * 8)
    file = a_file(size=len(body), md5=hashlib.md5(body).hexdigest())
    assert await bytes_of(drive(server), file) == body
    assert len(server.ranges) == 9


async def test_a_file_starts_again_if_the_range_is_ignored() -> None:
    server = Server(BIG, [MIB])
    server.ignores_ranges = True
    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(server), big_file())
    assert caught.value.reason == "download_interrupted"
    assert server.ranges == [None, f"bytes={MIB}-"]


@pytest.mark.parametrize(
    "content_range",
    [
        "",
        "bytes */5",
        f"bytes 0-{len(BIG) - 1}/{len(BIG)}",
        f"bytes {MIB}-{len(BIG) - 2}/{len(BIG)}",
        f"bytes {MIB}-{len(BIG)}/{len(BIG) + 1}",
        f"bytes {MIB}-{len(BIG) - 1}/*",
        f"bytes {MIB}-{'9' * 40}/{'9' * 40}",
    ],
)
async def test_another_part_than_was_asked_for_is_not_taken(content_range: str) -> None:
    server = Server(BIG, [MIB])
    server.said = {"content-range": content_range}
    with pytest.raises(Corrupt) as caught:
        await bytes_of(drive(server), big_file())
    assert caught.value.reason == "content_mismatch"
    assert len(server.ranges) == 2


@pytest.mark.parametrize(
    ("answer", "verb", "reason"),
    [
        (httpx.Response(404), SetAside, "not_found"),
        (httpx.Response(416), Corrupt, "content_mismatch"),
        (httpx.Response(403, headers=HTML), CoolDown, "automated_queries"),
        (httpx.Response(429, headers={"retry-after": "3000"}), RateLimited, "drive_rate_limited"),
    ],
)
async def test_an_error_that_cannot_be_waited_out_ends_the_download(
    answer: httpx.Response, verb: type[Verdict], reason: str
) -> None:
    server = Server(BIG, [MIB])
    server.instead = {2: answer}
    with pytest.raises(Verdict) as caught:
        await bytes_of(drive(server), big_file())
    assert (type(caught.value), caught.value.reason) == (verb, reason)
    assert len(server.ranges) == 2


async def test_a_file_without_a_checksum_is_never_resumed() -> None:
    server = Server(BIG, [MIB])
    with pytest.raises(TryAgain):
        await bytes_of(drive(server), a_file(size=len(BIG)))
    assert server.ranges == [None]


async def test_a_redirect_keeps_the_range() -> None:
    server, seen = Server(BIG, [MIB]), list[str | None]()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "drive.test":
            there = "https://doc-0.googleusercontent.com/download?qk=1"
            return httpx.Response(307, headers={"location": there})
        seen.append(request.headers.get("x-goog-api-key"))
        return server(request)

    assert await bytes_of(drive(answer), big_file()) == BIG
    assert server.ranges == [None, f"bytes={MIB}-"]
    assert seen == [None, None]
