"""A request to Google: paid for, authenticated, redirected, and translated."""

import asyncio
from collections.abc import Mapping

import aiohttp
import httpx
import pytest

from services.adapters.drive.client import Drive
from services.adapters.drive.requests import Authenticator, DriveSession
from services.adapters.drive.settings import DriveSettings, Limits
from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.settings import Secret
from tests.fakes.google import (
    API,
    HTML,
    LIMITED,
    NO_FILE,
    QUICK,
    SORRY,
    QuotaRecorder,
    Responder,
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
async def test_no_connection_and_no_answer_have_different_reasons(
    error: Exception, reason: str
) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(TryAgain) as caught:
        await drive(answer).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == reason


async def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    settings = DriveSettings(api_url=API, api_key=Secret("k"), limits=Limits(answer=0.05))
    transport = httpx.MockTransport(never)
    slow = Drive(DriveSession(settings, transport, Token(), QuotaRecorder()))
    with pytest.raises(TryAgain) as caught:
        await slow.list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "drive_unavailable"


async def test_a_redirect_to_google_is_followed_without_the_key() -> None:
    there = "https://doc-0.googleusercontent.com/download?qk=1"
    asked = Responder(httpx.Response(302, headers={"location": there}), media(b"x"))
    assert await bytes_of(drive(asked), a_file(resource_key="0-rk")) == b"x"
    assert str(asked.requests[1].url) == there
    assert "x-goog-api-key" not in asked.requests[1].headers
    assert "x-goog-drive-resource-keys" not in asked.requests[1].headers


async def test_a_redirect_within_the_host_keeps_the_key() -> None:
    asked = Responder(httpx.Response(307, headers={"location": "/mediahost/1"}), media(b"x"))
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
async def test_a_redirect_to_any_other_host_is_not_followed(location: str) -> None:
    asked = Responder(httpx.Response(302, headers={"location": location}))
    with pytest.raises(SetAside) as caught:
        await bytes_of(drive(asked), a_file())
    assert caught.value.reason == "unexpected_redirect"
    assert len(asked.requests) == 1


async def test_a_redirect_loop_ends() -> None:
    asked = Responder(httpx.Response(302, headers={"location": "/again"}))
    with pytest.raises(SetAside):
        await bytes_of(drive(asked), a_file())
    assert len(asked.requests) == 4


async def test_a_redirect_to_a_captcha_is_a_block() -> None:
    there = "https://www.google.com/sorry/index?continue=x"
    quota, asked = QuotaRecorder(), Responder(httpx.Response(302, headers={"location": there}))
    with pytest.raises(CoolDown) as caught:
        await bytes_of(drive(asked, quota=quota), a_file())
    assert caught.value.reason == "automated_queries"
    assert (len(asked.requests), quota.refusals) == (1, 1)


async def test_a_redirect_is_paid_for_once() -> None:
    quota = QuotaRecorder()
    asked = Responder(httpx.Response(307, headers={"location": "/mediahost/1"}), media(b"x"))
    assert await bytes_of(drive(asked, quota=quota), a_file()) == b"x"
    assert quota.spent == [200]


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
async def test_the_quota_is_told_of_refusals_for_asking_too_often(
    answer: httpx.Response, verb: type[Verdict], refusals: int
) -> None:
    quota = QuotaRecorder()
    with pytest.raises(verb):
        await drive(Responder(answer), quota=quota).look_up("A", resource_key=None)
    assert (quota.spent, quota.refusals) == ([5], refusals)


async def test_a_block_is_waited_for_as_long_as_the_settings_say() -> None:
    with pytest.raises(CoolDown) as caught:
        await bytes_of(drive(Responder(httpx.Response(403, headers=HTML))), a_file())
    assert caught.value.seconds == 7.0


class Token(Authenticator):
    """The first token is rejected, the next may be."""

    is_service_account = True

    def __init__(self) -> None:
        super().__init__()
        self.number = 1

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        if rejected is not None:
            self.number += 1
        return {"Authorization": f"Bearer {self.number}"}


def with_token(asked: Responder, quota: QuotaRecorder) -> Drive:
    settings = DriveSettings(api_url=API, api_key=Secret("secret-key"), limits=QUICK)
    return Drive(DriveSession(settings, httpx.MockTransport(asked), Token(), quota))


async def test_a_rejected_token_is_renewed_once_and_the_request_paid_for_again() -> None:
    asked, quota = Responder(httpx.Response(401), media(b"x")), QuotaRecorder()
    assert await bytes_of(with_token(asked, quota), a_file()) == b"x"
    assert [r.headers["authorization"] for r in asked.requests] == ["Bearer 1", "Bearer 2"]
    assert quota.spent == [200, 200]
    assert all("x-goog-api-key" not in request.headers for request in asked.requests)
    assert all("quotaUser" not in request.url.params for request in asked.requests)


async def test_a_token_that_is_rejected_twice_stops_everything() -> None:
    asked, quota = Responder(httpx.Response(401)), QuotaRecorder()
    with pytest.raises(Stop) as caught:
        await with_token(asked, quota).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "credentials_refused"
    assert len(asked.requests) == 2
