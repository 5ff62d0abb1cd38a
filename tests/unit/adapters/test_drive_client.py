"""What is asked of Google, and what becomes of answers that no server should give."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
import httpx
import pytest

from services.adapters.drive import Drive
from services.adapters.drive.exchange import Limits
from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.events import FileFound
from services.core.settings import DriveSettings, Secret
from tests.fakes.samples import a_file

Handler = Callable[[httpx.Request], httpx.Response]
API = "http://drive.test"
EMPTY = b'{"files": []}'


QUICK = Limits(answer=0.05, grace=0.1, pause=0.0)


class Purse:
    """A quota without end that remembers what was paid, and that it was too much."""

    def __init__(self) -> None:
        self.spent: list[int] = []
        self.refusals = 0

    async def take(self, units: int) -> None:
        self.spent.append(units)

    def refused(self) -> None:
        self.refusals += 1


def drive(
    handler: Handler,
    key: str = "secret-key",
    *,
    quota: Purse | None = None,
    limits: Limits = QUICK,
) -> Drive:
    settings = DriveSettings(api_url=API, api_key=Secret(key), cool_down_seconds=7.0)
    return Drive(settings, httpx.MockTransport(handler), quota=quota, limits=limits)


class Body(httpx.AsyncByteStream):
    """A body that comes in chunks, as from a connection, and whose end can be seen."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.chunks = chunks
        self.closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks

    async def aclose(self) -> None:
        self.closed = True


def media(content: bytes, content_type: str = "image/png") -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return httpx.Response(200, stream=Body(chunks()), headers={"content-type": content_type})


class Asked:
    """Answers every request alike and remembers what was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def bytes_of(drive: Drive, file: FileFound) -> bytes:
    async with drive.open(file) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_the_key_travels_in_a_header_and_never_in_the_address() -> None:
    asked = Asked(httpx.Response(200, content=EMPTY))
    await drive(asked).list_page("F", token=None, resource_key=None)
    (request,) = asked.requests
    assert request.headers["x-goog-api-key"] == "secret-key"
    assert "secret-key" not in str(request.url)


async def test_a_folder_is_asked_for_by_parent_without_its_trash() -> None:
    asked = Asked(httpx.Response(200, content=EMPTY))
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


async def test_a_file_is_asked_for_uncompressed_with_its_resource_key() -> None:
    asked = Asked(media(b"bytes"))
    file = a_file(file_id="a/b?c", resource_key="0-rk")
    assert await bytes_of(drive(asked), file) == b"bytes"
    (request,) = asked.requests
    assert request.url.raw_path.startswith(b"/drive/v3/files/a%2Fb%3Fc?")
    assert request.url.params["alt"] == "media"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["x-goog-drive-resource-keys"] == "a%2Fb%3Fc/0-rk"


@pytest.mark.parametrize("key", ["", "with space", "line\nbreak", "schlüssel"])
async def test_a_key_that_can_be_no_header_is_not_sent(key: str) -> None:
    asked = Asked(httpx.Response(403, content=b'{"error": {"status": "PERMISSION_DENIED"}}'))
    with pytest.raises(Stop) as caught:
        await drive(asked, key).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "key_refused"
    assert "x-goog-api-key" not in asked.requests[0].headers


@pytest.mark.parametrize("body", [b"<html>We are sorry", b'{"files": [{"id": "A"', b""])
async def test_a_listing_that_is_none_is_tried_again(body: bytes) -> None:
    with pytest.raises(TryAgain) as caught:
        await drive(Asked(httpx.Response(200, content=body))).list_page(
            "F", token=None, resource_key=None
        )
    assert caught.value.reason == "answer_unreadable"


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


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError("refused"), "drive_unreachable"),
        (httpx.ReadTimeout("slow"), "drive_unavailable"),
        (aiohttp.ServerDisconnectedError(), "drive_unavailable"),
        (OSError("reset"), "drive_unavailable"),
    ],
)
async def test_no_connection_is_told_from_no_answer(error: Exception, reason: str) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(TryAgain) as caught:
        await drive(answer).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == reason


@pytest.mark.parametrize("content_type", ["text/html; charset=UTF-8", "application/json"])
async def test_without_a_checksum_a_page_is_not_taken_for_an_image(content_type: str) -> None:
    answer = media(b"<html>", content_type)
    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(Asked(answer)), a_file(size=6))
    assert caught.value.reason == "content_mismatch"


async def test_with_a_checksum_the_checksum_judges() -> None:
    answer = media(b"<html>", "text/html")
    assert await bytes_of(drive(Asked(answer)), a_file(md5="0" * 32)) == b"<html>"


async def test_a_redirect_to_google_is_followed_without_the_key() -> None:
    there = "https://doc-0.googleusercontent.com/download?qk=1"
    asked = Asked(httpx.Response(302, headers={"location": there}), media(b"x"))
    assert await bytes_of(drive(asked), a_file(resource_key="0-rk")) == b"x"
    assert str(asked.requests[1].url) == there
    assert "x-goog-api-key" not in asked.requests[1].headers
    assert "x-goog-drive-resource-keys" not in asked.requests[1].headers


async def test_a_redirect_within_the_host_keeps_the_key() -> None:
    asked = Asked(httpx.Response(307, headers={"location": "/mediahost/1"}), media(b"x"))
    assert await bytes_of(drive(asked), a_file()) == b"x"
    assert str(asked.requests[1].url) == f"{API}/mediahost/1"
    assert asked.requests[1].headers["x-goog-api-key"] == "secret-key"


@pytest.mark.parametrize(
    "location",
    [
        "http://doc-0.googleusercontent.com/plain",
        "https://evil.example/",
        "https://googleusercontent.com.evil.example/",
        "http://drive.test:81/",
        "http://[broken",
    ],
)
async def test_a_redirect_to_anybody_else_is_not_taken(location: str) -> None:
    asked = Asked(httpx.Response(302, headers={"location": location}))
    with pytest.raises(SetAside) as caught:
        await bytes_of(drive(asked), a_file())
    assert caught.value.reason == "unexpected_redirect"
    assert len(asked.requests) == 1


async def test_a_redirect_in_circles_ends() -> None:
    asked = Asked(httpx.Response(302, headers={"location": "/again"}))
    with pytest.raises(SetAside):
        await bytes_of(drive(asked), a_file())
    assert len(asked.requests) == 4


async def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    settings = DriveSettings(api_url=API, api_key=Secret("k"))
    slow = Drive(settings, httpx.MockTransport(never), limits=QUICK)
    with pytest.raises(TryAgain) as caught:
        await slow.list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "drive_unavailable"


async def test_a_file_that_drips_is_given_up() -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.02)
            yield b"."

    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(lambda _: httpx.Response(200, stream=Body(drip()))), a_file())
    assert caught.value.reason == "download_too_slow"


async def test_time_that_the_reader_takes_is_not_held_against_drive() -> None:
    async def quick() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"."

    async with drive(lambda _: httpx.Response(200, stream=Body(quick()))).open(a_file()) as chunks:
        async for _ in chunks:
            await asyncio.sleep(0.06)


async def test_an_item_is_looked_up_with_its_key_where_it_lies_and_points() -> None:
    asked = Asked(httpx.Response(200, content=b'{"id": "A", "name": "a.png", "parents": ["P"]}'))
    entry = await drive(asked).look_up("a/b", resource_key="0-rk")
    assert (entry.id, entry.name, entry.parents) == ("A", "a.png", ("P",))
    (request,) = asked.requests
    assert request.url.raw_path.startswith(b"/drive/v3/files/a%2Fb?")
    assert {"parents", "id"} < set(request.url.params["fields"].split(","))
    assert "shortcutDetails(targetId" in request.url.params["fields"]
    assert request.url.params["supportsAllDrives"] == "true"
    assert request.headers["x-goog-drive-resource-keys"] == "a%2Fb/0-rk"


async def ask_all(drive: Drive) -> None:
    await drive.list_page("F", token=None, resource_key=None)
    await drive.look_up("A", resource_key=None)
    await bytes_of(drive, a_file())


def answers_to_all() -> tuple[httpx.Response, ...]:
    item = httpx.Response(200, content=b'{"id": "A"}')
    return httpx.Response(200, content=EMPTY), item, media(b"bytes")


async def test_every_request_is_paid_for_before_it_is_sent() -> None:
    purse, paid = Purse(), list[list[int]]()
    asked = Asked(*answers_to_all())

    def answer(request: httpx.Request) -> httpx.Response:
        paid.append(list(purse.spent))
        return asked(request)

    await ask_all(drive(answer, quota=purse))
    assert paid == [[100], [100, 5], [100, 5, 200]]
    assert purse.refusals == 0


async def test_the_second_leg_of_a_redirect_is_paid_for_by_the_first() -> None:
    purse = Purse()
    asked = Asked(httpx.Response(307, headers={"location": "/mediahost/1"}), media(b"x"))
    assert await bytes_of(drive(asked, quota=purse), a_file()) == b"x"
    assert purse.spent == [200]


LIMITED = b'{"error": {"errors": [{"reason": "userRateLimitExceeded"}]}}'
SORRY = b"<html>We're sorry, but this computer may be sending automated queries"
HTML = {"content-type": "text/html"}
NO_FILE = b'{"error": {"errors": [{"reason": "notFound"}]}}'


@pytest.mark.parametrize(
    ("answer", "verb", "refusals"),
    [
        (httpx.Response(403, content=LIMITED), RateLimited, 1),
        (httpx.Response(429), RateLimited, 1),
        (httpx.Response(403, content=SORRY, headers=HTML), CoolDown, 1),
        (httpx.Response(404, content=NO_FILE), SetAside, 0),
        (httpx.Response(503), TryAgain, 0),
    ],
)
async def test_the_limiter_hears_of_refusals_for_asking_too_often(
    answer: httpx.Response, verb: type[Verdict], refusals: int
) -> None:
    purse = Purse()
    with pytest.raises(verb):
        await drive(Asked(answer), quota=purse).look_up("A", resource_key=None)
    assert (purse.spent, purse.refusals) == ([5], refusals)


async def test_who_asks_with_a_key_names_the_common_bucket() -> None:
    asked = Asked(*answers_to_all())
    await ask_all(drive(asked))
    assert [r.url.params["quotaUser"] for r in asked.requests] == ["drivestream"] * 3


@pytest.mark.parametrize(
    ("body", "content_type", "verb", "reason"),
    [
        (SORRY, "text/html", CoolDown, "automated_queries"),
        (LIMITED, "application/json", RateLimited, "drive_rate_limited"),
        (b"<html>Log in", "text/html", TryAgain, "answer_unreadable"),
        (b'{"files": [{"id": "A"', "application/json", TryAgain, "answer_unreadable"),
    ],
)
async def test_an_error_that_calls_itself_a_listing_is_told_by_its_words(
    body: bytes, content_type: str, verb: type[Verdict], reason: str
) -> None:
    answer = httpx.Response(200, content=body, headers={"content-type": content_type})
    with pytest.raises(Verdict) as caught:
        await drive(Asked(answer)).list_page("F", token=None, resource_key=None)
    assert (type(caught.value), caught.value.reason) == (verb, reason)


async def test_the_wall_is_waited_for_as_long_as_the_settings_say() -> None:
    with pytest.raises(CoolDown) as caught:
        await bytes_of(drive(Asked(httpx.Response(403, headers=HTML))), a_file())
    assert caught.value.seconds == 7.0


async def test_being_sent_to_prove_that_we_are_no_robot_is_the_wall() -> None:
    there = "https://www.google.com/sorry/index?continue=x"
    purse, asked = Purse(), Asked(httpx.Response(302, headers={"location": there}))
    with pytest.raises(CoolDown) as caught:
        await bytes_of(drive(asked, quota=purse), a_file())
    assert caught.value.reason == "automated_queries"
    assert (len(asked.requests), purse.refusals) == (1, 1)


class Token:
    """Credentials that wear out: the first token is refused, the next may be."""

    account = True
    query: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.number = 1

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.number}"}

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        self.number += 1
        return True


def with_token(asked: Asked, purse: Purse) -> Drive:
    settings = DriveSettings(api_url=API, api_key=Secret("secret-key"))
    transport = httpx.MockTransport(asked)
    return Drive(settings, transport, credentials=Token(), quota=purse, limits=QUICK)


async def test_a_token_that_is_refused_is_renewed_once_and_paid_for_again() -> None:
    asked, purse = Asked(httpx.Response(401), media(b"x")), Purse()
    assert await bytes_of(with_token(asked, purse), a_file()) == b"x"
    assert [r.headers["authorization"] for r in asked.requests] == ["Bearer 1", "Bearer 2"]
    assert purse.spent == [200, 200]
    assert all("x-goog-api-key" not in request.headers for request in asked.requests)
    assert all("quotaUser" not in request.url.params for request in asked.requests)


async def test_a_token_that_is_refused_twice_stops_everything() -> None:
    asked, purse = Asked(httpx.Response(401)), Purse()
    with pytest.raises(Stop) as caught:
        await with_token(asked, purse).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "credentials_refused"
    assert len(asked.requests) == 2
