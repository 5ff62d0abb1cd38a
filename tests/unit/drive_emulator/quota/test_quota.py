"""The quota over HTTP: who is charged, refusals and the report."""

import asyncio
import contextlib
from email.utils import parsedate_to_datetime

import pytest

from drive_emulator.auth.caller import Caller
from drive_emulator.drive_api.context import RequestContext
from drive_emulator.http.errors import ApiError
from drive_emulator.http.messages import Message, Request, Send
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import Tree
from tests.unit.drive_emulator.clients import ACCOUNT, TOKEN, InProcessEmulator, caller, reason
from tests.unit.drive_emulator.conftest import KEY

USER = "127.0.0.1"


async def no_body() -> Message:
    raise AssertionError("nobody reads")


async def nowhere(message: Message) -> None:
    raise AssertionError("nobody answers")


async def no_batch(request: Request, send: Send) -> None:
    raise AssertionError("nobody asks")


@pytest.fixture
def drive(store: TreeStore, small: Tree) -> InProcessEmulator:
    return InProcessEmulator(store, small)


async def test_without_a_quota_nothing_is_metered(drive: InProcessEmulator) -> None:
    for _ in range(40):
        assert (await drive.media()).status_code == 200
    assert drive.state.quota.report(60)["users"] == {}


async def test_each_class_has_its_own_cost(drive: InProcessEmulator) -> None:
    drive.quota("units2026")
    await drive.listed()
    await drive.get()
    await drive.get()
    await drive.media()
    await drive.client.get("/drive/v3/about", params={"fields": "kind"})
    told = drive.state.quota.report(60)
    used = {"list": 100, "get": 10, "media": 200, "write": 0, "other": 5}
    assert told["users"][USER]["used"] == told["projects"]["project"]["used"] == used
    assert told["users"][USER]["requests"]["get"] == 2
    [second, *others] = told["users"][USER]["seconds"]
    spent = [second["used"], *(other["used"] for other in others)]
    assert sum(sum(each.values()) for each in spent) == 315


async def test_a_refused_request_costs_nothing(
    drive: InProcessEmulator,
) -> None:
    drive.quota("units2026", user_per_minute=6_000, burst_units=400)
    answers = [await drive.media() for _ in range(4)]
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    assert reason(answers[3]) == (403, "userRateLimitExceeded", "")
    assert "retry-after" not in answers[3].headers
    told = drive.state.quota.report(60)["users"][USER]
    assert told["used"]["media"] == 400
    assert told["refused"]["media"] == 2
    assert sum(second["refused"].get("media", 0) for second in told["seconds"]) == 2
    drive.state.clock.advance(2)
    assert (await drive.media()).status_code == 200


async def test_users_share_the_project_and_nothing_else(drive: InProcessEmulator) -> None:
    drive.quota("units2026", user_per_minute=6_000, project_per_minute=9_000, burst_units=400)
    for user in ("a", "b"):
        drive.client.params = drive.client.params.set("quotaUser", user)
        first = await drive.media()
        assert first.status_code == 200
    refused = await drive.media(1)
    assert reason(refused)[:2] == (403, "rateLimitExceeded")
    assert set(drive.state.quota.report(60)["users"]) == {"a", "b"}


async def test_an_account_spends_its_own_quota(
    drive: InProcessEmulator,
) -> None:
    drive.quota("units2026")
    async with caller(drive.state, token=TOKEN) as client:
        await client.get("/drive/v3/files", params={"quotaUser": "somebody else"})
    assert set(drive.state.quota.report(60)["users"]) == {ACCOUNT}


@pytest.mark.parametrize("wait", ["none", "seconds", "date"])
async def test_a_refusal_can_be_an_empty_429(drive: InProcessEmulator, wait: str) -> None:
    drive.quota("legacy", user_per_minute=1, burst_units=1, status=429, style="empty",
        retry_after=wait)  # fmt: skip
    await drive.media()
    refused = await drive.media()
    assert (refused.status_code, refused.content) == (429, b"")
    header = refused.headers.get("retry-after", "")
    if wait == "seconds":
        assert 1 <= int(header) <= 60
    elif wait == "date":
        assert parsedate_to_datetime(header).timestamp() > drive.state.clock.now()
    else:
        assert header == ""


async def test_a_window_lets_a_minutes_worth_pass_at_once(drive: InProcessEmulator) -> None:
    drive.quota("units2026", user_per_minute=2_000, model="window")
    statuses = [(await drive.media()).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [403]
    drive.state.clock.advance(60)
    assert (await drive.media()).status_code == 200


async def test_the_days_bytes_end_and_the_next_day_begins(drive: InProcessEmulator) -> None:
    drive.quota("units2026", egress_per_day=10_000)
    assert [(await drive.media()).status_code for _ in range(2)] == [200, 200]
    assert reason(await drive.media())[:2] == (403, "dailyLimitExceeded")
    assert (await drive.listed()).status_code == 200
    assert drive.state.quota.report(0)["sent_today"] == 10_000
    drive.state.clock.advance(86_400)
    assert (await drive.media()).status_code == 200


async def test_too_many_concurrent_downloads_are_refused(
    drive: InProcessEmulator,
) -> None:
    drive.quota(concurrent_media=2)
    drive.fault("latency", seconds=0.05)
    answers = await asyncio.gather(*(drive.media(number) for number in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 403, 403, 403]
    assert (await drive.media()).status_code == 200


async def test_an_anonymous_user_who_is_too_fast_gets_the_automated_queries_page(
    drive: InProcessEmulator,
) -> None:
    drive.quota(wall_media_per_second=3, wall_s=600)
    answers = [await drive.media() for _ in range(12)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 403
    assert answers[-1].headers["content-type"] == "text/html; charset=UTF-8"
    assert "automated queries" in answers[-1].text
    drive.state.clock.advance(590)
    assert (await drive.media()).status_code == 403
    async with caller(drive.state, token=TOKEN) as client:
        url = f"/drive/v3/files/{drive.picture().id}"
        assert (await client.get(url, params={"alt": "media"})).status_code == 200
    drive.state.clock.advance(20)
    assert (await drive.media()).status_code == 200


async def test_the_calls_of_a_batch_are_charged_one_by_one(drive: InProcessEmulator) -> None:
    drive.quota("units2026")
    call = f"GET /drive/v3/files/{drive.folder}?key={KEY}"
    part = f"--b\r\nContent-Type: application/http\r\n\r\n{call}\r\n\r\n"
    body = part * 3 + "--b--\r\n"
    headers = {"content-type": "multipart/mixed; boundary=b"}
    answer = await drive.client.post("/batch/drive/v3", content=body, headers=headers)
    assert answer.text.count("HTTP/1.1 200") == 3
    used = drive.state.quota.report(60)["projects"]["project"]["used"]
    assert used == {"list": 0, "get": 15, "media": 0, "write": 0, "other": 0}


async def test_users_are_forgotten_before_they_fill_the_memory(drive: InProcessEmulator) -> None:
    drive.quota("units2026")
    context = RequestContext(Request("GET", "/", {}, []), no_body, nowhere, no_batch)
    context.kind = "get"
    for number in range(10_050):
        context.caller = Caller(user=f"u{number}")
        with contextlib.suppress(ApiError):  # of the project, which they share
            drive.state.quota.charge(context)
    assert len(drive.state.quota.report(0)["users"]) == 10_000


async def test_the_control_api_sets_shows_and_resets_the_quota(drive: InProcessEmulator) -> None:
    wanted = {"profile": "units2026", "user_per_minute": 32_500}
    made = (await drive.client.post("/_emu/quota", json=wanted)).json()
    assert made["settings"]["user_per_minute"] == 32_500
    assert made["projects"]["project"]["left"] == pytest.approx(1_000_000 / 60)
    await drive.media()
    told = (await drive.client.get("/_emu/quota", params={"seconds": "10"})).json()
    assert told["users"][USER]["used"]["media"] == 200
    assert told["users"][USER]["seconds"][0]["used"] == {"media": 200}
    reset = (await drive.client.delete("/_emu/quota")).json()
    assert reset["users"][USER]["used"]["media"] == 0
    assert reset["users"][USER]["left"] < 2_000


@pytest.mark.parametrize("body", [b"", b"[]", b'{"profile": "gold"}', b"\xff"])
async def test_an_invalid_quota_is_refused(drive: InProcessEmulator, body: bytes) -> None:
    answer = await drive.client.post("/_emu/quota", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    shown = await drive.client.get("/_emu/quota", params={"seconds": "x"})
    assert shown.status_code == 400
