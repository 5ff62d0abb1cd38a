"""A question to Google: paid for, signed, followed where it is sent, and judged."""

import asyncio
from collections.abc import Mapping

import aiohttp
import httpx
import pytest

from services.adapters.drive import Drive
from services.adapters.drive.requests import Limits
from services.adapters.drive.settings import DriveSettings
from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.settings import Secret
from tests.fakes.google import (
    API,
    HTML,
    LIMITED,
    NO_FILE,
    QUICK,
    SORRY,
    Asked,
    Purse,
    bytes_of,
    drive,
    media,
)
from tests.fakes.samples import a_file


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError("refused"), "drive_unreachable"),
        (httpx.ReadTimeout("slow"), "drive_unavailable"),
        (aiohttp.ServerDisconnectedError(), "drive_unavailable"),
        (OSError("reset"), "drive_unavailable"),
        (UnicodeEncodeError("utf-8", "\udce9", 0, 1, "of a status line"), "drive_unavailable"),
    ],
)
async def test_no_connection_is_told_from_no_answer(error: Exception, reason: str) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(TryAgain) as caught:
        await drive(answer).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == reason


async def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    settings = DriveSettings(api_url=API, api_key=Secret("k"))
    slow = Drive(settings, httpx.MockTransport(never), limits=Limits(answer=0.05))
    with pytest.raises(TryAgain) as caught:
        await slow.list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "drive_unavailable"


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


async def test_being_sent_to_prove_that_we_are_no_robot_is_the_wall() -> None:
    there = "https://www.google.com/sorry/index?continue=x"
    purse, asked = Purse(), Asked(httpx.Response(302, headers={"location": there}))
    with pytest.raises(CoolDown) as caught:
        await bytes_of(drive(asked, quota=purse), a_file())
    assert caught.value.reason == "automated_queries"
    assert (len(asked.requests), purse.refusals) == (1, 1)


async def test_the_second_leg_of_a_redirect_is_paid_for_by_the_first() -> None:
    purse = Purse()
    asked = Asked(httpx.Response(307, headers={"location": "/mediahost/1"}), media(b"x"))
    assert await bytes_of(drive(asked, quota=purse), a_file()) == b"x"
    assert purse.spent == [200]


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


async def test_the_wall_is_waited_for_as_long_as_the_settings_say() -> None:
    with pytest.raises(CoolDown) as caught:
        await bytes_of(drive(Asked(httpx.Response(403, headers=HTML))), a_file())
    assert caught.value.seconds == 7.0


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
